"""What became of a regency's entries: counted as repeated, exercise or late, or applied; and its polling stations."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.recount.polls import Figure, Station

DAY_MS = 24 * 3_600_000
#: In an entry of each kind: its source, whether it is an exercise, and where the fields of the message end.
SOURCE, EXERCISE, END = {"i": 11, "t": 8}, {"i": 12, "t": 9}, {"i": 13, "t": 10}
REASONS = ("late", "exercise", "duplicate", "surplus", "id_reused")


@dataclass
class Outcomes:
    """`take` one regency's ledger entries in order. `offset_ms`: the election's local time minus UTC; `listed`: the
    stations that its station roster has, None without one.
    """

    offset_ms: int
    listed: set[str] | None = None
    clock_ms: int = 0
    #: By incident number, then by source.
    words: dict[str, dict[str, tuple[int, list[Any]]]] = field(default_factory=lambda: defaultdict(dict))
    stations: dict[str, Station] = field(default_factory=lambda: defaultdict(Station))
    #: Those that the station roster lacks.
    unlisted: dict[str, Station] = field(default_factory=lambda: defaultdict(Station))
    excluded: Counter[str] = field(default_factory=Counter)
    corrected: int = 0
    #: What each message said, by its identity.
    bodies: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def take(self, f: list[Any]) -> bool:
        """The fields of one entry; whether it is a message that counts: new, and no exercise."""
        self.clock_ms = max(self.clock_ms, f[1])
        kind = f[0]
        if kind not in SOURCE:
            return False
        identity, body = (kind, f[SOURCE[kind]], f[EXERCISE[kind]], f[2]), hash(tuple(f[3 : END[kind]]))
        if identity in self.bodies:
            is_same = self.bodies[identity] == body or (not f[EXERCISE[kind]] and self._is_told(f))
            self.excluded["duplicate" if is_same else "id_reused"] += 1
            return False
        self.bodies[identity] = body
        if f[EXERCISE[kind]]:
            self.excluded["exercise"] += 1
            return False
        (self._take_incident if kind == "i" else self._take_turnout)(f)
        return True

    def _is_told(self, f: list[Any]) -> bool:
        """Whether its source has told this of the incident or station under whatever id, or something newer."""
        if f[0] == "i":
            revision, facts = self.words.get(f[3], {}).get(f[11], (0, []))
            return f[4] < revision or (f[4], f[5:11]) == (revision, facts)
        is_listed = self.listed is None or f[3] in self.listed
        station = (self.stations if is_listed else self.unlisted).get(f[3])
        held = station.figures.get(f[8]) if station else None
        told, new = (held.as_of_ms, held.revision) if held else (0, 0), (f[6], f[7])
        return new < told or (held is not None and new == told and [held.registered, held.voted] == f[4:6])

    def _take_incident(self, f: list[Any]) -> None:
        words = self.words[f[3]]
        if f[4] <= words.get(f[11], (0, []))[0]:
            self.excluded["duplicate"] += 1
            return
        words[f[11]] = f[4], f[5:11]
        self.excluded["late"] += f[9] <= self.clock_ms - DAY_MS

    def _take_turnout(self, f: list[Any]) -> None:
        is_listed = self.listed is None or f[3] in self.listed
        station, new = (self.stations if is_listed else self.unlisted)[f[3]], Figure.of(f)
        held = station.figures.get(new.source)
        is_news, is_correction, is_vote = station.take(new, self.offset_ms)
        if not is_news:
            self.excluded["duplicate"] += 1
        elif is_listed and held is not None and not is_vote:
            # A revision of the same moment counts here, whatever it says.
            self.corrected += is_correction or new.as_of_ms == held.as_of_ms

    def turnout(self) -> dict[str, Any]:
        """The row's figures, from the one in force of each station."""
        figures = [station.figure for station in self.stations.values()]
        registered, voted = sum(f.registered for f in figures), sum(f.voted for f in figures)
        return {
            "stations_reported": len(figures),
            "registered": registered,
            "voted": voted,
            "share": round(voted / registered, 6) if registered else None,
            "over_capacity": sum(f.is_over for f in figures),
            "corrected": self.corrected,
            "unlisted": len(self.unlisted),
            "conflicting": sum(bool(station.disputed) for station in self.stations.values()),
        }
