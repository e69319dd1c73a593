"""A ruleset compiled for the fold: whole numbers in milli-weights and milliseconds, tables by slot of the day.

See docs/risk-model.md for the formulas. Everything here is a constant of the ruleset; only `place` and what is made of
it depend on a regency, by its number of stations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from schemas.ruleset import Ruleset
from schemas.ruleset.quantities import HOURS, Quantity
from schemas.vocabulary import ALARMS, DAY_MS, GROUPS, HOUR_MS, LEVELS, MINUTE_MS, SEVERITIES, Status
from streams.risk.decay import Decay
from streams.risk.evidence import MILLI, Held, Kind, Place, Weighing, dot, held_of, hour_shares
from streams.risk.record import JOINED
from streams.risk.room import Room
from streams.risk.words import GRAVE

WINDOWS_MS = (HOUR_MS, 6 * HOUR_MS, DAY_MS)
WINDOW_NAMES = ("1h", "6h", "24h")
SCORED = 4  # the first four groups can score
SLOT_MS = 15 * MINUTE_MS
SLOTS = DAY_MS // SLOT_MS


@dataclass(frozen=True, slots=True)
class Rung:
    """One alarm level. Points and milliseconds."""

    name: str
    raise_at: int
    lower_below: int
    hold_ms: int


class Rules:
    """Compiled ruleset. Attributes are read-only by convention: the fold reads them for every event."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self.id = ruleset.id
        self.offset_ms = ruleset.election.offset_ms
        self.kinds = _kinds(ruleset)
        self.pressure_most = max(most for kind in self.kinds.values() for most in kind.pressure_milli.values())
        self.weight_most = max(kind.window_milli for kind in self.kinds.values())
        self._ladder(ruleset)
        self._surprise(ruleset)
        self._rest(ruleset)

    @cached_property
    def digest(self) -> str:
        """By what two rulesets of one name and version differ. What a later version adds with a default is no
        difference.
        """
        return blake2b(self.ruleset.model_dump_json(exclude_defaults=True).encode(), digest_size=8).hexdigest()

    def _ladder(self, ruleset: Ruleset) -> None:
        ladder = ruleset.ladder
        self.step_ms = _ms(ladder.step.value)
        self.keep_ms = _ms(ladder.keep.value * 60)
        self.amend_ms = _ms(ladder.amend_every.value * 60)
        self.amend_points = round(ladder.amend_points.value)
        self.rungs = tuple(
            Rung(name, round(rule.raise_at.value), round(rule.lower_below.value), _ms(rule.hold.value))
            for name, rule in zip(ALARMS, (ladder.waspada, ladder.siaga, ladder.awas), strict=True)
        )
        self.immediate = {
            severity: (LEVELS.index(rule.unconfirmed), LEVELS.index(rule.confirmed))
            for severity, rule in ((4, ruleset.immediate.severity_4), (5, ruleset.immediate.severity_5))
        }

    def _surprise(self, ruleset: Ruleset) -> None:
        rule = ruleset.surprise
        self.decay = Decay(_ms(rule.half_life.value * 60), DAY_MS)
        half_life_ms = self.decay.half_life_ms
        self.held: tuple[Held, Held] = held_of(half_life_ms), held_of(half_life_ms / 2)
        of_each = [kind for kind in self.kinds.values() if kind.severity == SEVERITIES[-1]]
        self.categories = tuple(kind.category for kind in of_each)
        self.category_groups = tuple(kind.group for kind in of_each)
        self.learning = rule.learning.value
        self.learned = (rule.learned_least.value, rule.learned_most.value)
        self.expected_share = rule.expected_share.value
        self.free_digits = rule.free_digits.value
        self.doubt, self.dispersion = rule.doubt.value, rule.dispersion.value
        self.pace_shape, self.pace_bounds = rule.pace_shape.value, (rule.pace_least.value, rule.pace_most.value)
        self.pace_member_most, self.pace_free = rule.pace_member_most.value, rule.pace_free.value
        self.points_per_digit = rule.points_per_digit.value
        self.one_source_most = round(rule.one_source_most.value)
        self.one_report_most = round(rule.one_report_most.value)
        self.few_reports, self.few_most = round(rule.few_reports.value), round(rule.few_reports_most.value)
        self.loudest_most = round(rule.loudest_most.value)
        self.group_most = tuple(round(ruleset.groups[group].most.value) for group in GROUPS)
        evenly = {name: hour_shares(ruleset, name) for name in ruleset.categories}
        by_profile = {name: ruleset.profiles[rule.profile].shares for name, rule in ruleset.categories.items()}
        self._reports = tuple(_cumulative(ruleset, group, evenly) for group in range(SCORED))
        self._by_profile = tuple(_cumulative(ruleset, group, by_profile) for group in range(SCORED))
        self.joining_within_ms = _ms(ruleset.joining.within.value * 60)
        self.joining_milli = _milli(ruleset.joining.double_weight.value)
        self.joining_most = round(ruleset.joining.most.value)
        self._places: dict[int, Place] = {}
        self._held_reports = {name: _held_reports(ruleset, name, self.held[0]) for name in self.categories}

    def place(self, stations: int) -> Place:
        """Rates and evidence in a regency of so many stations; shared by all that are as large."""
        if stations not in self._places:
            self._places[stations] = Place(self.ruleset, self.kinds.values(), stations)
        return self._places[stations]

    def weighing(self, stations: int) -> Weighing:
        """A regency's own weighing, at pace 1 of everything."""
        return Weighing(self.place(stations), self.held)

    def reports_per_station(self, category: str, slot: int) -> float:
        """Ordinary reports of a category per station that a sum decayed like evidence holds in the middle of a quarter
        hour of the day."""
        return self._held_reports[category][slot]

    def _rest(self, ruleset: Ruleset) -> None:
        self.stale_ms = _ms(ruleset.silence.stale_after.value * 60)
        self.silence_expected = ruleset.silence.expected_least.value
        self.falls_within_ms = _ms(ruleset.silence.falls_within.value * 60)
        self.tick_most_ms = _ms(ruleset.silence.most_per_tick.value * 60)
        self.event_ids_ms = _ms(ruleset.memory.event_ids.value * 3600)
        self.incidents_ms = _ms(ruleset.memory.incidents.value * 3600)
        self.turnout = ruleset.turnout
        self.turnout_most = round(ruleset.turnout.most.value)
        self.curve_stations = round(ruleset.turnout.outlier_stations_least.value)
        self.reports_due_ms = _ms(ruleset.election.reports_due.value * 3600)
        self.prior_factor = ruleset.context.prior_factor.value
        context = ruleset.context
        self.neighbour_points = (0, 0, round(context.neighbour_siaga.value), round(context.neighbour_awas.value))
        self.neighbours_most = round(context.neighbours_most.value)
        province = ruleset.province
        self.member_points = (
            0, round(province.member_waspada.value), round(province.member_siaga.value),
            round(province.member_awas.value),
        )  # fmt: skip
        self.one_agency_most = round(province.one_agency_most.value)
        self.silence_routes = ruleset.silence.routes
        self.turnout_routes = ruleset.turnout.routes
        self.province_routes = ruleset.province.routes
        rolling = ruleset.rolling_sum
        self.rolling_milli = None if rolling is None else _milli(rolling.threshold.value)

    def word_room(self, stations: int) -> Room:
        """How many words on incidents are held of a regency of so many stations."""
        memory = self.ruleset.memory
        return self._room(memory.incidents_least, memory.incidents_per_station, stations)

    def figure_room(self, stations: int) -> Room:
        """How many turnout figures are held of a regency of so many stations."""
        memory = self.ruleset.memory
        return self._room(memory.figures_least, memory.figures_per_station, stations)

    def event_ids_most(self, stations: int) -> int:
        """How many event ids are remembered of a regency of so many stations."""
        memory = self.ruleset.memory
        return max(round(memory.event_ids_least.value), round(memory.event_ids_per_station.value * stations))

    def _room(self, least: Quantity, per_station: Quantity, stations: int) -> Room:
        memory = self.ruleset.memory
        each = max(round(least.value), round(per_station.value * stations))
        return Room(each, each * round(memory.all_agencies_times.value), round(memory.agencies_most.value))

    def grid(self, at_ms: int) -> int:
        """The last evaluation time at or before `at_ms`."""
        return at_ms - at_ms % self.step_ms

    def local_ms(self, at_ms: int) -> int:
        """Milliseconds since local midnight."""
        return (at_ms + self.offset_ms) % DAY_MS

    def ordinary_reports(self, group: int, from_ms: int, to_ms: int) -> float:
        """Reports per station that ordinary days show between two times."""
        return self._between(self._reports[group], from_ms, to_ms)

    def missed_reports(self, group: int, from_ms: int, to_ms: int) -> float:
        """The same by the profiles alone: where these say that people sleep, no report is missed."""
        return self._between(self._by_profile[group], from_ms, to_ms)

    def _between(self, table: tuple[float, ...], from_ms: int, to_ms: int) -> float:
        return max(0.0, self._total(table, to_ms) - self._total(table, from_ms))

    def _total(self, table: tuple[float, ...], at_ms: int) -> float:
        days, rest = divmod(at_ms + self.offset_ms, DAY_MS)
        slot, within = divmod(rest, SLOT_MS)
        return days * table[SLOTS] + table[slot] + (table[slot + 1] - table[slot]) * within / SLOT_MS


def _kinds(ruleset: Ruleset) -> dict[tuple[str, int], Kind]:
    kinds: dict[tuple[str, int], Kind] = {}
    for category, rule in ruleset.categories.items():
        for severity in range(1, 6):
            weight = ruleset.severity[str(severity)].value
            group = GROUPS.index(rule.group)
            pressure = {
                status: _milli(rule.factor.value * factor.value) if group < SCORED else 0
                for status, factor in ruleset.status.items()
            }
            routes = rule.routes + (rule.grave_routes if severity >= GRAVE else ())
            kinds[category, severity] = Kind(
                len(kinds),
                category,
                severity,
                group,
                _milli(weight),
                pressure | {Status.RETRACTED.value: 0, JOINED: 0},
                routes,
            )
    return kinds


def _cumulative(ruleset: Ruleset, group: int, hours: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    members = [name for name, rule in ruleset.categories.items() if rule.group == GROUPS[group]]
    rates = [(ruleset.categories[name].base_rate.value / 1000, hours[name]) for name in members]
    sums, per_hour = [0.0], HOUR_MS // SLOT_MS
    by_hour = [sum(rate * shares[hour] for rate, shares in rates) / per_hour for hour in range(HOURS)]
    for slot in range(SLOTS):
        sums.append(sums[-1] + by_hour[slot // per_hour])
    return tuple(sums)


def _held_reports(ruleset: Ruleset, category: str, held: Held) -> tuple[float, ...]:
    rate, shares = ruleset.categories[category].base_rate.value / 1000, hour_shares(ruleset, category)
    return tuple(rate * dot(shares, by_hour) for by_hour in held)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _milli(weight: float) -> int:
    return round(weight * MILLI)
