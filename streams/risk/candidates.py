"""Candidates: incidents that may be one under two numbers, reported by agencies that do not know each other's number.

Two counted incidents are a pair when they are of one group and one place, of agencies that have none in common, and
occurred within the ruleset's `joining.within` of each other. Until people decide, some of them are doubles, which count
for less. From the one with most evidence on, an incident that is no double takes as doubles the nearest one in time of
each other agency, but none that names another station: an agency that has several incidents at a place has numbered
them apart, so one report of another makes at most one of them a double, and never one with more evidence than its own.
Of equals the earlier is first, then the number. All of this follows from the set of incidents, not from the order in
which they came.

Where more than `joining.most` incidents of a group lie at one place none is a candidate: the cost of a report is
bounded, and so many are no matter of pairs.
"""

from collections.abc import Callable, Iterator, Mapping

from schemas.stations import station_of
from streams.risk.record import Record, agencies_of
from streams.rules import Rules

_VILLAGE = 13  # characters of a village's code


def place_of(station_key: str) -> str:
    """The place by which incidents are compared: the village, or the station where no village is known."""
    return station_key if station_key[0] == " " else station_key[:_VILLAGE]


class Candidates:
    """The pairs of one regency's incidents. `doubles`: the incidents that count for less.

    `evidence_of`: what a record weighs in full, in whole numbers, whenever it is asked.
    """

    __slots__ = ("doubles", "pairs", "_evidence_of", "_within_ms", "_most", "_alone", "_several")

    def __init__(self, rules: Rules, evidence_of: Callable[[Record], int]) -> None:
        self.doubles: set[str] = set()
        self.pairs = 0
        self._evidence_of = evidence_of
        self._within_ms, self._most = rules.joining_within_ms, rules.joining_most
        # By group and place. Most records are alone at theirs: a dict for each would be most of the memory.
        self._alone: dict[tuple[int, str], Record] = {}
        self._several: dict[tuple[int, str], dict[str, Record]] = {}

    def add(self, record: Record, place: str) -> list[Record]:
        """A record begins to count; return the others that have become doubles, or are none any more."""
        key = record.kind.group, place
        held = self._several.get(key)
        if held is None:
            first = self._alone.pop(key, None)
            if first is None:
                self._alone[key] = record
                return []
            held = self._several[key] = {first.incident: first}
        if len(held) < self._most:
            partners = self._partners(record, held)
            self.pairs += partners
            may_change = partners > 0
        else:
            may_change = len(held) == self._most  # too many from now on
            self.pairs -= self._count(held) if may_change else 0
        held[record.incident] = record
        return [other for other in self._match(held) if other is not record] if may_change else []

    def remove(self, record: Record, place: str) -> list[Record]:
        """The inverse of `add`, of the same record."""
        key = record.kind.group, place
        held = self._several.get(key)
        if held is None:
            del self._alone[key]
            return []
        del held[record.incident]
        self.doubles.discard(record.incident)
        if len(held) < self._most:
            partners = self._partners(record, held)
            self.pairs -= partners
            may_change = partners > 0
        else:
            may_change = len(held) == self._most  # few enough from now on
            self.pairs += self._count(held) if may_change else 0
        if not held:
            del self._several[key]
        return self._match(held) if may_change else []

    def newest_pairs(self, most: int) -> list[tuple[Record, Record]]:
        """The pairs, those whose later incident occurred last first; in a pair the one with less evidence is second."""
        if not self.pairs:
            return []
        found = [pair for held in self._several.values() for pair in self._pairs(held)]
        found.sort(key=lambda pair: (-max(one.occurred_ms for one in pair), *(one.incident for one in pair)))
        return found[:most]

    def _count(self, held: Mapping[str, Record]) -> int:
        return sum(self._partners(one, held) for one in held.values()) // 2

    def _partners(self, record: Record, held: Mapping[str, Record]) -> int:
        """With how many of a place's others a record is a pair."""
        return sum(self._may_be_one(record, other) for other in held.values() if other is not record)

    def _pairs(self, held: Mapping[str, Record]) -> Iterator[tuple[Record, Record]]:
        by_rank = self._ranked(held)
        for number, first in enumerate(by_rank):
            for second in by_rank[number + 1 :]:
                if self._may_be_one(first, second):
                    yield first, second

    def _match(self, held: Mapping[str, Record]) -> list[Record]:
        """Find the doubles of a place again; return the records for which that changes something."""
        before, doubles = self.doubles & held.keys(), set[str]()
        by_rank = self._ranked(held)
        for number, first in enumerate(by_rank):
            if first.incident not in doubles:
                rest = [one for one in by_rank[number + 1 :] if one.incident not in doubles]
                doubles.update(self._nearest(first, [one for one in rest if self._may_be_double(first, one)]))
        self.doubles -= before
        self.doubles |= doubles
        return [held[incident] for incident in sorted(doubles ^ before)]

    def _nearest(self, first: Record, others: list[Record]) -> list[str]:
        """Of each agency, or agencies that report together, the incident nearest in time."""
        nearest: dict[frozenset[str], Record] = {}
        for other in others:  # from the one with most evidence on
            agencies = frozenset(agencies_of(other))
            held = nearest.setdefault(agencies, other)
            if abs(other.occurred_ms - first.occurred_ms) < abs(held.occurred_ms - first.occurred_ms):
                nearest[agencies] = other
        return [record.incident for record in nearest.values()]

    def _ranked(self, held: Mapping[str, Record]) -> list[Record]:
        """Those with most evidence first; none where there are too many."""
        if not 1 < len(held) <= self._most:
            return []
        return sorted(held.values(), key=lambda one: (-self._evidence_of(one), one.occurred_ms, one.incident))

    def _may_be_double(self, first: Record, one: Record) -> bool:
        stations = {station_of(record.place or "") for record in (first, one)} - {""}
        return len(stations) < 2 and self._may_be_one(first, one)

    def _may_be_one(self, one: Record, other: Record) -> bool:
        if abs(one.occurred_ms - other.occurred_ms) > self._within_ms:
            return False
        if not one.words and not other.words:
            return one.sole_agency != other.sole_agency
        return agencies_of(one).isdisjoint(agencies_of(other))
