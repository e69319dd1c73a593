"""World `clusters`: a self-exciting process (Hawkes). One incident brings others, after exponential lags, nearby.

Ordinary days are subcritical, and a flare-up is a window in which each incident brings more than one other. Hours are
von Mises bumps around the clock, severities a Dirichlet draw, both per category and day. Reports come after an
exponential delay of their source. All bounds are assumptions.
"""

from collections.abc import Iterator
from math import cos, exp, log, pi
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.plan import Plan
from apps.simulation.random_streams import poisson, random_stream
from apps.simulation.worlds.desk import Reporting, sources_of_day
from apps.simulation.worlds.nature import SIZE, Table, day_of, near, rates, serious, severity_of, size_of, whole_seconds
from apps.simulation.worlds.reported_day import reported_day
from apps.simulation.worlds.world import Drawn, World
from schemas.roster import Regency, Roster
from schemas.vocabulary import CATEGORIES, DAY_MS, HOUR_MS, MINUTE_MS

NAME = "clusters"
BUMPS, KAPPA, ROUND_THE_CLOCK = (1, 3), (1.0, 6.0), 0.15  # bumps, how narrow they are, and the share at any hour
SEVERITY_ALPHA = (3.0, 2.5, 0.6)  # Dirichlet of severities 1 to 3: a tenth is severe on average
STAGED_ALPHA = (0.8, 3.0, 2.2, 0.15)  # the same of a flare-up, severities 1 to 4
# Incidents that one brings, and their mean lag, by category. More offspring would make chains of six and more, the size
# of the smallest flare-ups, an everyday thing: with these there is less than one among the ordinary 500 of a day.
OFFSPRING, LAG_MIN = (0.05, 0.25), (5.0, 40.0)
NEAR = 6  # stations to either side
SIZE_ALPHA = 0.9  # Pareto of a flare-up's reported incidents
LASTING_MIN = (40, 360)
STAGED_OFFSPRING = (1.2, 2.2)
KEEPS_CATEGORY = 0.6  # offspring in a flare-up is of its parent's category, or of one of three
STAGED = [category for category in CATEGORIES if category not in ("protest", "fatality", "natural_hazard")]
DELAY_MIN = (4.0, 15.0)
SOURCES = ("saksi-01", "saksi-02", "saksi-03", "relawan", "kabar-sumatera", "radio-kota", "mahasiswa", "pwi", "posko")


def hours(seed: int) -> Table:
    """Weights of the hours, by category."""
    return {category: _hours(bumps) for category, bumps in _bumps(seed).items()}


def severities(seed: int) -> Table:
    """Weights of the severities of ordinary incidents, by category."""
    rng = random_stream(seed, NAME, "severities")
    return {category: _dirichlet(rng, SEVERITY_ALPHA) for category in CATEGORIES}


def draw(roster: Roster, plan: Plan) -> Drawn:
    """A day of this world."""
    bumps, mixes, per_station = _bumps(plan.lasting_seed), severities(plan.lasting_seed), rates(plan, NAME)
    rng, course = random_stream(plan.lasting_seed, NAME, "offspring"), plan.course
    exciting = {category: (rng.uniform(*OFFSPRING), rng.uniform(*LAG_MIN) * MINUTE_MS) for category in CATEGORIES}

    def at_ms(rng: Random, category: str) -> int:
        return course.at_ms(rng, election_ms(rng, category))

    def election_ms(rng: Random, category: str) -> int:
        if rng.random() < ROUND_THE_CLOCK:
            return plan.start_ms + whole_seconds(rng.uniform(0, DAY_MS))
        angle = rng.vonmisesvariate(*rng.choice(bumps[category]))
        return plan.start_ms + whole_seconds(angle / (2 * pi) * DAY_MS) % DAY_MS

    def ordinary(regency: Regency) -> Iterator[SimulatedIncident]:
        rng = random_stream(plan.seed, NAME, "ordinary", regency.code)
        for category, rate in per_station.items():
            offspring, lag_ms = exciting[category]
            # A parent has 1 / (1 - offspring) incidents in all, itself included.
            parents = poisson(rng, rate * regency.stations * (1 - offspring))
            waiting = [(at_ms(rng, category), rng.randint(1, regency.stations)) for _ in range(parents)]
            while waiting:
                at, station = waiting.pop()
                severity = severity_of(rng, mixes[category])
                yield SimulatedIncident(regency.code, station, category, severity, at, "background")
                for _ in range(_geometric(rng, offspring)):
                    later = at + whole_seconds(rng.expovariate(1 / lag_ms))
                    if later < plan.start_ms + DAY_MS:
                        waiting.append((later, near(rng, station, NEAR, regency.stations)))
        yield from serious(plan, NAME, regency, at_ms)

    def stage(rng: Random, regency: Regency) -> tuple[list[SimulatedIncident], int]:
        return _supercritical(rng, regency, plan.start_ms)

    nature = day_of(plan, NAME, "chain", roster, ordinary, stage)
    return reported_day(roster, plan, NAME, nature, _reporting(plan.lasting_seed))


def _supercritical(rng: Random, regency: Regency, start_ms: int) -> tuple[list[SimulatedIncident], int]:
    """A branching process that grows until the size is reached, stretched to the time that it lasts."""
    reported = min(int(SIZE[0] * rng.paretovariate(SIZE_ALPHA)), SIZE[1])
    size, offspring = size_of(rng, reported), rng.uniform(*STAGED_OFFSPRING)
    categories, mix = rng.sample(STAGED, 3), _dirichlet(rng, STAGED_ALPHA)
    born = [(0.0, rng.randint(1, regency.stations), categories[0])]
    parent = 0
    while len(born) < size:
        at, station, category = born[parent]
        # The last of a line has at least one more, or the process would end before its size.
        brought = max(_geometric(rng, offspring), parent == len(born) - 1)
        for _ in range(min(brought, size - len(born))):
            kept = category if rng.random() < KEEPS_CATEGORY else rng.choice(categories)
            born.append((at + rng.expovariate(1), near(rng, station, NEAR, regency.stations), kept))
        parent += 1
    lasting_ms = exp(rng.uniform(*map(log, LASTING_MIN))) * MINUTE_MS
    stretch = lasting_ms / max(at for at, _, _ in born)
    onset_ms = start_ms + rng.uniform(0, DAY_MS - lasting_ms - MINUTE_MS)
    incidents = [
        SimulatedIncident(
            regency.code, station, category, severity_of(rng, mix), whole_seconds(onset_ms + at * stretch), ""
        )
        for at, station, category in born
    ]
    return incidents, reported


def _reporting(seed: int) -> Reporting:
    rng, sources = random_stream(seed, NAME, "delays"), sources_of_day(seed, NAME, SOURCES)
    mean_ms = {source: rng.uniform(*DELAY_MIN) * MINUTE_MS for source in sources}
    return Reporting(sources, lambda rng, source, occurred_ms: occurred_ms + int(rng.expovariate(1 / mean_ms[source])))


def _bumps(seed: int) -> dict[str, list[tuple[float, float]]]:
    """By category, the angles and concentrations of its von Mises bumps."""
    rng = random_stream(seed, NAME, "hours")
    return {
        category: [(rng.uniform(0, 2 * pi), rng.uniform(*KAPPA)) for _ in range(rng.randint(*BUMPS))]
        for category in CATEGORIES
    }


def _hours(bumps: list[tuple[float, float]]) -> list[float]:
    weights = [ROUND_THE_CLOCK / 24] * 24
    for angle, kappa in bumps:
        bump = [exp(kappa * cos((hour + 0.5) * HOUR_MS / DAY_MS * 2 * pi - angle)) for hour in range(24)]
        weights = [w + (1 - ROUND_THE_CLOCK) * b / sum(bump) / len(bumps) for w, b in zip(weights, bump, strict=True)]
    return weights


def _dirichlet(rng: Random, alpha: tuple[float, ...]) -> list[float]:
    drawn = [rng.gammavariate(item, 1) for item in alpha]
    return [item / sum(drawn) for item in drawn]


def _geometric(rng: Random, mean: float) -> int:
    """A count from 0 on of this mean."""
    return int(log(1 - rng.random()) / log(mean / (1 + mean)))


WORLD = World(NAME, "training", "self-exciting clusters; hours of one to three bumps; exponential delays", draw)
