"""The score of a regency: named parts that add up to it. Formulas and a worked example: docs/risk-model.md.

Points are whole numbers. Each part is capped on its own; if the sum would exceed 100, the later parts in COMPONENTS
give way.
"""

from math import floor, inf
from statistics import median
from typing import NamedTuple

from schemas.roster import Regency
from schemas.vocabulary import DAY_MS, HOUR_MS
from streams.risk.evidence import Place
from streams.risk.incidents import MANY, Incidents
from streams.risk.turnout import Turnout
from streams.rules import MILLI, SCORED, SLOT_MS, WINDOWS_MS, Rules

NEIGHBOURS_LEAST = 3  # fewer neighbours make no median
_MOST = 100
SLACK_BITS = 40  # of the evidence of one digit, a trillionth: more than two divisions of floats can lose


class Group(NamedTuple):
    """One group's evidence: `total`, `bar` (what is expected and free), `net` of that, and the `most` that counts."""

    total: int
    bar: int
    net: int
    most: int


class Score(NamedTuple):
    """Points by component, their sum, what of it more than one source bears out, and the groups behind it.

    Evidence is in grown millionths of a digit. `gap`: by how much the evidence of one group has to grow, at the least,
    for another point. `is_held`: a source, or few reports, say more than counts. `is_few`: there are so few reports
    that any other one may lift what they are held to."""

    parts: tuple[int, ...]
    total: int
    borne_out: int
    groups: tuple[Group, ...] = ()
    gap: int = 0
    is_held: bool = False
    is_few: bool = False

    @property
    def pressure(self) -> int:
        """Points that incidents told."""
        return sum(self.parts[:SCORED])


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


def expected(rules: Rules, place: Place, group: int, factor: float, now_ms: int) -> float:
    """Digits of evidence that count for nothing: more than an ordinary day would show here now, and what is free."""
    slot = rules.local_ms(now_ms) // SLOT_MS
    return rules.expected_share * place.expected[group][slot] * factor + rules.free_digits


def weigh(rules: Rules, incidents: Incidents, factors: tuple[float, ...], now_ms: int, unit: int) -> list[Group]:
    """The evidence of each group that is left when what is expected is taken off."""
    # A limit that is met exactly must give its points, whatever two divisions lose on the way.
    groups, slack = [], (unit >> SLACK_BITS) + 2
    for group, total in enumerate(incidents.totals):
        bar = int(expected(rules, incidents.place, group, factors[group], now_ms) * unit)
        most = int(rules.group_most[group] / rules.points_per_digit * unit) + slack
        groups.append(Group(total, bar, max(0, total - bar), most))
    return groups


def borne_out(rules: Rules, incidents: Incidents, groups: list[Group]) -> int:
    """Evidence with the loudest source of each group held to `loudest_most` times what the others say together in it.

    Each group for itself: who tells of ballots bears out no clash. Each source has its share of what is left of a
    group. An incident that more than one spoke of is borne out by itself."""
    shared = 0
    for group, sources in zip(groups, incidents.by_source, strict=True):
        if group.net:
            loudest = _loudest(sources)
            shared += min(group.net, (1 + rules.loudest_most) * (group.net - group.net * loudest // group.total))
    return shared


def _loudest(sources: dict[str, int]) -> int:
    """The most that one source tells. More than one stand behind MANY: nobody is the louder for it."""
    if MANY not in sources:
        return max(sources.values(), default=0)
    told = sorted(sources.values())
    told.remove(sources[MANY])
    return told[-1] if told else 0


def incident_points(rules: Rules, incidents: Incidents, factors: tuple[float, ...], now_ms: int) -> Score:
    """Points of all groups.

    What others bear out counts in full; what rests on one source alone lifts the sum of the groups to `one_source_most`
    and no further, what rests on one report alone to `one_report_most`, in the order of the groups. Few reports lift it
    to `few_reports_most`, whoever bears them out."""
    unit = MILLI * MILLI * rules.decay.growth(now_ms, incidents.landmark)
    groups = weigh(rules, incidents, factors, now_ms, unit)
    left = sum(group.net for group in groups)
    shared = borne_out(rules, incidents, groups) if left else 0
    reports, slack = incidents.recent(), (unit >> SLACK_BITS) + 2
    alone_most = rules.one_report_most if reports <= 1 else rules.one_source_most
    room = max(shared, int(alone_most / rules.points_per_digit * unit) + slack)
    if is_few := reports <= rules.few_reports:
        room = min(room, int(rules.few_most / rules.points_per_digit * unit) + slack)
    parts, counted, got = [], 0, 0
    for group in groups:
        counted += min(group.net, group.most, room - counted)
        # Rounded down as a running sum, so that the parts are what the whole is, and the whole never falls by rounding.
        parts.append(to_points(rules, counted, unit) - got)
        got += parts[-1]
    gap = int((got + 1) / rules.points_per_digit * unit) - counted
    if room < left:
        gap //= 1 + rules.loudest_most
    gap -= unit >> 30  # rounding errs to the side of asking once too often
    return Score(tuple(parts), got, to_points(rules, shared, unit), tuple(groups), gap, room < left, is_few)


def to_points(rules: Rules, evidence: int, unit: int) -> int:
    """Whole points of grown evidence, rounded down."""
    return floor(evidence / unit * rules.points_per_digit)


def need(rules: Rules, score: Score, group: int) -> float:
    """The grown total with which a group could score a point more.

    While the loudest source is held back, a report brings more than its own evidence: it lets the loudest count for
    more. `gap` allows for that. After few reports any other may bring a point.
    """
    if rules.rolling_milli is not None:
        got = score.total
        return inf if got >= _MOST else -(-(got + 1) * rules.rolling_milli // _MOST)
    if score.is_few:
        return -inf
    total, bar, net, most = score.groups[group]
    if sum(score.parts[:SCORED]) >= _MOST or (net >= most and not score.is_held):
        return inf
    return max(total, bar) + score.gap


def turnout_points(rules: Rules, turnout: Turnout, stations: int, shares: dict[str, int], now_ms: int) -> int:
    """Points for what is odd about turnout.

    Over capacity, repeated corrections, stations that should have reported, a share far from the neighbours'. Low
    turnout as such is nothing. Without any turnout there is no feed, and no points.
    """
    reported = turnout.reported
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
    return min(rules.turnout_most, floor(got))


def is_outlier(rules: Rules, turnout: Turnout, shares: dict[str, int]) -> bool:
    """Whether the share leaves every curve there is: what at least three neighbours last told, and the election's own.

    Where neighbours tell nothing, only more than the election's curve allows is odd: low turnout as such is nothing.
    """
    rule = rules.turnout
    own = turnout.share_myriad(rules.curve_stations)
    if own is None:
        return False
    above = own - election_share(rules, turnout.as_of_ms()) if rule.curve else None
    if len(shares) < NEIGHBOURS_LEAST:
        return above is not None and above > 10_000 * rule.curve.gap.value
    if abs(own - median(shares.values())) <= 10_000 * rule.outlier_gap.value:
        return False
    return above is None or abs(above) > 10_000 * rule.curve.gap.value


def election_share(rules: Rules, as_of_ms: int) -> float:
    """What the election's own curve has at a time, in ten-thousandths: straight between full hours, level after the
    last.
    """
    shares = rules.turnout.curve.shares
    hour, rest_ms = divmod(rules.local_ms(as_of_ms), HOUR_MS)
    here, there = shares[hour], shares[min(hour + 1, len(shares) - 1)]
    return 10_000 * (here + (there - here) * rest_ms / HOUR_MS)


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
    return Score((got,), got, got)


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
    told = incident_points(rules, incidents, factors, now_ms)
    parts = [
        *told.parts,
        turnout_points(rules, turnout, regency.stations, shares, now_ms),
        neighbour_points(rules, neighbours),
        floor((regency.prior or 0) * rules.prior_factor),
    ]
    kept, total = add_up(parts)
    return told._replace(parts=kept, total=total)


def report_weight(milli: int) -> int | float:
    """A weight as the rows show it: whole where it is whole."""
    whole, rest = divmod(milli, MILLI)
    return whole if not rest else milli / MILLI
