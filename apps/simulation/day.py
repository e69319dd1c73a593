"""One election day of a roster: background, flare-ups, false signals and turnout, in order of arrival."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from apps.simulation.background import SimulatedIncident, background, serious
from apps.simulation.doubles import DOUBLES, DoubleReporter
from apps.simulation.false_signals import HOAX_CHANCE, exercises, hoaxes
from apps.simulation.flareups import PER_ROSTER_DAY, FlareUpSpec, draw, stage
from apps.simulation.messages import SimulatedMessage
from apps.simulation.random_streams import random_stream
from apps.simulation.reporting import Numbers, Reporter, SourceOutage, draw_outages
from apps.simulation.truth import FlareUp, OtherEvent, Truth
from apps.simulation.turnout import turnout
from schemas.roster import Roster

DEFAULT_DATE = date(2024, 11, 27)  # Pilkada
DEFAULT_OFFSET_MIN = 7 * 60  # WIB
FLAREUP_NUMBERS = 500_000  # numbers of staged incidents begin after this one


@dataclass(frozen=True)
class Plan:
    """All parameters of a day. The same plan and roster give the same day, byte for byte.

    `offset_min`: local UTC offset in minutes. `flareups`: what to stage; None draws them at random with mean `per_day`.
    `turnout_every_min`: minutes between a station's turnout reports, 0 for none. `hoax_chance`: probability of one hoax
    wave. `background`: factor on all base rates. `doubles`: share of the severe incidents that other agencies report
    too, under numbers of their own. `world`: the family that the day is drawn from (apps/simulation/worlds)."""

    seed: int
    day: date = DEFAULT_DATE
    offset_min: int = DEFAULT_OFFSET_MIN
    flareups: Sequence[FlareUpSpec] | None = None
    per_day: float = PER_ROSTER_DAY
    turnout_every_min: int = 60
    hoax_chance: float = HOAX_CHANCE
    background: float = 1.0
    doubles: float = DOUBLES
    world: str = "bawaslu"

    @property
    def start_ms(self) -> int:
        """Local midnight, milliseconds since the epoch."""
        zone = timezone(timedelta(minutes=self.offset_min))
        return int(datetime(self.day.year, self.day.month, self.day.day, tzinfo=zone).timestamp()) * 1000


@dataclass(frozen=True)
class Day:
    """Messages in order of arrival, and the truth behind them."""

    plan: Plan
    messages: list[SimulatedMessage]
    truth: Truth


def simulate_day(roster: Roster, plan: Plan) -> Day:
    """A day of every regency of the roster. Regencies without stations have no incidents and no turnout.

    Raises ValueError when no regency has stations."""
    if not any(regency.stations for regency in roster.values()):
        raise ValueError("roster, stations: no regency has any, so there is nothing to simulate")
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
    messages += _turnout(roster, plan, truths, staged)
    messages.sort(key=lambda message: (message.at_ms, message.topic, message.body["source"], message.body["event_id"]))
    return Day(plan, messages, Truth(plan.seed, start_ms, tuple(roster), tuple(truths), tuple(others)))


def _flareups(roster: Roster, plan: Plan) -> tuple[list[FlareUp], list[SimulatedIncident]]:
    specs = plan.flareups
    if specs is None:
        specs = draw(plan.seed, plan.start_ms, roster, plan.per_day)
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
    for code, regency in roster.items():
        if regency.stations:
            incidents[code].extend(background(plan.seed, plan.start_ms, regency, plan.background))
            for incident, other in serious(plan.seed, plan.start_ms, regency):
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


def _turnout(
    roster: Roster, plan: Plan, truths: list[FlareUp], staged: list[SimulatedIncident]
) -> list[SimulatedMessage]:
    if not plan.turnout_every_min:
        return []
    ends = {truth.id: truth.end_ms for truth in truths}
    blackouts: dict[str, dict[int, tuple[int, int]]] = {}
    for item in staged:
        if item.severity >= 3:  # officials at a grave incident report no turnout until it is over
            blackouts.setdefault(item.regency, {})[item.station] = (item.occurred_ms, ends[item.cause])
    every_min = plan.turnout_every_min
    return [
        message
        for code, regency in roster.items()
        if regency.stations
        for message in turnout(plan.seed, plan.start_ms, regency, plan.offset_min, every_min, blackouts.get(code))
    ]
