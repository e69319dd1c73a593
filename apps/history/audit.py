"""Audit: fold the ledger again and compare the result with what was published.

The ledger is the only input of the risk fold, so the same ledger must give the same escalations and, at the ledger
position that a row names, the same row, byte for byte. A finding is something published that does not follow from the
ledger, or something that follows from it and was not published."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from kafka import TopicPartition

from agents.kafka.topic_reader import CONNECT_S, TopicReader
from agents.settings import Settings
from schemas.ledger import Frame
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from schemas.topics import Topic
from streams.event_time.sequencer import sequencer_of
from streams.table import RiskTable


@dataclass
class Audit:
    """The comparison of all partitions. `findings` are sentences; none means that everything published follows."""

    frames: int = 0
    escalations: int = 0
    rows: int = 0
    findings: list[str] = field(default_factory=list)
    #: Partitions whose ledger has lost its beginning to retention: nothing can be proven there.
    truncated: list[int] = field(default_factory=list)


@dataclass
class _Published:
    """A partition's outputs, read before its ledger: values by escalation id, and by (key, ledger offset)."""

    escalations: dict[str, bytes]
    rows: dict[tuple[bytes, int], bytes]


def audit(
    settings: Settings,
    roster: Roster,
    ruleset: Ruleset,
    stations: StationRoster | None = None,
    connect_s: float = CONNECT_S,
) -> Audit:
    """Audit every partition. Safe while workers run: outputs are read before the ledger, which is never behind them.

    Raises KafkaError, TopicMissing, and ValueError where the ledger shows that the workers use other settings."""
    result = Audit()
    with TopicReader(settings, connect_s) as reader:
        reader.partitions(Topic.LEDGER)
        for partition in range(settings.partitions):
            table = RiskTable(partition, settings.partitions, roster, ruleset, stations)
            _audit_partition(reader, settings, partition, table, result)
    return result


def _audit_partition(reader: TopicReader, settings: Settings, partition: int, table: RiskTable, result: Audit) -> None:
    def source(topic: Topic) -> TopicPartition:
        return TopicPartition(settings.topics[topic], partition)

    published = _published(reader, source(Topic.ESCALATIONS), source(Topic.RISK))
    if reader.beginning(source(Topic.LEDGER)) > 0:
        result.truncated.append(partition)
        return
    sequencer = sequencer_of(settings.clock, settings.partitions, len(settings.load_sources().inputs))
    derived: set[str] = set()
    last_row_offset = max((offset for _, offset in published.rows), default=-1)
    for record in _records(reader, source(Topic.LEDGER)):
        table.apply_in_order(sequencer, record.key, Frame(record.offset, record.value, record.timestamp))
        drained = table.drain()
        result.frames += 1
        for _, value in drained.escalations:
            derived.add(_compare_escalation(value, published, record.offset <= last_row_offset, result))
        for regency, row in drained.rows:
            _compare_row(regency, row, published, result)
    for escalation_id in published.escalations.keys() - derived:
        result.findings.append(f"escalation {escalation_id} was published and does not follow from the ledger")
    for key, offset in published.rows:
        result.findings.append(f"the row of {key.decode()} at ledger offset {offset} is not what the ledger gives")


def _compare_escalation(value: bytes, published: _Published, must_be_published: bool, result: Audit) -> str:
    escalation_id: str = orjson.loads(value)["escalation_id"]
    seen = published.escalations.get(escalation_id)
    if seen is not None:
        result.escalations += 1
        if seen != value:
            result.findings.append(f"escalation {escalation_id} was published with other content than the ledger gives")
    elif must_be_published:
        result.findings.append(f"escalation {escalation_id} follows from the ledger and was not published")
    return escalation_id


def _compare_row(key: str, value: bytes, published: _Published, result: Audit) -> None:
    """Remove a published row that the ledger gives. With the event clock one position may give several rows, since
    entries wait for the watermark.
    """
    position = (key.encode(), orjson.loads(value)["ledger"]["offset"])
    if published.rows.get(position) == value:
        del published.rows[position]
        result.rows += 1


def _published(reader: TopicReader, escalations: TopicPartition, risk: TopicPartition) -> _Published:
    by_id = {orjson.loads(record.value)["escalation_id"]: record.value for record in _records(reader, escalations)}
    latest = {record.key: record.value for record in _records(reader, risk) if record.value is not None}
    return _Published(by_id, {(key, orjson.loads(value)["ledger"]["offset"]): value for key, value in latest.items()})


def _records(reader: TopicReader, partition: TopicPartition) -> Iterator[Any]:
    """All committed records of a partition up to its end as it is now."""
    reader.start_at_beginning([partition])
    for records in reader.read_to_end():
        yield from records
