"""Metrics of a sender: what was delivered, what waits and since when, what was refused."""

import socket
import time
import urllib.request
from pathlib import Path

from tests.agents.deployment import until
from tests.apps.cli.siaga import Siaga
from tests.apps.integrations.conftest import Publisher, Start
from tests.apps.integrations.webhook.receiver import Receiver

WITHIN_S = 60


def samples(port: int) -> dict[str, float]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def settled(sender: str, outcome: str) -> str:
    return f'siaga_outward_escalations_total{{outcome="{outcome}",sender="{sender}"}}'


async def test_a_webhook_counts_deliveries_and_retries_and_what_waits(
    webhook: Start, receiver: Receiver, publish: Publisher, free_port: int
):
    answers = {"16.02": 503}
    receiver.answers = lambda post, before: answers.get(post.regency, 200)
    webhook("--from-beginning", "--metrics-port", str(free_port))
    await until(
        lambda: settled("webhook-tests", "refused") in samples(free_port), WITHIN_S, "series exist from the start"
    )
    assert all(value == 0 for name, value in samples(free_port).items() if "_created" not in name)
    began = time.time()
    await publish(range(4))
    await publish.raw(b"{}", partition=2)
    settled_all = [
        (settled("webhook-tests", outcome), n) for outcome, n in (("delivered", 3), ("refused", 0), ("unreadable", 1))
    ]
    await until(lambda: all(samples(free_port).get(name) == n for name, n in settled_all), WITHIN_S, "four are settled")
    again = 'siaga_outward_retries_total{sender="webhook-tests"}'
    await until(lambda: samples(free_port)[again] >= 2, WITHIN_S, "one is retried")
    waiting = {name: value for name, value in samples(free_port).items() if "waiting_since" in name}
    assert len(waiting) == 1 and 'partition="1"' in next(iter(waiting))
    assert abs(next(iter(waiting.values())) - began) < 30
    assert samples(free_port)['siaga_outward_last_success_timestamp_seconds{sender="webhook-tests"}'] >= began
    answers.clear()
    await until(
        lambda: samples(free_port)[settled("webhook-tests", "delivered")] == 4, WITHIN_S, "the last is delivered"
    )
    await until(lambda: not any("waiting_since" in name for name in samples(free_port)), WITHIN_S, "nothing waits")


async def test_cap_counts_its_documents(siaga: Siaga, publish: Publisher, free_port: int, tmp_path: Path):
    await publish(range(2))
    await publish.raw(b"{}", partition=0)
    out = tmp_path / "alerts"
    process = siaga.start("cap", "--from-beginning", "--out", str(out), "--metrics-port", str(free_port))
    try:
        wanted = {settled("cap", "delivered"): 2, settled("cap", "unreadable"): 1}
        await until(lambda: samples(free_port).items() >= wanted.items(), WITHIN_S, "what it wrote is counted")
        assert len(list(out.iterdir())) == 2
    finally:
        process.kill()
        process.wait()


def test_a_metrics_port_in_use_is_one_line(siaga: Siaga, free_port: int):
    with socket.create_server(("127.0.0.1", free_port)):
        done = siaga("cap", "--until-end", "--metrics-port", str(free_port))
    assert done.status == 1 and len(done.error_lines) == 1 and "cannot serve metrics" in done.err
