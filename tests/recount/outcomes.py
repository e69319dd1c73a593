"""What became of a regency's entries: counted as repeated, exercise, surplus or late, or applied; and what it holds
after them: words, and polling stations.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from tests.recount.policy import Limits
from tests.recount.polls import Figure, Station
from tests.recount.sources import STRANGER
from tests.recount.words import Word, Words

DAY_MS = 24 * 3_600_000
#: In an entry of each kind: its source, whether it is an exercise, and where the fields of the message end.
SOURCE, EXERCISE, END = {"i": 11, "t": 8}, {"i": 12, "t": 9}, {"i": 13, "t": 10}
REASONS = ("late", "exercise", "duplicate", "surplus", "id_reused")


class Effect(NamedTuple):
    """What an entry has changed: nothing unless said. `numbers` and `stations` are those of which something is told
    otherwise now; `is_sign`: whether it is a sign of life.
    """

    numbers: frozenset[str] = frozenset()
    stations: frozenset[str] = frozenset()
    is_sign: bool = False
    is_correction: bool = False

    def __bool__(self) -> bool:
        return bool(self.numbers or self.stations)


NOTHING = Effect()


@dataclass
class Outcomes:
    """`take` one regency's ledger entries in order. `offset_ms`: the election's local time minus UTC; `listed`: the
    stations that its station roster has, None without one; `expected`: how many stations the roster says it has, None
    where nobody counts; `limits`: of memory, None: there are none.
    """

    offset_ms: int
    listed: set[str] | None = None
    expected: int | None = None
    limits: Limits | None = None
    clock_ms: int = 0
    words: Words = field(default_factory=Words)
    stations: dict[str, Station] = field(default_factory=dict)
    #: Those that the station roster lacks.
    unlisted: dict[str, Station] = field(default_factory=dict)
    #: How many figures are held of each agency.
    figures: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    #: What each message said, by its identity; None once that was taken out.
    bodies: dict[tuple[Any, ...], int | None] = field(default_factory=dict)
    #: Identities of what a source told of an incident or station and was applied: only that can be taken out.
    _told: dict[tuple[str, str, str], list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, f: list[Any]) -> Effect:
        """The fields of one entry."""
        self.clock_ms = max(self.clock_ms, f[1])
        if f[0] in SOURCE:
            return self._message(f)
        if f[0] == "j":
            numbers = frozenset(self.words.numbers(f[2]) | self.words.numbers(f[3]))
            return Effect(numbers) if self.words.join(f[2], f[3], f[4]) else NOTHING
        if f[0] == "e":
            return self._evict(f[2], f[3], f[4])
        return self._erase(f[2]) if f[0] == "x" else NOTHING

    def _message(self, f: list[Any]) -> Effect:
        kind = f[0]
        identity, body = (kind, f[SOURCE[kind]], f[EXERCISE[kind]], f[2]), hash(tuple(f[3 : END[kind]]))
        if identity in self.bodies:
            is_same = self.bodies[identity] == body or (not f[EXERCISE[kind]] and self._is_told(f))
            self.excluded["duplicate" if is_same else "id_reused"] += 1
            return NOTHING
        self.bodies[identity] = body
        if f[EXERCISE[kind]]:
            self.excluded["exercise"] += 1
            return NOTHING
        effect = (self._incident if kind == "i" else self._turnout)(f)
        if effect:
            self._told[kind, f[SOURCE[kind]], f[3]].append(identity)
        return effect

    def _is_told(self, f: list[Any]) -> bool:
        """Whether its source has told this of the incident or station under whatever id, or something newer."""
        if f[0] == "i":
            word, new = self.words.word(f[3], f[11]), Word.of(f)
            return word is not None and (f[4] < word.revision or (f[4] == word.revision and word.said == new.said))
        station = self.side(f[3]).get(f[3])
        held = station.figures.get(f[8]) if station else None
        told, now = (held.as_of_ms, held.revision) if held else (0, 0), (f[6], f[7])
        return now < told or (held is not None and now == told and [held.registered, held.voted] == f[4:6])

    def side(self, key: str) -> dict[str, Station]:
        """Where a station is held: among those listed, or apart."""
        return self.stations if self.listed is None or key in self.listed else self.unlisted

    def _is_surplus(self, agency: str, held: Counter[str], most: int) -> bool:
        """Whether one more of an agency would be too many. Counts it if so."""
        if self.limits is None:
            return False
        is_surplus = held[agency] >= most
        if agency.startswith(STRANGER):
            strangers = [count for name, count in held.items() if name.startswith(STRANGER) and count]
            is_surplus |= sum(strangers) >= most * self.limits.times
            is_surplus |= not held[agency] and len(strangers) >= self.limits.agencies
        self.excluded["surplus"] += is_surplus
        return is_surplus

    def _incident(self, f: list[Any]) -> Effect:
        word = Word.of(f)
        held = self.words.word(word.key, word.source)
        most = self.limits.words if self.limits else 0
        if held is None and self._is_surplus(word.agency, self.words.held, most):
            return NOTHING
        if not self.words.take(word, self.clock_ms):
            self.excluded["duplicate"] += 1
            return NOTHING
        self.excluded["late"] += word.occurred_ms <= self.clock_ms - DAY_MS
        is_news = held is None or (held.stands and held.facts != word.facts)
        return Effect(frozenset(self.words.numbers(word.key)), is_sign=word.stands and is_news)

    def _turnout(self, f: list[Any]) -> Effect:
        new, key = Figure.of(f), f[3]
        side, most = self.side(key), self.limits.figures if self.limits else 0
        held = side[key].figures.get(new.source) if key in side else None
        if held is None and self._is_surplus(new.agency, self.figures, most):
            return NOTHING
        is_news, is_correction, _ = side.setdefault(key, Station()).take(new, self.offset_ms)
        if not is_news:
            self.excluded["duplicate"] += 1
            return NOTHING
        self.figures[new.agency] += held is None
        return Effect(stations=frozenset({key}), is_sign=True, is_correction=is_correction)

    def _evict(self, source: str, from_ms: int, to_ms: int) -> Effect:
        """Take a source's words and figures of a time out."""
        joined = {number: self.words.numbers(number) for number in self.words.words}
        numbers, stations = self.words.evict(source, from_ms, to_ms), set()
        for number in numbers:
            self._forget("i", source, number)
        for side in (self.stations, self.unlisted):
            for key, station in list(side.items()):
                figure = station.figures.get(source)
                if figure is None or not from_ms <= figure.as_of_ms <= to_ms:
                    continue
                station.drop(source)
                self._forget("t", source, key)
                self.figures[figure.agency] -= 1
                stations.add(key)
                if not station.figures:
                    del side[key]
        return Effect(frozenset().union(*(joined[number] for number in numbers)), frozenset(stations))

    def _erase(self, digest: str) -> Effect:
        """Take an incident out with all that was said of it."""
        for number in [number for number in self.words.words if digest_of(number) == digest]:
            numbers = self.words.numbers(number)
            for source in self.words.words[number]:
                self._forget("i", source, number)
            self.words.erase(number)
            return Effect(frozenset(numbers))
        return NOTHING

    def _forget(self, kind: str, source: str, key: str) -> None:
        """What was taken out is known by its ids alone: sent again, it is another message under a known id."""
        for identity in self._told.pop((kind, source, key), ()):
            self.bodies[identity] = None

    @property
    def beyond(self) -> int:
        """How many stations have reported beyond those that there are."""
        return 0 if self.expected is None else max(0, len(self.stations) - self.expected)

    def turnout(self) -> dict[str, Any]:
        """The row's figures, from the one in force of each station."""
        figures = [station.figure for station in self.stations.values()]
        registered, voted = sum(f.registered for f in figures), sum(f.voted for f in figures)
        return {
            "stations_reported": len(figures) - self.beyond,
            "registered": registered,
            "voted": voted,
            "share": round(voted / registered, 6) if registered else None,
            "over_capacity": sum(f.is_over for f in figures),
            "corrected": sum(station.corrected.total() for station in self.stations.values()),
            "unlisted": len(self.unlisted) + self.beyond,
            "conflicting": sum(bool(station.disputed) for station in self.stations.values()),
        }


def digest_of(number: str) -> str:
    """How an incident is named where its number must not be."""
    return blake2b(number.encode(), digest_size=8).hexdigest()
