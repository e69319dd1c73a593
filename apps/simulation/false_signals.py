"""What looks like a flare-up and is none: a hoax wave from one single source, later retracted, and an exercise."""

from collections.abc import Iterator
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.random_streams import weighted_choice, random_stream
from apps.simulation.messages import Message
from apps.simulation.reporting import Reporter
from apps.simulation.truth import HOUR_MS, MINUTE_MS, OtherEvent
from schemas.roster import Regency, Roster

HOAX_CHANCE = 0.15  # per roster day
HOAX_SIZE, HOAX_SPAN_MIN, HOAX_RETRACTED_AFTER_MIN = (5, 15), (20, 60), (60, 150)
HOAX_MIX = {"intimidation": 0.4, "clash": 0.3, "eligibility": 0.3}
HOAX_SEVERITY = {2: 0.6, 3: 0.38, 4: 0.02}
EXERCISE_CHANCE = 0.2
EXERCISE_SIZE = (5, 12)


def hoaxes(
    seed: int, start_ms: int, roster: Roster, offset_min: int, chance_per_day: float = HOAX_CHANCE
) -> Iterator[tuple[OtherEvent, list[Message]]]:
    """At most one hoax wave a day: one source, one regency, retracted an hour or two after it began."""
    chance = random_stream(seed, "hoax")
    if chance.random() >= chance_per_day:
        return
    regency = chance.choice([item for item in roster.values() if item.stations])
    onset_ms = start_ms + chance.randint(7 * 60, 19 * 60) * MINUTE_MS
    span_ms = chance.randint(*HOAX_SPAN_MIN) * MINUTE_MS
    retract_ms = onset_ms + span_ms + chance.randint(*HOAX_RETRACTED_AFTER_MIN) * MINUTE_MS
    source = f"pemantau-{regency.code[:2]}"
    desk = Reporter(random_stream(seed, "hoax desk"), regency.code, offset_min, first=9000)
    messages: list[Message] = []
    size = chance.randint(*HOAX_SIZE)
    for _ in range(size):
        happening = _staged(
            chance, regency, weighted_choice(chance, HOAX_MIX), weighted_choice(chance, HOAX_SEVERITY), onset_ms, span_ms, "hoax"
        )
        messages.extend(desk.wave(happening, source, retract_ms))
    yield OtherEvent("hoax", regency.code, onset_ms, retract_ms, f"{size} incidents from {source}, retracted"), messages


def exercises(seed: int, start_ms: int, roster: Roster, offset_min: int) -> Iterator[tuple[OtherEvent, list[Message]]]:
    """A drill now and then: grave incidents, each marked as exercise."""
    chance = random_stream(seed, "exercise")
    if chance.random() >= EXERCISE_CHANCE:
        return
    regency = chance.choice([item for item in roster.values() if item.stations])
    onset_ms = start_ms + chance.randint(6 * 60, 16 * 60) * MINUTE_MS
    source = f"polri-{regency.code[:2]}"
    desk = Reporter(random_stream(seed, "exercise desk"), regency.code, offset_min, first=8000)
    messages: list[Message] = []
    for _ in range(chance.randint(*EXERCISE_SIZE)):
        happening = _staged(chance, regency, "clash", chance.randint(3, 5), onset_ms, HOUR_MS, "exercise")
        messages.extend(desk.drill(happening, source))
    yield OtherEvent("exercise", regency.code, onset_ms, onset_ms + HOUR_MS, source), messages


def _staged(
    chance: Random, regency: Regency, category: str, severity: int, onset_ms: int, span_ms: int, origin: str
) -> SimulatedIncident:
    station = chance.randint(1, regency.stations)
    return SimulatedIncident(regency.code, station, category, severity, onset_ms + chance.randrange(span_ms), origin)
