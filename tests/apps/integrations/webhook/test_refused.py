"""What a receiver refuses is tried, then listed, counted, sent again or dropped by one command; all of it on Kafka."""

import asyncio
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from kafka import KafkaAdminClient

from apps.embedded import EmbeddedBroker
from tests.agents.deployment import until
from tests.apps.cli.siaga import Siaga
from tests.apps.integrations.conftest import Publisher, Start
from tests.apps.integrations.test_sender_metrics import samples, settled
from tests.apps.integrations.webhook.receiver import Receiver, receiving

WITHIN_S = 60


def notifications(siaga: Siaga) -> list[dict]:
    return siaga("tail", "notifications", "--from-beginning", "--until-end").objects


def listed(siaga: Siaga, *arguments: str) -> list[dict]:
    return siaga("webhook", "refused", *arguments).objects


def staying(port: int) -> float:
    return sum(value for name, value in samples(port).items() if name.startswith("siaga_outward_refused_escalations"))


async def ended(process: "subprocess.Popen[bytes]") -> int:
    return await asyncio.to_thread(process.wait, 60)


@pytest.mark.timeout(600)
async def test_a_minute_of_404_is_waited_out_and_what_stays_refused_is_sent_again_by_one_command(
    webhook: Start, receiver: Receiver, publish: Publisher, siaga: Siaga, free_port: int
):
    elsewhere = receiver.url.replace("/hook", "/other")
    answers = {"16.02": (302, {"Location": elsewhere}), "16.03": 410}
    receiver.answers = lambda post, before: (
        404 if post.regency == "16.01" and not before else answers.get(post.regency, 200)
    )
    await publish(range(4))
    await publish.raw(b"\xffnothing", partition=0)
    webhook("--from-beginning", "--retry-hours", str(2 / 3600), "--metrics-port", str(free_port))
    await until(lambda: staying(free_port) == 3, WITHIN_S, "two refused, one unreadable")
    await until(lambda: samples(free_port)[settled("webhook-tests", "delivered")] == 2, WITHIN_S, "the others arrive")
    one, two = publish.ids[1], publish.ids[2]
    lines = listed(siaga, "--name", "tests")
    assert {(line["escalation_id"], line["status"], line["reason"]) for line in lines} == {
        (one, 302, "redirect"), (two, 410, "not_found"), (None, None, "not_an_escalation"),
    }  # fmt: skip
    assert all(line["target"] == "tests" and line["receiver"] in receiver.url for line in lines)
    assert all(line["attempts"] >= 2 for line in lines if line["escalation_id"]) and receiver.elsewhere == []
    answers.clear()
    assert siaga("webhook", "resend", "--name", "tests", one, two).status == 0
    await until(lambda: samples(free_port)[settled("webhook-tests", "delivered")] == 4, WITHIN_S, "sent again")
    assert siaga("webhook", "drop", "--name", "tests", "--all").status == 0
    await until(lambda: staying(free_port) == 0, WITHIN_S, "the alert ends")
    assert listed(siaga, "--all") == []
    posts = len(receiver.posts)
    assert siaga("webhook", "resend", "--name", "tests", publish.ids[0]).status == 0
    await until(lambda: len(receiver.posts) == posts + 1, WITHIN_S, "one that was delivered, once more")
    assert receiver.keys[-1] == publish.ids[0]


@pytest.mark.timeout(600)
async def test_nothing_is_lost_with_the_disk_the_pod_the_groups_offsets_or_the_topic(
    webhook: Start,
    receiver: Receiver,
    publish: Publisher,
    siaga: Siaga,
    broker: EmbeddedBroker,
    fresh_prefix: str,
    tmp_path: Path,
):
    receiver.answers = lambda post, before: 404 if post.regency == "16.01" else 200
    await publish(range(8))
    first = webhook("--from-beginning", "--instance", "one")
    await until(lambda: len(set(receiver.keys)) == 7 and len(receiver.posts) > 9, WITHIN_S, "one is tried again")
    first.kill()
    await ended(first)
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    await until(lambda: _delete_group(broker, fresh_prefix), WITHIN_S, "its offsets are gone")
    await publish(range(8, 12))
    delivered = [key for key in receiver.keys if key not in (publish.ids[0], publish.ids[4])]
    receiver.answers = lambda post, before: 200
    second = webhook("--instance", "two")
    await until(lambda: set(receiver.keys) == set(publish.ids), WITHIN_S, "all, those meanwhile too")
    assert [receiver.keys.count(key) for key in delivered] == [1] * len(delivered), "what was delivered is not repeated"
    log = notifications(siaga)
    assert "/hook" not in str(log), "nothing of the URL's path is in the log"
    mine = [one for one in log if one.get("escalation_id") == publish.ids[0]]
    assert [one["event"] for one in mine] == ["failed", "delivered"]
    assert mine[0]["attempts"] == 1 < mine[1]["attempts"], "attempts count across processes"
    async with receiving() as other:
        said = tmp_path / "stranger.log"
        with said.open("wb") as stream:
            stranger = siaga.start("webhook", "--url", other.url, "--name", "tests", stderr=stream)
        assert await ended(stranger) == 1 and "another --name" in said.read_text().splitlines()[-1]
        assert other.posts == [] and second.poll() is None
    second.send_signal(signal.SIGTERM)
    assert await ended(second) == 0
    await _recreate(broker, fresh_prefix + "escalations")
    before = len(publish.ids)
    await publish(range(100, 104))
    webhook("--instance", "two")
    await until(lambda: set(publish.ids[before:]) <= set(receiver.keys), WITHIN_S, "what is on the new topic")
    assert "was created again" in (tmp_path / "webhook.log").read_text()


def _delete_group(broker: EmbeddedBroker, prefix: str) -> bool:
    """Possible once the killed member's session has timed out."""
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        group = f"{prefix}siaga-sender-webhook-tests"
        return "OK" in str(admin.delete_groups([group]))
    finally:
        admin.close()


async def _recreate(broker: EmbeddedBroker, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.delete_topics([topic])
    try:
        while topic in await admin.list_topics():
            await asyncio.sleep(0.1)
        await admin.create_topics([NewTopic(topic, 3, 1)])
    finally:
        await admin.close()
