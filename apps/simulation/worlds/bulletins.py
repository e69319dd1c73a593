"""World `bulletins`: over-dispersed counts (negative binomial), and sources that report on the hour or half hour.

A gamma draw of the day and one of each regency multiply all rates. Hours are a random walk in the logarithm over the
24 hours, severities a geometric law, both per category and day. Flare-ups are flat and long, their categories mixed.
All bounds are assumptions.
"""

from collections.abc import Iterator
from math import exp
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.plan import Plan
from apps.simulation.random_streams import poisson, random_stream
from apps.simulation.worlds.desk import Reporting, sources_of_day
from apps.simulation.worlds.nature import SIZE, Table, day_of, rates, serious, severity_of, size_of, whole_seconds
from apps.simulation.worlds.reported_day import reported_day
from apps.simulation.worlds.world import Drawn, World
from schemas.roster import Regency, Roster
from schemas.vocabulary import CATEGORIES, DAY_MS, HOUR_MS, MINUTE_MS

NAME = "bulletins"
DAY_SHAPE, REGENCY_SHAPE = 10.0, (2.0, 6.0)  # gamma of the day, and of each regency by a shape of the campaign
WALK_SD = (0.25, 0.6)  # of one hour's step, in the logarithm, by category
RATIO = (0.2, 0.55)  # how many times rarer the next severity is, by category
STAGED_MILD, STAGED_RATIO = (0.1, 0.4), (0.3, 0.8)  # share of severity 1 in a flare-up, and the ratio from 2 to 4
GROUPS = (  # a flare-up takes one category of each of three to five of these
    ("intimidation", "clash", "property_attack", "neutrality"),
    ("eligibility", "money_politics", "disinformation"),
    ("logistics",),
    ("administration",),
    ("data_integrity",),
)
MIXED = (3, 5)
SLOW, FAST_MIN, SLOW_MIN = 0.5, (60, 150), (151, 360)
SIZE_MEAN = 11.0  # reported incidents above the least, geometric
EVERY_MIN, AFTER_MIN = (30, 60), (1.0, 3.0)  # bulletins of a source, and how long after the time they leave
SOURCES = (
    "buletin-utara", "buletin-selatan", "sekretariat", "pusat-data", "forum-warga", "kantor-berita", "dewan-pers",
    "jaringan-desa", "lembaga-survei",
)  # fmt: skip


def hours(seed: int) -> Table:
    """Weights of the hours, by category."""
    rng = random_stream(seed, NAME, "hours")
    table = {}
    for category in CATEGORIES:
        level, sd = 0.0, rng.uniform(*WALK_SD)
        walk = [exp(level := level + rng.gauss(0, sd)) for _ in range(24)]
        table[category] = [weight / sum(walk) for weight in walk]
    return table


def severities(seed: int) -> Table:
    """Weights of the severities of ordinary incidents, by category."""
    rng = random_stream(seed, NAME, "severities")
    return {category: _geometric_law(rng.uniform(*RATIO)) for category in CATEGORIES}


def draw(roster: Roster, plan: Plan) -> Drawn:
    """A day of this world."""
    table, mixes, per_station = hours(plan.lasting_seed), severities(plan.lasting_seed), rates(plan, NAME)
    (of_day, _), (_, shape), course = _dispersion(plan.seed), _dispersion(plan.lasting_seed), plan.course

    def at_ms(rng: Random, category: str) -> int:
        hour = rng.choices(range(24), table[category])[0]
        return course.at_ms(rng, plan.start_ms + hour * HOUR_MS + whole_seconds(rng.uniform(0, HOUR_MS)))

    def ordinary(regency: Regency) -> Iterator[SimulatedIncident]:
        rng = random_stream(plan.seed, NAME, "ordinary", regency.code)
        factor = of_day * rng.gammavariate(shape, 1 / shape)  # a Poisson count of a gamma mean is negative binomial
        for category, rate in per_station.items():
            for _ in range(poisson(rng, rate * regency.stations * factor)):
                station, severity = rng.randint(1, regency.stations), severity_of(rng, mixes[category])
                yield SimulatedIncident(regency.code, station, category, severity, at_ms(rng, category), "background")
        yield from serious(plan, NAME, regency, at_ms)

    def stage(rng: Random, regency: Regency) -> tuple[list[SimulatedIncident], int]:
        return _flat(rng, regency, plan.start_ms)

    nature = day_of(plan, NAME, "plateau", roster, ordinary, stage)
    return reported_day(roster, plan, NAME, nature, _reporting(plan))


def _flat(rng: Random, regency: Regency, start_ms: int) -> tuple[list[SimulatedIncident], int]:
    """Incidents of several groups at a constant rate, anywhere in the regency."""
    reported = min(SIZE[0] + int(rng.expovariate(1 / SIZE_MEAN)), SIZE[1])
    categories = [rng.choice(group) for group in rng.sample(GROUPS, rng.randint(*MIXED))]
    mild = rng.uniform(*STAGED_MILD)
    mix = [mild, *((1 - mild) * weight for weight in _geometric_law(rng.uniform(*STAGED_RATIO)))]
    length_ms = rng.uniform(*(SLOW_MIN if rng.random() < SLOW else FAST_MIN)) * MINUTE_MS
    onset_ms = start_ms + rng.uniform(0, DAY_MS - length_ms)
    times = [0.0, length_ms, *(rng.uniform(0, length_ms) for _ in range(size_of(rng, reported) - 2))]
    incidents = [
        SimulatedIncident(
            regency.code,
            rng.randint(1, regency.stations),
            rng.choice(categories),
            severity_of(rng, mix),
            whole_seconds(onset_ms + at),
            "",
        )
        for at in times
    ]
    return incidents, reported


def _reporting(plan: Plan) -> Reporting:
    rng, sources = random_stream(plan.lasting_seed, NAME, "delays"), sources_of_day(plan.lasting_seed, NAME, SOURCES)
    every_ms = {source: rng.choice(EVERY_MIN) * MINUTE_MS for source in sources}

    def report_ms(rng: Random, source: str, occurred_ms: int) -> int:
        """The source's next bulletin leaves at a full or half hour of local time, and some minutes later."""
        since_ms = occurred_ms - plan.start_ms
        leaves_ms = -(-since_ms // every_ms[source]) * every_ms[source]
        return plan.start_ms + leaves_ms + int(rng.uniform(*AFTER_MIN) * MINUTE_MS)

    return Reporting(sources, report_ms)


def _dispersion(seed: int) -> tuple[float, float]:
    """The factor of a day, and the shape of the regencies' factors."""
    rng = random_stream(seed, NAME, "dispersion")
    return rng.gammavariate(DAY_SHAPE, 1 / DAY_SHAPE), rng.uniform(*REGENCY_SHAPE)


def _geometric_law(ratio: float) -> list[float]:
    """Weights of three severities, each `ratio` times the one before; their sum is 1."""
    weights = [1.0, ratio, ratio * ratio]
    return [weight / sum(weights) for weight in weights]


WORLD = World(NAME, "training", "over-dispersed counts; hours of a random walk; half-hourly bulletins", draw)
