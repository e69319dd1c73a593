"""Turnout of one regency: the latest figure of each polling station, and totals that follow it exactly.

The latest `(as_of, revision)` of a station wins. A falling cumulative count, or a new revision of the same moment, is a
correction: counted, and only a repeated one that brings other figures can alarm. More voted than registered is flagged,
not refused."""

from collections.abc import Callable
from typing import NamedTuple

import orjson

from schemas.vocabulary import MINUTE_MS


class Station(NamedTuple):
    """The figure in force at one polling station. Stored as a JSON array of the same order, without the last."""

    as_of_ms: int
    revision: int
    registered: int
    voted: int
    corrections: int  # that brought other figures
    segment: int = 0  # of the state in which it lies; 0: in a record of its own, see streams/storage/station_records.py


#: Given a station and the figure it had, the segment in which its new one lies.
Move = Callable[[str, Station | None], int]


class Turnout:
    """Stations and totals of one regency. Restored stations are read when one is asked for: a quiet regency needs none."""

    __slots__ = (
        "reported", "registered", "voted", "over_capacity", "corrected", "repeated", "voter_min", "_stations", "_read",
    )  # fmt: skip

    def __init__(self) -> None:
        self._stations: dict[str, Station | bytes] = {}
        self.reported = 0  # how many there are
        self._read: Callable[[], None] | None = None  # puts restored stations there
        self.registered = self.voted = 0
        self.over_capacity = 0  # stations with more voted than registered
        self.corrected = 0  # corrections, all stations
        self.repeated = 0  # stations with more than one correction
        # Sum of registered voters times the minute (Unix time) of their figure; None when state does not tell it.
        self.voter_min: int | None = 0

    @property
    def stations(self) -> dict[str, Station | bytes]:
        """What is held of each, those from records of their own as bytes until they are touched."""
        if self._read is not None:
            read, self._read = self._read, None
            read()
        return self._stations

    def report(
        self,
        station: str,
        registered: int,
        voted: int,
        as_of_ms: int,
        revision: int,
        move: Move = lambda station, old: 0,
    ) -> bool:
        """Take one figure. False when what is held is as new or newer: then nothing changes. `move` tells where it lies
        in the state.
        """
        old = self.held(station)
        corrections = 0
        if old is None:
            self.reported += 1
        else:
            if (as_of_ms, revision) <= (old.as_of_ms, old.revision):
                return False
            corrections = old.corrections
            self.corrected += voted < old.voted or as_of_ms == old.as_of_ms
            if _corrects(old, registered, voted, as_of_ms):
                corrections += 1
                self.repeated += corrections == 2
            if self.voter_min is not None:
                self.voter_min -= old.registered * (old.as_of_ms // MINUTE_MS)
            self.registered -= old.registered
            self.voted -= old.voted
            self.over_capacity -= old.voted > old.registered
        if self.voter_min is not None:
            self.voter_min += registered * (as_of_ms // MINUTE_MS)
        self.registered += registered
        self.voted += voted
        self.over_capacity += voted > registered
        self._stations[station] = Station(as_of_ms, revision, registered, voted, corrections, move(station, old))
        return True

    def corrects(self, station: str, registered: int, voted: int, as_of_ms: int) -> bool:
        """Whether a figure that is newer than what is held takes some of it back."""
        old = self.held(station)
        return old is not None and _corrects(old, registered, voted, as_of_ms)

    def store(self, station: str) -> bytes:
        """A station as a state record of its own."""
        held = self.stations[station]
        return held if isinstance(held, bytes) else orjson.dumps(held[:-1])

    def share_myriad(self, stations_least: int) -> int | None:
        """Voted of registered in ten-thousandths; None while fewer stations reported than make a curve."""
        if self.reported < stations_least or not self.registered:
            return None
        return 10_000 * self.voted // self.registered

    def as_of_ms(self) -> int:
        """Of what time the figures are that make up the share: their mean, each station by its registered voters."""
        if self.voter_min is None:
            held = map(self.held, self.stations)
            self.voter_min = sum(station.registered * (station.as_of_ms // MINUTE_MS) for station in held)
        return self.voter_min // self.registered * MINUTE_MS if self.registered else 0

    def totals(self) -> list[int | None]:
        """Running totals, for the state."""
        return [
            self.registered, self.voted, self.over_capacity, self.corrected, self.repeated, self.voter_min, self.reported,
        ]  # fmt: skip

    def restore_totals(self, totals: list[int | None]) -> None:
        """Take back `totals`; older state has no sixth, which is then counted from the stations when it is asked for,
        and no seventh.
        """
        self.registered, self.voted, self.over_capacity, self.corrected, self.repeated, *more = totals
        self.voter_min = more[0] if more else None
        self.reported = more[1] if len(more) > 1 else 0

    def restore_stations(self, read: Callable[[], None]) -> None:
        """After `restore_totals`: `read` will put stations back when one is asked for, at once where the totals do not
        tell how many.
        """
        self._read = read
        if not self.reported:
            self.reported = len(self.stations)

    def held(self, station: str) -> Station | None:
        """The figure in force, decoded; None when there is none."""
        held = self.stations.get(station)
        return Station(*orjson.loads(held)) if isinstance(held, bytes) else held


def _corrects(old: Station, registered: int, voted: int, as_of_ms: int) -> bool:
    return voted < old.voted or (as_of_ms == old.as_of_ms and (registered, voted) != (old.registered, old.voted))
