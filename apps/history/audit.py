"""Audit: what was published follows from the ledger, and the ledger from the inputs.

The ledger is the only input of the risk fold, so the same ledger must give the same escalations and, at the ledger
position that a row names, the same row, byte for byte. The fold also writes to the ledger itself: every notice there
must follow from it. Reports on it must be what the input records that they name give (`audit_inputs`). A finding is
something that does not follow, or that follows and is not there."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from kafka import TopicPartition

from agents.batching.format import decoded
from agents.kafka.topic_reader import CONNECT_S, TopicReader
from agents.settings import Settings
from apps.history.audit_inputs import InputsAudit, InputsCheck
from apps.history.decisions import change_line, decision_line
from apps.history.ledger_frames import LedgerFrames
from apps.history.published import message_of
from schemas.ledger import CHANGE_HEADER, DECISIONS, INPUT_HEADER, NOTICES, REPORTS, Entry, Inputs, partition_of
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from schemas.topics import Topic
from streams.table import Drained, RiskTable

_Ends = dict[TopicPartition, int]


@dataclass
class Audit:
    """The comparison of all partitions. `findings` are sentences; none means that everything follows.

    `quarantined` names each record of the ledger that is no frame, `decisions` each thing that people decided.
    """

    frames: int = 0
    escalations: int = 0
    rows: int = 0
    notices: int = 0
    findings: list[str] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    #: What workers went on with that the state before was not made with: other rosters and rulesets.
    changes: list[str] = field(default_factory=list)
    #: Partitions whose ledger has lost its beginning to retention: what was published cannot be proven there.
    truncated: list[int] = field(default_factory=list)
    inputs: InputsAudit = field(default_factory=InputsAudit)


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
    """Audit every partition. Safe while workers run: what follows from something else is read before it, so that it is
    never ahead of it.

    Raises KafkaError, TopicMissing, ValueError where the ledger shows that the workers use other settings, and Fatal,
    NewerFrame and NewerMessage for what a later version wrote."""
    sources = settings.load_sources()
    inputs = InputsCheck(settings, roster, sources)
    with TopicReader(settings, connect_s) as reader:
        return _Auditor(reader, settings, roster, Audit(inputs=inputs.result), inputs).run(ruleset, stations)


class _Auditor:
    """One run over all topics."""

    def __init__(
        self, reader: TopicReader, settings: Settings, roster: Roster, result: Audit, inputs: InputsCheck
    ) -> None:
        self._reader, self._settings, self._roster = reader, settings, roster
        self._result, self._inputs = result, inputs
        #: Notices by (target, entry): those on the ledger, and those that the fold of the ledger gives.
        self._seen: dict[tuple[str, bytes], list[str]] = {}
        self._given: Counter[tuple[str, bytes]] = Counter()

    def run(self, ruleset: Ruleset, stations: StationRoster | None) -> Audit:
        reader, partitions = self._reader, self._settings.partitions
        ledger = reader.partitions(Topic.LEDGER)
        read_to = self._read_to()
        published = [self._published(partition) for partition in range(partitions)]
        ends = reader.ends(ledger)
        for partition in range(partitions):
            table = RiskTable(partition, partitions, self._roster, ruleset, stations)
            self._audit_partition(table, published[partition], ends)
        self._compare_notices()
        self._compare_inputs(read_to)
        self._result.findings += self._inputs.result.findings
        return self._result

    def _topic(self, topic: Topic, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.topics[topic], partition)

    def _records(self, partition: TopicPartition) -> Iterator[Any]:
        """All committed records of a partition up to its end as it is now."""
        self._reader.start_at_beginning([partition])
        for records in self._reader.read_to_end():
            yield from records

    def _read_to(self) -> dict[tuple[str, int], int]:
        """How far intake has read its inputs, by topic and partition: the latest of its notes."""
        return {
            (note["topic"], source.partition): note["offset"]
            for source in self._reader.partitions(Topic.POSITIONS)
            for note in (_note(record) for record in self._records(source) if record.value)
        }

    def _published(self, partition: int) -> _Published:
        escalations = self._records(self._topic(Topic.ESCALATIONS, partition))
        by_id = {message_of(record.value)["escalation_id"]: record.value for record in escalations}
        rows = self._records(self._topic(Topic.RISK, partition))
        latest = {record.key: record.value for record in rows if record.value is not None}
        return _Published(by_id, {(key, message_of(row)["ledger"]["offset"]): row for key, row in latest.items()})

    def _audit_partition(self, table: RiskTable, published: _Published, ends: _Ends) -> None:
        source, result = self._topic(Topic.LEDGER, table.partition), self._result
        is_whole = self._reader.beginning(source) == 0
        if not is_whole:
            result.truncated.append(table.partition)
            self._inputs.ledger_begins[table.partition] = float("inf")
        frames = LedgerFrames(self._settings, self._roster, table.partition)
        derived: set[str] = set()
        last_row_offset = max((offset for _, offset in published.rows), default=-1)
        for record in self._records(source):
            if not is_whole and self._inputs.ledger_begins[table.partition] == float("inf"):
                self._inputs.ledger_begins[table.partition] = record.timestamp
            if (entries := frames.entries(record)) is None:
                continue
            self._note(record, entries, record.offset < ends[source])
            if is_whole:
                for run in frames.runs(record, entries):
                    table.apply(*run)
                result.frames += 1
                self._compare(table.drain(), record.offset <= last_row_offset, published, derived)
        result.quarantined += frames.quarantined
        frames.close()
        if is_whole:
            self._close(published, derived)

    def _note(self, record: Any, entries: list[Entry], is_before_end: bool) -> None:
        """Keep what is compared after the last partition: reports with their inputs, notices, decisions."""
        kinds, where = {entry[0] for entry in entries}, f"ledger offset {record.partition}/{record.offset}"
        if (change := dict(record.headers).get(CHANGE_HEADER)) is not None:
            self._result.changes.append(f"{where}: {change_line(record.partition, change)}")
        if kinds <= REPORTS:
            self._inputs.take(record, Inputs.of(dict(record.headers).get(INPUT_HEADER)), entries)
            return
        for entry in entries:
            if entry[0] in DECISIONS:
                self._result.decisions.append(f"{where}: {decision_line(record.key.decode(), entry)}")
            elif entry[0] in NOTICES and is_before_end:
                notice = record.key.decode(), orjson.dumps(entry)
                self._seen.setdefault(notice, []).append(where)

    def _compare(self, drained: Drained, must_be_published: bool, published: _Published, derived: set[str]) -> None:
        for _, value in drained.escalations:
            derived.add(_compare_escalation(value, published, must_be_published, self._result))
        for regency, row in drained.rows:
            _compare_row(regency, row, published, self._result)
        for target, entry in drained.notices:
            self._given[target, orjson.dumps(entry)] += 1

    def _close(self, published: _Published, derived: set[str]) -> None:
        findings = self._result.findings
        for escalation_id in published.escalations.keys() - derived:
            findings.append(f"escalation {escalation_id} was published and does not follow from the ledger")
        for key, offset in published.rows:
            findings.append(f"the row of {key.decode()} at ledger offset {offset} is not what the ledger gives")

    def _compare_notices(self) -> None:
        """Every notice follows from the fold of its sender's partition, as often as it is there."""
        for (target, notice), places in self._seen.items():
            sender = orjson.loads(notice)[2]
            if partition_of(sender, self._settings.partitions) in self._result.truncated:
                self._inputs.result.unproven["notices whose sender's ledger has lost its beginning"] += len(places)
                continue
            given = self._given[target, notice]
            self._result.notices += min(given, len(places))
            self._result.findings += [
                f"{place}: the notice of {sender} to {target} does not follow from the ledger"
                for place in places[given:]
            ]

    def _compare_inputs(self, read_to: dict[tuple[str, int], int]) -> None:
        reader, inputs = self._reader, self._inputs
        for source in reader.partitions(Topic.REJECTED):
            is_whole = reader.beginning(source) == 0
            if not is_whole:
                inputs.rejected_begins[source.partition] = float("inf")
            for record in self._records(source):
                if not is_whole:
                    inputs.rejected_begins[source.partition] = record.timestamp
                    is_whole = True
                inputs.take_rejected(record)
        for topic in inputs.topics:
            for source in reader.partitions_of(topic):
                beginning = reader.beginning(source)
                inputs.compare(source, beginning, read_to.get((topic, source.partition), 0), self._records(source))
        inputs.close()


def _note(record: Any) -> dict[str, Any]:
    """How far an input is read. Raises Fatal for a note of a later version."""
    return decoded(f"the note at {record.topic}[{record.partition}]@{record.offset}", record.value)


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
