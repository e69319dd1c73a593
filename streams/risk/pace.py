"""The pace of a province: how many reports of each category come now, against its base rate.

Base rates, hours and mixes are guesses, and all regencies of a province share the error; a flare-up is in one of them.
So each quarter hour a regency sends its province how many reports of each category it holds by each agency (`counts`),
decayed like evidence, and the province sends each member what all others hold together, of one agency no more than is
expected or all other agencies have (streams/province_pace.py). What is ordinary in a regency follows the others', never
its own reports.
"""

from collections.abc import Sequence
from math import log2
from typing import NamedTuple, TypedDict

from schemas.ledger import Entry
from schemas.vocabulary import HOUR_MS
from streams.risk.evidence import MILLI, STEPS
from streams.risk.history import FROM_HOURS, UNTIL_HOURS, counted
from streams.risk.incidents import Incidents
from streams.rules import SCORED, SLOT_MS, Rules

#: A pace that is older says nothing of now: the province, or what it is made of, is late.
_KEPT_MS = HOUR_MS


class Counts(NamedTuple):
    """Reports in thousandths: by category and sole agency those held now; by scored group those that
    `History.reported` looks at.
    """

    recent: dict[str, dict[str, int]]
    past: list[int]


class Hours(NamedTuple):
    """The hours that `learned` looks at, milliseconds; empty before there are any."""

    since_ms: int
    until_ms: int


class StoredPace(TypedDict):
    """A pace as a state record holds it: the entry's fields, and the quarter hour (Unix time) of the last counts."""

    at_ms: int
    stations: int
    recent: dict[str, int]
    past: list[int]
    sent_quarter: int


class Pace:
    """What a regency knows of the rest of its province, and when it last sent its own counts. Only its methods change
    it.

    `past`: by scored group, by what factor what the rest of the province reported before differs from its base rates.
    """

    __slots__ = ("past", "_rules", "_at_ms", "_stations", "_recent", "_reported", "_sent_quarter")

    def __init__(self, rules: Rules) -> None:
        self.past: tuple[float, ...] = (1.0,) * SCORED
        self._rules = rules
        self._at_ms = self._stations = self._sent_quarter = 0
        self._recent: dict[str, int] = {}
        self._reported = [0] * SCORED

    def take(self, entry: Entry, hours: Hours) -> None:
        """Take the entry of the province. `hours`: those that this regency looks at, as of the entry."""
        _, self._at_ms, _, self._stations, self._recent, self._reported = entry
        self._set_past(hours)

    def steps(self) -> list[int]:
        """The paces in force, by category: 2^(step / STEPS)."""
        rules, counts = self._rules, self._recent
        if not self._stations:
            return [0] * len(rules.categories)
        slot = rules.local_ms(self._at_ms) // SLOT_MS
        found = []
        for category, group in zip(rules.categories, rules.category_groups, strict=True):
            expected = rules.reports_per_station(category, slot) * self._stations
            pace = self._factor(counts.get(category, 0), expected) if group < SCORED else 1.0
            found.append(round(STEPS * log2(pace)))
        return found

    def expire(self, grid_ms: int) -> bool:
        """Let time pass to an evaluation time; whether the pace is not known any more."""
        if not self._stations or grid_ms - self._at_ms <= _KEPT_MS:
            return False
        self._stations, self._recent, self._reported, self.past = 0, {}, [0] * SCORED, (1.0,) * SCORED
        return True

    def is_due(self, grid_ms: int) -> bool:
        """Whether the province was not sent the own counts in this quarter hour yet."""
        return grid_ms // SLOT_MS != self._sent_quarter and self._rules.rolling_milli is None

    def send(self, grid_ms: int) -> None:
        """Record that it is sent them in this quarter hour; nothing is sent here."""
        self._sent_quarter = grid_ms // SLOT_MS

    def stored(self) -> StoredPace:
        """The fields of the state record."""
        return {
            "at_ms": self._at_ms,
            "stations": self._stations,
            "recent": self._recent,
            "past": self._reported,
            "sent_quarter": self._sent_quarter,
        }

    def restore(self, stored: StoredPace, first_ms: int) -> None:
        """Take back what `stored` returned. `first_ms`: the first clock reading."""
        self._at_ms, self._stations = stored["at_ms"], stored["stations"]
        self._recent, self._reported, self._sent_quarter = stored["recent"], stored["past"], stored["sent_quarter"]
        self._set_past(hours_of(self._at_ms, first_ms))

    def _set_past(self, hours: Hours) -> None:
        ordinary = ordinary_before(self._rules, self._stations, hours)
        if self._stations:
            self.past = tuple(map(self._factor, self._reported, ordinary))
        else:
            self.past = (1.0,) * SCORED

    def _factor(self, reported_milli: int, expected: float) -> float:
        """Gamma-Poisson posterior mean of what is reported against what is expected, bounded."""
        shape, (least, most) = self._rules.pace_shape, self._rules.pace_bounds
        return min(most, max(least, (shape + reported_milli / MILLI) / (shape + expected)))


def hours_of(now_ms: int, first_ms: int) -> Hours:
    """The full hours before the hour of an evaluation that tell what is ordinary here. `first_ms`: the first clock
    reading."""
    hour_ms = now_ms - now_ms % HOUR_MS
    since_ms = max(hour_ms - FROM_HOURS * HOUR_MS, first_ms)
    return Hours(since_ms, max(since_ms, hour_ms - UNTIL_HOURS * HOUR_MS))


def counts(rules: Rules, incidents: Incidents, hours: Hours, grid_ms: int) -> Counts:
    """What a regency holds at an evaluation time. Categories are in the ruleset's order and agencies in that of their
    names, so that a table that was restored sends the same.
    """
    held, now, recent = _by_agency(incidents), rules.decay.growth(grid_ms, incidents.landmark), {}
    for category in rules.categories:
        found = {agency: count // now for agency, count in sorted(held.get(category, {}).items())}
        if any(found.values()):
            recent[category] = {agency: count for agency, count in found.items() if count}
    ordinary = ordinary_before(rules, incidents.stations, hours)
    return Counts(recent, reported_before(incidents, ordinary, grid_ms))


def ordinary_before(rules: Rules, stations: int, hours: Hours) -> list[float]:
    """By scored group, the reports that ordinary days bring in these hours."""
    return [stations * rules.ordinary_reports(group, *hours) for group in range(SCORED)]


def reported_before(incidents: Incidents, ordinary: Sequence[float], now_ms: int) -> list[int]:
    """By scored group, the reports that count of the hours before, in thousandths. `ordinary`: how many of one agency
    count in any case."""
    history = incidents.history.reported(now_ms)
    return [counted(reported, round(MILLI * free)) for reported, free in zip(history, ordinary, strict=True)]


def _by_agency(incidents: Incidents) -> dict[str, dict[str, int]]:
    """By category and sole agency, the incidents that can score, weighed by status and decayed like evidence."""
    held: dict[str, dict[str, int]] = {}
    for category, agency, mass in incidents.masses():
        agencies = held.setdefault(category, {})
        agencies[agency] = agencies.get(agency, 0) + mass
    return held
