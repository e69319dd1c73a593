"""Turnout of one regency: the latest figure of each polling station, and totals that follow it exactly.

The latest `(as_of, revision)` of a station wins. A falling cumulative count, or a new revision of the same moment, is a
correction: counted, and only a repeated one that brings other figures can alarm. More voted than registered is flagged,
not refused.

A count that falls on a later local day is a new vote (pemungutan suara ulang), which begins at zero: it replaces the
figure and is no correction. `corrected` keeps what was counted before; the station's own corrections begin at 0.

Figures of different votes never make one share. The newest day on which a new vote began divides the stations: those
with a figure from that day on, and those with an earlier one. The share is that of the larger part, of the newer one
when they are equal. Earlier figures give none once a second such day has come: they may be of several votes by then."""

from collections.abc import Callable
from typing import NamedTuple, TypedDict

from schemas.vocabulary import DAY_MS, MINUTE_MS
from streams.storage.format import read


class Station(NamedTuple):
    """The figure in force at one polling station."""

    as_of_ms: int
    revision: int
    registered: int
    voted: int
    corrections: int  # that brought other figures
    segment: int = 0  # of the state, that holds it; 0: a record of its own, see streams/storage/station_records.py


class Sums(NamedTuple):
    """What makes up a share, over some of the stations."""

    reported: int = 0  # stations
    registered: int = 0
    voted: int = 0
    voter_minutes: int = 0  # sum of registered voters times the minute (Unix time) of their figure

    def add(self, figure: Station, sign: int) -> "Sums":
        """With one figure more (1) or less (-1)."""
        minutes = figure.registered * (figure.as_of_ms // MINUTE_MS)
        return Sums(
            self.reported + sign,
            self.registered + sign * figure.registered,
            self.voted + sign * figure.voted,
            self.voter_minutes + sign * minutes,
        )


class Votes(TypedDict):
    """New votes as a state record holds them."""

    days: int
    newest_ms: int
    earlier: dict[str, int]


class Totals(TypedDict):
    """Running totals of a regency, as a state record holds them."""

    reported: int
    registered: int
    voted: int
    over_capacity: int
    corrected: int
    repeated: int
    voter_minutes: int
    votes: Votes


#: Given a station and the figure it had, the segment that holds its new one.
Move = Callable[[str, Station | None], int]


def _no_segment(_station: str, _old: Station | None) -> int:
    return 0


class Turnout:
    """Stations and totals of one regency. Restored stations are read at the first look-up: most regencies need none.

    Others read the attributes; only the methods change them."""

    __slots__ = (
        "reported", "registered", "voted", "over_capacity", "corrected", "repeated", "_voter_minutes", "_offset_ms",
        "_vote_days", "_vote_ms", "_earlier", "_stations", "_read",
    )  # fmt: skip

    def __init__(self, offset_ms: int) -> None:
        """`offset_ms`: local time minus UTC."""
        self.reported = 0  # stations with a figure
        self.registered = self.voted = 0
        self.over_capacity = 0  # stations with more voted than registered
        self.corrected = 0  # corrections, all stations
        self.repeated = 0  # stations with more than one correction of the vote in force
        self._voter_minutes = 0  # see Sums
        self._offset_ms = offset_ms
        self._vote_days = 0  # how often the newest day with a new vote has moved
        self._vote_ms = 0  # local midnight before it; 0 while there was none
        self._earlier = Sums()  # of figures before that
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
            if voted < old.voted and self._is_later_day(old, as_of_ms):
                self._begin_vote(as_of_ms)
                self.repeated -= old.corrections > 1
            else:
                corrections = self._corrections(old, registered, voted, as_of_ms)
            self._add(old, -1)
        new = Station(as_of_ms, revision, registered, voted, corrections, move(station, old))
        self._add(new, 1)
        self._stations[station] = new
        return True

    def corrects(self, station: str, registered: int, voted: int, as_of_ms: int) -> bool:
        """Whether a newer figure has a lower count, or other counts of the same moment. A new vote corrects none."""
        old = self.held(station)
        if old is None or not _corrects(old, registered, voted, as_of_ms):
            return False
        return not self._is_later_day(old, as_of_ms)

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
        """Voted of registered in ten-thousandths, of one vote; None while fewer stations reported than make a curve."""
        reported, registered, voted, _ = self._of_one_vote()
        if reported < stations_least or not registered:
            return None
        return 10_000 * voted // registered

    def as_of_ms(self) -> int:
        """The time of the figures that make up the share: their mean, each station by its registered voters."""
        _, registered, _, voter_minutes = self._of_one_vote()
        return voter_minutes // registered * MINUTE_MS if registered else 0

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
            "votes": {"days": self._vote_days, "newest_ms": self._vote_ms, "earlier": self._earlier._asdict()},
        }

    def restore_totals(self, totals: Totals) -> None:
        """Take back what `totals` returned."""
        self.reported, self.registered, self.voted = totals["reported"], totals["registered"], totals["voted"]
        self.over_capacity, self.corrected = totals["over_capacity"], totals["corrected"]
        self.repeated, self._voter_minutes = totals["repeated"], totals["voter_minutes"]
        votes = totals["votes"]
        self._vote_days, self._vote_ms, self._earlier = votes["days"], votes["newest_ms"], Sums(**votes["earlier"])

    def restore_stations(self, read_stations: Callable[[], dict[str, Station | bytes]]) -> None:
        """After `restore_totals`: `read_stations` is called at the first look-up of a station."""
        self._read = read_stations

    def _add(self, figure: Station, sign: int) -> None:
        """Add a figure to the totals (1) or take it out (-1)."""
        self.registered += sign * figure.registered
        self.voted += sign * figure.voted
        self.over_capacity += sign * (figure.voted > figure.registered)
        self._voter_minutes += sign * figure.registered * (figure.as_of_ms // MINUTE_MS)
        if figure.as_of_ms < self._vote_ms:
            self._earlier = self._earlier.add(figure, sign)

    def _corrections(self, old: Station, registered: int, voted: int, as_of_ms: int) -> int:
        """Count a figure of the same vote if it is a correction; return how many the station has with it."""
        self.corrected += voted < old.voted or as_of_ms == old.as_of_ms
        if not _corrects(old, registered, voted, as_of_ms):
            return old.corrections
        self.repeated += old.corrections == 1
        return old.corrections + 1

    def _is_later_day(self, old: Station, as_of_ms: int) -> bool:
        return self._midnight(as_of_ms) > old.as_of_ms

    def _midnight(self, at_ms: int) -> int:
        """The last local midnight at or before a time."""
        return at_ms - (at_ms + self._offset_ms) % DAY_MS

    def _begin_vote(self, as_of_ms: int) -> None:
        """A station votes again. At the first one of a later day all stations are divided again."""
        midnight_ms = self._midnight(as_of_ms)
        if midnight_ms <= self._vote_ms:
            return
        self._vote_days += 1
        self._vote_ms, self._earlier = midnight_ms, Sums()
        for name in self.stations:
            figure = self.held(name)
            if figure is not None and figure.as_of_ms < midnight_ms:
                self._earlier = self._earlier.add(figure, 1)

    def _of_one_vote(self) -> tuple[int, int, int, int]:
        """What `Sums` holds, of the part of the stations that makes up the share: all while there was no new vote."""
        if not self._vote_days:
            return self.reported, self.registered, self.voted, self._voter_minutes
        earlier = self._earlier
        if 2 * earlier.reported > self.reported:
            return earlier if self._vote_days == 1 else Sums()
        return (
            self.reported - earlier.reported,
            self.registered - earlier.registered,
            self.voted - earlier.voted,
            self._voter_minutes - earlier.voter_minutes,
        )


def _decoded(record: bytes) -> Station:
    fields = read(record)
    del fields["format"]
    return Station(**fields)


def _corrects(old: Station, registered: int, voted: int, as_of_ms: int) -> bool:
    return voted < old.voted or (as_of_ms == old.as_of_ms and (registered, voted) != (old.registered, old.voted))
