"""What the worlds beside `bawaslu` have in common before anybody reports: how far rates are off, what stands in the
truth, how many flare-ups there are and how much of one is reported. Curves, mixes and processes are each world's own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import exp, log
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.base_rates import BASE_RATES, SERIOUS, SERIOUS_CATEGORIES
from apps.simulation.plan import Plan
from apps.simulation.random_streams import poisson, random_stream, weighted_choice
from apps.simulation.truth import FlareUp, OtherEvent
from schemas.roster import Regency, Roster
from schemas.vocabulary import HOUR_MS, SECOND_MS

# The published rate of each category is multiplied by a draw of the campaign, log-uniform in these bounds (issue 24).
RATE_FACTOR = (0.4, 2.5)
NEUTRALITY = 1e-4  # per station and day; Bawaslu publishes none at stations (assumed, like rumours)
SIZE = (6, 40)  # reported incidents of a flare-up
BANDS = {"hard": (6, 10), "medium": (11, 20), "obvious": (21, 40)}  # by reported incidents
# Half of the flare-ups are reported entirely, of the others this share of the incidents (assumed).
UNDER_REPORTED, REPORTED_SHARE = 0.5, (0.6, 1.0)
SERIOUS_HOURS = 3  # a raise so long after a single serious incident is no error

#: By category, the weights of the 24 hours of the day, or of the severities from 1 on.
Table = dict[str, list[float]]


@dataclass
class Nature:
    """What happens on a day. `ordinary` and `staged` by regency; `staged` are the incidents of flare-ups."""

    ordinary: dict[str, list[SimulatedIncident]]
    staged: dict[str, list[SimulatedIncident]]
    flareups: list[FlareUp] = field(default_factory=list)
    others: list[OtherEvent] = field(default_factory=list)


def rates(plan: Plan, world: str) -> dict[str, float]:
    """Ordinary incidents of each category per station on this day."""
    published: dict[str, float] = {"neutrality": NEUTRALITY}
    for rate in BASE_RATES:
        published[rate.category] = published.get(rate.category, 0.0) + rate.per_station
    rng, (low, high) = random_stream(plan.lasting_seed, world, "rates"), RATE_FACTOR
    course = plan.course
    return {
        category: rate * exp(rng.uniform(log(low), log(high))) * plan.background * course.level(category)
        for category, rate in sorted(published.items())
    }


def severity_of(rng: Random, weights: Sequence[float]) -> int:
    """A severity from 1 on, by these weights."""
    return rng.choices(range(1, len(weights) + 1), weights)[0]


def whole_seconds(ms: float) -> int:
    """Messages hold whole seconds, so incidents occur at whole seconds and the truth matches them exactly."""
    return int(ms) // SECOND_MS * SECOND_MS


def near(rng: Random, station: int, width: int, stations: int) -> int:
    """A station at most `width` numbers away, that is in the same village or a neighbouring one."""
    return min(max(station + rng.randint(-width, width), 1), stations)


def serious(plan: Plan, world: str, regency: Regency, at_ms: Callable[[Random, str], int]) -> list[SimulatedIncident]:
    """Single incidents of severity 4 and 5. `at_ms`: draws the time of one of a category by the world's hours."""
    rng = random_stream(plan.seed, world, "serious", regency.code)
    incidents, level = [], plan.course.level(SERIOUS.category)
    for _ in range(poisson(rng, SERIOUS.per_station * regency.stations * level)):
        category, severity = weighted_choice(rng, SERIOUS_CATEGORIES), weighted_choice(rng, SERIOUS.severities)
        station, at = rng.randint(1, regency.stations), at_ms(rng, category)
        incidents.append(SimulatedIncident(regency.code, station, category, severity, at, "serious"))
    return incidents


def size_of(rng: Random, reported: int) -> int:
    """The incidents of a flare-up of which `reported` are reported."""
    return round(reported / (rng.uniform(*REPORTED_SHARE) if rng.random() < UNDER_REPORTED else 1.0))


def day_of(
    plan: Plan,
    world: str,
    kind: str,
    roster: Roster,
    ordinary: Callable[[Regency], Iterable[SimulatedIncident]],
    stage: Callable[[Random, Regency], tuple[list[SimulatedIncident], int]],
) -> Nature:
    """The nature of a day. `ordinary`: background and serious incidents of a regency; `stage`: a flare-up's incidents
    and how many of them are reported. Draws at most one flare-up per regency."""
    places = [regency for regency in roster.values() if regency.stations]
    nature = Nature({code: [] for code in roster}, {code: [] for code in roster})
    for regency in places:
        nature.ordinary[regency.code] = list(ordinary(regency))
    nature.others = [
        OtherEvent("serious", code, item.occurred_ms, item.occurred_ms + SERIOUS_HOURS * HOUR_MS, item.category)
        for code, items in nature.ordinary.items()
        for item in items
        if item.cause == "serious"
    ]
    if plan.flareups:
        raise ValueError(f"flareups: world {world} draws its own; only none or chance can be asked for")
    if plan.flareups is None:
        rng = random_stream(plan.seed, world, "flareups")
        count = min(poisson(rng, plan.per_day), len(places))
        for number, regency in enumerate(rng.sample(places, count), 1):
            incidents, reported = stage(random_stream(plan.seed, world, "flareup", regency.code), regency)
            truth, staged = _truth(plan, world, f"f{number}", kind, incidents, reported)
            nature.flareups.append(truth)
            nature.staged[regency.code] += staged
    return nature


def _truth(
    plan: Plan, world: str, name: str, kind: str, incidents: list[SimulatedIncident], reported: int
) -> tuple[FlareUp, list[SimulatedIncident]]:
    """The truth of a flare-up, and its incidents in order, those marked that nobody reports."""
    regency, size = incidents[0].regency, len(incidents)
    chosen = set(random_stream(plan.seed, world, "reported", regency).sample(range(size), reported))
    ordered = sorted(incidents, key=lambda item: item.occurred_ms)
    staged = [replace(item, cause=name, is_reported=index in chosen) for index, item in enumerate(ordered)]
    band = next(band for band, (_, most) in BANDS.items() if reported <= most)
    first_ms, last_ms = staged[0].occurred_ms, staged[-1].occurred_ms
    return FlareUp(name, regency, kind, first_ms, last_ms, size, reported, band), staged
