"""The attacker turns a clock ahead: a publisher dates one report 9999, or the broker's own clock jumps by an hour.

With the event clock the newest event time read is the clock, so one report of the far future made all that followed
`too_old`, for good. With the wall clock the broker's append time is the clock, which never goes back: after a jump of
an hour the table was deaf until real time had caught up.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime

from kafka import KafkaProducer

from apps.embedded import EmbeddedBroker
from schemas.ledger import BROKER_AHEAD_MS
from tests.agents.deployment import Deployment, until

PALEMBANG, EIGHT = "16.71", "2024-11-27T08:00:00+07:00"
LAUNCHER = (sys.executable, "-m", "tests.chaos.launcher", "worker")
HOUR_S = 3600


def fatality(number: int, at: str) -> bytes:
    fields = {"regency": PALEMBANG, "category": "fatality", "severity": 5, "status": "reported", "source": "bawaslu"}
    ids = {"event_id": f"e-{number}", "incident_id": f"i-{number}", "revision": 1}
    return json.dumps(ids | fields | {"occurred_at": at, "reported_at": at}).encode()


def publish(deployment: Deployment, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=deployment.bootstrap, acks="all")
    for value in values:
        producer.send(deployment.prefix + "incidents", value, partition=0)
    producer.flush()
    producer.close()


async def escalated(deployment: Deployment) -> list[str]:
    return [item["change"] for item in await deployment.escalations() if item["regency"] == PALEMBANG]


async def shown_ms(deployment: Deployment) -> int:
    """The time of the regency's row."""
    return int(datetime.fromisoformat((await deployment.rows())[PALEMBANG]["as_of"]).timestamp() * 1000)


async def test_with_the_event_clock_a_report_dated_9999_mutes_nobody(broker: EmbeddedBroker, fresh_prefix, tmp_path):
    event = {"SIAGA_CLOCK": "event", "SIAGA_IDLE_SECONDS": "0.5"}
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, **event) as deployment:
        publish(deployment, fatality(1, "9999-01-01T00:00:00Z"), fatality(2, EIGHT))
        deployment.start()
        deadline = time.monotonic() + 120
        while not await escalated(deployment):  # half a second after all inputs are idle
            assert time.monotonic() < deadline, "nothing was raised"
            await asyncio.sleep(0.2)
        await deployment.settled()
        [rejected] = await deployment.read("rejected")
        assert (rejected.headers["siaga.source.offset"], rejected.headers["siaga.reason"]) == (b"0", b"future")
        assert await escalated(deployment) == ["raised"]
        assert deployment.run("audit", check=False).returncode == 0


async def test_a_broker_an_hour_ahead_counts_five_minutes_and_is_shown(broker: EmbeddedBroker, fresh_prefix, tmp_path):
    """The broker's clock is right here and the worker's an hour behind, which is the same to both."""
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path) as deployment:
        deployment.start("a", LAUNCHER, CHAOS_CLOCK_SHIFT_S=str(-HOUR_S))
        publish(deployment, fatality(1, datetime.now(UTC).isoformat(timespec="seconds")))
        gauge = 'siaga_broker_clock_ahead_seconds{partition="0",topic="incidents"}'
        await until(lambda: deployment.metric(gauge) > HOUR_S - 60, 120, "the gauge says that the broker is ahead")
        await deployment.drained()
        workers_ms = (time.time() - HOUR_S) * 1000
        assert await shown_ms(deployment) <= workers_ms + BROKER_AHEAD_MS
        assert await escalated(deployment) == ["raised"] and not await deployment.read("rejected")
        await deployment.stop_workers()
        deployment.start("b")
        publish(deployment, fatality(2, datetime.now(UTC).isoformat(timespec="seconds")))
        await deployment.drained()
        assert await shown_ms(deployment) > (time.time() - 60) * 1000 - BROKER_AHEAD_MS
        audited = deployment.run("audit", check=False)
        assert audited.returncode == 0, audited.stdout
        assert "1 entries have a time before the append" in audited.stdout
