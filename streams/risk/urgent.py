"""Urgent incidents of one regency: grave ones, which raise a level at once, for an hour after their first report.

They are counted by group, severity and agency, so that what they raise to is known without looking at each: a flood of
grave reports must not make the next one dearer. The names are in the order of time, so that an hour's end costs only
what ends.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from operator import itemgetter
from typing import NamedTuple

from streams.risk.words import MANY


class UrgentKind(NamedTuple):
    """What urgent incidents have in common: their group and severity, and whether two agencies confirm them."""

    group: int
    severity: int
    is_confirmed: bool


class Urgent:
    """The urgent incidents by key. Only its methods change it."""

    __slots__ = ("_held", "_counts", "_is_sorted")

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, UrgentKind, str]] = {}  # since when, what kind, the sole agency or MANY
        self._counts: dict[UrgentKind, Counter[str]] = {}  # by agency
        self._is_sorted = True

    def __contains__(self, incident: object) -> bool:
        return incident in self._held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def kinds(self) -> Iterator[UrgentKind]:
        """What kinds there are, in no order."""
        return iter(self._counts)

    def agencies(self, kind: UrgentKind) -> Counter[str]:
        """How many incidents of a kind rest on each agency; MANY for those on which several do."""
        return self._counts[kind]

    def note(self, incident: str, since_ms: int, group: int, severity: int, sole_agency: str) -> bool:
        """An incident is urgent from `since_ms` on. True when it is the first of its kind."""
        held = self._held
        if held and since_ms < held[next(reversed(held))][0]:
            self._is_sorted = False  # a revision of an incident that was reported earlier
        kind = UrgentKind(group, severity, sole_agency == MANY)
        held[incident] = since_ms, kind, sole_agency
        if kind in self._counts:
            self._counts[kind][sole_agency] += 1
            return False
        self._counts[kind] = Counter((sole_agency,))
        return True

    def drop(self, incident: str) -> bool:
        """An incident is not urgent any more, if it was. True when it was the last of its kind."""
        found = self._held.pop(incident, None)
        if found is None:
            return False
        _, kind, agency = found
        counts = self._counts[kind]
        counts[agency] -= 1
        if not counts[agency]:
            del counts[agency]
        if counts:
            return False
        del self._counts[kind]
        return True

    def forget(self, edge_ms: int) -> None:
        """Incidents urgent since then or earlier raise nothing any more."""
        if not self._is_sorted:
            self._held = dict(sorted(self._held.items(), key=itemgetter(1)))
            self._is_sorted = True
        held = self._held
        for incident in list(takewhile(lambda name: held[name][0] <= edge_ms, held)):
            self.drop(incident)
