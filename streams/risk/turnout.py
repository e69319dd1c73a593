"""Turnout of one regency: what each source reported of each polling station, and totals that follow it exactly.

Of one source the latest `(as_of, revision)` counts. The station's figure is that of the source that comes first in the
order of the sources file; of sources without a place in it the latest. A falling cumulative count of one source, or its
new revision of the same moment, is a correction: counted, and only a repeated one that brings other figures can alarm.
More voted than registered is flagged, not refused.

Two agencies that reported different counts of one moment make the station conflicting, until they tell the same of one
moment; both figures are kept. A station that the station roster lacks is counted apart, in no total.

A count that falls on a later local day is a new vote (pemungutan suara ulang), which begins at zero: it replaces the
figure and is no correction. `corrected` keeps what was counted before; the station's own corrections begin at 0.

Figures of different votes never make one share. The newest day on which a new vote began divides the stations: those
with a figure from that day on, and those with an earlier one. The share is that of the larger part, of the newer one
when they are equal. Earlier figures give none once a second such day has come: they may be of several votes by then."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, TypedDict

from schemas.station_roster import RegencyStations
from schemas.vocabulary import DAY_MS, MINUTE_MS
from streams.risk.room import UNBOUNDED, Holdings, Room
from streams.risk.station import (
    NO_COUNTS,
    Counts,
    Figure,
    Station,
    conflicts_of,
    corrects,
    counts_of,
    figure_by,
    figure_of,
    new_station,
    shows,
    station_of,
    with_figure,
)
from streams.storage.format import read


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


class Taken(Enum):
    """What became of a figure."""

    APPLIED = "applied"
    OUTDATED = "superseded"  # what is held of its source is as new or newer
    SURPLUS = "surplus"  # there is no room for a station or a source more


class Votes(TypedDict):
    """New votes as a state record holds them."""

    days: int
    newest_ms: int
    earlier: dict[str, int]


class Totals(TypedDict):
    """Running totals of a regency, as a state record holds them."""

    counts: dict[str, int]
    by_agency: dict[str, dict[str, int]]
    figures: dict[str, int]
    registered: int
    voted: int
    corrected: int
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
        "expected", "counts", "by_agency", "figures", "registered", "voted", "corrected", "_roster",
        "_voter_minutes", "_offset_ms", "_vote_days", "_vote_ms", "_earlier", "_stations", "_read",
    )  # fmt: skip

    def __init__(
        self, offset_ms: int, expected: int, roster: RegencyStations | None = None, room: Room = UNBOUNDED
    ) -> None:
        """`offset_ms`: local time minus UTC. `expected`: how many stations there are. `roster`: which; None when that
        is not known. `room`: how many figures are held.
        """
        self._roster = roster
        self.expected = expected
        self.counts = NO_COUNTS
        self.by_agency: dict[str, Counts] = {}  # by the agency of the figure in force
        self.figures = Holdings(room)  # those in force and the others
        self.registered = self.voted = 0
        self.corrected = 0  # corrections, all stations
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

    @property
    def reported(self) -> int:
        """Listed stations with a figure."""
        return self.counts.reported

    @property
    def shown_reported(self) -> int:
        """Listed stations with a figure, no more than there are."""
        return min(self.counts.reported, self.expected)

    @property
    def shown_unlisted(self) -> int:
        """Stations that the roster lacks, and those beyond how many there are."""
        return self.counts.unlisted + self.counts.reported - self.shown_reported

    def report(self, name: str, figure: Figure, move: Move = _no_segment) -> Taken:
        """Take one figure of a station. `move` names the state segment that holds the station; it is called when the
        figure is applied, and nothing changes otherwise.
        """
        old = self.held(name)
        others: tuple[Figure, ...] = ()
        conflicts: tuple[tuple[str, str], ...] = ()
        before = None
        if old is None:
            is_listed = self._roster is None or name in self._roster
        else:
            is_listed = old.is_listed
            before = old if old.source == figure.source else figure_by(old, figure.source)
        if before is not None and figure[:2] <= before[:2]:
            return Taken.OUTDATED
        if (before is None or before.agency != figure.agency) and not self.figures.take(figure.agency):
            return Taken.SURPLUS
        if old is not None:
            if before is not None:
                if before.agency != figure.agency:
                    self.figures.give(before.agency)
                figure = self._revised(before, figure, is_listed, before is old)
            if old.others or old.source != figure.source:
                figure, others, conflicts = with_figure(old, figure)
        new = new_station((*figure, is_listed, others, conflicts, move(name, old)))
        self._change(old, new)
        self._stations[name] = new
        return Taken.APPLIED

    def remove(self, name: str, gone: Figure, move: Move = _no_segment) -> bool:
        """Take a figure that is held out of its station, as if its source had not told it: all but the days of new
        votes. False when the station has no other and is gone; else `move` names the state segment that holds it.
        """
        old = self.held(name)
        assert old is not None, "only a figure that is held can be taken out"
        left = [figure for figure in (figure_of(old), *old.others) if figure.source != gone.source]
        self.figures.give(gone.agency)
        if old.is_listed:
            self.corrected -= gone.corrected
        if not left:
            self._change(old, None)
            del self._stations[name]
            return False
        agencies = {figure.agency for figure in left}
        held = tuple(pair for pair in old.conflicts if agencies.issuperset(pair))
        new = new_station((*left[0], old.is_listed, tuple(left[1:]), conflicts_of(held, left), move(name, old)))
        self._change(old, new)
        self._stations[name] = new
        return True

    def corrects(self, name: str, figure: Figure) -> bool:
        """Whether a newer figure has a lower count than its source reported before, or other counts of the same moment.
        A new vote corrects none.
        """
        before = self.figure_by(name, figure.source)
        if before is None or not corrects(before, figure):
            return False
        return not self._is_later_day(before, figure)

    def figure_by(self, name: str, source: str) -> Figure | None:
        """What a source reported of a station last."""
        station = self.held(name)
        return None if station is None else figure_by(station, source)

    def anomalies(self) -> tuple[int, ...]:
        """What each change of gives or takes points at once."""
        _, over_capacity, repeated, conflicting, _ = self.counts
        return over_capacity, repeated, conflicting, self.shown_unlisted

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
            "counts": self.counts._asdict(),
            "by_agency": {agency: counts._asdict() for agency, counts in self.by_agency.items()},
            "figures": self.figures.by_agency,
            "registered": self.registered,
            "voted": self.voted,
            "corrected": self.corrected,
            "voter_minutes": self._voter_minutes,
            "votes": {"days": self._vote_days, "newest_ms": self._vote_ms, "earlier": self._earlier._asdict()},
        }

    def restore_totals(self, totals: Totals) -> None:
        """Take back what `totals` returned."""
        self.counts = Counts(**totals["counts"])
        self.by_agency = {name: Counts(**counts) for name, counts in totals["by_agency"].items()}
        for agency, count in totals["figures"].items():
            self.figures.put_back(agency, count)
        self.registered, self.voted = totals["registered"], totals["voted"]
        self.corrected, self._voter_minutes = totals["corrected"], totals["voter_minutes"]
        votes = totals["votes"]
        self._vote_days, self._vote_ms, self._earlier = votes["days"], votes["newest_ms"], Sums(**votes["earlier"])

    def restore_stations(self, read_stations: Callable[[], dict[str, Station | bytes]]) -> None:
        """After `restore_totals`: `read_stations` is called at the first look-up of a station."""
        self._read = read_stations

    def _change(self, old: Station | None, new: Station | None) -> None:
        """A station was replaced: the sums of voters follow, and the counts where they see a difference."""
        if old is not None:
            self._sum_up(old, -1)
        if new is not None:
            self._sum_up(new, 1)
        if old is None or new is None or shows(old) != shows(new):
            if old is not None:
                self._count(old, -1)
            if new is not None:
                self._count(new, 1)

    def _sum_up(self, station: Station, sign: int) -> None:
        """Add a station to the sums of voters (1) or take it out (-1)."""
        if not station.is_listed:
            return
        self.registered += sign * station.registered
        self.voted += sign * station.voted
        self._voter_minutes += sign * station.registered * (station.as_of_ms // MINUTE_MS)
        if station.as_of_ms < self._vote_ms:
            self._earlier = self._earlier.add(station, sign)

    def _count(self, station: Station, sign: int) -> None:
        """Add a station to the counts (1) or take it out (-1)."""
        counts = counts_of(station)
        self.counts = self.counts.plus(counts, sign)
        self._count_for(station.agency, counts._replace(conflicting=0), sign)
        for agency in {agency for pair in station.conflicts for agency in pair} if station.is_listed else ():
            self._count_for(agency, Counts(conflicting=1), sign)

    def _count_for(self, agency: str, counts: Counts, sign: int) -> None:
        held = self.by_agency.get(agency, NO_COUNTS).plus(counts, sign)
        if held == NO_COUNTS:
            self.by_agency.pop(agency, None)
        else:
            self.by_agency[agency] = held

    def _revised(self, old: Figure | Station, new: Figure, is_listed: bool, is_in_force: bool) -> Figure:
        """A source's newer figure with its number of corrections; both are of its own. Only the source whose figure was
        in force says that a station votes again: another's word must not divide the regency's stations.
        """
        if new.voted < old.voted and self._is_later_day(old, new):
            if is_listed and is_in_force:
                self._begin_vote(new.as_of_ms)
            return new._replace(corrected=old.corrected) if old.corrected else new
        is_counted = new.voted < old.voted or new.as_of_ms == old.as_of_ms
        self.corrected += is_listed and is_counted
        if not (is_counted or old.corrected):
            return new
        corrections = old.corrections + corrects(old, new)
        return new._replace(corrections=corrections, corrected=old.corrected + is_counted)

    def _is_later_day(self, old: Figure | Station, new: Figure) -> bool:
        return self._midnight(new.as_of_ms) > old.as_of_ms

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
            station = self.held(name)
            if station is not None and station.is_listed and station.as_of_ms < midnight_ms:
                self._earlier = self._earlier.add(station, 1)

    def _of_one_vote(self) -> tuple[int, int, int, int]:
        """What `Sums` holds, of the part of the stations that makes up the share: all while there was no new vote."""
        if not self._vote_days:
            return self.counts.reported, self.registered, self.voted, self._voter_minutes
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
    return station_of(fields)
