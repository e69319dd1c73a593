"""Background incidents of one day: Poisson at the profile's rates, uneven between regencies and days."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from apps.simulation import profile
from apps.simulation.random_streams import weighted_choice, poisson, random_stream
from apps.simulation.truth import HOUR_MS, MINUTE_MS, OtherEvent
from schemas.roster import Regency


@dataclass(frozen=True, slots=True)
class SimulatedIncident:
    """Something that happened at a place and time, before anybody reports it.

    `origin` is `background`, `serious`, `hoax`, `exercise` or a flare-up's id. `told` is False when nobody ever reports
    it."""

    regency: str
    station: int
    category: str
    severity: int
    occurred_ms: int
    origin: str
    told: bool = True


def background(seed: int, start_ms: int, regency: Regency, factor: float = 1.0) -> Iterator[SimulatedIncident]:
    """Ordinary incidents of one regency on one day, in no particular order. `factor` multiplies the base rates."""
    chance = random_stream(seed, "background", regency.code)
    diligence = chance.gammavariate(profile.DILIGENCE_SHAPE, 1 / profile.DILIGENCE_SHAPE)
    for finding in profile.FINDINGS:
        for _ in range(poisson(chance, finding.per_station * regency.stations * diligence * factor)):
            yield _one(chance, start_ms, regency, finding, "background")


def serious(seed: int, start_ms: int, regency: Regency) -> Iterator[tuple[SimulatedIncident, OtherEvent]]:
    """Rare single incidents of severity 4-5, with their entry in the truth."""
    chance = random_stream(seed, "serious", regency.code)
    for _ in range(poisson(chance, profile.SERIOUS.per_station * regency.stations)):
        happening = _one(
            chance, start_ms, regency, profile.SERIOUS, "serious", weighted_choice(chance, profile.SERIOUS_CATEGORIES)
        )
        end_ms = happening.occurred_ms + 3 * HOUR_MS
        yield happening, OtherEvent("serious", regency.code, happening.occurred_ms, end_ms, happening.category)


def _one(
    chance: Random, start_ms: int, regency: Regency, finding: profile.Finding, origin: str, category: str | None = None
) -> SimulatedIncident:
    return SimulatedIncident(
        regency.code,
        chance.randint(1, regency.stations),
        category or finding.category,
        weighted_choice(chance, finding.severities),
        start_ms + weighted_choice(chance, finding.hours) * HOUR_MS + chance.randrange(60 * MINUTE_MS),
        origin,
    )
