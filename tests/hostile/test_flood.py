"""One publisher floods. With the rights of one publisher, who may write the common input topics: 20,000 valid reports
of severity 4 of one regency in a few hundred kilobytes, or a backlog that lasts. A fatality that another publisher
reports of another regency is told at most 2 s later than without it.

The 2 s are of the worker's processor time: other programs on the machine take their turns without changing that, and a
worker that has nothing to wait for tells as much later as it has computed more. On a machine with ten programs for each
core the same work took up to 2.3 times its processor time, so a test allows SHARED times as much. Where the cost of a
report grew with the number of grave ones, a burst took 44 s and more.
"""

import asyncio
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from benchmarks.processes import cpu_seconds
from schemas.ledger import partition_of
from tests.agents.deployment import Deployment, until

SHARED = 3
LATER_S = 2.0 * SHARED
BURST, BACKLOG = 20_000, 800_000
PARTITIONS = 3
#: A deadline for a machine of which the test has a tenth.
WITHIN_S = 300
FILE = """
[sources.bawaslu]
agency = "bawaslu"
input = "bawaslu"
"""
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


class Scene:
    """A worker with both stages, a publisher who floods, and one who reports a death."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        #: Of one partition of the ledger the flooded regencies and half of the victims, of another the other half.
        self.same, self.other = regencies(0), regencies(1)

    @property
    def processor_s(self) -> float:
        return cpu_seconds(self.deployment.workers["a"].pid)

    async def started(self) -> None:
        self.deployment.start()
        # Until the first report is told the worker imports, and opens its shards.
        await self.told_after("bawaslu", "incidents.bawaslu", 0, next(self.other))

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

    async def told_after(self, source: str, topic: str, partition: int, regency: str) -> float:
        """Publish a death and wait until readers are told; the worker's processor seconds from one to the other."""
        deployment = self.deployment
        escalations = [TopicPartition(f"{deployment.prefix}escalations", number) for number in range(PARTITIONS)]
        options = {"isolation_level": "read_committed", "fetch_max_wait_ms": 10}
        async with self._producer() as producer, deployment.consumer(**options) as reader, asyncio.timeout(WITHIN_S):
            reader.assign(escalations)
            await reader.seek_to_end()
            before = self.processor_s
            value = report(source, regency, 5, "fatality", next(NUMBERS)).encode()
            await producer.send_and_wait(deployment.prefix + topic, value, partition=partition)
            while True:
                for records in (await reader.getmany(timeout_ms=100)).values():
                    told = [json.loads(record.value) for record in records]
                    if any(each["regency"] == regency and each["level"] == "siaga" for each in told):
                        return self.processor_s - before

    @property
    def admitted(self) -> float:
        """How many reports on the common topic of incidents are on the ledger."""
        return self.deployment.metric('siaga_records_total{outcome="admitted",topic="incidents"}')

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


@pytest.mark.parametrize("partitions", [(0,), (0, 1, 2)], ids=["one-partition", "spread"])
async def test_a_burst_of_20000_grave_reports_delays_no_other_regency(scene: Scene, partitions: tuple[int, ...]):
    """The death is published behind the flood, to the same input partition and to another, of regencies on the same
    partition of the ledger and on another."""
    await scene.started()
    without = max([await scene.told_after("kpu", "incidents", 0, next(codes)) for codes in (scene.same, scene.other)])
    for input_partition, codes in itertools.product((0, 1), (scene.same, scene.other)):
        await scene.flood(next(scene.same), 4, BURST, partitions)
        after = await scene.told_after("kpu", "incidents", input_partition, next(codes))
        assert after - without <= LATER_S, (input_partition, "same" if codes is scene.same else "other")


async def test_a_lasting_backlog_delays_neither_other_partitions_nor_an_input_of_its_own(scene: Scene):
    await scene.flood(next(scene.same), 4, BACKLOG, (0,))
    await scene.started()
    await until(lambda: scene.admitted, WITHIN_S, "the flood is admitted")
    for place in 3 * (("kpu", "incidents", 1), ("bawaslu", "incidents.bawaslu", 0)):
        assert await scene.told_after(*place, next(scene.other)) <= LATER_S, place
    assert scene.admitted < BACKLOG, "the backlog did not last as long as the test"
