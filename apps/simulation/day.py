"""One election day of a roster: background, flare-ups, false signals and turnout, in the order in which they arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from apps.simulation.background import SimulatedIncident, background, serious
from apps.simulation.random_streams import random_stream
from apps.simulation.false_signals import HOAX_CHANCE, exercises, hoaxes
from apps.simulation.flareups import PER_ROSTER_DAY, FlareUpSpec, draw, stage
from apps.simulation.messages import Message
from apps.simulation.reporting import Reporter, SourceOutage, draw_outages
from apps.simulation.truth import FlareUp, OtherEvent, Truth
from apps.simulation.turnout import turnout
from schemas.roster import Roster

DEFAULT_DATE = date(2024, 11, 27)  # Pilkada
DEFAULT_OFFSET_MIN = 7 * 60  # WIB


@dataclass(frozen=True)
class Plan:
    """What decides a day. The same plan and roster give the same day, byte for byte.

    `offset_min`: local time's distance to UTC, minutes. `flareups`: what to stage, None leaves it to chance with
    `per_day` as mean. `turnout_every_min`: minutes between a station's turnout reports; 0 leaves turnout out.
    `hoax_chance`: of one wave. `background`: factor on all base rates, for days that are livelier or quieter than
    anybody expected."""

    seed: int
    day: date = DEFAULT_DATE
    offset_min: int = DEFAULT_OFFSET_MIN
    flareups: Sequence[FlareUpSpec] | None = None
    per_day: float = PER_ROSTER_DAY
    turnout_every_min: int = 60
    hoax_chance: float = HOAX_CHANCE
    background: float = 1.0

    @property
    def start_ms(self) -> int:
        """Local midnight, milliseconds since the epoch."""
        zone = timezone(timedelta(minutes=self.offset_min))
        return int(datetime(self.day.year, self.day.month, self.day.day, tzinfo=zone).timestamp()) * 1000


@dataclass(frozen=True)
class Day:
    """Messages in order of arrival, and what really happened."""

    plan: Plan
    messages: list[Message]
    truth: Truth


def simulate_day(roster: Roster, plan: Plan) -> Day:
    """A day of every regency of the roster. Regencies without stations have no incidents and no turnout.

    Raises ValueError when no regency has stations.
    """
    if not any(regency.stations for regency in roster.values()):
        raise ValueError("roster, stations: no regency has any, so there is nothing to simulate")
    start_ms = plan.start_ms
    truths, staged = _flareups(roster, plan)
    happenings: dict[str, list[SimulatedIncident]] = {code: [] for code in roster}
    others: list[OtherEvent] = []
    for code, regency in roster.items():
        if regency.stations:
            happenings[code].extend(background(plan.seed, start_ms, regency, plan.background))
            for happening, other in serious(plan.seed, start_ms, regency):
                happenings[code].append(happening)
                others.append(other)
    for happening in staged:
        happenings[happening.regency].append(happening)
    silences = {province: draw_outages(random_stream(plan.seed, "silence", province), province, start_ms)
                for province in sorted({code[:2] for code in roster})}  # fmt: skip
    others += [OtherEvent("silence", None, s.start_ms, s.end_ms, s.source) for group in silences.values() for s in group]
    messages: list[Message] = []
    for code in roster:
        messages += _incidents(plan, code, happenings[code], silences[code[:2]])
    for wave in (hoaxes(plan.seed, start_ms, roster, plan.offset_min, plan.hoax_chance),
                 exercises(plan.seed, start_ms, roster, plan.offset_min)):  # fmt: skip
        for other, told in wave:
            others.append(other)
            messages += told
    messages += _turnout(roster, plan, truths, staged)
    messages.sort(key=lambda message: (message.at_ms, message.topic, message.body["event_id"]))
    return Day(plan, messages, Truth(plan.seed, start_ms, tuple(roster), tuple(truths), tuple(others)))


def _flareups(roster: Roster, plan: Plan) -> tuple[list[FlareUp], list[SimulatedIncident]]:
    specs = plan.flareups
    if specs is None:
        specs = draw(plan.seed, plan.start_ms, roster, plan.per_day)
    truths: list[FlareUp] = []
    staged: list[SimulatedIncident] = []
    burning = {spec.regency for spec in specs}
    for number, spec in enumerate(specs, 1):
        for truth, happenings in stage(plan.seed, number, spec, roster):
            if truth.spread_of and truth.regency in burning:
                continue  # it has a flare-up of its own today: two truths in one place could not be told apart
            burning.add(truth.regency)
            truths.append(truth)
            staged += happenings
    return truths, staged


def _incidents(plan: Plan, code: str, happenings: list[SimulatedIncident], silences: tuple[SourceOutage, ...]) -> list[Message]:
    # Flare-ups have a desk of their own: staging one must not change what chance does to the background.
    desks = {
        False: Reporter(random_stream(plan.seed, "desk", code), code, plan.offset_min, silences),
        True: Reporter(random_stream(plan.seed, "flareup desk", code), code, plan.offset_min, silences, first=5000),
    }
    ordinary = ("background", "serious")
    return [message for happening in sorted(happenings, key=lambda item: item.occurred_ms)
            for message in desks[happening.origin not in ordinary].tell(happening)]  # fmt: skip


def _turnout(roster: Roster, plan: Plan, truths: list[FlareUp], staged: list[SimulatedIncident]) -> list[Message]:
    if not plan.turnout_every_min:
        return []
    ends = {truth.id: truth.end_ms for truth in truths}
    mute: dict[str, dict[int, tuple[int, int]]] = {}
    for item in staged:
        if item.severity >= 3:  # officials at a grave incident have other things to do until it is over
            mute.setdefault(item.regency, {})[item.station] = (item.occurred_ms, ends[item.origin])
    return [message for code, regency in roster.items() if regency.stations
            for message in turnout(plan.seed, plan.start_ms, regency, plan.offset_min, plan.turnout_every_min, mute.get(code))]  # fmt: skip
