"""A polling station: what each source reported of it, which figure is in force, and what the counts see of it."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """What a source reported of a station. `rank`: its place in the order of the sources file."""

    as_of_ms: int
    revision: int
    registered: int
    voted: int
    source: str
    agency: str
    rank: int
    corrections: int = 0  # of this source, that brought other figures, of the vote in force
    corrected: int = 0  # of this source, all


class Station(NamedTuple):
    """A polling station: from `as_of_ms` to `corrected` the figure in force.

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
    corrected: int
    is_listed: bool  # in the station roster, or there is none
    others: tuple[Figure, ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    segment: int = 0


#: The same object for equal names of sources and agencies, of which every station holds two.
one_text = lru_cache(1_000)(str)
#: Makes a Station of a tuple of its fields. Its own constructor is a Python function: one more call for each figure.
new_station: Callable[[tuple[Any, ...]], Station] = partial(tuple.__new__, Station)


class Counts(NamedTuple):
    """Stations by what they show: all of them, or those whose figure in force is of one agency.

    `reported`: listed ones with a figure. `over_capacity`: more voted than registered. `repeated`: more than one
    correction of the vote in force. `conflicting`: two agencies reported different counts; each of these counts as an
    agency's that is one of the two. `unlisted`: the station roster lacks them; they are in no other count.
    """

    reported: int = 0
    over_capacity: int = 0
    repeated: int = 0
    conflicting: int = 0
    unlisted: int = 0

    def plus(self, other: "Counts", sign: int) -> "Counts":
        """With the other's added (1) or subtracted (-1)."""
        reported, over_capacity, repeated, conflicting, unlisted = other
        return Counts(
            self.reported + sign * reported,
            self.over_capacity + sign * over_capacity,
            self.repeated + sign * repeated,
            self.conflicting + sign * conflicting,
            self.unlisted + sign * unlisted,
        )


NO_COUNTS = Counts()


def shows(station: Station) -> tuple[object, ...]:
    """What the counts of a station follow from."""
    return station.agency, station.voted > station.registered, station.corrections > 1, station.conflicts


def counts_of(station: Station) -> Counts:
    if not station.is_listed:
        return Counts(unlisted=1)
    return Counts(1, station.voted > station.registered, station.corrections > 1, bool(station.conflicts))


def figure_of(station: Station) -> Figure:
    """The figure in force."""
    as_of_ms, revision, registered, voted, source, agency, rank, corrections, corrected, *_ = station
    return Figure(as_of_ms, revision, registered, voted, source, agency, rank, corrections, corrected)


def station_of(fields: dict[str, Any]) -> Station:
    """A station of the fields of its state record, which leaves out that nothing was corrected."""
    fields.setdefault("corrected", 0)
    others = tuple(Figure(*figure) for figure in fields.pop("others"))
    conflicts = tuple((one, other) for one, other in fields.pop("conflicts"))
    fields |= {"source": one_text(fields["source"]), "agency": one_text(fields["agency"])}  # one text for all stations
    return Station(**fields, others=others, conflicts=conflicts)


def figure_by(station: Station, source: str) -> Figure | None:
    """What a source reported of a station last."""
    figures = (figure_of(station), *station.others)
    return next((figure for figure in figures if figure.source == source), None)


def with_figure(old: Station, figure: Figure) -> tuple[Figure, tuple[Figure, ...], tuple[tuple[str, str], ...]]:
    """A station with a figure of one source among several: the one in force, the others, and the conflicts."""
    others = [one for one in (figure_of(old), *old.others) if one.source != figure.source]
    first, *rest = sorted([*others, figure], key=_order)
    return first, tuple(rest), conflicts_of(old.conflicts, [*others, figure], figure.agency)


def _order(figure: Figure) -> tuple[int, int, int, str]:
    """The figure in force comes first."""
    return figure.rank, -figure.as_of_ms, -figure.revision, figure.source


def conflicts_of(
    held: tuple[tuple[str, str], ...], figures: Iterable[Figure], of: str = ""
) -> tuple[tuple[str, str], ...]:
    """The pairs of agencies that contradict each other now that these are the figures: agencies with figures of one
    moment do unless all of these agree, of the others what is `held` stays. `of`: the only agency of which a figure is
    new, empty when any may be.
    """
    figures = tuple(figures)
    agrees: dict[tuple[str, str], bool] = {}
    for one in [figure for figure in figures if of in ("", figure.agency)]:
        for other in figures:
            if one.agency != other.agency and one.as_of_ms == other.as_of_ms:
                pair = min(one.agency, other.agency), max(one.agency, other.agency)
                agrees[pair] = agrees.get(pair, True) and one.voted == other.voted
    return tuple(sorted({*held, *agrees} - {pair for pair, agreed in agrees.items() if agreed}))


def corrects(old: Figure | Station, new: Figure) -> bool:
    is_same_moment = new.as_of_ms == old.as_of_ms
    return new.voted < old.voted or (is_same_moment and (new.registered, new.voted) != (old.registered, old.voted))
