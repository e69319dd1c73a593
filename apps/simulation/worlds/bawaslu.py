"""World `bawaslu`: Poisson at the published rates, fixed hours and severities, flare-ups of five kinds."""

from apps.simulation.background import SimulatedIncident, background, serious
from apps.simulation.doubles import DoubleReporter
from apps.simulation.false_signals import exercises, hoaxes
from apps.simulation.flareups import draw as draw_flareups
from apps.simulation.flareups import stage
from apps.simulation.messages import SimulatedMessage
from apps.simulation.plan import Plan
from apps.simulation.random_streams import random_stream
from apps.simulation.reporting import Numbers, Reporter, SourceOutage, draw_outages
from apps.simulation.truth import FlareUp, OtherEvent
from apps.simulation.worlds.world import Drawn, World, roster_turnout
from schemas.roster import Roster

FLAREUP_NUMBERS = 500_000  # numbers of staged incidents begin after this one


def draw(roster: Roster, plan: Plan) -> Drawn:
    """Background, flare-ups, false signals and turnout. Regencies without stations have no incidents and no turnout."""
    start_ms = plan.start_ms
    truths, staged = _flareups(roster, plan)
    incidents, others = _ordinary(roster, plan)
    for incident in staged:
        incidents[incident.regency].append(incident)
    outages = {
        province: draw_outages(random_stream(plan.seed, "silence", province), province, start_ms)
        for province in sorted({code[:2] for code in roster})
    }
    others += [OtherEvent("silence", None, o.start_ms, o.end_ms, o.source) for group in outages.values() for o in group]
    messages: list[SimulatedMessage] = []
    for code in roster:
        reports, doubled = _reports(plan, code, incidents[code], outages[code[:2]])
        messages += reports
        others += doubled
    for waves in (
        hoaxes(plan.seed, start_ms, roster, plan.offset_min, plan.hoax_chance),
        exercises(plan.seed, start_ms, roster, plan.offset_min),
    ):
        for other, reports in waves:
            others.append(other)
            messages += reports
    messages += roster_turnout(roster, plan, truths, staged)
    return Drawn(messages, truths, others)


def _flareups(roster: Roster, plan: Plan) -> tuple[list[FlareUp], list[SimulatedIncident]]:
    specs = plan.flareups
    if specs is None:
        specs = draw_flareups(plan.seed, plan.start_ms, roster, plan.per_day)
    truths: list[FlareUp] = []
    staged: list[SimulatedIncident] = []
    taken = {spec.regency for spec in specs}
    for number, spec in enumerate(specs, 1):
        for truth, incidents in stage(plan.seed, number, spec, roster):
            if truth.spread_of and truth.regency in taken:
                continue  # it has a flare-up of its own today, and one place can hold one truth only
            taken.add(truth.regency)
            truths.append(truth)
            staged += incidents
    return truths, staged


def _ordinary(roster: Roster, plan: Plan) -> tuple[dict[str, list[SimulatedIncident]], list[OtherEvent]]:
    """Background and serious incidents by regency, and the truth of the serious ones."""
    incidents: dict[str, list[SimulatedIncident]] = {code: [] for code in roster}
    others: list[OtherEvent] = []
    course = plan.course
    for code, regency in roster.items():
        if regency.stations:
            incidents[code].extend(background(plan.seed, course, regency, plan.background))
            for incident, other in serious(plan.seed, course, regency):
                incidents[code].append(incident)
                others.append(other)
    return incidents, others


def _reports(
    plan: Plan, code: str, incidents: list[SimulatedIncident], outages: tuple[SourceOutage, ...]
) -> tuple[list[SimulatedMessage], list[OtherEvent]]:
    """The reports of one regency, and the truth of what was reported under several numbers."""
    # Flare-ups have desks of their own: staging one must not change the random draws of the background. So have
    # doubles: the same day with and without them differs in nothing else.
    desks = {}
    for name, after in (("", 0), ("flareup ", FLAREUP_NUMBERS)):
        numbers = Numbers(plan.start_ms, plan.offset_min, after)
        desk, doubles = (
            Reporter(random_stream(plan.seed, name + kind, code), code, numbers, plan.offset_min, outages)
            for kind in ("desk", "double desk")
        )
        desks[name] = desk, DoubleReporter(random_stream(plan.seed, name + "doubles", code), plan.doubles, doubles)
    messages: list[SimulatedMessage] = []
    others: list[OtherEvent] = []
    for incident in sorted(incidents, key=lambda item: item.occurred_ms):
        desk, doubled = desks["" if incident.cause in ("background", "serious") else "flareup "]
        reports = desk.report(incident)
        messages += reports
        if reports:
            again, truth = doubled.report(incident, reports[0])
            messages += again
            others += truth
    return messages, others


WORLD = World("bawaslu", "training", "Poisson at published rates; fixed hours and severities; log-normal delays", draw)
