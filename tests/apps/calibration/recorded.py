"""Recorded reports made by hand: entries of the ledger, incidents, and a roster of a few regencies."""

from datetime import date
from random import Random
from typing import Any

from apps.calibration.reports import Incident
from apps.calibration.tally import Tally, day_of
from schemas.ledger import Entry
from schemas.ruleset import Ruleset
from schemas.vocabulary import DAY_MS, HOUR_MS

BASE = Ruleset.default()
OFFSET_MS = BASE.election.offset_ms
FIRST = date(2024, 11, 1)
#: Local midnight of FIRST.
START_MS = day_of(FIRST) * DAY_MS - OFFSET_MS
STATIONS = {f"16.{number:02}": 800 for number in range(1, 11)}
SOURCES = [f"a{number}" for number in range(6)]
VILLAGE = "16.01.01.2001"


def word(number: str = "polri 1", **changes: Any) -> Entry:
    """A ledger entry of a report."""
    facts = {
        "at_ms": START_MS + 9 * HOUR_MS, "event_id": "e", "number": number, "revision": 1,
        "place": f"{VILLAGE} TPS 001",
        "category": "logistics", "severity": 2, "status": "reported", "occurred_ms": START_MS + 8 * HOUR_MS,
        "reported_ms": START_MS + 8 * HOUR_MS, "source": "polri", "is_exercise": False, "agency": "polri",
    }  # fmt: skip
    facts |= changes
    return ["i", *facts.values()]


def incident(number: int, day: int = 0, regency: str = "16.01", agency: str = "", **changes: Any) -> Incident:
    """An incident at noon of a day after FIRST, of the agency or of one by its number."""
    made = Incident(
        regency=regency,
        number=f"n {number}",
        category="logistics",
        severity=2,
        occurred_ms=START_MS + day * DAY_MS + 12 * HOUR_MS,
        agencies=frozenset({agency or SOURCES[number % len(SOURCES)]}),
        place=None,
    )
    return made._replace(**changes)


def tally_of(incidents: list[Incident], days: int = 14, day_least: float = 0.1) -> Tally:
    """Each incident counts in full."""
    first = day_of(FIRST)
    return Tally([(item, 1.0) for item in incidents], OFFSET_MS, first, first + days - 1, day_least)


def poisson_days(
    rng: Random, rates: dict[str, float], days: int, sources: list[str] = SOURCES, hour: int = 12
) -> list[Incident]:
    """Days of Poisson incidents. `rates`: per 1000 stations and day, by category; severities 1 to 3 as 5, 4, 1."""
    made: list[Incident] = []
    for day in range(days):
        for regency, stations in STATIONS.items():
            for category, rate in rates.items():
                for _ in range(poisson(rng, rate * stations / 1000)):
                    severity = rng.choices((1, 2, 3), (5, 4, 1))[0]
                    occurred_ms = START_MS + day * DAY_MS + hour * HOUR_MS
                    made.append(
                        incident(
                            len(made),
                            regency=regency,
                            agency=rng.choice(sources),
                            category=category,
                            severity=severity,
                            occurred_ms=occurred_ms,
                        )
                    )
    return made


def poisson(rng: Random, mean: float) -> int:
    count, waited = 0, rng.expovariate(1)
    while waited < mean:
        count += 1
        waited += rng.expovariate(1)
    return count


def rates_of(ruleset: Ruleset) -> dict[str, float]:
    return {category: rule.base_rate.value for category, rule in ruleset.categories.items()}
