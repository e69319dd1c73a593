"""What a regency knows of its neighbours, and when they were last notified of its own turnout share."""

from typing import TypedDict


class StoredNeighbours(TypedDict):
    """Neighbours as a state record holds them."""

    levels: dict[str, int]
    shares: dict[str, int]
    notified_hour: int


class Neighbours:
    """Levels and turnout shares from the notices of neighbouring regencies."""

    __slots__ = ("levels", "shares", "_notified_hour")

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}  # of neighbours above normal, 1 to 3
        self.shares: dict[str, int] = {}  # latest turnout shares, ten-thousandths
        self._notified_hour = 0

    def notice(self, regency: str, level: int, share_myriad: int | None) -> None:
        """Take a neighbour's notice. Without a share the one before stays."""
        if level:
            self.levels[regency] = level
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
        return {"levels": self.levels, "shares": self.shares, "notified_hour": self._notified_hour}

    def restore(self, stored: StoredNeighbours) -> None:
        """Take back what `stored` returned."""
        self.levels, self.shares = stored["levels"], stored["shares"]
        self._notified_hour = stored["notified_hour"]
