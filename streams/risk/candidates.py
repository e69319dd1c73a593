"""Candidates: incidents that may be one under two numbers, told by agencies that do not know each other's number.

Two counted incidents are a pair when they are of one group and one place, of agencies that have none in common, and
occurred within the ruleset's `joining.within` of each other. Of a pair the lesser is a double, which counts for less
until people decide: the milder, then the one that occurred later, then by number. Pairs follow from the set of
incidents, not from the order in which they came. Where more than `joining.most` incidents of a group lie at one place
none is a candidate: the cost of a report is bounded, and so many are no matter of pairs.
"""

from collections.abc import Iterator, Mapping

from streams.risk.record import Record, agencies_of
from streams.rules import Rules

_VILLAGE = 13  # characters of a village's code


def place_of(station_key: str) -> str:
    """The place by which incidents are compared: the village, or the station where no village is known."""
    return station_key if station_key[0] == " " else station_key[:_VILLAGE]


class Candidates:
    """The pairs of one regency's incidents. Records are compared by identity of their incident key.

    `leaders`: of how many pairs an incident is the lesser, where that is not 0.
    """

    __slots__ = ("leaders", "pairs", "_within_ms", "_most", "_places")

    def __init__(self, rules: Rules) -> None:
        self.leaders: dict[str, int] = {}
        self.pairs = 0
        self._within_ms, self._most = rules.joining_within_ms, rules.joining_most
        # By group and place: one record, or several by incident. Most are alone: a dict for each would be most memory.
        self._places: dict[tuple[int, str], Record | dict[str, Record]] = {}

    def add(self, record: Record, place: str) -> list[Record]:
        """A record begins to count; return the others that have become doubles, or are none any more."""
        key = record.kind.group, place
        held = self._places.get(key)
        if held is None:
            self._places[key] = record
            return []
        if isinstance(held, Record):
            held = self._places[key] = {held.incident: held}
        before = self._doubles(held)
        if len(held) < self._most:
            self._pair(record, held, 1)
        elif len(held) == self._most:
            self._pair_all(held, -1)
        changed = self._changed(held, before)
        held[record.incident] = record
        return changed

    def remove(self, record: Record, place: str) -> list[Record]:
        """The inverse of `add`, of the same record."""
        key = record.kind.group, place
        held = self._places[key]
        if isinstance(held, Record):
            del self._places[key]
            return []
        before = self._doubles(held)
        del held[record.incident]
        if len(held) < self._most:
            self._pair(record, held, -1)
        elif len(held) == self._most:
            self._pair_all(held, 1)
        if not held:
            del self._places[key]
        return self._changed(held, before)

    def newest_pairs(self, most: int) -> list[tuple[Record, Record]]:
        """The pairs, those whose later incident occurred last first; in a pair the lesser is second."""
        if not self.pairs:
            return []
        several = (held for held in self._places.values() if not isinstance(held, Record))
        found = [pair for held in several if len(held) <= self._most for pair in self._pairs(held)]
        found.sort(key=lambda pair: (-max(one.occurred_ms for one in pair), *(one.incident for one in pair)))
        return found[:most]

    def _doubles(self, held: Mapping[str, Record]) -> set[str]:
        return held.keys() & self.leaders.keys() if self.leaders else set()

    def _changed(self, held: Mapping[str, Record], before: set[str]) -> list[Record]:
        changed = self._doubles(held) ^ (before & held.keys())
        return [held[incident] for incident in sorted(changed)]

    def _pairs(self, held: Mapping[str, Record]) -> Iterator[tuple[Record, Record]]:
        by_rank = sorted(held.values(), key=_rank)
        for number, first in enumerate(by_rank):
            for second in by_rank[number + 1 :]:
                if self._may_be_one(first, second):
                    yield first, second

    def _pair(self, one: Record, held: Mapping[str, Record], sign: int) -> None:
        for other in held.values():
            if self._may_be_one(one, other):
                self._count(one if _rank(one) > _rank(other) else other, sign)

    def _pair_all(self, held: Mapping[str, Record], sign: int) -> None:
        for _, second in self._pairs(held):
            self._count(second, sign)

    def _count(self, lesser: Record, sign: int) -> None:
        self.pairs += sign
        count = self.leaders.get(lesser.incident, 0) + sign
        if count:
            self.leaders[lesser.incident] = count
        else:
            del self.leaders[lesser.incident]

    def _may_be_one(self, one: Record, other: Record) -> bool:
        if abs(one.occurred_ms - other.occurred_ms) > self._within_ms:
            return False
        if not one.words and not other.words:
            return one.sole_agency != other.sole_agency
        return agencies_of(one).isdisjoint(agencies_of(other))


def _rank(record: Record) -> tuple[int, int, str]:
    return -record.kind.severity, record.occurred_ms, record.incident
