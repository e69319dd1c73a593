"""A day's nature as messages: each regency's desks, one hoax wave at most, and turnout."""

from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.false_signals import HOAX_CHANCE
from apps.simulation.plan import Plan
from apps.simulation.random_streams import random_stream
from apps.simulation.reporting import SourceOutage
from apps.simulation.truth import OtherEvent
from apps.simulation.worlds.desk import Desk, Habits, Reporting, draw_outage
from apps.simulation.worlds.nature import Nature, whole_seconds
from apps.simulation.worlds.world import Drawn, roster_turnout
from schemas.roster import Regency, Roster
from schemas.vocabulary import CATEGORIES, DAY_MS, MINUTE_MS

HOAX_DAYS = 0.3  # share of the days with a hoax wave, where the plan keeps its default
HOAX_SIZE, HOAX_SPAN_MIN, HOAX_CATEGORIES = (5, 25), (20, 150), (1, 3)
HOAX_RETRACTED, HOAX_RETRACTED_AFTER_MIN = 0.6, (30, 240)  # the others are never taken back
# A protest scores nothing, and a death is of severity 4 and more.
HOAXED = [category for category in CATEGORIES if category not in ("protest", "fatality")]
CHATTER = (2, 6)  # reports of severity 1 by other sources during a hoax wave
# Numbers of a regency's desks begin after these.
ORDINARY, ORDINARY_DOUBLES, STAGED, STAGED_DOUBLES, HOAX, CHATTING = 0, 300_000, 500_000, 700_000, 900_000, 950_000


def reported_day(roster: Roster, plan: Plan, world: str, nature: Nature, reporting: Reporting) -> Drawn:
    """The day as messages and truth."""
    habits = Habits.draw(plan, world)
    outages = draw_outage(plan, world, reporting.sources)
    drawn = Drawn([], nature.flareups, list(nature.others))
    drawn.others.extend(OtherEvent("silence", None, item.start_ms, item.end_ms, item.source) for item in outages)
    for code in roster:
        for name, incidents, after, doubles_after in (
            ("ordinary", nature.ordinary[code], ORDINARY, ORDINARY_DOUBLES),
            ("staged", nature.staged[code], STAGED, STAGED_DOUBLES),
        ):
            desk = Desk(plan, world, code, f"{name} desk", after, reporting, habits, outages)
            doubles = Desk(plan, world, code, f"{name} doubles", doubles_after, reporting, habits, outages)
            _report(drawn, incidents, desk, doubles)
    _hoax(drawn, roster, plan, world, reporting, habits, outages)
    staged = [item for items in nature.staged.values() for item in items]
    drawn.messages.extend(roster_turnout(roster, plan, nature.flareups, staged))
    return drawn


def _report(drawn: Drawn, incidents: list[SimulatedIncident], desk: Desk, doubles: Desk) -> None:
    for incident in sorted(incidents, key=lambda item: item.occurred_ms):
        if incident.is_reported:
            reports = desk.report(incident)
            again, truth = doubles.double(incident, reports[0])
            drawn.messages.extend([*reports, *again])
            drawn.others.extend(truth)


def _hoax(
    drawn: Drawn,
    roster: Roster,
    plan: Plan,
    world: str,
    reporting: Reporting,
    habits: Habits,
    outages: list[SourceOutage],
) -> None:
    """At most one wave a day, of one source in one regency, while other sources report ordinary things."""
    rng = random_stream(plan.seed, world, "hoax")
    if rng.random() >= (HOAX_DAYS if plan.hoax_chance == HOAX_CHANCE else plan.hoax_chance):
        return
    regency = rng.choice([item for item in roster.values() if item.stations])
    span_ms = rng.randint(*HOAX_SPAN_MIN) * MINUTE_MS
    onset_ms = plan.start_ms + rng.randrange(DAY_MS - span_ms) // MINUTE_MS * MINUTE_MS
    desk = Desk(plan, world, regency.code, "hoax desk", HOAX, reporting, habits, outages)
    source, categories = desk.source(), rng.sample(HOAXED, rng.randint(*HOAX_CATEGORIES))
    size, is_retracted = rng.randint(*HOAX_SIZE), rng.random() < HOAX_RETRACTED
    end_ms = onset_ms + span_ms
    if is_retracted:
        end_ms += rng.randint(*HOAX_RETRACTED_AFTER_MIN) * MINUTE_MS
    for _ in range(size):
        incident = _staged(rng, regency, rng.choice(categories), rng.choice((2, 3)), onset_ms, span_ms)
        first = desk.report_once(incident, source)
        drawn.messages.append(first)
        if is_retracted:
            drawn.messages.append(desk.revision(first.body, end_ms + rng.randrange(10 * MINUTE_MS)))
    note = f"{size} incidents from {source}" + (", retracted" if is_retracted else "")
    drawn.others.append(OtherEvent("hoax", regency.code, onset_ms, end_ms, note))
    chatting = Desk(plan, world, regency.code, "chatter", CHATTING, reporting, habits, outages)
    for _ in range(rng.randint(*CHATTER)):
        incident = _staged(rng, regency, rng.choice(CATEGORIES), 1, onset_ms, span_ms)
        drawn.messages.append(chatting.report_once(incident, rng.choice(desk.others(source))))


def _staged(
    rng: Random, regency: Regency, category: str, severity: int, onset_ms: int, span_ms: int
) -> SimulatedIncident:
    at_ms = whole_seconds(onset_ms + rng.randrange(span_ms))
    return SimulatedIncident(regency.code, rng.randint(1, regency.stations), category, severity, at_ms, "hoax")
