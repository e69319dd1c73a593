"""Incidents as what several sources say of them: one word for each source, and what people have joined.

Words under each number (origin and incident id) are kept for themselves; a join is only a way to read them, so that
undoing it brings back what there would have been.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

GRAVE = 4
DAY_MS = 86_400_000
#: Categories that bear each other out: those of one group of the packaged rulesets.
TOGETHER = {
    "logistics": "supply", "natural_hazard": "supply", "administration": "process", "data_integrity": "process",
    "eligibility": "integrity", "money_politics": "integrity", "disinformation": "integrity",
    "neutrality": "security", "intimidation": "security", "clash": "security", "property_attack": "security",
    "fatality": "security", "protest": "expression",
}  # fmt: skip


class Word(NamedTuple):
    """The latest that one source says of one incident number."""

    key: str
    source: str
    agency: str
    revision: int
    category: str
    severity: int
    status: str
    occurred_ms: int
    reported_ms: int
    station: str | None
    #: The regency's clock when its source first told it at least as severe as it does now; 0 of a retracted word.
    since_ms: int = 0

    @classmethod
    def of(cls, f: list[Any]) -> "Word":
        """Of a ledger entry."""
        return cls(f[3], f[11], f[13], f[4], f[6], f[7], f[8], f[9], f[10], f[5])

    @property
    def stands(self) -> bool:
        return self.status != "retracted"

    @property
    def said(self) -> tuple[Any, ...]:
        """All that it says of the incident, whatever its revision."""
        return self[4:10]

    @property
    def facts(self) -> tuple[Any, ...]:
        """The same but when it was reported: a word that is sent again tells nothing else."""
        return self.category, self.severity, self.status, self.occurred_ms, self.station

    @property
    def is_origin(self) -> bool:
        return self.key.startswith(f"{self.source} ")


@dataclass
class Incident:
    """One incident: the number it goes by, its gravest standing word (of all when none stands), and the sources and
    agencies whose words stand.

    `since_ms`: when its origin, or without its word anybody, first reported it as that severe, 0 when none stands;
    `digits`: its evidence at its hour, 0
    when it can never score; `evidence`: the same, scaled to the time of the first entry.
    """

    id: str
    word: Word
    sources: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    #: The agencies whose words bear the gravest one out.
    behind: frozenset[str] = frozenset()
    since_ms: int = 0
    group: str = ""
    digits: float = 0.0
    evidence: float = 0.0

    @property
    def stands(self) -> bool:
        return bool(self.sources)

    @property
    def is_confirmed(self) -> bool:
        return len(self.behind) > 1

    @property
    def is_grave(self) -> bool:
        return self.stands and self.word.severity >= GRAVE

    @property
    def station(self) -> str:
        """Empty when none was told."""
        return (self.word.station or "").partition(" ")[2]

    @property
    def place(self) -> str:
        """Village, or the station where none was told; empty without either."""
        village, _, station = (self.word.station or "").partition(" ")
        return village or station


def incident_of(number: str, words: Collection[Word]) -> Incident:
    """What these words, one for each number and source, say together."""
    word = max(words, key=_gravity)
    standing = [one for one in words if one.stands]
    sources, agencies = (frozenset(getattr(one, name) for one in standing) for name in ("source", "agency"))
    behind = [
        one
        for one in standing
        if TOGETHER[one.category] == TOGETHER[word.category] and one.severity >= min(word.severity - 1, GRAVE - 1)
    ]
    alike = [one for one in behind if one.severity == word.severity]
    hours = [one.since_ms for one in alike if one.is_origin] or [one.since_ms for one in alike]
    return Incident(number, word, sources, agencies, frozenset(one.agency for one in behind), min(hours, default=0))


def _gravity(word: Word) -> tuple[bool, bool, bool, int, bool, int, str, str]:
    """The gravest standing word tells; of equals the origin's, then the one reported last, then by name. A protest is
    never the gravest, nor what was more than a day old when it was told.
    """
    can_score, is_fresh = TOGETHER[word.category] != "expression", word.since_ms - word.occurred_ms <= DAY_MS
    rest = word.severity, word.is_origin, word.reported_ms, word.source, word.key
    return word.stands, can_score, is_fresh, *rest


class Words:
    """All that was said in one regency, by number and source."""

    def __init__(self) -> None:
        self.words: dict[str, dict[str, Word]] = {}
        #: How many words are held of each agency.
        self.held: Counter[str] = Counter()
        #: The number by which a number that people have joined to it goes.
        self._leader: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.words)

    def word(self, number: str, source: str) -> Word | None:
        return self.words.get(number, {}).get(source)

    def take(self, word: Word, clock_ms: int) -> bool:
        """Whether the word was news: a revision of its source's that is higher than the one before."""
        held = self.word(word.key, word.source)
        if held is not None and word.revision <= held.revision:
            return False
        if word.stands:
            keeps = held is not None and held.stands and held.severity >= word.severity
            word = word._replace(since_ms=held.since_ms if held is not None and keeps else clock_ms)
        if held is not None:
            self.held[held.agency] -= 1
        self.held[word.agency] += 1
        self.words.setdefault(word.key, {})[word.source] = word
        return True

    def evict(self, source: str, from_ms: int, to_ms: int) -> set[str]:
        """Take out what a source has first told between two times, both included, and all that it has retracted; the
        numbers it was told under.
        """
        gone = [
            word
            for words in self.words.values()
            for word in words.values()
            if word.source == source and (not word.stands or from_ms <= word.since_ms <= to_ms)
        ]
        return self._drop(gone)

    def erase(self, number: str) -> bool:
        """Take out all that was said under a number; whether there was anything."""
        return bool(self._drop(list(self.words.get(number, {}).values())))

    def _drop(self, gone: list[Word]) -> set[str]:
        """Take words out; the numbers they were told under."""
        numbers = {word.key for word in gone}
        for word in gone:
            self.held[word.agency] -= 1
            del self.words[word.key][word.source]
        empty = sorted(number for number in numbers if not self.words[number])
        for number in empty:
            del self.words[number]
        for number in empty:
            self._leave(number)
        return numbers

    def _leave(self, number: str) -> None:
        """A number without words is none: what was joined to it goes by the number of the word that tells."""
        if number not in self._leader:
            return
        left = self.numbers(number) - {number}
        words = [word for one in left for word in self.words.get(one, {}).values()]
        self._split(self._leader[number], number, max(words, key=_gravity).key if words else min(left))

    def join(self, first: str, second: str, is_undone: bool) -> bool:
        """What people have decided of two numbers; whether it changes anything. They are one incident under the first
        one's number; undone, the second is one of its own again.
        """
        if not (first in self.words and second in self.words):
            return False
        one, other = self._leader.get(first, first), self._leader.get(second, second)
        if is_undone:
            if one == other and first != second:
                self._split(one, second, first)
            return one == other and first != second
        if one != other:
            for number in (*self.numbers(one), *self.numbers(other)):
                self._leader[number] = one
        return one != other

    def _split(self, leader: str, leaving: str, heir: str) -> None:
        rest = self.numbers(leader) - {leaving}
        for number in (*rest, leaving):
            del self._leader[number]
        if len(rest) > 1:
            self._leader |= dict.fromkeys(rest, heir if leader == leaving else leader)

    def numbers(self, number: str) -> set[str]:
        """The numbers that are one incident with this one."""
        leader = self._leader.get(number)
        return {one for one, of in self._leader.items() if of == leader} if leader else {number}

    def incident(self, number: str) -> Incident | None:
        """The incident that a number stands for; None when nothing is held that was said under it."""
        if number not in self.words:
            return None
        leader = self._leader.get(number, number)
        return incident_of(leader, [word for one in self.numbers(number) for word in self.words[one].values()])
