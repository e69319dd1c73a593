"""The score of a regency: named parts that add up to it. Formulas and a worked example: docs/risk-model.md.

Points are whole numbers. Each part is capped on its own; if the sum would exceed 100, the later parts in COMPONENTS
give way.
"""

from math import floor, inf
from typing import NamedTuple

from schemas.roster import Regency
from streams.incidents import Incidents
from streams.rules import DAY_MS, MILLI, SCORED, SLOT_MS, WINDOWS_MS, Rules
from streams.surprise import digits, seen_at
from streams.turnout import Turnout

COMPONENTS = ("security", "integrity", "process", "counting", "turnout", "neighbours", "prior")
ROLLING = ("rolling_sum",)
_MOST = 100


class Need(NamedTuple):
    """What a group's grown total must reach to score one point more; `by_two` when others must match the loudest source."""

    total: float
    by_two: bool


class Score(NamedTuple):
    """Points by component, their sum, and what the groups need for another point."""

    parts: tuple[int, ...]
    total: int
    needs: tuple[Need, ...]


def learned(rules: Rules, stations: int, history: list[int], first_ms: int, now_ms: int) -> tuple[float, ...]:
    """By what factor each group's expectation is scaled: what this regency showed 6 to 24 hours ago against ordinary
    days.

    The last six hours are left out, so that a flare-up does not raise its own bar. Gamma-Poisson posterior mean,
    bounded.
    """
    until = now_ms - WINDOWS_MS[1]
    since = max(now_ms - DAY_MS, first_ms)
    if until <= since:
        return (1.0,) * SCORED
    least, most = rules.learned
    factors = []
    for group in range(SCORED):
        ordinary = stations * rules.ordinary_reports(group, since, until)
        factors.append(min(most, max(least, (rules.learning + history[group]) / (rules.learning + ordinary))))
    return tuple(factors)


def expected(rules: Rules, stations: int, group: int, factor: float, now_ms: int) -> float:
    """The decayed sum, in reports, that an ordinary day would show here now."""
    slot = rules.local_ms(now_ms) // SLOT_MS
    return max(rules.expected_least, stations * rules.expected[group][slot] * factor)


def points(rules: Rules, seen: float, ordinary: float, most: int) -> int:
    """Points of a decayed sum: digits of rarity beyond the free ones, times points per digit, at most the group's most."""
    if seen <= ordinary:
        return 0
    return min(most, max(0, floor((digits(seen, ordinary, rules.shape) - rules.free_digits) * rules.points_per_digit)))


def group_points(rules: Rules, incidents: Incidents, group: int, ordinary: float, now_ms: int) -> tuple[int, Need]:
    """Points of one group, and what it needs for one more.

    One source alone scores at most `one_source_most`; beyond that, what the loudest source says counts only as far as
    the others together say as much.
    """
    total = incidents.totals[group]
    unit = rules.unit_milli[group] * rules.decay.growth(now_ms, incidents.landmark)
    most = rules.group_most[group]
    alone_most = min(most, rules.one_source_most)
    got = 0
    if total > ordinary * unit:
        got = min(points(rules, total / unit, ordinary, most), alone_most)
        shared = min(total, 2 * (total - incidents.loudest(group)))
        got = max(got, points(rules, shared / unit, ordinary, most))
    if got >= most:
        return got, Need(inf, True)
    wanted = rules.free_digits + (got + 1) / rules.points_per_digit
    return got, Need(int(seen_at(wanted, ordinary, rules.shape) * unit), got >= alone_most)


def turnout_points(rules: Rules, turnout: Turnout, stations: int, now_ms: int) -> int:
    """Points for what is odd about turnout: over capacity, repeated corrections, stations that should have reported."""
    reported = len(turnout.stations)
    if not reported:
        return 0
    rule = rules.turnout
    over = max(0.0, turnout.over_capacity - rule.over_capacity_free.value * stations)
    repeated = max(0.0, turnout.repeated - rule.corrected_free.value * stations)
    got = over * rule.over_capacity_points.value + repeated * rule.corrected_points.value
    if rules.local_ms(now_ms) >= rules.reports_due_ms and stations > reported:
        missing = (stations - reported) / stations - rule.missing_free.value
        got += max(0.0, missing) / (1 - rule.missing_free.value or 1) * rule.missing_points.value
    return min(round(rule.most.value), floor(got))


def neighbour_points(rules: Rules, levels: dict[str, int]) -> int:
    """Points for neighbours at siaga or awas."""
    return min(rules.neighbours_most, sum(rules.neighbour_points[level] for level in levels.values()))


def add_up(parts: list[int], needs: list[Need]) -> Score:
    """The score: the sum, with later parts trimmed where it would exceed 100."""
    left, kept = _MOST, []
    for part in parts:
        part = min(part, left)
        kept.append(part)
        left -= part
    return Score(tuple(kept), _MOST - left, tuple(needs))


def rolling_score(rules: Rules, incidents: Incidents) -> Score:
    """The plain job: percent of the threshold that the last hour's severity sum has reached."""
    weight, threshold = incidents.weights[0], rules.rolling_milli
    got = min(_MOST, _MOST * weight // threshold) if threshold else _MOST
    next_weight = inf if got >= _MOST else -(-(got + 1) * threshold // _MOST)
    return Score((got,), got, (Need(next_weight, False),))


def score(
    rules: Rules,
    regency: Regency,
    incidents: Incidents,
    turnout: Turnout,
    neighbours: dict[str, int],
    factors: tuple[float, ...],
    now_ms: int,
) -> Score:
    """The score at an evaluation time. Pure: it changes nothing."""
    if rules.rolling_milli is not None:
        return rolling_score(rules, incidents)
    parts, needs = [], []
    for group in range(SCORED):
        ordinary = expected(rules, regency.stations, group, factors[group], now_ms)
        got, need = group_points(rules, incidents, group, ordinary, now_ms)
        parts.append(got)
        needs.append(need)
    parts.append(turnout_points(rules, turnout, regency.stations, now_ms))
    parts.append(neighbour_points(rules, neighbours))
    parts.append(floor((regency.prior or 0) * rules.prior_factor))
    return add_up(parts, needs)


def report_weight(milli: int) -> int | float:
    """A weight as the rows show it: whole where it is whole."""
    whole, rest = divmod(milli, MILLI)
    return whole if not rest else milli / MILLI
