"""The score of one regency at one moment, by the formulas of docs/risk-model.md, over plain lists.

Everything is summed again each time.
"""

import math
from collections import defaultdict
from typing import NamedTuple

from tests.recount.known import MANY, Known, teller
from tests.recount.policy import GROUPS, HOUR_MS, Policy
from tests.recount.turnout import turnout

PARTS = (*GROUPS, "turnout", "neighbours", "prior")
#: What is cut from the score where it rests on one agency, in this order.
CUT = ("neighbours", "turnout", *reversed(GROUPS))
#: Points. Siaga sums whole numbers that are exact to one in 65,536; here it is floating point.
UNSURE = 0.01


class Score(NamedTuple):
    """Whole points by part, their sum, and how many of them rest on one agency alone, whichever has most.

    `unsure`: parts up to which the running sum is so near to a whole number that floating point may round it otherwise;
    `loudest`: the agencies that have so many, or may have.
    """

    parts: dict[str, int]
    total: int
    alone: int
    unsure: frozenset[str]
    loudest: frozenset[str] = frozenset()

    @property
    def pressure(self) -> int:
        return sum(self.parts[group] for group in GROUPS)

    @property
    def support(self) -> int:
        """All points but those of the prior."""
        return self.total - self.parts["prior"]


class Pressure(NamedTuple):
    """Points of the groups, and how many of them are corroborated.

    `unsure`: those that floating point may round otherwise; `largest`: the agency with most in each group of which
    evidence counts.
    """

    points: dict[str, int]
    corroborated: int
    unsure: frozenset[str]
    largest: frozenset[str]


def score(known: Known) -> Score:
    context, unsure = known.policy.rules["context"], set()
    told = pressure(known)
    points, odd = dict(told.points), turnout(known)
    points["turnout"], points["neighbours"] = math.floor(odd), neighbours(known)
    points["prior"] = math.floor(known.place.prior * context["prior_factor"])
    unsure |= told.unsure
    if GROUPS[-1] in unsure or is_near_whole(odd):
        unsure |= {"turnout", "neighbours", "prior"}
    rests, is_sure = alone(known, told, points)
    most, highest = known.policy.surprise["one_source_most"], max(rests.values(), default=0)
    slack = 0 if is_sure and not unsure else 2
    if slack and highest + slack > most:
        unsure |= {*PARTS}
    _cut(points, highest - most)
    # What one agency says is lifted by others' points to no more than waspada, unless those carry waspada themselves.
    rungs, support = known.policy.rules["ladder"], sum(points.values()) - points["prior"]
    others, least = support - min(highest, most), min(support, rungs["waspada"]["raise_at"])
    if slack and abs(others - least) <= 2 * slack:
        unsure |= {*PARTS}
    if others < least:
        _cut(points, support + points["prior"] - (rungs["siaga"]["raise_at"] - 1))
    left = 100
    for name in PARTS:
        points[name] = min(points[name], left)
        left -= points[name]
    loudest = frozenset(agency for agency, count in rests.items() if count and count >= highest - slack)
    return Score(points, 100 - left, min(highest, most), frozenset(unsure), loudest)


def _cut(points: dict[str, int], excess: int) -> None:
    for name in CUT:
        cut = min(points[name], max(0, excess))
        points[name], excess = points[name] - cut, excess - cut


def neighbours(known: Known, without: str = "") -> int:
    """Points. `without`: an agency, as if the levels that rest on it alone were normal; empty: none."""
    context = known.policy.rules["context"]
    near = [level for code, level in known.levels.items() if not without or known.soles[code] != without]
    beside = near.count("siaga") * context["neighbour_siaga"] + near.count("awas") * context["neighbour_awas"]
    return min(int(context["neighbours_most"]), int(beside))


def alone(known: Known, told: Pressure, points: dict[str, int]) -> tuple[dict[str, int], bool]:
    """The points that rest on each agency alone, and whether no rounding may decide on them."""
    held = known.held
    counting = {station.figure.agency for side in (held.stations, held.unlisted) for station in side.values()}
    disputing = {agency for station in held.stations.values() for pair in station.disputed for agency in pair}
    found, is_sure = {}, True
    for agency in told.largest | counting | disputing | ({*known.soles.values()} - {"", MANY}):
        others = turnout(known, agency)
        is_sure &= not is_near_whole(others)
        of_turnout = points["turnout"] - math.floor(others)
        of_neighbours = points["neighbours"] - neighbours(known, agency)
        of_incidents = max(0, sum(told.points.values()) - told.corroborated) if agency in told.largest else 0
        found[agency] = of_incidents + of_turnout + of_neighbours
    return found, is_sure


def is_near_whole(points: float) -> bool:
    return 0 < abs(points - round(points)) < UNSURE


def bar(known: Known, group: str) -> float:
    """Digits of a group that give no points: what ordinary days bring here now, as far as that may deviate by chance
    and because places differ, and those that are free."""
    s, quarter = known.policy.surprise, known.policy.quarter(known.grid_ms)
    mean, variance = (
        known.learned[group] * of_rates
        for of_rates in known.policy.expected(known.place.stations, group, quarter, known.steps)
    )
    deviation = math.sqrt(variance + s["dispersion"] * mean**2)
    return float(s["expected_share"] * mean + s["doubt"] * deviation + s["free_digits"])


def pressure(known: Known) -> Pressure:
    policy, s = known.policy, known.policy.surprise
    evidence: dict[str, dict[str, float]] = {group: defaultdict(float) for group in GROUPS}
    recent, six_hours_ago = 0, known.grid_ms - 6 * HOUR_MS
    weighing = known.weighing()
    for incident in known.scoring():
        evidence[incident.group][teller(incident)] += weighing[incident.id]
        recent += incident.word.occurred_ms > six_hours_ago
    net, borne, largest = {}, dict.fromkeys(GROUPS, 0.0), set()
    for group in GROUPS:
        x = sum(evidence[group].values()) * known.decay()
        net[group] = max(0.0, x - bar(known, group))
        parts = {agency: part for agency, part in evidence[group].items() if agency != MANY}
        loudest = max(parts.values(), default=0.0) * known.decay()
        if net[group]:
            largest |= {agency for agency, part in parts.items() if part == max(parts.values())}
            counting = min(net[group], (1 + s["loudest_most"]) * net[group] * (1 - loudest / x))
            borne[group] = min(counting * s["points_per_digit"], policy.rules["groups"][group]["most"])
    told = sum(borne.values())
    alone = max(0.0, (s["one_source_most"] if recent > 1 else s["one_report_most"]) - told)
    room = s["few_reports_most"] if recent <= s["few_reports"] else math.inf
    points, unsure = _points(policy, net, borne, alone, room)
    if is_near_whole(told):
        unsure.add("corroborated")
    return Pressure(points, math.floor(told), frozenset(unsure), frozenset(largest))


def _points(
    policy: Policy, net: dict[str, float], borne: dict[str, float], alone: float, room: float
) -> tuple[dict[str, int], set[str]]:
    """In the order of the groups what is corroborated of each, and of the rest `alone` points together, each at its
    most and all in the room there is; rounded down as a running sum."""
    points, counted, got, unsure = {}, 0.0, 0, set()
    for group in GROUPS:
        most = min(net[group] * policy.surprise["points_per_digit"], policy.rules["groups"][group]["most"])
        more = min(most - borne[group], alone)
        alone -= more
        counted = min(counted + borne[group] + more, room)
        points[group] = math.floor(counted) - got
        got += points[group]
        if is_near_whole(counted):
            unsure.add(group)
    return points, unsure
