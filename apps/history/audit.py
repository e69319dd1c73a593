"""Audit: fold the ledger again and hold what was published against it.

The ledger is the only input of the risk fold, so the same ledger must give the same escalations and, at the ledger
position a row names, the same row, byte for byte. What was published and does not follow from the ledger, or follows
and was not published, is a finding."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.kafka.connection import aiokafka_options
from agents.settings import Settings
from schemas.ledger import Frame
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from streams.event_time.sequencer import sequencer_of
from streams.table import RiskTable

POLL_MS = 500


@dataclass
class Audit:
    """What was compared in all partitions. `findings` are sentences; none means all that was published follows."""

    frames: int = 0
    escalations: int = 0
    rows: int = 0
    findings: list[str] = field(default_factory=list)
    #: Partitions whose ledger no longer begins at its beginning: nothing can be proven there.
    truncated: list[int] = field(default_factory=list)


@dataclass
class _Published:
    """What a partition's outputs held before its ledger was read: values by escalation id, and by (key, ledger offset)."""

    escalations: dict[str, bytes]
    rows: dict[tuple[bytes, int], bytes]


async def audit(settings: Settings, roster: Roster, ruleset: Ruleset) -> Audit:
    """Audit every partition. Safe while workers run: outputs are read first, then the ledger, which can only be ahead."""
    result = Audit()
    consumer = AIOKafkaConsumer(
        **aiokafka_options(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        fetch_max_wait_ms=POLL_MS,
    )
    try:
        await consumer.start()
        for partition in range(settings.partitions):
            table = RiskTable(partition, settings.partitions, roster, ruleset)
            await _audit_partition(consumer, settings, partition, table, result)
    finally:
        await consumer.stop()
    return result


async def _audit_partition(
    consumer: AIOKafkaConsumer, settings: Settings, partition: int, table: RiskTable, result: Audit
) -> None:
    def source(topic: Topic) -> TopicPartition:
        return TopicPartition(settings.topics[topic], partition)

    published = await _published(consumer, source(Topic.ESCALATIONS), source(Topic.RISK))
    ledger = source(Topic.LEDGER)
    if (await consumer.beginning_offsets([ledger]))[ledger] > 0:
        result.truncated.append(partition)
        return
    sequencer = sequencer_of(settings.clock, settings.partitions)
    followed: set[str] = set()
    last_row_offset = max((offset for _, offset in published.rows), default=-1)
    async for record in _records(consumer, ledger):
        table.apply_in_order(sequencer, record.key, Frame(record.offset, record.value, record.timestamp))
        drained = table.drain()
        result.frames += 1
        for _, value in drained.escalations:
            followed.add(_hold_escalation(value, published, record.offset <= last_row_offset, result))
        for key, value in drained.rows:
            _hold_row(key, value, published, result)
    for escalation_id in published.escalations.keys() - followed:
        result.findings.append(f"escalation {escalation_id} was published and does not follow from the ledger")
    for key, offset in published.rows:
        result.findings.append(f"the row of {key.decode()} at ledger offset {offset} is not what the ledger gives")


def _hold_escalation(value: bytes, published: _Published, must_be_out: bool, result: Audit) -> str:
    escalation_id = orjson.loads(value)["escalation_id"]
    seen = published.escalations.get(escalation_id)
    if seen is not None:
        result.escalations += 1
        if seen != value:
            result.findings.append(f"escalation {escalation_id} was published with other content than the ledger gives")
    elif must_be_out:
        result.findings.append(f"escalation {escalation_id} follows from the ledger and was not published")
    return escalation_id


def _hold_row(key: str, value: bytes, published: _Published, result: Audit) -> None:
    """A row published and given by the ledger is done with. One position may give several: entries that waited (event
    clock).
    """
    place = (key.encode(), orjson.loads(value)["ledger"]["offset"])
    if published.rows.get(place) == value:
        del published.rows[place]
        result.rows += 1


async def _published(consumer: AIOKafkaConsumer, escalations: TopicPartition, risk: TopicPartition) -> _Published:
    by_id = {orjson.loads(r.value)["escalation_id"]: r.value async for r in _records(consumer, escalations)}
    latest = {record.key: record.value async for record in _records(consumer, risk) if record.value is not None}
    return _Published(by_id, {(key, orjson.loads(value)["ledger"]["offset"]): value for key, value in latest.items()})


async def _records(consumer: AIOKafkaConsumer, source: TopicPartition) -> AsyncIterator:
    """All committed records of a partition up to its end as it is now."""
    consumer.assign([source])
    end = (await consumer.end_offsets([source]))[source]
    consumer.seek(source, (await consumer.beginning_offsets([source]))[source])
    while await consumer.position(source) < end:
        for record in (await consumer.getmany(source, timeout_ms=POLL_MS)).get(source, ()):
            yield record
