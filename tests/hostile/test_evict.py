"""Whoever may write one input floods it with valid reports of one source. People take all of it out again: the row is
as before, and a worker that starts anew restores a state that is no larger for it.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaProducer

from tests.agents.deployment import Deployment

REGENCY = "16.71"
FLOOD = 4_000
STATIONS = 200
EVICT = (
    "evict", "flooder", "--from", "2024-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z", "--role", "operator",
    "--reason", "stolen_credentials", "--yes",
)  # fmt: skip


@pytest.fixture
def deployment(broker, fresh_prefix, tmp_path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as made:
        yield made


def incident(number: int, source: str, severity: int) -> dict:
    at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    return {
        "event_id": f"e-{number}", "incident_id": f"{number}", "revision": 1, "regency": REGENCY, "category": "clash",
        "severity": severity, "status": "reported", "occurred_at": at, "reported_at": at, "source": source,
    }  # fmt: skip


def figure(number: int, source: str, voted: int) -> dict:
    at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    return {
        "event_id": f"t-{number}", "regency": REGENCY, "station": f"{number}", "registered": 300, "voted": voted,
        "as_of": at, "source": source,
    }  # fmt: skip


def send(deployment: Deployment, topic: str, *messages: dict) -> None:
    producer = KafkaProducer(bootstrap_servers=deployment.bootstrap)
    for message in messages:
        producer.send(deployment.prefix + topic, json.dumps(message).encode(), partition=0)
    producer.flush(60)
    producer.close()


async def row_when(deployment: Deployment, source_count: int, stations: int) -> dict:
    """The row, once these numbers of incidents and stations are on it."""
    row = {}
    for _ in range(240):
        row = (await deployment.rows()).get(REGENCY, {})
        counts = row and (row["windows"]["1h"]["incidents"], row["turnout"]["stations_reported"])
        if counts == (source_count, stations):
            return row
        await asyncio.sleep(0.5)
    raise AssertionError(f"never {source_count} and {stations}: {row}\n{deployment.log().read_text()[-2000:]}")


def told(row: dict) -> dict:
    """What a row says of reports, without what passes with time."""
    return {name: row[name] for name in ("windows", "turnout", "confidence", "candidates", "data_status")}


async def state_of(deployment: Deployment) -> dict[bytes, bytes]:
    """The state's records in force, without the ids of messages."""
    newest = {record.key: record.value for record in await deployment.read("risk-state")}
    return {key: value for key, value in newest.items() if value and key.startswith(b"16.71/") and b"/d/" not in key}


async def test_a_flood_that_was_evicted_leaves_the_row_and_the_state_as_before(deployment: Deployment):
    deployment.start()
    send(deployment, "incidents", *(incident(number, "bawaslu", 3) for number in range(5)))
    send(deployment, "turnout", *(figure(number, "kpu", 100) for number in range(5)))
    before = await row_when(deployment, 5, 5)

    send(deployment, "incidents", *(incident(number, "flooder", 4) for number in range(FLOOD)))
    send(deployment, "turnout", *(figure(1000 + number, "flooder", 10_000) for number in range(STATIONS)))
    flooded = await row_when(deployment, 5 + FLOOD, 5 + STATIONS)
    assert flooded["score"] > before["score"]
    assert sum(map(len, (await state_of(deployment)).values())) > 50 * FLOOD

    done = deployment.run(*EVICT, check=False, LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"words {FLOOD}, turnout figures {STATIONS}" in done.stdout
    after = await row_when(deployment, 5, 5)
    state = await state_of(deployment)
    assert sum(map(len, state.values())) < 10_000
    # The head may say that the level which was published rested on this source alone.
    assert not [key for key, value in state.items() if b"flooder" in value and key != b"16.71/h"]

    await deployment.stop_workers()
    deployment.start("b")
    send(deployment, "incidents", incident(99, "bawaslu", 1))
    restarted = await row_when(deployment, 6, 5)
    assert told(after)["turnout"] == told(restarted)["turnout"] == told(before)["turnout"]
    assert told(after) == told(before) and after["score"] <= before["score"]
    assert restarted["confidence"]["sources"] == before["confidence"]["sources"]
