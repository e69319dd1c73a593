"""Audit of the inputs: each is on the ledger once or rejected once, and gives the entry that names it.

The gate decides on each input record again, with the clocks that intake had: the append, and with the wall clock the
time of the entry, which is no later; with the event clock none is needed for a record that was accepted. How far
intake has read is its own notes, which are read first: all before them must be found. What retention has deleted on one
side proves nothing about the other, and is counted apart.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from kafka import TopicPartition

from agents.intake import LOG_APPEND_TIME
from agents.settings import Settings
from schemas.ledger import Entry, Inputs, partition_of
from schemas.ledger_form import FIELDS
from schemas.rejected import HEADER_OFFSET, HEADER_PARTITION, HEADER_TOPIC, Rejected
from schemas.roster import Roster
from schemas.sources import Sources
from schemas.topics import Direction, specs_with
from streams.admission import ClockMode, Gate

#: Wall time where it is not known and nothing depends on it.
_FAR_MS = 2**63


class Claim(NamedTuple):
    """An entry of the ledger, for the input record that it names: where its frame lies and when it was appended."""

    partition: int
    offset: int
    appended_ms: int
    code: str
    entry: bytes

    def __str__(self) -> str:
        return f"ledger offset {self.partition}/{self.offset}"


class Reject(NamedTuple):
    """A record of the rejected topic, for the input record that it names."""

    partition: int
    offset: int
    appended_ms: int

    def __str__(self) -> str:
        return f"rejected offset {self.partition}/{self.offset}"


_Place = TypeVar("_Place", Claim, Reject)


class _Places(Generic[_Place]):
    """What names the records of one input partition, by offset: one place each, as a rule."""

    def __init__(self) -> None:
        self._first: dict[int, _Place] = {}
        self._more: dict[int, list[_Place]] = {}

    def add(self, offset: int, place: _Place) -> None:
        if self._first.setdefault(offset, place) is not place:
            self._more.setdefault(offset, []).append(place)

    def pop(self, offset: int) -> list[_Place]:
        first = self._first.pop(offset, None)
        return [] if first is None else [first, *self._more.pop(offset, ())]

    def rest(self) -> Iterator[tuple[int, _Place]]:
        """All that is left."""
        yield from self._first.items()
        yield from ((at, place) for at, more in self._more.items() for place in more)


@dataclass
class InputsAudit:
    """What the comparison of the inputs has found; lines of `unproven` name what retention leaves open."""

    records: int = 0
    findings: list[str] = field(default_factory=list)
    unproven: Counter[str] = field(default_factory=Counter)
    #: Entries with a time before the append of their input, and rejected records that would be admitted now.
    stamped_early: int = 0
    admitted_now: int = 0


class InputsCheck:
    """Takes the whole ledger and the rejected topic, then input after input. `begins`: the append time of the first
    record that a ledger partition, and one of the rejected topic, holds where retention has deleted its beginning.
    """

    def __init__(self, settings: Settings, roster: Roster, sources: Sources) -> None:
        gate, specs = Gate(roster, settings.clock, sources), specs_with(sources.inputs)
        self._accept = {
            settings.topics.of(spec): gate.acceptor(spec.topic, spec.input)
            for spec in specs
            if spec.direction is Direction.IN
        }
        self._is_wall, self._partitions = settings.clock is ClockMode.WALL, settings.partitions
        self._claims: dict[TopicPartition, _Places[Claim]] = {}
        self._rejects: dict[TopicPartition, _Places[Reject]] = {}
        self.ledger_begins: dict[int, float] = {}
        self.rejected_begins: dict[int, float] = {}
        self.result = InputsAudit()

    @property
    def topics(self) -> Iterable[str]:
        """The input topics, common and own."""
        return self._accept

    def take(self, record: Any, inputs: Inputs, entries: list[Entry]) -> None:
        """A frame of reports on the ledger."""
        source, code = TopicPartition(inputs.topic, inputs.partition), record.key.decode()
        claims = self._claims.setdefault(source, _Places())
        for offset, entry in zip(inputs.offsets, entries, strict=True):
            claims.add(offset, Claim(record.partition, record.offset, record.timestamp, code, orjson.dumps(entry)))

    def take_rejected(self, record: Any) -> None:
        """A record of the rejected topic."""
        headers, reject = dict(record.headers), Reject(record.partition, record.offset, record.timestamp)
        try:
            source = TopicPartition(headers[HEADER_TOPIC].decode(), int(headers[HEADER_PARTITION]))
            self._rejects.setdefault(source, _Places()).add(int(headers[HEADER_OFFSET]), reject)
        except (KeyError, ValueError):
            self.result.findings.append(f"{reject} does not say which input record it is")

    def compare(self, source: TopicPartition, beginning: int, read_to: int, records: Iterable[Any]) -> None:
        """One input partition, from the first record that it still holds; intake has read it up to `read_to`."""
        claims = self._claims.pop(source, None) or _Places[Claim]()
        rejects = self._rejects.pop(source, None) or _Places[Reject]()
        begins_ms = -math.inf
        for record in records:
            if begins_ms == -math.inf:  # also where retention has deleted those before
                begins_ms = record.timestamp
            self.result.records += 1
            of_ledger = self._since(begins_ms, claims.pop(record.offset))
            places = [*of_ledger, *self._since(begins_ms, rejects.pop(record.offset))]
            if len(places) > 1:
                self._find(record, f"is there more than once: {', '.join(map(str, places))}")
            elif of_ledger:
                self._check(record, of_ledger[0])
            elif places:
                self._count_admitted(record)
            elif record.offset < read_to:
                self._miss(record)
        for offset, claim in claims.rest():
            if offset < beginning:
                self.result.unproven["entries of the ledger whose input retention has deleted"] += 1
            elif self._since(begins_ms, [claim]):
                self.result.findings.append(f"{claim} names {_name(source, offset)}, where there is no record")

    def close(self) -> None:
        """After the last input: what the ledger names and these settings have no topic for."""
        for source, claims in self._claims.items():
            self.result.findings += [
                f"{claim} names {_name(source, offset)}, which is no input" for offset, claim in claims.rest()
            ]

    def _since(self, begins_ms: float, places: list[_Place]) -> list[_Place]:
        """The places that were written since the first record that the input still holds: others, which name no earlier
        offset, name a topic that was deleted since.
        """
        kept = [place for place in places if place.appended_ms >= begins_ms]
        if gone := len(places) - len(kept):
            self.result.unproven["entries and rejections of an input topic that was deleted and created again"] += gone
        return kept

    def _check(self, record: Any, claim: Claim) -> None:
        entry: Entry = orjson.loads(claim.entry)
        is_stamped = record.timestamp_type == LOG_APPEND_TIME
        if self._is_wall and is_stamped and entry[1] > record.timestamp:
            self._find(record, f"has an entry with a later time than its append, {claim}")
            return
        self.result.stamped_early += self._is_wall and is_stamped and entry[1] < record.timestamp
        wall_ms = record.timestamp if is_stamped else entry[1] if self._is_wall else _FAR_MS
        accept = self._accept[record.topic]
        try:
            code, given, _, _ = accept(record.value, record.headers, entry[1] if self._is_wall else 0, wall_ms)
        except Rejected as rejected:
            self._find(record, f"is at {claim} and is not admitted: {rejected.reason.value}")
            return
        if code != claim.code:
            self._find(record, f"is of {code}, and its entry of {claim.code}, {claim}")
        elif given != entry:
            self._find(record, f"gives another entry than {claim}: {_differing(given, entry)}")

    def _count_admitted(self, record: Any) -> None:
        try:
            self._admit(record)
        except Rejected:
            return
        self.result.admitted_now += 1

    def _admit(self, record: Any) -> str:
        """The regency of a record by these settings, whatever the event clock was. Raises Rejected."""
        clock_ms = record.timestamp if self._is_wall else 0
        code, *_ = self._accept[record.topic](record.value, record.headers, clock_ms, record.timestamp)
        return code

    def _miss(self, record: Any) -> None:
        """A record that intake has read and nobody has seen since. It may have been where retention has deleted."""
        try:
            begins_ms = self.ledger_begins.get(partition_of(self._admit(record), self._partitions), -math.inf)
        except Rejected:
            begins_ms = self.rejected_begins.get(record.partition, -math.inf)
        if record.timestamp <= begins_ms:
            self.result.unproven["inputs whose entry or rejection retention has deleted"] += 1
        else:
            self._find(record, "is neither on the ledger nor rejected")

    def _find(self, record: Any, what: str) -> None:
        source = TopicPartition(record.topic, record.partition)
        self.result.findings.append(f"{_name(source, record.offset)} {what}")


def _name(source: TopicPartition, offset: int) -> str:
    return f"{source.topic}[{source.partition}]@{offset}"


def _differing(given: Entry, entry: Entry) -> str:
    """The names of the fields in which two entries differ."""
    if given[0] != entry[0] or len(given) != len(entry):
        return "its kind"
    fields = zip(FIELDS[given[0]], given[1:], entry[1:], strict=True)
    return ", ".join(name for (name, _), ours, theirs in fields if ours != theirs)
