"""One publisher floods. With the rights of one publisher, who may write the common input topics: 20,000 valid reports
of severity 4 of one regency in a few hundred kilobytes, or a backlog that lasts. A fatality that another publisher
reports of another regency is told at most 2 s later than without it.

Counted in reports, so no clock decides: between the death and the moment it is told the worker folds no more of the
flood than FOLDED_MOST, which take 2 s of the processor at the 34 microseconds that one costs (decision 0020). A worker
that lets the flood run ahead is beyond that: it admits several times as fast as it folds. The counts are taken from the
topics: when the broker appended what, and up to where the state had been folded by then.
"""

import asyncio
import functools
import gc
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from agents.batching import Batch
from agents.batching.commit.shard import POSITION_KEY
from agents.intake import IntakeFold
from benchmarks.micro import FAR_MS, NAMES, Recorded, batches, intake_fold, recorded, risk_fold
from schemas.ledger import INCIDENT, decode_frame, partition_of
from schemas.topics import Topic
from tests.agents.deployment import Deployment, until
from tests.recount.records import Record

FOLDED_MOST = 60_000
BURST, BACKLOG = 20_000, 900_000
#: So much of the backlog is admitted before the first death is reported: a fold that falls behind is far behind then.
STANDING = 400_000
PARTITIONS = 3
#: A deadline for a machine of which the test has a tenth.
WITHIN_S = 300
FILE = """
[sources.bawaslu]
agency = "bawaslu"
input = "bawaslu"
"""
FOLDED = f'siaga_ledger_entries_total{{kind="{INCIDENT}"'
NUMBERS = itertools.count()
ROSTER = "regency,name,stations,registered\n" + "".join(f"16.{n:02d},R{n},500,150000\n" for n in range(1, 61))


def regencies(ledger_partition: int) -> Iterator[str]:
    """Codes whose entries are on this partition of the ledger."""
    codes = (f"16.{n:02d}" for n in range(1, 61))
    return (code for code in codes if partition_of(code, PARTITIONS) == ledger_partition)


def report(source: str, regency: str, severity: int, category: str, number: object) -> str:
    at = (datetime.now(UTC) - timedelta(seconds=60)).isoformat(timespec="seconds")
    message = {
        "event_id": f"e{number}",
        "incident_id": f"i{number}",
        "revision": 1,
        "regency": regency,
        "category": category,
        "severity": severity,
        "status": "reported",
        "occurred_at": at,
        "reported_at": at,
        "source": source,
    }
    return json.dumps(message)


class Delay(NamedTuple):
    """A death that was reported and told, and when: the broker's append times."""

    where: tuple[object, ...]
    reported_ms: int
    told_ms: int


class Done(NamedTuple):
    """Reports that were admitted, and that were folded."""

    admitted: int
    folded: int


class Log:
    """What a worker had done at any time, by what lies in the ledger and in the state."""

    def __init__(self, ledger: list[Record], state: list[Record]) -> None:
        frames = [(record, decode_frame(record.value)) for record in ledger]
        self._reports = [(record, len(of)) for record, of in frames if of[0][0] == INCIDENT]
        self._positions = [record for record in state if record.key == POSITION_KEY]

    def between(self, delay: Delay) -> Done:
        """What was done between the report of a death and its escalation."""
        before, after = self._until(delay.reported_ms), self._until(delay.told_ms)
        return Done(after.admitted - before.admitted, after.folded - before.folded)

    def _until(self, at_ms: int) -> Done:
        read = {of.partition: json.loads(of.value)["offset"] for of in self._positions if of.at_ms <= at_ms}
        admitted = sum(count for record, count in self._reports if record.at_ms <= at_ms)
        folded = sum(count for record, count in self._reports if record.offset < read.get(record.partition, 0))
        return Done(admitted, folded)


class Scene:
    """A worker with both stages, a publisher who floods, and one who reports a death."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        #: Of one partition of the ledger the flooded regencies and half of the victims, of another the other half.
        self.same, self.other = regencies(0), regencies(1)

    async def started(self) -> None:
        self.deployment.start()
        # Until the first report is told the worker imports, and opens its shards.
        await self.death("bawaslu", "incidents.bawaslu", 0, next(self.other))

    async def flood(self, regency: str, severity: int, reports: int, partitions: tuple[int, ...]) -> None:
        """Publish in batches of 1,000, with gzip, to these input partitions in turn."""
        form = report("flood", regency, severity, "intimidation", "%d").encode()  # it holds no other percent sign
        async with self._producer(compression_type="gzip", max_batch_size=900_000) as producer:
            for batch in range(reports // 1_000):
                builder = producer.create_batch()
                for number in itertools.islice(NUMBERS, 1_000):
                    builder.append(timestamp=None, key=None, value=form % (number, number))
                partition = partitions[batch % len(partitions)]
                await producer.send_batch(builder, f"{self.deployment.prefix}incidents", partition=partition)
            await producer.flush()

    async def death(self, source: str, topic: str, partition: int, regency: str) -> Delay:
        """Publish a death and wait until readers are told."""
        deployment = self.deployment
        escalations = [TopicPartition(f"{deployment.prefix}escalations", number) for number in range(PARTITIONS)]
        options = {"isolation_level": "read_committed", "fetch_max_wait_ms": 10}
        async with self._producer() as producer, deployment.consumer(**options) as reader, asyncio.timeout(WITHIN_S):
            reader.assign(escalations)
            await reader.seek_to_end()
            value = report(source, regency, 5, "fatality", next(NUMBERS)).encode()
            sent = await producer.send_and_wait(deployment.prefix + topic, value, partition=partition)
            while True:
                for record in itertools.chain(*(await reader.getmany(timeout_ms=100)).values()):
                    told = json.loads(record.value)
                    if told["regency"] == regency and told["level"] == "siaga":
                        place = "same" if partition_of(regency, PARTITIONS) == 0 else "other"
                        return Delay((topic, partition, place), sent.timestamp, record.timestamp)

    async def log(self) -> Log:
        """Once the worker has ended, for what it still does no longer matters."""
        self.deployment.kill("a")
        return Log(await self.deployment.read(Topic.LEDGER), await self.deployment.read(Topic.STATE))

    @property
    def admitted(self) -> float:
        """How many reports on the common topic of incidents are on the ledger."""
        return self.deployment.metric('siaga_records_total{outcome="admitted",topic="incidents"}')

    @property
    def folded(self) -> float:
        """How many reports of incidents the fold has taken."""
        lines = self.deployment.metrics().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(FOLDED))

    def has_folded(self, reports: int) -> bool:
        return self.folded >= reports

    def _producer(self, **options: object) -> AIOKafkaProducer:
        return AIOKafkaProducer(bootstrap_servers=self.deployment.bootstrap, **options)


@pytest.fixture
def scene(broker, fresh_prefix: str, tmp_path: Path) -> Iterator[Scene]:
    settings = {"SIAGA_TICK_SECONDS": "5"}
    for name, text in (("SIAGA_SOURCES_FILE", FILE), ("SIAGA_ROSTER", ROSTER)):
        (tmp_path / name).write_text(text)
        settings[name] = str(tmp_path / name)
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, **settings) as deployment:
        yield Scene(deployment)


def flood_admissions(count: int) -> Iterator[Callable[[], Batch]]:
    """So many grave reports of one regency in batches: what makes the batch of ledger frames of each."""
    values = [report("flood", "16.74", 4, "intimidation", number).encode() for number in range(count)]
    intake = intake_fold()
    for batch in batches(recorded([("16.74", value) for value in values])):
        yield functools.partial(_admit, intake, batch)


def _admit(intake: IntakeFold, batch: Batch) -> Batch:
    frames = [output for output in intake.fold(batch) if output.topic == NAMES[Topic.LEDGER] and output.headers]
    first = batch.start_offset
    records = [Recorded(first + n, FAR_MS, of.key, of.value, of.headers) for n, of in enumerate(frames)]
    return Batch(records, first, batch.next_offset, batch.next_offset)


def calls_per_report(count: int) -> float:
    """Function calls of both folds for each of so many grave reports of one regency."""
    risk, calls, admissions = risk_fold(None), 0, list(flood_admissions(count))

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    gc.disable()  # a collection would run others' finalizers
    sys.setprofile(counted)
    try:
        for admit in admissions:
            list(risk.fold(admit()))
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls / count


def test_a_grave_report_costs_the_same_however_many_there_are():
    few = BURST // 10
    calls_per_report(few)  # fills the caches
    assert calls_per_report(BURST) <= 1.1 * calls_per_report(few)


@pytest.mark.parametrize("partitions", [(0,), (0, 1, 2)], ids=["one-partition", "spread"])
async def test_a_burst_of_20000_grave_reports_delays_no_other_regency(scene: Scene, partitions: tuple[int, ...]):
    """The death is published behind the flood, to the same input partition and to another, of regencies on the same
    partition of the ledger and on another. Behind the flood it waits for that, once; beside it for FOLDED_MOST."""
    await scene.started()
    deaths, reports = [], 1
    for input_partition, codes in itertools.product((0, 1), (scene.same, scene.other)):
        reports += BURST + 1
        await scene.flood(next(scene.same), 4, BURST, partitions)
        deaths.append(await scene.death("kpu", "incidents", input_partition, next(codes)))
        await until(functools.partial(scene.has_folded, reports), WITHIN_S, "each report is folded")
    assert scene.folded == reports, "each is folded once"
    log = await scene.log()
    for death in deaths:
        ahead, input_partition = log.between(death), death.where[1]
        if input_partition in partitions:
            assert max(ahead) <= BURST + 1, (death.where, ahead)
        else:
            assert ahead.folded <= FOLDED_MOST, (death.where, ahead)


async def test_a_lasting_backlog_delays_no_other_regency(scene: Scene):
    """Not on another partition of the inputs nor on an input of its own, whether its entries are on the flood's
    partition of the ledger or on another."""
    await scene.flood(next(scene.same), 4, BACKLOG, (0,))
    await scene.started()
    await until(lambda: scene.admitted >= STANDING, WITHIN_S, "a part of the flood is admitted")
    deaths = []
    for place in 2 * (("kpu", "incidents", 1), ("bawaslu", "incidents.bawaslu", 0)):
        deaths += [await scene.death(*place, next(codes)) for codes in (scene.same, scene.other)]
    has_lasted = scene.admitted < BACKLOG
    log = await scene.log()
    aheads = [(death.where, log.between(death)) for death in deaths]
    assert max(ahead.folded for _, ahead in aheads) <= FOLDED_MOST, aheads
    assert has_lasted, "the backlog did not last as long as the test"
