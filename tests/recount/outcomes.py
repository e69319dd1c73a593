"""What became of a regency's entries: counted as duplicate, exercise or late, or applied; and its polling stations."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

DAY_MS = 24 * 3_600_000


@dataclass
class Outcomes:
    """`take` one regency's ledger entries in order. `offset_ms`: the election's local time minus UTC."""

    offset_ms: int
    clock_ms: int = 0
    revisions: dict[str, int] = field(default_factory=dict)
    stations: dict[str, list[Any]] = field(default_factory=dict)
    excluded: Counter[str] = field(default_factory=Counter)
    corrected: int = 0
    event_ids: set[str] = field(default_factory=set)

    def take(self, f: list[Any]) -> None:
        """The fields of one entry."""
        self.clock_ms = max(self.clock_ms, f[1])
        if f[0] not in ("i", "t"):
            return
        if f[2] in self.event_ids:
            self.excluded["duplicate"] += 1
            return
        self.event_ids.add(f[2])
        if f[-1]:
            self.excluded["exercise"] += 1
        elif f[0] == "i":
            self._take_incident(f)
        else:
            self._take_turnout(f)

    def _take_incident(self, f: list[Any]) -> None:
        if f[4] <= self.revisions.get(f[3], 0):
            self.excluded["duplicate"] += 1
            return
        self.revisions[f[3]] = f[4]
        self.excluded["late"] += f[9] <= self.clock_ms - DAY_MS

    def _take_turnout(self, f: list[Any]) -> None:
        held = self.stations.get(f[3])
        if held is not None:
            if (f[6], f[7]) <= (held[6], held[7]):
                self.excluded["duplicate"] += 1
                return
            is_same_day = (f[6] + self.offset_ms) // DAY_MS == (held[6] + self.offset_ms) // DAY_MS
            # On a later day a station votes again from zero.
            self.corrected += (f[5] < held[5] and is_same_day) or f[6] == held[6]
        self.stations[f[3]] = f

    def turnout(self) -> dict[str, Any]:
        """The row's figures, from the latest report of each station."""
        figures = self.stations.values()
        registered, voted = sum(f[4] for f in figures), sum(f[5] for f in figures)
        return {
            "stations_reported": len(figures),
            "registered": registered,
            "voted": voted,
            "share": round(voted / registered, 6) if registered else None,
            "over_capacity": sum(f[5] > f[4] for f in figures),
            "corrected": self.corrected,
        }
