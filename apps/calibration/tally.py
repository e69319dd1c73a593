"""Counts of incidents by regency, local day and category, and what of them counts: no agency sets a rate alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import TypeVar

from apps.calibration.reports import Incident
from schemas.ruleset.quantities import HOURS
from schemas.vocabulary import DAY_MS, HOUR_MS, SEVERITIES
from streams.risk.history import bounded

EPOCH = date(1970, 1, 1)
_Key = TypeVar("_Key")
#: Severity and local hour of the day.
Shape = tuple[int, int]
#: By agency, how much of which severity and hour.
Cell = dict[str, dict[Shape, float]]
#: By category and regency, what the ruleset expects in a day.
Expected = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Counts:
    """What counts of a category: in all, by severity and hour, and by day and by regency."""

    reports: float
    shapes: Mapping[Shape, float]
    by_day: Mapping[int, float]
    by_regency: Mapping[str, float]

    def severities(self) -> list[float]:
        """By severity, from 1 on."""
        return [sum(n for (severity, _), n in self.shapes.items() if severity == wanted) for wanted in SEVERITIES]

    def hours(self) -> list[float]:
        """By local hour."""
        return [sum(n for (_, hour), n in self.shapes.items() if hour == wanted) for wanted in range(HOURS)]


class Tally:
    """Incidents of the recorded days. `days`: local days since the epoch, in order; `reports`: of all of them."""

    def __init__(
        self, incidents: Iterable[tuple[Incident, float]], offset_ms: int, first: int, last: int, day_least: float
    ) -> None:
        """`first` and `last`: local days, inclusive. A day with less than `day_least` of the median day's reports
        counts as not recorded: late reports alone make no day."""
        self._cells: defaultdict[tuple[str, str, int], Cell] = defaultdict(dict)
        totals: Counter[int] = Counter()
        for incident, weight in incidents:
            day, rest = divmod(incident.occurred_ms + offset_ms, DAY_MS)
            if first <= day <= last:
                cell = self._cells[incident.category, incident.regency, day]
                _add(cell.setdefault(incident.agency, {}), (incident.severity, rest // HOUR_MS), weight)
                totals[day] += 1
        least = day_least * median(totals.values()) if totals else 0
        self.days = sorted(day for day, count in totals.items() if count >= least)
        self.reports = sum(totals[day] for day in self.days)

    def span(self) -> tuple[date, date]:
        """The first and the last recorded day."""
        return date_of(self.days[0]), date_of(self.days[-1])

    def counts(self, expected_a_day: Expected, free: float, place_most: float) -> dict[str, Counts]:
        """What counts, by category.

        Of one agency counts in a regency, on a day, as much as of all others, or as is expected, or `free` reports. Of
        what is left counts there `place_most` times what its size has of all, and `free` more: a flare-up is no
        ordinary day. Of what is left then counts of one agency as much as of all others, or as is expected in all."""
        days = set(self.days)
        places: defaultdict[str, dict[tuple[str, int], dict[str, float]]] = defaultdict(dict)
        for (category, regency, day), cell in self._cells.items():
            if day in days:
                most = max(expected_a_day[category, regency], free)
                found = {agency: sum(shapes.values()) for agency, shapes in cell.items()}
                places[category][regency, day] = bounded(found, most)
        in_all: dict[str, float] = {}
        for (category, _), mean in expected_a_day.items():
            _add(in_all, category, mean * len(days))
        for category, found_at in places.items():
            total = sum(sum(by_agency.values()) for by_agency in found_at.values())
            for (regency, _), by_agency in found_at.items():
                share = expected_a_day[category, regency] / in_all[category] if in_all[category] else 0.0
                most, here = free + place_most * total * share, sum(by_agency.values())
                if here > most:
                    by_agency.update({agency: count * most / here for agency, count in by_agency.items()})
        return {category: self._counts(category, found_at, in_all[category]) for category, found_at in places.items()}

    def _counts(self, category: str, places: Mapping[tuple[str, int], Mapping[str, float]], expected: float) -> Counts:
        """`places`: what is left of each agency, by regency and day; `expected`: in all of them."""
        totals: dict[str, float] = {}
        for by_agency in places.values():
            for agency, count in by_agency.items():
                _add(totals, agency, count)
        left = bounded(totals, expected)
        shapes: dict[Shape, float] = {}
        by_day: dict[int, float] = {}
        by_regency: dict[str, float] = {}
        for (regency, day), by_agency in places.items():
            for agency, count in by_agency.items():
                found = self._cells[category, regency, day][agency]
                counted = count * left[agency] / totals[agency]
                scale = counted / sum(found.values())
                for shape, weight in found.items():
                    _add(shapes, shape, weight * scale)
                _add(by_day, day, counted)
                _add(by_regency, regency, counted)
        return Counts(sum(by_day.values()), shapes, by_day, by_regency)


def _add(counts: dict[_Key, float], key: _Key, count: float) -> None:
    counts[key] = counts.get(key, 0.0) + count


def date_of(day: int) -> date:
    """The date of a local day since the epoch."""
    return EPOCH + timedelta(day)


def day_of(on: date) -> int:
    """The inverse of `date_of`."""
    return (on - EPOCH).days
