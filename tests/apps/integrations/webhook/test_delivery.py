"""`siaga webhook` on a real broker and HTTP receiver: everything arrives in order, once per idempotency key."""

import asyncio
import base64
import hashlib
import hmac
import signal
import subprocess

import orjson
import pytest

from tests.agents.deployment import until
from tests.apps.integrations.conftest import SECRET, Publisher, Start
from tests.apps.integrations.escalations import posted
from tests.apps.integrations.webhook.receiver import Post, Receiver

WITHIN_S = 60


async def stopped(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGTERM)
    return await ended(process)


async def ended(process: "subprocess.Popen[bytes]") -> int:
    """Its exit status; the receiver answers meanwhile."""
    return await asyncio.to_thread(process.wait, 30)


def in_order(posts: list[Post], publish: Publisher) -> bool:
    """Each regency's posts are exactly its escalations, in the order of the topic."""
    sent: dict[str, list[str]] = {}
    for one in publish.sent:
        sent.setdefault(one["regency"], []).append(one["escalation_id"])
    came: dict[str, list[str]] = {}
    for post in posts:
        came.setdefault(post.regency, []).append(post.key)
    return came == sent


async def test_committed_escalations_arrive_once_in_order_and_signed(
    webhook: Start, receiver: Receiver, publish: Publisher
):
    await publish(range(8))
    await publish(range(8, 12), commit=False)
    await publish(range(12, 20))
    process = webhook("--from-beginning")
    await until(lambda: len(receiver.posts) >= 16, WITHIN_S, "all delivered")
    assert await stopped(process) == 0
    assert in_order(receiver.posts, publish)
    for post in receiver.posts:
        message = orjson.loads(post.body)
        assert message == posted(publish.sent[publish.ids.index(message["escalation_id"])])
        assert post.key == post.headers["webhook-id"] == message["escalation_id"]
        signed = f"{post.key}.{post.headers['webhook-timestamp']}.".encode() + post.body
        mac = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        assert post.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


async def test_a_failing_post_is_retried_and_delays_its_own_partition_only(
    webhook: Start, receiver: Receiver, publish: Publisher
):
    receiver.answers = lambda post, before: 500 if post.regency == "16.02" and before < 2 else 200
    await publish(range(12))
    process = webhook("--from-beginning")
    await until(lambda: len(set(receiver.keys)) == 12 and len(receiver.posts) == 18, WITHIN_S, "all delivered")
    first_accepted = next(
        number for number, post in enumerate(receiver.posts) if receiver.keys[:number].count(post.key) == 2
    )
    others = {post.key for post in receiver.posts[:first_accepted] if post.regency in ("16.01", "16.03", "16.04")}
    assert len(others) == 9, "the other partitions waited for the failing one"
    assert await stopped(process) == 0 and in_order(receiver.kept(), publish) and len(receiver.posts) == 18


async def test_a_retry_waits_for_retry_after(webhook: Start, receiver: Receiver, publish: Publisher):
    receiver.answers = lambda post, before: 200 if before else (429, {"Retry-After": "3"})
    await publish(range(1))
    webhook("--from-beginning")
    await until(lambda: len(receiver.posts) == 2, WITHIN_S, "tried again")
    assert 3 <= receiver.posts[1].at - receiver.posts[0].at < 8


async def test_a_post_without_an_answer_is_retried(webhook: Start, receiver: Receiver, publish: Publisher):
    receiver.answers = lambda post, before: 200 if before else None
    await publish(range(1))
    process = webhook("--from-beginning", "--timeout", "0.5")
    await until(lambda: len(receiver.posts) == 2, WITHIN_S, "tried again")
    assert await stopped(process) == 0 and len(set(receiver.keys)) == 1


async def test_a_clean_restart_repeats_nothing_even_with_a_post_in_progress(
    webhook: Start, receiver: Receiver, publish: Publisher
):
    receiver.answers = lambda post, before: None if len(receiver.posts) == 5 else 200
    process = webhook("--from-beginning", "--instance", "one")
    await publish(range(10))
    await until(lambda: len(receiver.posts) >= 5, WITHIN_S, "a post in progress")
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, 1)
    receiver.release.set()
    assert await ended(process) == 0
    await publish(range(10, 20))
    again = webhook("--instance", "one")
    await until(lambda: len(set(receiver.keys)) == 20, WITHIN_S, "the rest after the restart")
    assert await stopped(again) == 0
    assert len(receiver.posts) == 20 and in_order(receiver.posts, publish)


async def test_after_a_kill_only_the_post_in_progress_is_repeated(
    webhook: Start, receiver: Receiver, publish: Publisher
):
    receiver.answers = lambda post, before: None if len(receiver.posts) == 6 else 200
    await publish(range(0, 48, 4))  # all of one regency, so that exactly one post is in progress
    process = webhook("--from-beginning", "--instance", "one")
    await until(lambda: len(receiver.posts) >= 6, WITHIN_S, "a post that was not answered")
    process.kill()
    await ended(process)
    held = receiver.posts[5].key
    again = webhook("--instance", "one")
    await until(lambda: len(set(receiver.keys)) == len(publish.ids), WITHIN_S, "the rest after the kill")
    assert await stopped(again) == 0
    assert {key for key in receiver.keys if receiver.keys.count(key) > 1} == {held}
    assert receiver.keys.count(held) == 2
    assert in_order(receiver.kept(), publish)
