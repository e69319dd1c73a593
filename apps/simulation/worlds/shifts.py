"""World `shifts`: quiet and busy places (zero-inflated Poisson), day and night shifts, and flare-ups in volleys.

Hours are two plateaus with sharp edges over a level that the night keeps, severities an ordered probit, both per
category and day. Each source reports with the delay of the shift that is on duty, and one source is late by half an
hour to an hour. All bounds are assumptions.
"""

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from statistics import NormalDist

from apps.simulation.background import SimulatedIncident
from apps.simulation.plan import Plan
from apps.simulation.random_streams import poisson, random_stream
from apps.simulation.worlds.desk import Reporting, sources_of_day
from apps.simulation.worlds.nature import Table, day_of, near, rates, serious, severity_of, size_of, whole_seconds
from apps.simulation.worlds.reported_day import reported_day
from apps.simulation.worlds.world import Drawn, World
from schemas.roster import Regency, Roster
from schemas.vocabulary import CATEGORIES, DAY_MS, HOUR_MS, MINUTE_MS

NAME = "shifts"
NEVER = (0.25, 0.6)  # share of the regencies in which a category does not occur on a day
BUSY, BUSY_FACTOR, QUIET_FACTOR = 0.4, 1.75, 0.5  # share of busy places, and the rates there and elsewhere: mean 1
SLOT_MIN, SLOTS = 15, 96  # edges of plateaus lie at quarters of an hour
PLATEAU_SLOTS, PLATEAU_LEVEL, NIGHT_LEVEL = (8, 28), (0.5, 1.0), (0.06, 0.2)  # lengths, heights, and all other hours
FIRST_CUT, CUTS_APART = (-0.2, 0.8), (0.7, 1.3)  # cutpoints of the probit between severities 1, 2 and 3
STAGED_SHIFT = (0.6, 1.2)  # by so much a flare-up is graver than the day's ordinary incidents of the category
FOURTH_CUT = 3.0  # cutpoint of severity 4, in flare-ups only
VOLLEYS, VOLLEY, VOLLEY_MIN, PAUSE_MIN = (2, 4), (3, 10), 10.0, (20, 70)
VOLLEY_NEAR = 4  # stations to either side: a volley lies in one or two villages
PAIRS = (  # a flare-up has one of these pairs of categories, the first twice as often as the second
    ("intimidation", "eligibility"), ("money_politics", "intimidation"), ("clash", "property_attack"),
    ("logistics", "intimidation"), ("data_integrity", "clash"), ("administration", "data_integrity"),
    ("clash", "disinformation"), ("money_politics", "neutrality"),
)  # fmt: skip
FIRST_OF_PAIR = 2 / 3
DUTY_H = 8  # three shifts a day
DUTY_DELAY_MIN, LATE_MIN = (2.0, 16.0), (30.0, 60.0)
SOURCES = (
    "regu-pagi", "regu-siang", "piket-data", "pos-kota", "pos-desa", "ronda", "siskamling", "call-center", "sms-center",
)  # fmt: skip


def hours(seed: int) -> Table:
    """Weights of the hours, by category."""
    per_hour = SLOTS // 24
    return {
        category: [sum(slots[hour * per_hour : (hour + 1) * per_hour]) / sum(slots) for hour in range(24)]
        for category, slots in _slots(seed).items()
    }


def severities(seed: int) -> Table:
    """Weights of the severities of ordinary incidents, by category."""
    return {category: _probit(cuts) for category, cuts in _cuts(seed).items()}


def draw(roster: Roster, plan: Plan) -> Drawn:
    """A day of this world."""
    slots, mixes, per_station = _slots(plan.lasting_seed), severities(plan.lasting_seed), rates(plan, NAME)
    rng, cuts = random_stream(plan.lasting_seed, NAME, "never"), _cuts(plan.lasting_seed)
    never, course = {category: rng.uniform(*NEVER) for category in per_station}, plan.course

    def at_ms(rng: Random, category: str) -> int:
        slot = rng.choices(range(SLOTS), slots[category])[0]
        within_ms = whole_seconds(rng.uniform(0, SLOT_MIN * MINUTE_MS))
        return course.at_ms(rng, plan.start_ms + slot * SLOT_MIN * MINUTE_MS + within_ms)

    def ordinary(regency: Regency) -> Iterator[SimulatedIncident]:
        rng = random_stream(plan.seed, NAME, "ordinary", regency.code)
        factor = BUSY_FACTOR if rng.random() < BUSY else QUIET_FACTOR
        for category, rate in per_station.items():
            if rng.random() < never[category]:
                continue
            for _ in range(poisson(rng, rate * regency.stations * factor / (1 - never[category]))):
                station, severity = rng.randint(1, regency.stations), severity_of(rng, mixes[category])
                yield SimulatedIncident(regency.code, station, category, severity, at_ms(rng, category), "background")
        yield from serious(plan, NAME, regency, at_ms)

    def stage(rng: Random, regency: Regency) -> tuple[list[SimulatedIncident], int]:
        return _volleys(rng, regency, plan.start_ms, cuts)

    nature = day_of(plan, NAME, "volleys", roster, ordinary, stage)
    return reported_day(roster, plan, NAME, nature, _reporting(plan))


def _volleys(
    rng: Random, regency: Regency, start_ms: int, cuts: dict[str, tuple[float, float]]
) -> tuple[list[SimulatedIncident], int]:
    """A few volleys in a row, each in one place. Incidents beyond the reported ones join volleys at random."""
    counts = [rng.randint(*VOLLEY) for _ in range(rng.randint(*VOLLEYS))]
    reported = sum(counts)
    for _ in range(size_of(rng, reported) - reported):
        counts[rng.randrange(len(counts))] += 1
    pair, shift = rng.choice(PAIRS), rng.uniform(*STAGED_SHIFT)
    begins = [0.0]
    for _ in counts[1:]:
        begins.append(begins[-1] + (VOLLEY_MIN + rng.uniform(*PAUSE_MIN)) * MINUTE_MS)
    onset_ms = start_ms + rng.uniform(0, DAY_MS - begins[-1] - VOLLEY_MIN * MINUTE_MS)
    incidents = []
    for begin, count in zip(begins, counts, strict=True):
        place = rng.randint(1, regency.stations)
        for _ in range(count):
            category = pair[0] if rng.random() < FIRST_OF_PAIR else pair[1]
            severity = severity_of(rng, _probit((*cuts[category], FOURTH_CUT), shift))
            at = whole_seconds(onset_ms + begin + rng.uniform(0, VOLLEY_MIN * MINUTE_MS))
            station = near(rng, place, VOLLEY_NEAR, regency.stations)
            incidents.append(SimulatedIncident(regency.code, station, category, severity, at, ""))
    return incidents, reported


def _reporting(plan: Plan) -> Reporting:
    rng, sources = random_stream(plan.lasting_seed, NAME, "delays"), sources_of_day(plan.lasting_seed, NAME, SOURCES)
    delays = {source: [rng.uniform(*DUTY_DELAY_MIN) for _ in range(24 // DUTY_H)] for source in sources}
    late = rng.choice(sources)

    def report_ms(rng: Random, source: str, occurred_ms: int) -> int:
        if source == late:
            return occurred_ms + int(rng.uniform(*LATE_MIN) * MINUTE_MS)
        # A double may be noted after midnight, when the first shift is on duty again.
        on_duty = (occurred_ms - plan.start_ms) // (DUTY_H * HOUR_MS) % (24 // DUTY_H)
        return occurred_ms + int(delays[source][on_duty] * rng.uniform(0.5, 1.5) * MINUTE_MS)

    return Reporting(sources, report_ms)


def _slots(seed: int) -> Table:
    """Weights of the quarters of an hour, by category. Plateaus may overlap, and may run over midnight."""
    rng = random_stream(seed, NAME, "hours")
    table = {}
    for category in CATEGORIES:
        slots = [rng.uniform(*NIGHT_LEVEL)] * SLOTS
        for _ in range(2):
            first, length, level = rng.randrange(SLOTS), rng.randint(*PLATEAU_SLOTS), rng.uniform(*PLATEAU_LEVEL)
            for slot in range(first, first + length):
                slots[slot % SLOTS] += level
        table[category] = slots
    return table


def _cuts(seed: int) -> dict[str, tuple[float, float]]:
    rng = random_stream(seed, NAME, "severities")
    return {category: (cut := rng.uniform(*FIRST_CUT), cut + rng.uniform(*CUTS_APART)) for category in CATEGORIES}


def _probit(cuts: tuple[float, ...], shift: float = 0.0) -> list[float]:
    """Shares of the severities: a normal of mean `shift` and deviation 1, cut at these points."""
    below = [0.0, *(NormalDist(shift).cdf(cut) for cut in cuts), 1.0]
    return [high - low for low, high in pairwise(below)]


WORLD = World(NAME, "validation", "zero-inflated counts; hours of two sharp plateaus; delays by shift on duty", draw)
