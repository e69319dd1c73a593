"""The score of a regency: named parts that add up to it. Formulas and a worked example: docs/risk-model.md.

Points are whole numbers. Each part is capped on its own; if the sum would exceed 100, the later parts in COMPONENTS
are trimmed.
"""

from collections.abc import Sequence
from math import floor, inf, sqrt
from typing import NamedTuple

from schemas.roster import Regency
from schemas.vocabulary import HOUR_MS
from streams.risk.evidence import MILLI
from streams.risk.incidents import Incidents
from streams.risk.neighbours import Neighbours, neighbour_points, neighbours_alone
from streams.risk.pace import Pace, hours_of, ordinary_before, reported_before
from streams.risk.turnout import Turnout
from streams.risk.turnout_points import turnout_alone, turnout_points
from streams.risk.words import MANY
from streams.rules import SCORED, SLOT_MS, Rules

_MOST = 100
SLACK_BITS = 40  # of the evidence of one digit, a trillionth: more than two divisions of floats can lose


class Group(NamedTuple):
    """One group's evidence: `total`, `bar` (what is expected and free), `net` of that, and the `most` that counts."""

    total: int
    bar: int
    net: int
    most: int


class Score(NamedTuple):
    """Points by component, their sum, what of it more than one agency corroborates, and the groups behind it.

    `support`: the points of all but the prior. `alone`: what of them rests on one agency alone, `sole_agency`, "" where
    nothing does. Evidence is in millionths of a digit, scaled by the growth since the landmark (streams/risk/decay.py).
    `gap`: by how much the evidence of one group has to grow, at the least, for another point. `is_held`: one agency, or
    few reports, have more evidence than counts. `is_few`: any other report may give a point, because
    there are so few, or because turnout or neighbours rest on one agency, too."""

    parts: tuple[int, ...]
    total: int
    corroborated: int
    groups: tuple[Group, ...] = ()
    gap: int = 0
    is_held: bool = False
    is_few: bool = False
    support: int = 0
    alone: int = 0
    sole_agency: str = ""

    @property
    def pressure(self) -> int:
        """Points of incidents."""
        return sum(self.parts[:SCORED])


def learned(rules: Rules, incidents: Incidents, past: tuple[float, ...], first_ms: int, now_ms: int) -> list[float]:
    """By what factor each group's ordinary evidence is scaled: what was reported of this regency 3 to 24 full hours
    ago, against ordinary days at the province's pace of those hours (`past`).

    Gamma-Poisson posterior mean, bounded.
    """
    hours, (least, most) = hours_of(now_ms, first_ms), rules.learned
    if hours.since_ms >= hours.until_ms:
        return [1.0] * SCORED
    at_base_rates = ordinary_before(rules, incidents.stations, hours)
    ordinary = [expected * pace for expected, pace in zip(at_base_rates, past, strict=True)]
    return [
        min(most, max(least, (rules.learning + reported / MILLI) / (rules.learning + expected)))
        for reported, expected in zip(reported_before(incidents, ordinary, now_ms), ordinary, strict=True)
    ]


def bar(rules: Rules, mean: float, variance: float, factor: float) -> float:
    """Digits that give no points: what an ordinary day shows (`Weighing.ordinary`) times `factor`, `doubt` standard
    deviations of that, and `free_digits`.

    Its variance is that of reports that come by chance, and of a level that differs between places (`dispersion`).
    """
    mean *= factor
    deviation = sqrt(variance * factor + rules.dispersion * mean * mean)
    return rules.expected_share * mean + rules.doubt * deviation + rules.free_digits


def weigh(rules: Rules, incidents: Incidents, factors: Sequence[float], now_ms: int, unit: int) -> list[Group]:
    """The evidence of each group that is left when what is expected is taken off."""
    # A limit that is met exactly must give its points, whatever two divisions lose on the way.
    groups, slack = [], (unit >> SLACK_BITS) + 2
    ordinary_day = incidents.weighing.ordinary(rules.local_ms(now_ms) // SLOT_MS)
    for group, total in enumerate(incidents.totals):
        ordinary = int(bar(rules, *ordinary_day[group], factors[group]) * unit)
        most = int(rules.group_most[group] / rules.points_per_digit * unit) + slack
        groups.append(Group(total, ordinary, max(0, total - ordinary), most))
    return groups


def corroborated(rules: Rules, incidents: Incidents, groups: list[Group]) -> list[int]:
    """Evidence of each group, at its most, with its largest agency held to `loudest_most` times what all others have.

    Each group for itself: a report about ballots does not corroborate a clash. Each agency has its share of what is
    left of a group. An incident on which words of two agencies stand corroborates itself."""
    shared = []
    for group, agencies in zip(groups, incidents.by_agency, strict=True):
        of_others = group.net - group.net * _largest(agencies) // group.total if group.net else 0
        shared.append(min(group.net, group.most, (1 + rules.loudest_most) * of_others))
    return shared


def _largest(agencies: dict[str, int]) -> int:
    """The most evidence of one agency. What MANY agencies reported is nobody's alone."""
    if MANY in agencies:
        agencies = {agency: evidence for agency, evidence in agencies.items() if agency != MANY}
    return max(agencies.values(), default=0)


def incident_points(rules: Rules, incidents: Incidents, factors: Sequence[float], now_ms: int) -> Score:
    """Points of all groups.

    What others corroborate of a group counts in full; what rests on one agency alone lifts the sum of the groups to
    `one_source_most` and no further, what rests on one report alone to `one_report_most`, in the order of the groups.
    Few reports lift it to `few_reports_most`, whoever corroborates them."""
    unit = MILLI * MILLI * rules.decay.growth(now_ms, incidents.landmark)
    groups = weigh(rules, incidents, factors, now_ms, unit)
    shared = corroborated(rules, incidents, groups)
    left, borne = sum(min(group.net, group.most) for group in groups), sum(shared)
    reports, slack = incidents.recent(), (unit >> SLACK_BITS) + 2
    alone_most = rules.one_report_most if reports <= 1 else rules.one_source_most
    alone = max(0, int(alone_most / rules.points_per_digit * unit) + slack - borne)
    room = borne + alone
    if is_few := reports <= rules.few_reports:
        room = min(room, int(rules.few_most / rules.points_per_digit * unit) + slack)
    parts, counted, got = [], 0, 0
    for group, sure in zip(groups, shared, strict=True):
        more = min(group.net - sure, group.most - sure, alone)
        alone -= more
        counted += min(sure + more, room - counted)
        # The running sum is rounded down, not each part, so the parts add up to the rounded whole.
        parts.append(to_points(rules, counted, unit) - got)
        got += parts[-1]
    gap = int((got + 1) / rules.points_per_digit * unit) - counted
    if room < left:
        gap //= 1 + rules.loudest_most
    gap -= unit >> 30  # rounding errs to the side of one evaluation too many
    return Score(tuple(parts), got, to_points(rules, borne, unit), tuple(groups), gap, room < left, is_few)


def to_points(rules: Rules, evidence: int, unit: int) -> int:
    """Whole points of evidence, rounded down. `unit` is the evidence of one digit now."""
    return floor(evidence / unit * rules.points_per_digit)


class Needs:
    """What each group's sum has to reach for another point since the last evaluation.

    `least`: by group, -inf where it is not known yet. A caller may keep a reference to the list."""

    __slots__ = ("least", "_rules", "_incidents", "_score")

    def __init__(self, rules: Rules, incidents: Incidents) -> None:
        self.least = [-inf] * SCORED
        self._rules, self._incidents = rules, incidents
        self._score = Score((), 0, 0, is_few=True)

    def reset(self, score: Score) -> None:
        """An evaluation gave this score."""
        self._score = score
        self.least[:] = [-inf] * SCORED

    def is_reached(self, group: int) -> bool:
        """Whether the group may have gained a point since."""
        incidents, is_rolling = self._incidents, self._rules.rolling_milli is not None
        self.least[group] = need(self._rules, self._score, group)
        return (incidents.weights[0] if is_rolling else incidents.totals[group]) >= self.least[group]


class Learned:
    """`learned` of one regency, computed again only when its arguments change."""

    __slots__ = ("_rules", "_incidents", "_pace", "_key", "_factors")

    def __init__(self, rules: Rules, incidents: Incidents, pace: Pace) -> None:
        self._rules, self._incidents, self._pace = rules, incidents, pace
        self._key: tuple[object, ...] = ()
        self._factors: list[float] = []

    def factors(self, first_ms: int, now_ms: int) -> list[float]:
        """See `learned`."""
        past = self._pace.past
        key = now_ms // HOUR_MS, first_ms, past, self._incidents.history.version
        if key != self._key:
            self._key = key
            self._factors = learned(self._rules, self._incidents, past, first_ms, now_ms)
        return self._factors


def need(rules: Rules, score: Score, group: int) -> float:
    """The total with which a group could score a point more than in `score`.

    While the largest agency is held back, a report brings more than its own evidence: it lets the largest count for
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


def add_up(parts: list[int]) -> tuple[tuple[int, ...], int]:
    """The parts and their sum, later parts trimmed where it would exceed 100."""
    left, kept = _MOST, []
    for part in parts:
        part = min(part, left)
        kept.append(part)
        left -= part
    return tuple(kept), _MOST - left


def rolling_score(rules: Rules, incidents: Incidents) -> Score:
    """The score of a `rolling_sum` ruleset: percent of its threshold that the last hour's severity weights reach."""
    weight, threshold = incidents.weights[0], rules.rolling_milli
    got = min(_MOST, _MOST * weight // threshold) if threshold else _MOST
    return Score((got,), got, got)


def score_at(
    rules: Rules,
    regency: Regency,
    incidents: Incidents,
    turnout: Turnout,
    neighbours: Neighbours,
    factors: Sequence[float],
    now_ms: int,
) -> Score:
    """The score at an evaluation time. Pure: it changes nothing."""
    if rules.rolling_milli is not None:
        return rolling_score(rules, incidents)
    pressure = incident_points(rules, incidents, factors, now_ms)
    odd = turnout_points(rules, turnout, neighbours.shares, now_ms)
    near = neighbour_points(rules, neighbours.levels) if neighbours.levels else 0
    odd_alone = turnout_alone(rules, turnout, neighbours.shares, now_ms, odd) if odd else {}
    near_alone = neighbours_alone(rules, neighbours, near) if near else {}
    alone, sole_agency = rests_on_one(incidents, pressure, odd_alone, near_alone)
    parts, prior, beyond = [*pressure.parts, odd, near], floor((regency.prior or 0) * rules.prior_factor), 0
    if alone:
        excess = max(0, alone - rules.one_source_most)
        parts, alone = cut(parts, excess), alone - excess
        if is_alone(rules, sum(parts), alone):  # others' points lift what rests on one agency to no alarm either
            beyond = max(0, sum(parts) + prior - (rules.rungs[1].raise_at - 1))
            parts = cut(parts, beyond)
    kept, total = add_up([*parts, prior])
    is_open = pressure.is_few or beyond > 0 or bool(odd_alone or near_alone)
    return pressure._replace(
        parts=kept, total=total, is_few=is_open, support=sum(kept[:-1]), alone=alone, sole_agency=sole_agency
    )


def is_alone(rules: Rules, support: int, alone: int) -> bool:
    """Whether points rest on one agency: without the `alone` of them waspada is not reached, nor are they all there."""
    return support - alone < min(support, rules.rungs[0].raise_at)


def rests_on_one(
    incidents: Incidents, pressure: Score, odd_alone: dict[str, int], near_alone: dict[str, int]
) -> tuple[int, str]:
    """The most points that rest on one agency alone, and which (of equals the least name; "" for no points).

    Of incidents these are the points that no other agency corroborates; they count as each agency's that has the most
    evidence in a group. `odd_alone`, `near_alone`: points of turnout and of neighbours by agency.
    """
    uncorroborated = max(0, pressure.total - pressure.corroborated)
    if not (uncorroborated or odd_alone or near_alone):
        return 0, ""
    sums = dict.fromkeys((*odd_alone, *near_alone), 0)
    if uncorroborated:
        for group, agencies in zip(pressure.groups, incidents.by_agency, strict=True):
            if group.net:
                largest = _largest(agencies)
                sums |= {name: uncorroborated for name, most in agencies.items() if most == largest and name != MANY}
    for alone in (odd_alone, near_alone):
        for name, points in alone.items():
            sums[name] += points
    most = max(sums.values(), default=0)
    return most, min((name for name, points in sums.items() if points == most > 0), default="")


def cut(parts: list[int], excess: int) -> list[int]:
    """The parts with so many points less, taken from the last part on."""
    if not excess:
        return parts
    left: list[int] = []
    for part in reversed(parts):
        taken = min(part, excess)
        excess -= taken
        left.append(part - taken)
    return left[::-1]


def report_weight(milli: int) -> int | float:
    """A weight as the rows show it: an integer where it is whole."""
    whole, rest = divmod(milli, MILLI)
    return whole if not rest else milli / MILLI
