"""Where `siaga webhook` starts reading, how instances share partitions, and which settings it rejects."""

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest

from tests.agents.deployment import until
from tests.apps.cli.siaga import Siaga
from tests.apps.integrations.conftest import Publisher, Start
from tests.apps.integrations.webhook.receiver import Receiver
from tests.security.processes import command_line

WITHIN_S = 60


async def ready(tmp_path, times: int = 1) -> None:
    """Wait until partitions have been assigned so many times."""
    log = tmp_path / "webhook.log"
    await until(lambda: log.read_text().count("partitions: ") >= times, WITHIN_S, "partitions assigned")


async def killed(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    await asyncio.to_thread(process.wait, 30)


async def test_the_first_start_reads_from_now_even_after_a_crash_before_a_delivery(
    webhook: Start, receiver: Receiver, publish: Publisher, tmp_path
):
    await publish(range(6))
    first = webhook("--instance", "one")
    await ready(tmp_path)
    await killed(first)
    await publish(range(6, 12))
    webhook("--instance", "one")
    await until(lambda: len(receiver.posts) >= 6, WITHIN_S, "what came while it was down")
    assert sorted(receiver.keys) == sorted(publish.ids[6:])


async def test_from_beginning_applies_to_the_first_start_only(
    webhook: Start, receiver: Receiver, publish: Publisher, tmp_path
):
    await publish(range(3))
    first = webhook("--from-beginning", "--instance", "one")
    await until(lambda: len(receiver.posts) == 3, WITHIN_S, "the past")
    first.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(first.wait, 30) == 0
    webhook("--from-beginning", "--instance", "one")
    await ready(tmp_path, 2)
    await publish(range(3, 6))
    await until(lambda: len(receiver.posts) >= 6, WITHIN_S, "the new ones")
    assert sorted(receiver.keys) == sorted(publish.ids)


async def test_two_instances_share_partitions_and_a_stop_repeats_nothing(
    webhook: Start, receiver: Receiver, publish: Publisher, tmp_path
):
    one = webhook("--from-beginning")
    await ready(tmp_path)
    await publish(range(8))
    webhook("--from-beginning")
    await ready(tmp_path, 3)  # one of them twice: some of its partitions moved
    await publish(range(8, 16))
    await until(lambda: len(set(receiver.keys)) == 16, WITHIN_S, "both deliver")
    one.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(one.wait, 30) == 0
    await publish(range(16, 24))
    await until(lambda: len(set(receiver.keys)) == 24, WITHIN_S, "the other delivers alone")
    assert len(receiver.posts) == 24


async def test_a_frozen_instance_repeats_one_post_at_most_and_order_holds(
    webhook: Start, receiver: Receiver, publish: Publisher, tmp_path
):
    receiver.answers = lambda post, before: None if len(receiver.posts) == 3 else 200
    await publish(range(0, 24, 4))  # all of one regency
    frozen = webhook("--from-beginning")
    await until(lambda: len(receiver.posts) == 3, WITHIN_S, "a post in progress")
    frozen.send_signal(signal.SIGSTOP)
    webhook()
    await until(lambda: len(set(receiver.keys)) == 6, WITHIN_S, "the other took over")
    receiver.release.set()
    frozen.send_signal(signal.SIGCONT)
    await ready(tmp_path, 3)  # it is a member again
    await publish(range(24, 48, 4))
    await until(lambda: len(set(receiver.keys)) == 12, WITHIN_S, "both deliver")
    assert [post.key for post in receiver.kept()] == publish.ids
    assert len(receiver.posts) == 13


async def test_the_url_of_a_file_appears_in_no_log_or_command_line(
    siaga: Siaga, receiver: Receiver, publish: Publisher, tmp_path
):
    file = tmp_path / "url"
    file.write_text(f"{receiver.url}?token=Kunci-Rahasia-41\n")
    receiver.answers = lambda post, before: 200 if before else 503
    await publish(range(3))
    more = {"SIAGA_WEBHOOK_URL_FILE": str(file), "SIAGA_LOG_LEVEL": "DEBUG"}
    with (tmp_path / "webhook.log").open("wb") as log:
        command = ("webhook", "--from-beginning", "--name", "tests")
        process = Siaga(siaga.environment | more).start(*command, stdout=log, stderr=log)
    try:
        await until(lambda: len(receiver.posts) >= 6, WITHIN_S, "all delivered at the second attempt")
        if Path(f"/proc/{process.pid}/cmdline").exists():
            assert "/hook" not in command_line(process.pid)
    finally:
        process.kill()
        process.wait()
    text = (tmp_path / "webhook.log").read_text()
    assert "is not delivered" in text and receiver.url.removesuffix("/hook") in text
    assert "/hook" not in text and "Kunci" not in text


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ftp://127.0.0.1/x", "only http and https"),
        ("http:///x", "no host"),
        ("https://user:hunter2@example.org/", "no user"),
        ("http://example.org/hook", "use https"),
        ("https://example.org:99999/", "port"),
        ("https://example.org:hunter2/", "port"),
        ("https://hunter2\u2100example.org/", "host"),
        ("https://example.org/a b", "blanks"),
    ],
)
def test_an_invalid_url_is_one_line_and_exit_status_2(url: str, word: str):
    done = Siaga({"SIAGA_WEBHOOK_SECRET": "s" * 32})("webhook", "--url", url)
    assert done.status == 2 and len(done.error_lines) == 1 and word in done.err and "hunter2" not in done.err
    assert done.err.startswith("Error: --url: ")


def test_a_missing_url_or_secret_is_one_line_and_exit_status_2(tmp_path):
    done = Siaga({"SIAGA_WEBHOOK_SECRET": "s" * 32})("webhook")
    assert done.status == 2 and len(done.error_lines) == 1 and "SIAGA_WEBHOOK_URL_FILE or SIAGA_WEBHOOK_URL" in done.err
    url = ("webhook", "--url", "https://example.org/")
    assert "exactly one is needed" in Siaga()(*url).err
    assert "at least 24" in Siaga({"SIAGA_WEBHOOK_SECRET": "short"})(*url).err
    (tmp_path / "empty").touch()
    done = Siaga({"SIAGA_WEBHOOK_SECRET_FILE": str(tmp_path / "empty")})(*url)
    assert done.status == 2 and "empty" in done.err and len(done.error_lines) == 1
