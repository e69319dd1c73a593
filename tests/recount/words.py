"""Incidents as what several sources say of them: one word for each source, and what people have joined.

Words under each number (origin and incident id) are kept for themselves; a join is only a way to read them, so that
undoing it leaves what there was.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

GRAVE = 4


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

    @classmethod
    def of(cls, f: list[Any]) -> "Word":
        """Of a ledger entry."""
        return cls(f[3], f[11], f[13], f[4], f[6], f[7], f[8], f[9], f[10], f[5])

    @property
    def is_origin(self) -> bool:
        return self.key.startswith(f"{self.source} ")


@dataclass
class Incident:
    """One incident: the number it goes by, its gravest standing word, or its last one when none stands, and the sources
    and agencies whose words stand.

    `grave_ms`: when it was first reported as that grave, or 0; `evidence`: the digits that it adds to its group's sum,
    scaled to the time of the first entry; 0 when it can never score.
    """

    id: str
    word: Word
    sources: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    grave_ms: int = 0
    group: str = ""
    evidence: float = 0.0

    @property
    def stands(self) -> bool:
        return bool(self.sources)

    @property
    def is_confirmed(self) -> bool:
        return len(self.agencies) > 1

    @property
    def is_grave(self) -> bool:
        return self.stands and self.word.severity >= GRAVE

    @property
    def place(self) -> str:
        """Village, or the station where none was told; empty without either."""
        village, _, station = (self.word.station or "").partition(" ")
        return village or station


def incident_of(key: str, words: list[Word]) -> Incident:
    """What these words, one for each number and source, say together. The last of them was told last."""
    standing = [word for word in words if word.status != "retracted"]
    if not standing:
        return Incident(key, words[-1]._replace(status="retracted"))
    standing.sort(key=lambda word: (-word.severity, not word.is_origin, -word.reported_ms, word.source, word.key))
    return Incident(key, standing[0], frozenset(w.source for w in standing), frozenset(w.agency for w in standing))


@dataclass
class Words:
    """All that was said in one regency, by number and source."""

    words: dict[str, dict[str, Word]] = field(default_factory=lambda: defaultdict(dict))
    #: Since when the words under a number are as grave as they are.
    grave_ms: dict[str, tuple[int, int]] = field(default_factory=dict)
    joined: set[frozenset[str]] = field(default_factory=set)

    def take(self, word: Word, clock_ms: int) -> bool:
        """Whether the word was news: a revision of its source's that is higher than the one before."""
        held = self.words[word.key].get(word.source)
        if held is not None and word.revision <= held.revision:
            return False
        self.words[word.key].pop(word.source, None)
        self.words[word.key][word.source] = word
        alone = incident_of(word.key, list(self.words[word.key].values()))
        severity, since_ms = self.grave_ms.pop(word.key, (0, 0))
        if alone.is_grave:
            self.grave_ms[word.key] = alone.word.severity, since_ms if severity >= alone.word.severity else clock_ms
        return True

    def join(self, one: str, other: str, is_undone: bool) -> None:
        """What people have decided of two numbers."""
        (self.joined.discard if is_undone else self.joined.add)(frozenset((one, other)))

    def numbers(self, key: str) -> set[str]:
        """The numbers that are one incident with this one."""
        found, todo = {key}, [key]
        while todo:
            here = todo.pop()
            for other in set().union(*(pair for pair in self.joined if here in pair)) - found:
                found.add(other)
                todo.append(other)
        return found

    def incident(self, key: str) -> Incident | None:
        """The incident that a number stands for; None before anything was said under it or what it is joined with."""
        told = sorted(number for number in self.numbers(key) if self.words.get(number))
        if not told:
            return None
        found = incident_of(told[0], [word for number in told for word in self.words[number].values()])
        since = [self.grave_ms[n][1] for n in told if n in self.grave_ms and self.grave_ms[n][0] >= found.word.severity]
        return replace(found, grave_ms=min(since)) if found.is_grave else found
