"""Turnout of one regency: what each source told of each polling station, and totals that follow it exactly.

Of one source the latest `(as_of, revision)` counts. The station's figure is that of the source that comes first in the
order of the sources file; of sources without a place in it the latest. A falling cumulative count of one source, or its
new revision of the same moment, is a correction: counted, and only a repeated one that brings other figures can alarm.
More voted than registered is flagged, not refused.

Two agencies that told different counts of one moment make the station conflicting, until they tell the same of one
moment; both figures are kept. A station that the station roster lacks is counted apart, in no total.

A count that falls on a later local day is a new vote (pemungutan suara ulang), which begins at zero: it replaces the
figure and is no correction. `corrected` keeps what was counted before; the station's own corrections begin at 0.

Figures of different votes never make one share. The newest day on which a new vote began divides the stations: those
with a figure from that day on, and those with an earlier one. The share is that of the larger part, of the newer one
when they are equal. Earlier figures give none once a second such day has come: they may be of several votes by then."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from itertools import combinations
from typing import Any, NamedTuple, TypedDict

from schemas.station_roster import RegencyStations
from schemas.vocabulary import DAY_MS, MINUTE_MS
from streams.storage.format import read


class Figure(NamedTuple):
    """What a source told of a station. `rank`: its place in the order of the sources file."""

    as_of_ms: int
    revision: int
    registered: int
    voted: int
    source: str
    agency: str
    rank: int
    corrections: int = 0  # of this source, that brought other figures


class Station(NamedTuple):
    """A polling station: from `as_of_ms` to `corrections` the figure in force.

    `others`: the figures of other sources. `conflicts`: pairs of agencies that contradict each other. `segment`: of the
    state, that holds it; 0: a record of its own, see streams/storage/station_records.py.
    """

    as_of_ms: int
    revision: int
    registered: int
    voted: int
    source: str
    agency: str
    rank: int
    corrections: int
    is_listed: bool  # in the station roster, or there is none
    others: tuple[Figure, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    segment: int = 0


#: The same object for equal names of sources and agencies, of which every station holds two.
one_text = lru_cache(1_000)(str)
#: Makes a Station of a tuple of its fields. Its own constructor is a Python function: one more call for each figure.
_new_station: Callable[[tuple[Any, ...]], Station] = partial(tuple.__new__, Station)


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
    unlisted: int
    conflicting: int
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
        "reported", "registered", "voted", "over_capacity", "corrected", "repeated", "unlisted", "conflicting",
        "_roster", "_voter_minutes", "_offset_ms", "_vote_days", "_vote_ms", "_earlier", "_stations", "_read",
    )  # fmt: skip

    def __init__(self, offset_ms: int, roster: RegencyStations | None = None) -> None:
        """`offset_ms`: local time minus UTC. `roster`: the stations there are; None when they are not known."""
        self._roster = roster
        self.reported = 0  # stations with a figure
        self.registered = self.voted = 0
        self.over_capacity = 0  # stations with more voted than registered
        self.corrected = 0  # corrections, all stations
        self.repeated = 0  # stations whose figure had more than one correction of the vote in force
        self.unlisted = 0  # stations that the roster lacks; in no other total
        self.conflicting = 0  # stations of which two agencies told different counts
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

    def report(self, name: str, figure: Figure, move: Move = _no_segment) -> bool:
        """Take one figure of a station. False when what is held of its source is as new or newer: then nothing changes.
        `move` names the state segment that holds the station.
        """
        old = self.held(name)
        others: tuple[Figure, ...] = ()
        conflicts: tuple[tuple[str, str], ...] = ()
        if old is None:
            is_listed = self._roster is None or name in self._roster
        else:
            is_listed = old.is_listed
            before = old if old.source == figure.source else _figure_by(old, figure.source)
            if before is not None:
                if figure[:2] <= before[:2]:
                    return False
                figure = self._revised(before, figure, is_listed, before is old)
            if old.others or old.source != figure.source:
                figure, others, conflicts = _with(old, figure)
            self._count(old, -1)
        new = _new_station((*figure, is_listed, others, conflicts, move(name, old)))
        self._count(new, 1)
        self._stations[name] = new
        return True

    def remove(self, name: str, gone: Figure, move: Move = _no_segment) -> bool:
        """Take a figure that is held out of its station, as if its source had not told it: all but the days of new
        votes. False when the station has no other and is gone; else `move` names the state segment that holds it.
        """
        old = self.held(name)
        assert old is not None, "only a figure that is held can be taken out"
        left = [figure for figure in (figure_of(old), *old.others) if figure.source != gone.source]
        self._count(old, -1)
        if old.is_listed:
            self.corrected -= gone.corrections
        if not left:
            del self._stations[name]
            return False
        # What another source of its agency contradicted earlier is not known apart: the figures that are left decide.
        held = tuple(pair for pair in old.conflicts if gone.agency not in pair)
        new = _new_station((*left[0], old.is_listed, tuple(left[1:]), _conflicts(held, left), move(name, old)))
        self._count(new, 1)
        self._stations[name] = new
        return True

    def corrects(self, name: str, figure: Figure) -> bool:
        """Whether a newer figure has a lower count than its source told before, or other counts of the same moment. A
        new vote corrects none.
        """
        before = self.figure_by(name, figure.source)
        if before is None or not _corrects(before, figure):
            return False
        return not self._is_later_day(before, figure)

    def figure_by(self, name: str, source: str) -> Figure | None:
        """What a source told of a station last."""
        station = self.held(name)
        return None if station is None else _figure_by(station, source)

    def anomalies(self) -> tuple[int, ...]:
        """What each change of gives or takes points at once."""
        return self.over_capacity, self.repeated, self.unlisted, self.conflicting

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
            "unlisted": self.unlisted,
            "conflicting": self.conflicting,
            "voter_minutes": self._voter_minutes,
            "votes": {"days": self._vote_days, "newest_ms": self._vote_ms, "earlier": self._earlier._asdict()},
        }

    def restore_totals(self, totals: Totals) -> None:
        """Take back what `totals` returned."""
        self.reported, self.registered, self.voted = totals["reported"], totals["registered"], totals["voted"]
        self.over_capacity, self.corrected = totals["over_capacity"], totals["corrected"]
        self.repeated, self._voter_minutes = totals["repeated"], totals["voter_minutes"]
        self.unlisted, self.conflicting = totals["unlisted"], totals["conflicting"]
        votes = totals["votes"]
        self._vote_days, self._vote_ms, self._earlier = votes["days"], votes["newest_ms"], Sums(**votes["earlier"])

    def restore_stations(self, read_stations: Callable[[], dict[str, Station | bytes]]) -> None:
        """After `restore_totals`: `read_stations` is called at the first look-up of a station."""
        self._read = read_stations

    def _count(self, station: Station, sign: int) -> None:
        """Add a station to the totals (1) or take it out (-1)."""
        if not station.is_listed:
            self.unlisted += sign
            return
        self.reported += sign
        self.registered += sign * station.registered
        self.voted += sign * station.voted
        self.over_capacity += sign * (station.voted > station.registered)
        self.repeated += sign * (station.corrections > 1)
        self.conflicting += sign * bool(station.conflicts)
        self._voter_minutes += sign * station.registered * (station.as_of_ms // MINUTE_MS)
        if station.as_of_ms < self._vote_ms:
            self._earlier = self._earlier.add(station, sign)

    def _revised(self, old: Figure | Station, new: Figure, is_listed: bool, is_in_force: bool) -> Figure:
        """A source's newer figure with its number of corrections; both are of its own. Only the source whose figure was
        in force says that a station votes again: another's word must not divide the regency's stations.
        """
        if new.voted < old.voted and self._is_later_day(old, new):
            if is_listed and is_in_force:
                self._begin_vote(new.as_of_ms)
            return new
        if is_listed:
            self.corrected += new.voted < old.voted or new.as_of_ms == old.as_of_ms
        corrections = old.corrections + _corrects(old, new)
        return new._replace(corrections=corrections) if corrections else new

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


def figure_of(station: Station) -> Figure:
    """The figure in force."""
    as_of_ms, revision, registered, voted, source, agency, rank, corrections, *_ = station
    return Figure(as_of_ms, revision, registered, voted, source, agency, rank, corrections)


def station_of(fields: dict[str, Any]) -> Station:
    """A station of the fields of its state record."""
    others = tuple(Figure(*figure) for figure in fields.pop("others"))
    conflicts = tuple((one, other) for one, other in fields.pop("conflicts"))
    fields |= {"source": one_text(fields["source"]), "agency": one_text(fields["agency"])}  # one text for all stations
    return Station(**fields, others=others, conflicts=conflicts)


def _decoded(record: bytes) -> Station:
    fields = read(record)
    del fields["format"]
    return station_of(fields)


def _figure_by(station: Station, source: str) -> Figure | None:
    """What a source told of a station last."""
    figures = (figure_of(station), *station.others)
    return next((figure for figure in figures if figure.source == source), None)


def _with(old: Station, figure: Figure) -> tuple[Figure, tuple[Figure, ...], tuple[tuple[str, str], ...]]:
    """A station with a figure of one source among several: the one in force, the others, and the conflicts."""
    others = [one for one in (figure_of(old), *old.others) if one.source != figure.source]
    first, *rest = sorted([*others, figure], key=_order)
    return first, tuple(rest), _conflicts(old.conflicts, [*others, figure])


def _order(figure: Figure) -> tuple[int, int, int, str]:
    """The figure in force comes first."""
    return figure.rank, -figure.as_of_ms, -figure.revision, figure.source


def _conflicts(held: tuple[tuple[str, str], ...], figures: Iterable[Figure]) -> tuple[tuple[str, str], ...]:
    """The pairs of agencies that contradict each other now that these are the figures: agencies with figures of one
    moment do unless all of these agree, of the others what is `held` stays.
    """
    agrees: dict[tuple[str, str], bool] = {}
    for one, other in combinations(figures, 2):
        if one.agency != other.agency and one.as_of_ms == other.as_of_ms:
            pair = min(one.agency, other.agency), max(one.agency, other.agency)
            agrees[pair] = agrees.get(pair, True) and one.voted == other.voted
    return tuple(sorted({*held, *agrees} - {pair for pair, agreed in agrees.items() if agreed}))


def _corrects(old: Figure | Station, new: Figure) -> bool:
    is_same_moment = new.as_of_ms == old.as_of_ms
    return new.voted < old.voted or (is_same_moment and (new.registered, new.voted) != (old.registered, old.voted))
