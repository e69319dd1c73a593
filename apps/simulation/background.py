"""Background incidents of one day: Poisson at the base rates, with factors that differ between regencies and days."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from apps.simulation import base_rates
from apps.simulation.base_rates import BaseRate
from apps.simulation.course import Course
from apps.simulation.random_streams import poisson, random_stream, weighted_choice
from apps.simulation.truth import OtherEvent
from schemas.roster import Regency
from schemas.vocabulary import HOUR_MS, MINUTE_MS


@dataclass(frozen=True, slots=True)
class SimulatedIncident:
    """Something that happened at a place and time, before anybody reports it.

    `cause` is `background`, `serious`, `hoax`, `exercise` or a flare-up's id. `is_reported` is False when nobody ever
    reports it."""

    regency: str
    station: int
    category: str
    severity: int
    occurred_ms: int
    cause: str
    is_reported: bool = True


def background(seed: int, course: Course, regency: Regency, factor: float = 1.0) -> Iterator[SimulatedIncident]:
    """Ordinary incidents of one regency on one day, in no particular order. `factor` multiplies the base rates."""
    rng = random_stream(seed, "background", regency.code)
    diligence = rng.gammavariate(base_rates.DILIGENCE_SHAPE, 1 / base_rates.DILIGENCE_SHAPE)
    for rate in base_rates.BASE_RATES:
        mean = rate.per_station * regency.stations * diligence * factor * course.level(rate.category)
        for _ in range(poisson(rng, mean)):
            yield _draw(rng, course, regency, rate, "background", rate.category)


def serious(seed: int, course: Course, regency: Regency) -> Iterator[tuple[SimulatedIncident, OtherEvent]]:
    """Rare single incidents of severity 4-5, each with its entry in the truth."""
    rng, rate = random_stream(seed, "serious", regency.code), base_rates.SERIOUS
    for _ in range(poisson(rng, rate.per_station * regency.stations * course.level(rate.category))):
        category = weighted_choice(rng, base_rates.SERIOUS_CATEGORIES)
        incident = _draw(rng, course, regency, rate, "serious", category)
        end_ms = incident.occurred_ms + 3 * HOUR_MS
        yield incident, OtherEvent("serious", regency.code, incident.occurred_ms, end_ms, incident.category)


def _draw(
    rng: Random, course: Course, regency: Regency, rate: BaseRate, cause: str, category: str
) -> SimulatedIncident:
    station, severity = rng.randint(1, regency.stations), weighted_choice(rng, rate.severities)
    own_ms = course.start_ms + weighted_choice(rng, rate.hours) * HOUR_MS + rng.randrange(60 * MINUTE_MS)
    return SimulatedIncident(regency.code, station, category, severity, course.at_ms(rng, own_ms), cause)
