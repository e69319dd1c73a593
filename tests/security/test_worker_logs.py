"""The log of a worker whose broker is away: JSON on every line, at most one line per cause in ten seconds."""

import asyncio
import json
import re
import signal
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from apps.embedded import EmbeddedBroker
from tests.agents.deployment import Deployment, until
from tests.agents.test_worker import incident, send, ticked

PAUSE_S = 10.0
AWAY_S = 25.0
_NUMBERS = re.compile(r"\d+")
_SUPPRESSED = re.compile(r" \(\d+ similar lines suppressed\)$")


def cause(line: dict) -> tuple[str, str]:
    """As FloodGate has it, seen from outside: who says it, and what, numbers and addresses aside."""
    return line["logger"], _NUMBERS.sub("#", _SUPPRESSED.sub("", line["message"]))


def floods(lines: list[dict]) -> list[tuple[str, str]]:
    """Causes of which two lines are closer than the pause. A line names its partition, so partitions do not count as
    one.
    """
    times = defaultdict(list)
    for line in lines:
        times[line["logger"], _SUPPRESSED.sub("", line["message"])].append(line["time"])
    return [found for found, at in times.items() if any(b - a < PAUSE_S - 0.1 for a, b in pairwise(at))]


@pytest.fixture
def scene(tmp_path: Path):
    """A broker of the test's own, and a deployment on it."""
    settings = {"SIAGA_LOG_FORMAT": "json", "SIAGA_PARTITIONS": "2"}
    with (
        EmbeddedBroker(tmp_path / "broker") as broker,
        Deployment(broker.bootstrap, "logs.", tmp_path, **settings) as made,
    ):
        yield broker, made


async def test_an_absent_broker_does_not_flood_the_log_and_every_line_is_json(scene):
    broker, deployment = scene
    worker = deployment.start()
    await ticked(deployment)
    await send(deployment, [("incidents", incident(n)) for n in range(20)])
    await deployment.drained()
    broker.kill()
    await asyncio.sleep(AWAY_S)  # the length of the outage, not a wait for a condition
    assert worker.poll() is None, "the worker gave up"
    broker.start()
    await send(deployment, [("incidents", incident(n)) for n in range(20, 40)])
    await deployment.drained()
    admitted = 'siaga_records_total{outcome="admitted",topic="incidents"}'
    await until(lambda: deployment.metric(admitted) == 40, 180, "all 40")
    worker.send_signal(signal.SIGTERM)
    await until(lambda: worker.poll() is not None, 60, "stopped")

    text = deployment.log("a").read_text()
    assert "\x1b" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(line.keys() >= {"time", "level", "logger", "message"} for line in lines)
    assert floods([line for line in lines if line["level"] != "info"]) == []
    troubles = defaultdict(int)
    for line in lines:
        if line["level"] != "info":
            troubles[cause(line)] += 1
    # Away for 25 s and some seconds to come back: a cause is logged no more than five times.
    assert troubles and max(troubles.values()) <= 5 * deployment.partitions, dict(troubles)
