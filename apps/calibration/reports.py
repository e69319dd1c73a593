"""Recorded reports: the entries of the ledger, reduced to the incidents that count.

As in the fold (streams/risk/words.py): an incident has the words of its sources, of each the newest revision; its facts
are those of the gravest standing word, and it counts while one stands. Joined numbers are one incident. Exercises do
not count, nor does what people took out. All of it is held until the last entry, since decisions may come weeks later;
what is held is bounded.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from schemas.ledger import ERASE, EVICT, INCIDENT, JOIN, Entry, incident_digest, parts_of
from schemas.vocabulary import DAY_MS, Status
from streams.risk.words import MANY

#: Words that are held at most, some 500 MB with all that follows: a month of a whole country's campaign is a third.
HELD_MOST = 300_000
#: Of one agency in one regency on one day. More of them can't count: no agency counts beyond the others.
OF_ONE_MOST = 2_000


class Incident(NamedTuple):
    """What happened. `agencies` stand for it; `place`: its station key, or None."""

    regency: str
    number: str
    category: str
    severity: int
    occurred_ms: int
    agencies: frozenset[str]
    place: str | None

    @property
    def agency(self) -> str:
        """The only agency that stands for it, or MANY."""
        return next(iter(self.agencies)) if len(self.agencies) == 1 else MANY


class _Word(NamedTuple):
    """What one source says under one number, since when as severely."""

    number: str
    source: str
    agency: str
    revision: int
    category: str
    severity: int
    stands: bool
    occurred_ms: int
    reported_ms: int
    place: str | None
    since_ms: int


class Reports:
    """Takes the entries of all regencies, of each in order. `surplus`: words that were not held, by regency."""

    def __init__(self, offset_ms: int, held_most: int = HELD_MOST) -> None:
        self.newest_ms = 0
        self.surplus: Counter[str] = Counter()
        self._offset_ms, self._held_most, self._held = offset_ms, held_most, 0
        self._words: defaultdict[str, dict[str, dict[str, _Word]]] = defaultdict(dict)
        self._joined: defaultdict[str, dict[str, str]] = defaultdict(dict)  # number -> the number it is held under
        self._of_agency: Counter[tuple[str, int, str]] = Counter()

    def take(self, regency: str, entry: Entry) -> None:
        """One entry of the ledger, of any kind."""
        self.newest_ms = max(self.newest_ms, entry[1])
        kind = entry[0]
        if kind == INCIDENT:
            self._report(regency, entry)
        elif kind == JOIN:
            self._join(regency, *entry[2:5])
        elif kind == EVICT:
            _, _, source, from_ms, to_ms, _, _ = entry
            self._drop(regency, lambda word: word.source == source and from_ms <= word.since_ms <= to_ms)
        elif kind == ERASE:
            digest = entry[2]
            self._drop(regency, lambda word: incident_digest(word.number) == digest)

    def incidents(self) -> Iterator[Incident]:
        """The incidents that count, regency by regency."""
        for regency, numbers in self._words.items():
            joined, groups = self._joined[regency], defaultdict[str, list[_Word]](list)
            for number, words in numbers.items():
                groups[joined.get(number, number)] += words.values()
            for number, group in groups.items():
                if (found := _incident(regency, number, group)) is not None:
                    yield found

    def _report(self, regency: str, entry: Entry) -> None:
        (_, at_ms, _, number, revision, place, category, severity, status, occurred_ms, reported_ms, source,
         is_exercise, agency) = entry  # fmt: skip
        if is_exercise:
            return
        numbers = self._words[regency]
        words = numbers.get(number, {})
        held = words.get(source)
        if held is None and not self._has_room(regency, occurred_ms, agency):
            self.surplus[regency] += 1
            return
        if held is not None and revision <= held.revision:
            return
        since_ms = held.since_ms if held is not None and held.stands and held.severity >= severity else at_ms
        stands = status != Status.RETRACTED
        words[source] = _Word(
            number, source, agency, revision, category, severity, stands, occurred_ms, reported_ms, place, since_ms
        )
        numbers[number] = words

    def _has_room(self, regency: str, occurred_ms: int, agency: str) -> bool:
        """Whether one word more can be held; if so it is counted."""
        key = regency, (occurred_ms + self._offset_ms) // DAY_MS, agency
        if self._held >= self._held_most or self._of_agency[key] >= OF_ONE_MOST:
            return False
        self._held += 1
        self._of_agency[key] += 1
        return True

    def _join(self, regency: str, first: str, second: str, is_undone: bool) -> None:
        numbers, joined = self._words[regency], self._joined[regency]
        if first not in numbers or second not in numbers:
            return
        under, other = joined.get(first, first), joined.get(second, second)
        if is_undone and under == other and first != second:
            rest = [number for number in numbers if joined.get(number, number) == under and number != second]
            joined.pop(second, None)
            joined.update(dict.fromkeys(rest, first))
        elif not is_undone and under != other:
            joined.update({number: under for number in numbers if joined.get(number, number) == other})

    def _drop(self, regency: str, goes: Callable[[_Word], bool]) -> None:
        numbers = self._words[regency]
        for number in list(numbers):
            numbers[number] = {source: word for source, word in numbers[number].items() if not goes(word)}
            if not numbers[number]:
                del numbers[number]


def _incident(regency: str, number: str, words: list[_Word]) -> Incident | None:
    standing = [word for word in words if word.stands]
    if not standing:
        return None
    facts = max(standing, key=_gravity)
    # A trifle under the same number does not stand for a grave incident.
    agencies = {
        word.agency
        for word in standing
        if word.category == facts.category and word.severity >= min(facts.severity - 1, 3)
    }
    return Incident(
        regency, number, facts.category, facts.severity, facts.occurred_ms, frozenset(agencies), facts.place
    )


def _gravity(word: _Word) -> tuple[bool, int, bool, int, str]:
    is_timely = word.since_ms - word.occurred_ms <= DAY_MS
    return is_timely, word.severity, parts_of(word.number)[0] == word.source, word.reported_ms, word.source
