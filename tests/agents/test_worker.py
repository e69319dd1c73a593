"""The worker from outside: real records in, risk rows, escalations and rejected records out, judged by the recount."""

import json
import random
import socket
import sys
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer

from schemas.roster import Roster
from tests.agents.deployment import Deployment, until
from tests.agents.messages import incident_at
from tests.security.processes import listening

NOW = datetime.now(UTC)
CODES = sorted(Roster.default())
BAD = (b"\xff\xfe", b"{", b'{"event_id": 1}', b"\x00\x00\x00\x00\x01abc", b"null", b"")


@pytest.fixture
def deployment(broker, fresh_prefix, tmp_path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as made:
        yield made


def incident(number: object, regency: str = "16.71", ago_s: float = 60.5, **changes: object) -> bytes:
    return incident_at((NOW - timedelta(seconds=ago_s)).isoformat(), number, regency, **changes)


def turnout(number: int, station: str, voted: int, regency: str = "16.71", ago_s: float = 60.5, **changes) -> bytes:
    at = (NOW - timedelta(seconds=ago_s)).isoformat()
    message = {
        "event_id": f"t-{number}",
        "regency": regency,
        "station": station,
        "registered": 300,
        "voted": voted,
        "as_of": at,
        "source": "kpu-sumsel",
    }
    return json.dumps(message | changes).encode()


def mixed(rnd: random.Random, count: int) -> list[tuple[str, bytes]]:
    """(topic, value): incidents with revisions, retractions and exercises, turnout with corrections, repeats, bad
    records.
    """
    messages: list[tuple[str, bytes]] = []
    for n in range(count):
        regency, ago = rnd.choice(CODES), rnd.uniform(10, 30 * 3600)
        kind = rnd.random()
        if kind < 0.05:
            messages.append((rnd.choice(("incidents", "turnout")), rnd.choice(BAD)))
        elif kind < 0.1 and messages:
            messages.append(rnd.choice(messages[-50:]))
        elif kind < 0.5:
            changes = {"severity": rnd.choice((1, 1, 2, 3)), "is_exercise": rnd.random() < 0.05}
            messages.append(("incidents", incident(n, regency, ago, **changes)))
            if rnd.random() < 0.2 and not changes["is_exercise"]:
                status = rnd.choice(("verified", "retracted", "resolved"))
                again = {"event_id": f"e-{n}-2", "revision": 2, "status": status, "severity": 2}
                messages.append(("incidents", incident(n, regency, ago, **again)))
        else:
            station = f"TPS-{rnd.randrange(20):03d}"
            messages.append(("turnout", turnout(n, station, rnd.randrange(320), regency, ago)))
    return messages


async def send(deployment: Deployment, messages: list[tuple[str, bytes]], **options) -> None:
    """Publish in order, spread over partitions at random: no publisher's partitioner may matter."""
    producer = AIOKafkaProducer(bootstrap_servers=deployment.bootstrap, enable_idempotence=True, **options)
    await producer.start()
    rnd = random.Random(5)
    for topic, value in messages:
        key = f"k{rnd.randrange(9)}".encode()
        await producer.send(deployment.prefix + topic, value, key=key, partition=rnd.randrange(deployment.partitions))
    await producer.stop()


async def ticked(deployment: Deployment, name: str = "a") -> None:
    await until(lambda: deployment.metric('siaga_shards_open{stage="risk"}', name) > 0, 180, "risk shards open")


async def test_every_input_has_exactly_one_outcome_on_any_partition(deployment):
    messages = mixed(random.Random(1), 600)
    deployment.start()
    await send(deployment, messages)
    assert await deployment.violations() == []


async def test_every_codec_is_read(deployment):
    deployment.start()
    for regency, codec in zip(CODES, ("gzip", "snappy", "lz4", "zstd"), strict=False):
        reports = [("incidents", incident(f"{codec}-{number}", regency)) for number in range(20)]
        await send(deployment, reports, compression_type=codec)
    await deployment.drained()
    rows = await deployment.rows()
    assert [rows[regency]["windows"]["1h"]["incidents"] for regency in CODES[:4]] == [20] * 4


async def test_state_survives_a_restart_and_a_rebalance(deployment):
    first, second = mixed(random.Random(2), 200), mixed(random.Random(3), 200)
    second = [
        (topic, value.replace(b'"e-', b'"f-').replace(b'"i-', b'"j-').replace(b'"t-', b'"u-'))
        for topic, value in second
    ]
    deployment.start("a")
    await send(deployment, first)
    await deployment.drained()
    deployment.workers["a"].terminate()
    deployment.workers["a"].wait(15)
    deployment.start("b")
    deployment.start("c")
    await send(deployment, second)
    assert await deployment.violations() == []


async def test_workers_killed_under_load_leave_exact_results(deployment):
    messages = mixed(random.Random(4), 3000)
    deployment.start("a")
    deployment.start("b")
    third = len(messages) // 3
    for step, name in enumerate(("a", "b", "a")):
        await send(deployment, messages[step * third : (step + 1) * third])
        deployment.kill(name)
        deployment.start(name)
    assert await deployment.violations() == []


async def test_a_grave_incident_raises_at_once_with_its_evidence(deployment):
    deployment.start()
    await ticked(deployment)
    await send(deployment, [("incidents", incident(1, severity=5, category="clash", ago_s=1))])
    await deployment.drained()
    [escalation] = await deployment.escalations()
    assert (escalation["change"], escalation["previous_level"]) == ("raised", "normal")
    assert escalation["unverified"] is True
    assert [item["incident_id"] for item in escalation["evidence"]] == ["i-1"]
    assert deployment.metric("siaga_escalation_latency_seconds_count") == 1


async def test_from_the_first_tick_every_regency_has_a_row_and_is_silent(deployment):
    deployment.start()
    await until(lambda: deployment.metric('siaga_ledger_entries_total{kind="k",outcome="applied"}') > 3, 180, "ticks")
    await deployment.drained()
    rows = await deployment.rows()
    assert set(rows) == set(CODES)
    assert {row["data_status"] for row in rows.values()} == {"silent"}


async def test_the_faust_command_runs_the_same_worker(deployment):
    command = (sys.executable, "-m", "faust", "-A", "agents.app", "worker", "--loglevel", "warn")
    process = deployment.start("a", command)
    await send(deployment, [("incidents", incident(1))])
    await deployment.drained()
    assert (await deployment.rows())["16.71"]["windows"]["1h"]["incidents"] == 1
    assert deployment.metric('siaga_records_total{outcome="admitted",topic="incidents"}') == 1
    assert listening(process.pid) == {("127.0.0.1", deployment.ports["a"])}, "Faust's own web server"


def test_a_port_in_use_is_one_line(deployment):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = deployment.run("worker", check=False, SIAGA_METRICS_PORT=str(taken.getsockname()[1]))
    assert answer.returncode == 1
    assert "cannot serve metrics on 127.0.0.1:" in answer.stderr and "Traceback" not in answer.stderr


def test_a_worker_without_topics_ends_with_one_line(broker, fresh_prefix, tmp_path):
    unready = Deployment(broker.bootstrap, fresh_prefix, tmp_path)
    answer = unready.run("worker", check=False)
    assert answer.returncode == 1
    assert "no such topic; run `siaga topics` first" in answer.stderr
    assert "Traceback" not in answer.stderr
