"""Polling stations as several sources count them."""

from collections import Counter, defaultdict
from itertools import combinations
from typing import Any, NamedTuple

DAY_MS = 24 * 3_600_000


class Figure(NamedTuple):
    """The latest figure that one source has told of one station."""

    registered: int
    voted: int
    as_of_ms: int
    revision: int
    source: str
    agency: str
    rank: int

    @classmethod
    def of(cls, f: list[Any]) -> "Figure":
        """Of a ledger entry."""
        return cls(f[4], f[5], f[6], f[7], f[8], f[10], f[11])

    @property
    def is_over(self) -> bool:
        return self.voted > self.registered


class Station:
    """`corrections`: how many each source has told since its last new vote, and `corrected` in all, with revisions of
    the same moment; `disputed`: pairs of agencies that told
    different counts of one moment and have not agreed since."""

    #: The one in force: there is one once any was taken.
    figure: Figure

    def __init__(self) -> None:
        #: Whether the last figure was the first of a new vote, of the source whose figure was in force.
        self.votes_again = False
        self.figures: dict[str, Figure] = {}
        self.corrections: dict[str, int] = defaultdict(int)
        self.corrected: Counter[str] = Counter()
        self.disputed: set[frozenset[str]] = set()

    @property
    def repeats(self) -> int:
        return self.corrections[self.figure.source]

    def take(self, new: Figure, offset_ms: int) -> tuple[bool, bool, bool]:
        """Whether a figure is news, corrects the same source's figure before, or is of a new vote."""
        held = self.figures.get(new.source)
        is_news = held is None or (new.as_of_ms, new.revision) > (held.as_of_ms, held.revision)
        if not is_news:
            return False, False, False
        is_vote = is_correction = self.votes_again = False
        if held is not None:
            is_other = (new.registered, new.voted) != (held.registered, held.voted)
            is_vote = new.voted < held.voted and local_day(new, offset_ms) > local_day(held, offset_ms)
            is_correction = not is_vote and (new.voted < held.voted or (new.as_of_ms == held.as_of_ms and is_other))
            self.votes_again = is_vote and self.figure.source == new.source
            self.corrections[new.source] = 0 if is_vote else self.corrections[new.source] + is_correction
            # A revision of the same moment counts as corrected, whatever it says.
            self.corrected[new.source] += not is_vote and (is_correction or new.as_of_ms == held.as_of_ms)
        self.figures[new.source] = new
        self._choose()
        self._dispute()
        return True, is_correction, is_vote

    def _choose(self) -> None:
        self.figure = min(self.figures.values(), key=lambda f: (f.rank, -f.as_of_ms, -f.revision, f.source))

    def drop(self, source: str) -> None:
        """Take out what a source has told. An agency without a figure disputes none, nor do those that agree now."""
        del self.figures[source]
        self.corrections.pop(source, None)
        self.corrected.pop(source, None)
        self.votes_again = False
        agencies = {figure.agency for figure in self.figures.values()}
        self.disputed = {pair for pair in self.disputed if pair <= agencies}
        if self.figures:
            self._choose()
            self._dispute()

    def _dispute(self) -> None:
        told: dict[frozenset[str], list[bool]] = defaultdict(list)
        for one, other in combinations(self.figures.values(), 2):
            if one.agency != other.agency and one.as_of_ms == other.as_of_ms:
                told[frozenset((one.agency, other.agency))].append(one.voted == other.voted)
        for pair, agreed in told.items():
            (self.disputed.discard if all(agreed) else self.disputed.add)(pair)


def local_day(figure: Figure, offset_ms: int) -> int:
    return (figure.as_of_ms + offset_ms) // DAY_MS
