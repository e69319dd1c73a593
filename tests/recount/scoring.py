"""The score of one regency at one moment, by the formulas of docs/risk-model.md, over plain lists.

Everything is summed again each time.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.recount.candidates import doubles, share_of_double
from tests.recount.policy import DAY_MS, GROUPS, HOUR_MS, Place, Policy
from tests.recount.polls import Figure, Station
from tests.recount.words import Incident

PARTS = (*GROUPS, "turnout", "neighbours", "prior")
QUARTER_MS = 15 * 60_000
#: Points. Siaga sums whole numbers that are exact to one in 65,536; here it is floating point.
UNSURE = 0.01
#: Instead of an agency's name, for incidents that more than one agency reports.
MANY = "*"


@dataclass
class Known:
    """The state of a regency as of `grid_ms`, the last time at which scores are evaluated."""

    place: Place
    policy: Policy
    clock_ms: int = 0
    grid_ms: int = 0
    began_ms: int = 0
    incidents: dict[str, Incident] = field(default_factory=dict)
    #: Those of the last 24 h that stand.
    live: dict[str, Incident] = field(default_factory=dict)
    #: By their key; those that the station roster lacks are apart.
    stations: dict[str, Station] = field(default_factory=lambda: defaultdict(Station))
    unlisted: dict[str, Station] = field(default_factory=lambda: defaultdict(Station))
    #: Local days on which a station voted again, each later than those before.
    revote_days: list[int] = field(default_factory=list)
    levels: dict[str, str] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    learned: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GROUPS, 1.0))

    def put(self, incident: Incident) -> None:
        """Hold an incident as it is told now."""
        i, policy, word = incident, self.policy, incident.word
        i.group = policy.group_of[word.category]
        if policy.factor(word.category, word.status):
            hour = int(policy.local_hours(word.occurred_ms))
            i.digits = policy.report_weight(self.place.stations, word.category, word.status, word.severity, hour)
            i.evidence = i.digits * 2 ** ((policy.steps(word.occurred_ms) - policy.steps(self.began_ms)) / 256)
        self.drop(i.id)
        self.incidents[i.id] = i
        if i.stands and word.occurred_ms > self.grid_ms - DAY_MS:
            self.live[i.id] = i

    def drop(self, number: str) -> None:
        """Forget an incident, for it goes by another number now."""
        self.incidents.pop(number, None)
        self.live.pop(number, None)

    def note_vote(self, figure: Figure) -> None:
        """A station has voted again."""
        day = self.policy.local_day(figure.as_of_ms)
        if day > max(self.revote_days, default=0):
            self.revote_days.append(day)

    def figures(self) -> list[Figure]:
        """Of each station the one in force."""
        return [station.figure for station in self.stations.values()]

    def of_one_vote(self) -> list[Figure]:
        """The stations that make up the share: those with figures from the last day of a new vote on, or the others if
        these are more. With several such days the others have figures of several votes and make none."""
        if not self.revote_days:
            return self.figures()
        parts: dict[bool, list[Figure]] = {True: [], False: []}
        for figure in self.figures():
            parts[self.policy.local_day(figure.as_of_ms) >= self.revote_days[-1]].append(figure)
        if len(parts[True]) >= len(parts[False]):
            return parts[True]
        return parts[False] if len(self.revote_days) == 1 else []

    def pass_to(self, grid_ms: int) -> None:
        self.grid_ms = grid_ms
        self.live = {i.id: i for i in self.live.values() if i.word.occurred_ms > grid_ms - DAY_MS}

    def scoring(self) -> list[Incident]:
        return [i for i in self.live.values() if i.evidence]

    def weighing(self) -> dict[str, float]:
        """The evidence of each incident that can score: of a double, the part that counts until people decide."""
        in_part, share = doubles(self.live.values(), self.policy), share_of_double(self.policy)
        return {i.id: i.evidence * (share if i.id in in_part else 1) for i in self.scoring()}

    def decay(self) -> float:
        """What a digit of the first entry's time is worth now. Age is counted in whole steps."""
        return 2 ** ((self.policy.steps(self.began_ms) - self.policy.steps(self.grid_ms)) / 256)

    def share(self) -> int | None:
        """Turnout share in ten-thousandths; None while fewer stations than make a curve have reported."""
        stations = self.of_one_vote()
        if len(stations) < self.policy.rules["turnout"]["outlier_stations_least"]:
            return None
        return 10_000 * sum(s.voted for s in stations) // sum(s.registered for s in stations)


class Score(NamedTuple):
    """Whole points by part, their sum, and how many points of the groups a second agency corroborates.

    `unsure`: parts up to which the running sum is so near to a whole number that floating point may round it otherwise.
    """

    parts: dict[str, int]
    total: int
    corroborated: int
    unsure: frozenset[str]

    @property
    def pressure(self) -> int:
        return sum(self.parts[group] for group in GROUPS)


def score(known: Known) -> Score:
    points, corroborated, unsure = pressure(known)
    context = known.policy.rules["context"]
    odd = turnout(known)
    points["turnout"] = math.floor(odd)
    if GROUPS[-1] in unsure or is_near_whole(odd):
        unsure |= {"turnout", "neighbours", "prior"}
    near = list(known.levels.values())
    beside = near.count("siaga") * context["neighbour_siaga"] + near.count("awas") * context["neighbour_awas"]
    points["neighbours"] = min(context["neighbours_most"], beside)
    points["prior"] = math.floor(known.place.prior * context["prior_factor"])
    left = 100
    for name in PARTS:
        points[name] = min(points[name], left)
        left -= points[name]
    return Score(points, 100 - left, corroborated, unsure)


def is_near_whole(points: float) -> bool:
    return 0 < abs(points - round(points)) < UNSURE


def learn(known: Known) -> dict[str, float]:
    """What each group's expectation is scaled by: the regency's reports 6 to 24 hours ago against ordinary days."""
    s, quarter_ms = known.policy.surprise, known.grid_ms - known.grid_ms % QUARTER_MS
    start, end = max(quarter_ms - DAY_MS, known.began_ms), quarter_ms - 6 * HOUR_MS
    if end <= start:
        return dict.fromkeys(GROUPS, 1.0)
    shown = [i.group for i in known.live.values() if i.word.occurred_ms <= known.grid_ms - 6 * HOUR_MS]
    factors = {}
    for group in GROUPS:
        ordinary = known.policy.ordinary_reports(known.place.stations, (group,), start, end)
        factor = (s["learning"] + shown.count(group)) / (s["learning"] + ordinary)
        factors[group] = min(s["learned_most"], max(s["learned_least"], factor))
    return factors


def pressure(known: Known) -> tuple[dict[str, int], int, frozenset[str]]:
    """Points of the groups, how many of them are corroborated, and which are unsure."""
    policy, s = known.policy, known.policy.surprise
    evidence: dict[str, dict[str, float]] = {group: defaultdict(float) for group in GROUPS}
    recent, six_hours_ago = 0, known.grid_ms - 6 * HOUR_MS
    weighing = known.weighing()
    for incident in known.scoring():
        [agency] = [MANY] if incident.is_confirmed else incident.agencies
        evidence[incident.group][agency] += weighing[incident.id]
        recent += incident.word.occurred_ms > six_hours_ago
    quarter = (known.grid_ms + policy.offset_ms) % DAY_MS // QUARTER_MS
    net, corroborated = {}, 0.0
    for group in GROUPS:
        x, m = sum(evidence[group].values()) * known.decay(), policy.expected(known.place.stations, group, quarter)
        net[group] = max(0.0, x - s["expected_share"] * m * known.learned[group] - s["free_digits"])
        loudest = max((part for agency, part in evidence[group].items() if agency != MANY), default=0.0) * known.decay()
        if net[group]:
            corroborated += min(net[group], (1 + s["loudest_most"]) * net[group] * (1 - loudest / x))
    alone = s["one_source_most"] if recent > 1 else s["one_report_most"]
    room = max(corroborated, alone / s["points_per_digit"])
    if recent <= s["few_reports"]:
        room = min(room, s["few_reports_most"] / s["points_per_digit"])
    points, unsure = _points(policy, net, room)
    corroborated_points = corroborated * s["points_per_digit"]
    if is_near_whole(corroborated_points):
        unsure.add("corroborated")
    return points, math.floor(corroborated_points), frozenset(unsure)


def _points(policy: Policy, net: dict[str, float], room: float) -> tuple[dict[str, int], set[str]]:
    """In the order of the groups, each at its most and all in the room there is; rounded down as a running sum."""
    points, counted, got, unsure = {}, 0.0, 0, set()
    for group in GROUPS:
        most = policy.rules["groups"][group]["most"] / policy.surprise["points_per_digit"]
        counted += min(net[group], most, room - counted)
        sum_of_points = counted * policy.surprise["points_per_digit"]
        points[group] = math.floor(sum_of_points) - got
        got += points[group]
        if sum_of_points and abs(sum_of_points - round(sum_of_points)) < UNSURE:  # a limit is whole, and met exactly
            unsure.add(group)
    return points, unsure


def turnout(known: Known) -> float:
    t, expected, stations = known.policy.rules["turnout"], known.place.stations, known.stations
    if not stations and not known.unlisted:
        return 0.0
    odd = {
        "over_capacity": sum(station.figure.is_over for station in stations.values()),
        "corrected": sum(station.repeats > 1 for station in stations.values()),
        "conflicting": sum(bool(station.disputed) for station in stations.values()),
        "unlisted": len(known.unlisted),
    }
    points = sum(max(0.0, n - t[f"{name}_free"] * expected) * t[f"{name}_points"] for name, n in odd.items())
    if stations and known.policy.local_hours(known.grid_ms) >= known.policy.rules["election"]["reports_due"]:
        missing = max(0.0, (expected - len(stations)) / expected - t["missing_free"]) / (1 - t["missing_free"])
        points += missing * t["missing_points"]
    return min(t["most"], points + (t["outlier_points"] if _leaves_every_curve(known) else 0))


def _leaves_every_curve(known: Known) -> bool:
    share, t = known.share(), known.policy.rules["turnout"]
    if share is None:
        return False
    stations = known.of_one_vote()
    figures_ms = sum(s.registered * s.as_of_ms for s in stations) / sum(s.registered for s in stations)
    above = share / 10_000 - _curve(known.policy, figures_ms)
    others = sorted(share / 10_000 for share in known.shares.values())
    if len(others) < 3:
        return above > t["curve"]["gap"]
    middle = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2
    return abs(share / 10_000 - middle) > t["outlier_gap"] and abs(above) > t["curve"]["gap"]


def _curve(policy: Policy, at_ms: float) -> float:
    """The expected share at a moment: that of each full local hour, linear in between."""
    shares, hours = policy.rules["turnout"]["curve"]["shares"], policy.local_hours(at_ms)
    before = math.floor(hours)
    return shares[before] + (shares[min(before + 1, 23)] - shares[before]) * (hours - before)
