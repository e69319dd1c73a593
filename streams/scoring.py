"""The score of a regency: named parts that add up to it. Formulas and a worked example: docs/risk-model.md.

Points are whole numbers. Each part is capped on its own; if the sum would exceed 100, the later parts in COMPONENTS
give way.
"""

from math import floor, inf
from statistics import median
from typing import NamedTuple

from schemas.roster import Regency
from streams.incidents import Incidents
from streams.rules import DAY_MS, MILLI, SCORED, SLOT_MS, WINDOWS_MS, Rules
from streams.surprise import digits, seen_at
from streams.turnout import Turnout

COMPONENTS = ("security", "integrity", "supply", "process", "turnout", "neighbours", "prior")
ROLLING = ("rolling_sum",)
NEIGHBOURS_LEAST = 3  # fewer neighbours make no median
_MOST = 100


class Group(NamedTuple):
    """One group's points: `alone` by all that was said, `shared` with the loudest source held to the others."""

    alone: int
    shared: int
    ordinary: float  # reports expected, decayed
    unit: int  # one report's grown weight now


class Score(NamedTuple):
    """Points by component, their sum, what of it more than one source bears out, and the groups behind it.

    `by_two`: one source alone can add nothing more, others must bear it out.
    """

    parts: tuple[int, ...]
    total: int
    borne_out: int
    groups: tuple[Group, ...]
    by_two: bool


def learned(rules: Rules, stations: int, history: list[int], first_ms: int, now_ms: int) -> tuple[float, ...]:
    """By what factor each group's expectation is scaled: what this regency showed 6 to 24 hours ago against ordinary
    days.

    As of the quarter of an hour. The last six hours are left out, so that a flare-up does not raise its own bar.
    Gamma-Poisson posterior mean, bounded.
    """
    slot_ms = now_ms - now_ms % SLOT_MS
    until = slot_ms - WINDOWS_MS[1]
    since = max(slot_ms - DAY_MS, first_ms)
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
    """Points of a decayed sum: digits of rarity beyond the free ones, times points per digit, at most the group's
    most.
    """
    if seen <= ordinary:
        return 0
    return min(most, max(0, floor((digits(seen, ordinary, rules.shape) - rules.free_digits) * rules.points_per_digit)))


def group_points(rules: Rules, incidents: Incidents, group: int, ordinary: float, now_ms: int) -> Group:
    """Points of one group.

    `shared` counts the loudest source at most `loudest_most` times what the others say together.
    """
    total = incidents.totals[group]
    unit = MILLI * rules.decay.growth(now_ms, incidents.landmark)
    if total <= ordinary * unit:
        return Group(0, 0, ordinary, unit)
    most = rules.group_most[group]
    alone = points(rules, total / unit, ordinary, most)
    seen = min(total, (1 + rules.loudest_most) * (total - incidents.loudest(group)))
    return Group(alone, points(rules, seen / unit, ordinary, most), ordinary, unit)


def incident_points(rules: Rules, groups: list[Group]) -> tuple[list[int], bool]:
    """Points of all groups, and whether only what others bear out can add more.

    What others bear out counts in full. What rests on one source alone lifts the sum of the groups to
    `one_source_most` and no further, whatever the number of groups it speaks of.
    """
    room = max(0, rules.one_source_most - sum(group.shared for group in groups))
    parts = []
    for group in groups:
        lifted = min(group.alone - group.shared, room)
        room -= lifted
        parts.append(group.shared + lifted)
    return parts, room == 0


def need(rules: Rules, score: Score, group: int) -> float:
    """The grown total with which a group could score a point more: all of it, or with `by_two` what others bear out."""
    if rules.rolling_milli is not None:
        got = score.total
        return inf if got >= _MOST else -(-(got + 1) * rules.rolling_milli // _MOST)
    alone, shared, ordinary, unit = score.groups[group]
    got = shared if score.by_two else alone
    if got >= rules.group_most[group]:
        return inf
    wanted = rules.free_digits + (got + 1) / rules.points_per_digit
    return int(seen_at(wanted, ordinary, rules.shape) * unit)


def turnout_points(rules: Rules, turnout: Turnout, stations: int, shares: dict[str, int], now_ms: int) -> int:
    """Points for what is odd about turnout.

    Over capacity, repeated corrections, stations that should have reported, a share far from the neighbours'. Low
    turnout as such is nothing. Without any turnout there is no feed, and no points.
    """
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
    if is_outlier(rules, turnout, shares):
        got += rule.outlier_points.value
    return min(round(rule.most.value), floor(got))


def is_outlier(rules: Rules, turnout: Turnout, shares: dict[str, int]) -> bool:
    """Whether the share leaves the neighbours' curve: far from the median of what at least three of them last told."""
    own = turnout.share_myriad(round(rules.turnout.outlier_stations_least.value))
    if own is None or len(shares) < NEIGHBOURS_LEAST:
        return False
    return abs(own - median(shares.values())) > 10_000 * rules.turnout.outlier_gap.value


def neighbour_points(rules: Rules, levels: dict[str, int]) -> int:
    """Points for neighbours at siaga or awas."""
    return min(rules.neighbours_most, sum(rules.neighbour_points[level] for level in levels.values()))


def add_up(parts: list[int]) -> tuple[tuple[int, ...], int]:
    """The parts and their sum, later parts trimmed where it would exceed 100."""
    left, kept = _MOST, []
    for part in parts:
        part = min(part, left)
        kept.append(part)
        left -= part
    return tuple(kept), _MOST - left


def rolling_score(rules: Rules, incidents: Incidents) -> Score:
    """The plain job: percent of the threshold that the last hour's severity sum has reached."""
    weight, threshold = incidents.weights[0], rules.rolling_milli
    got = min(_MOST, _MOST * weight // threshold) if threshold else _MOST
    return Score((got,), got, got, (), False)


def score(
    rules: Rules,
    regency: Regency,
    incidents: Incidents,
    turnout: Turnout,
    neighbours: dict[str, int],
    shares: dict[str, int],
    factors: tuple[float, ...],
    now_ms: int,
) -> Score:
    """The score at an evaluation time. Pure: it changes nothing."""
    if rules.rolling_milli is not None:
        return rolling_score(rules, incidents)
    groups = [
        group_points(rules, incidents, group, expected(rules, regency.stations, group, factors[group], now_ms), now_ms)
        for group in range(SCORED)
    ]
    parts, by_two = incident_points(rules, groups)
    parts.append(turnout_points(rules, turnout, regency.stations, shares, now_ms))
    parts.append(neighbour_points(rules, neighbours))
    parts.append(floor((regency.prior or 0) * rules.prior_factor))
    kept, total = add_up(parts)
    return Score(kept, total, sum(group.shared for group in groups), tuple(groups), by_two)


def report_weight(milli: int) -> int | float:
    """A weight as the rows show it: whole where it is whole."""
    whole, rest = divmod(milli, MILLI)
    return whole if not rest else milli / MILLI
