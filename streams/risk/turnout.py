"""Turnout of one regency: the latest figure of each polling station, and totals that follow it exactly.

The latest `(as_of, revision)` of a station wins. A falling cumulative count, or a new revision of the same moment, is a
correction: counted, and only a repeated one that brings other figures can alarm. More voted than registered is flagged,
not refused."""

from collections.abc import Callable
from typing import NamedTuple, TypedDict

from schemas.vocabulary import MINUTE_MS
from streams.storage.format import read


class Station(NamedTuple):
    """The figure in force at one polling station."""

    as_of_ms: int
    revision: int
    registered: int
    voted: int
    corrections: int  # that brought other figures
    segment: int = 0  # of the state, that holds it; 0: a record of its own, see streams/storage/station_records.py


class Totals(TypedDict):
    """Running totals of a regency, as a state record holds them."""

    reported: int
    registered: int
    voted: int
    over_capacity: int
    corrected: int
    repeated: int
    voter_minutes: int


#: Given a station and the figure it had, the segment that holds its new one.
Move = Callable[[str, Station | None], int]


def _no_segment(_station: str, _old: Station | None) -> int:
    return 0


class Turnout:
    """Stations and totals of one regency. Restored stations are read at the first look-up: most regencies need none.

    Others read the attributes; only the methods change them."""

    __slots__ = (
        "reported", "registered", "voted", "over_capacity", "corrected", "repeated", "_voter_minutes", "_stations",
        "_read",
    )  # fmt: skip

    def __init__(self) -> None:
        self.reported = 0  # stations with a figure
        self.registered = self.voted = 0
        self.over_capacity = 0  # stations with more voted than registered
        self.corrected = 0  # corrections, all stations
        self.repeated = 0  # stations with more than one correction
        self._voter_minutes = 0  # sum of registered voters times the minute (Unix time) of their figure
        self._stations: dict[str, Station | bytes] = {}
        self._read: Callable[[], dict[str, Station | bytes]] | None = None  # the restored stations

    @property
    def stations(self) -> dict[str, Station | bytes]:
        """The figure of each; one restored from a record of its own is bytes until it is replaced."""
        if self._read is not None:
            read_stations, self._read = self._read, None
            self._stations = read_stations()
        return self._stations

    def report(
        self, station: str, registered: int, voted: int, as_of_ms: int, revision: int, move: Move = _no_segment
    ) -> bool:
        """Take one figure. False when what is held is as new or newer: then nothing changes. `move` names the state
        segment that holds it.
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
            self._add(old, -1)
        new = Station(as_of_ms, revision, registered, voted, corrections, move(station, old))
        self._add(new, 1)
        self._stations[station] = new
        return True

    def corrects(self, station: str, registered: int, voted: int, as_of_ms: int) -> bool:
        """Whether a figure that is newer than what is held takes some of it back."""
        old = self.held(station)
        return old is not None and _corrects(old, registered, voted, as_of_ms)

    def held(self, station: str) -> Station | None:
        """The figure in force; None when there is none."""
        held = self.stations.get(station)
        return _decoded(held) if isinstance(held, bytes) else held

    def segment_of(self, station: str) -> int:
        """The number of the state segment that holds a station; 0 when it has a record of its own."""
        held = self.stations[station]
        return held.segment if isinstance(held, Station) else 0

    def store_by_itself(self, station: str) -> None:
        """The station has a record of its own in the state from now on."""
        held = self.stations[station]
        if isinstance(held, Station):
            self._stations[station] = held._replace(segment=0)

    def share_myriad(self, stations_least: int) -> int | None:
        """Voted of registered in ten-thousandths; None while fewer stations reported than make a curve."""
        if self.reported < stations_least or not self.registered:
            return None
        return 10_000 * self.voted // self.registered

    def as_of_ms(self) -> int:
        """The time of the figures that make up the share: their mean, each station by its registered voters."""
        return self._voter_minutes // self.registered * MINUTE_MS if self.registered else 0

    def totals(self) -> Totals:
        """Running totals, for the state."""
        return {
            "reported": self.reported,
            "registered": self.registered,
            "voted": self.voted,
            "over_capacity": self.over_capacity,
            "corrected": self.corrected,
            "repeated": self.repeated,
            "voter_minutes": self._voter_minutes,
        }

    def restore_totals(self, totals: Totals) -> None:
        """Take back what `totals` returned."""
        self.reported, self.registered, self.voted = totals["reported"], totals["registered"], totals["voted"]
        self.over_capacity, self.corrected = totals["over_capacity"], totals["corrected"]
        self.repeated, self._voter_minutes = totals["repeated"], totals["voter_minutes"]

    def restore_stations(self, read_stations: Callable[[], dict[str, Station | bytes]]) -> None:
        """After `restore_totals`: `read_stations` is called at the first look-up of a station."""
        self._read = read_stations

    def _add(self, figure: Station, sign: int) -> None:
        """Add a figure to the totals (1) or take it out (-1)."""
        self.registered += sign * figure.registered
        self.voted += sign * figure.voted
        self.over_capacity += sign * (figure.voted > figure.registered)
        self._voter_minutes += sign * figure.registered * (figure.as_of_ms // MINUTE_MS)


def _decoded(record: bytes) -> Station:
    fields = read(record)
    del fields["format"]
    return Station(**fields)


def _corrects(old: Station, registered: int, voted: int, as_of_ms: int) -> bool:
    return voted < old.voted or (as_of_ms == old.as_of_ms and (registered, voted) != (old.registered, old.voted))
