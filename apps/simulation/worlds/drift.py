"""World `drift`: a Cox process, whose log-intensity is an Ornstein-Uhlenbeck path, and flare-ups that build up slowly.

Each category has a path, which makes its hours, and each regency one that multiplies all of them. Severities are a
logistic law of a drawn slope. Flare-ups grow with the square of time for hours and then stop, mostly in categories
that nobody thinks dangerous. Delays are gamma draws, and one report in five names no place. All bounds are assumptions.

This is the test family: nobody sets a number on its days or looks at single ones.
"""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from math import exp, log, sqrt
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.plan import Plan
from apps.simulation.random_streams import poisson, random_stream
from apps.simulation.worlds.desk import Reporting, sources_of_day
from apps.simulation.worlds.nature import SIZE, Table, day_of, near, rates, serious, severity_of, size_of, whole_seconds
from apps.simulation.worlds.reported_day import reported_day
from apps.simulation.worlds.world import Drawn, World
from schemas.roster import Regency, Roster
from schemas.vocabulary import CATEGORIES, DAY_MS, MINUTE_MS

NAME = "drift"
STEP_MIN, STEPS = 10, 144
CATEGORY_SD, CATEGORY_RELAXES_H = (0.5, 1.0), (2.0, 6.0)  # stationary deviation and relaxation time of a path
REGENCY_SD, REGENCY_RELAXES_H = (0.3, 0.6), (1.0, 4.0)
SLOPE, MIDDLE = (1.4, 2.6), (0.3, 1.2)  # P(severity > k) = 1 / (1 + exp(slope (k - middle)))
STAGED_GRAVER = (0.6, 1.3)  # added to the middle in a flare-up
ORDINARY = ("administration", "logistics", "data_integrity", "eligibility", "money_politics", "natural_hazard")
OTHERS = ("intimidation", "clash", "neutrality", "disinformation")
ORDINARY_SHARE, SECOND_SHARE = 0.8, 0.3  # of flare-ups in an ordinary category; of incidents in a second one
RAMP_MIN = (120, 360)
AREA = (8, 60)  # stations to either side
DELAY_SHAPE, DELAY_MEAN_MIN = (1.2, 3.0), (4.0, 18.0)
PLACELESS = 0.2
SOURCES = (
    "pantau-bersama", "kawal-suara", "lapor-warga", "suara-rakyat", "rumah-pemilu", "jaga-pilkada", "komunitas-data",
    "stasiun-tv", "koran-harian",
)  # fmt: skip


def hours(seed: int) -> Table:
    """Weights of the hours, by category."""
    per_hour = STEPS // 24
    return {
        category: [sum(steps[hour * per_hour : (hour + 1) * per_hour]) for hour in range(24)]
        for category, steps in _paths(seed).items()
    }


def severities(seed: int) -> Table:
    """Weights of the severities of ordinary incidents, by category."""
    return {category: _logistic(slope, middle) for category, (slope, middle) in _laws(seed).items()}


def draw(roster: Roster, plan: Plan) -> Drawn:
    """A day of this world."""
    lasting = plan.lasting_seed
    paths, mixes, laws = _paths(lasting), severities(lasting), _laws(lasting)
    per_station, course = rates(plan, NAME), plan.course
    rng = random_stream(lasting, NAME, "regencies")
    sd, relaxes_h = rng.uniform(*REGENCY_SD), rng.uniform(*REGENCY_RELAXES_H)

    def at_step(rng: Random, weights: list[float]) -> int:
        """A time, by cumulative weights of the steps."""
        step = rng.choices(range(STEPS), cum_weights=weights)[0]
        within_ms = whole_seconds(rng.uniform(0, STEP_MIN * MINUTE_MS))
        return course.at_ms(rng, plan.start_ms + step * STEP_MIN * MINUTE_MS + within_ms)

    def at_ms(rng: Random, category: str) -> int:
        return at_step(rng, list(accumulate(paths[category])))

    def ordinary(regency: Regency) -> Iterator[SimulatedIncident]:
        rng = random_stream(plan.seed, NAME, "ordinary", regency.code)
        factors = [exp(level - sd * sd / 2) for level in _wander(rng, sd, relaxes_h)]  # of mean 1
        for category, rate in per_station.items():
            weights = list(accumulate(a * b for a, b in zip(paths[category], factors, strict=True)))
            for _ in range(poisson(rng, rate * regency.stations * weights[-1])):
                station, severity = rng.randint(1, regency.stations), severity_of(rng, mixes[category])
                yield SimulatedIncident(regency.code, station, category, severity, at_step(rng, weights), "background")
        yield from serious(plan, NAME, regency, at_ms)

    def stage(rng: Random, regency: Regency) -> tuple[list[SimulatedIncident], int]:
        return _ramp(rng, regency, plan.start_ms, laws)

    nature = day_of(plan, NAME, "ramp", roster, ordinary, stage)
    return reported_day(roster, plan, NAME, nature, _reporting(lasting))


def _ramp(
    rng: Random, regency: Regency, start_ms: int, laws: dict[str, tuple[float, float]]
) -> tuple[list[SimulatedIncident], int]:
    """Incidents at a rate that grows with the square of time, so their count with its cube, and that ends at once."""
    reported = round(exp(rng.uniform(log(SIZE[0]), log(SIZE[1]))))
    first = rng.choice(ORDINARY if rng.random() < ORDINARY_SHARE else OTHERS)
    second = rng.choice([category for category in ORDINARY if category != first])
    graver = rng.uniform(*STAGED_GRAVER)
    length_ms = rng.uniform(*RAMP_MIN) * MINUTE_MS
    onset_ms = start_ms + rng.uniform(0, DAY_MS - length_ms)
    centre, width = rng.randint(1, regency.stations), rng.randint(*AREA)
    incidents = []
    for _ in range(size_of(rng, reported)):
        category = second if rng.random() < SECOND_SHARE else first
        slope, middle = laws[category]
        severity = severity_of(rng, _logistic(slope, middle + graver))
        at = whole_seconds(onset_ms + length_ms * rng.random() ** (1 / 3))
        station = near(rng, centre, width, regency.stations)
        incidents.append(SimulatedIncident(regency.code, station, category, severity, at, ""))
    return incidents, reported


def _reporting(seed: int) -> Reporting:
    rng, sources = random_stream(seed, NAME, "delays"), sources_of_day(seed, NAME, SOURCES)
    delays = {source: (rng.uniform(*DELAY_SHAPE), rng.uniform(*DELAY_MEAN_MIN) * MINUTE_MS) for source in sources}

    def report_ms(rng: Random, source: str, occurred_ms: int) -> int:
        shape, mean_ms = delays[source]
        return occurred_ms + int(rng.gammavariate(shape, mean_ms / shape))

    return Reporting(sources, report_ms, PLACELESS)


def _paths(seed: int) -> Table:
    """Weights of the day's steps by category, their sum 1."""
    rng = random_stream(seed, NAME, "hours")
    table = {}
    for category in CATEGORIES:
        path = [exp(level) for level in _wander(rng, rng.uniform(*CATEGORY_SD), rng.uniform(*CATEGORY_RELAXES_H))]
        table[category] = [weight / sum(path) for weight in path]
    return table


def _wander(rng: Random, sd: float, relaxes_h: float) -> list[float]:
    """An Ornstein-Uhlenbeck path over the steps of a day, stationary with mean 0 and this deviation."""
    kept = exp(-STEP_MIN / 60 / relaxes_h)
    level = rng.gauss(0, sd)
    path = [level]
    for _ in range(STEPS - 1):
        level = kept * level + sd * sqrt(1 - kept * kept) * rng.gauss(0, 1)
        path.append(level)
    return path


def _laws(seed: int) -> dict[str, tuple[float, float]]:
    """Slope and middle of the severities, by category."""
    rng = random_stream(seed, NAME, "severities")
    return {category: (rng.uniform(*SLOPE), rng.uniform(*MIDDLE)) for category in CATEGORIES}


def _logistic(slope: float, middle: float) -> list[float]:
    above = [1.0, *(1 / (1 + exp(slope * (severity - middle))) for severity in (1, 2)), 0.0]
    return [low - high for low, high in pairwise(above)]


WORLD = World(NAME, "test", "Cox process on drifting intensities; slow ramps; one report in five without a place", draw)
