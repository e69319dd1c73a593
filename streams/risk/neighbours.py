"""What a regency knows of its neighbours, and when they were last notified of its own turnout share."""

from typing import TypedDict

from streams.risk.words import MANY
from streams.rules import Rules


class StoredNeighbours(TypedDict):
    """Neighbours as a state record holds them."""

    levels: dict[str, int]
    sole_agencies: dict[str, str]
    shares: dict[str, int]
    notified_hour: int


class Neighbours:
    """Levels and turnout shares from the notices of neighbouring regencies."""

    __slots__ = ("levels", "sole_agencies", "shares", "_notified_hour")

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}  # of neighbours above normal, 1 to 3
        self.sole_agencies: dict[str, str] = {}  # of those whose level rests on one agency alone, which
        self.shares: dict[str, int] = {}  # latest turnout shares, ten-thousandths
        self._notified_hour = 0

    def notice(self, regency: str, level: int, share_myriad: int | None, sole_agency: str) -> None:
        """Take a neighbour's notice. Without a share the one before stays. `sole_agency`: on which its level rests
        alone, or "".
        """
        self.sole_agencies.pop(regency, None)
        if level:
            self.levels[regency] = level
            if sole_agency and sole_agency != MANY:
                self.sole_agencies[regency] = sole_agency
        else:
            self.levels.pop(regency, None)
        if share_myriad is not None:
            self.shares[regency] = share_myriad

    def is_notified(self, hour: int) -> bool:
        """Whether they were notified of the own share in this hour (Unix time)."""
        return hour == self._notified_hour

    def notify(self, hour: int) -> None:
        """Record that they are notified of the own share in this hour; nothing is sent here."""
        self._notified_hour = hour

    def stored(self) -> StoredNeighbours:
        """The fields of the state record."""
        return {
            "levels": self.levels,
            "sole_agencies": self.sole_agencies,
            "shares": self.shares,
            "notified_hour": self._notified_hour,
        }

    def restore(self, stored: StoredNeighbours) -> None:
        """Take back what `stored` returned."""
        self.levels, self.shares = stored["levels"], stored["shares"]
        self.sole_agencies = stored["sole_agencies"]
        self._notified_hour = stored["notified_hour"]

    def known(self) -> set[str]:
        """The regencies of which anything is held."""
        return self.levels.keys() | self.shares.keys()

    def forget(self, regency: str) -> None:
        """It is no neighbour any more."""
        for held in (self.levels, self.sole_agencies, self.shares):
            held.pop(regency, None)


def neighbour_points(rules: Rules, levels: dict[str, int]) -> int:
    """Points for neighbours at siaga or awas."""
    return min(rules.neighbours_most, sum(rules.neighbour_points[level] for level in levels.values()))


def neighbours_alone(rules: Rules, neighbours: Neighbours, points: int) -> dict[str, int]:
    """Of `points`, those that are there only because of neighbours whose level rests on one agency, by agency."""
    alone = {}
    for agency in set(neighbours.sole_agencies.values()):
        others = {
            code: level for code, level in neighbours.levels.items() if neighbours.sole_agencies.get(code) != agency
        }
        if less := points - neighbour_points(rules, others):
            alone[agency] = less
    return alone
