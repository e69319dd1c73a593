"""Messages that look like a flare-up and are none: a hoax wave of one source, later retracted, and an exercise."""

from collections.abc import Iterator
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.messages import SimulatedMessage
from apps.simulation.random_streams import random_stream, weighted_choice
from apps.simulation.reporting import Numbers, Reporter
from apps.simulation.truth import OtherEvent
from schemas.roster import Regency, Roster
from schemas.vocabulary import HOUR_MS, MINUTE_MS

HOAX_CHANCE = 0.15  # per roster day
HOAX_SIZE, HOAX_SPAN_MIN, HOAX_RETRACTED_AFTER_MIN = (5, 15), (20, 60), (60, 150)
HOAX_MIX = {"intimidation": 0.4, "clash": 0.3, "eligibility": 0.3}
HOAX_SEVERITY = {2: 0.6, 3: 0.38, 4: 0.02}
EXERCISE_CHANCE = 0.2
EXERCISE_SIZE = (5, 12)


def hoaxes(
    seed: int, start_ms: int, roster: Roster, offset_min: int, chance_per_day: float = HOAX_CHANCE
) -> Iterator[tuple[OtherEvent, list[SimulatedMessage]]]:
    """At most one hoax wave a day: one source, one regency, retracted an hour or two after it began."""
    rng = random_stream(seed, "hoax")
    if rng.random() >= chance_per_day:
        return
    regency = rng.choice([item for item in roster.values() if item.stations])
    onset_ms = start_ms + rng.randint(7 * 60, 19 * 60) * MINUTE_MS
    span_ms = rng.randint(*HOAX_SPAN_MIN) * MINUTE_MS
    retract_ms = onset_ms + span_ms + rng.randint(*HOAX_RETRACTED_AFTER_MIN) * MINUTE_MS
    source = f"pemantau-{regency.code[:2]}"
    numbers = Numbers(start_ms, offset_min, after=900_000)
    reporter = Reporter(random_stream(seed, "hoax desk"), regency.code, numbers, offset_min)
    messages: list[SimulatedMessage] = []
    size = rng.randint(*HOAX_SIZE)
    for _ in range(size):
        category, severity = weighted_choice(rng, HOAX_MIX), weighted_choice(rng, HOAX_SEVERITY)
        incident = _staged(rng, regency, category, severity, onset_ms, span_ms, "hoax")
        messages.extend(reporter.report_hoax(incident, source, retract_ms))
    yield OtherEvent("hoax", regency.code, onset_ms, retract_ms, f"{size} incidents from {source}, retracted"), messages


def exercises(
    seed: int, start_ms: int, roster: Roster, offset_min: int
) -> Iterator[tuple[OtherEvent, list[SimulatedMessage]]]:
    """At most one exercise a day: grave incidents, each marked as exercise."""
    rng = random_stream(seed, "exercise")
    if rng.random() >= EXERCISE_CHANCE:
        return
    regency = rng.choice([item for item in roster.values() if item.stations])
    onset_ms = start_ms + rng.randint(6 * 60, 16 * 60) * MINUTE_MS
    source = f"polri-{regency.code[:2]}"
    numbers = Numbers(start_ms, offset_min, after=800_000)
    reporter = Reporter(random_stream(seed, "exercise desk"), regency.code, numbers, offset_min)
    messages: list[SimulatedMessage] = []
    for _ in range(rng.randint(*EXERCISE_SIZE)):
        incident = _staged(rng, regency, "clash", rng.randint(3, 5), onset_ms, HOUR_MS, "exercise")
        messages.extend(reporter.report_exercise(incident, source))
    yield OtherEvent("exercise", regency.code, onset_ms, onset_ms + HOUR_MS, source), messages


def _staged(
    rng: Random, regency: Regency, category: str, severity: int, onset_ms: int, span_ms: int, cause: str
) -> SimulatedIncident:
    station = rng.randint(1, regency.stations)
    return SimulatedIncident(regency.code, station, category, severity, onset_ms + rng.randrange(span_ms), cause)
