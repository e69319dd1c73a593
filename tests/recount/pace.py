"""How many reports of each category come now: what a regency tells its province, what the province tells each member of
all others, and what that one makes of it.

Counts are whole thousandths of a report. `Told.slack` says by how many an entry may differ: where a number was made of
floating point that lies next to where its rounding changes. All else is whole numbers.
"""

import math
from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any, NamedTuple

from tests.recount.candidates import share_of_double
from tests.recount.known import MANY, Known, teller
from tests.recount.learning import counted, hours, ordinary_before
from tests.recount.policy import DAY_MS, GROUPS, HOUR_MS, QUARTER_MS, Policy

#: How long the province waits for what its members tell of a quarter hour, and how long what it tells counts.
WAIT_MS, COUNTS_FOR_MS = 60_000, HOUR_MS
#: Thousandths of a report. Siaga sums the same in another order.
UNSURE = 0.001


class Told(NamedTuple):
    """An entry that must be sent: its fields, and how far off a number may be, by category (in the ruleset's order) and
    by group."""

    fields: list[Any]
    slack: Counter[str]

    @property
    def at_ms(self) -> int:
        return int(self.fields[1])


class Pace(NamedTuple):
    """What a regency makes of what its province has told: see `Known`."""

    at_ms: int
    steps: dict[str, int]
    past: dict[str, float]

    def counts(self, grid_ms: int) -> bool:
        return grid_ms - self.at_ms <= COUNTS_FOR_MS


def counts_of(known: Known) -> Told:
    """The `c` entry of a regency as of now."""
    counts, slack, told = {}, Counter[str](), _told(known)
    for category in known.policy.group_of:
        count, is_sure = _counting(known, category, told[category])
        slack[category] += not is_sure
        if count:
            counts[category] = count
    past = []
    for group, ordinary in ordinary_before(known).items():
        past.append(counted(known, group, ordinary))
        slack[group] += is_near_half(1000 * ordinary) and round(1000 * ordinary) <= past[-1]
    return Told(["c", known.clock_ms, known.place.code, counts, past], slack)


def _told(known: Known) -> dict[str, Counter[str]]:
    """Thousandths of reports that count, by category and teller, each times the growth to when it occurred."""
    in_part, of_double = known.doubles(), share_of_double(known.policy)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for i in known.scoring():
        thousandths = of_double if i.id in in_part else 1000
        found[i.word.category][teller(i)] += thousandths * _growth(known, i.word.occurred_ms)
    return found


def _counting(known: Known, category: str, told: Counter[str]) -> tuple[int, bool]:
    """How many of these count now: of one agency no more than ordinary days bring, and some that are free, or than all
    others have. And whether no rounding may decide on it.
    """
    policy, now = known.policy, _growth(known, known.grid_ms)
    ordinary = policy.held_reports(known.place.stations, category, policy.quarter(known.grid_ms))
    free = 1000 * (ordinary + policy.surprise["pace_free"])
    most = {agency: max(round(free) * now, told.total() - count) for agency, count in told.items() if agency != MANY}
    is_sure = not is_near_half(free) or all(told[agency] <= limit - now for agency, limit in most.items())
    return sum(min(count, most.get(agency, count)) for agency, count in told.items()) // now, is_sure


def _growth(known: Known, at_ms: int) -> int:
    """By how much evidence grows until then, times 65,536: whole half-lives since a day ago, and the rest of one."""
    since = known.policy.steps(known.grid_ms - DAY_MS) // 256
    whole, rest = divmod(known.policy.steps(at_ms), 256)
    return round(2 ** (rest / 256) * 65_536) << whole - since


def is_near_half(number: float) -> bool:
    """Whether floating point may round it otherwise."""
    return abs(number % 1 - 0.5) < UNSURE


class Members:
    """What the members of a province have told last, by regency. Those without stations tell nothing."""

    def __init__(self, stations: dict[str, int], policy: Policy) -> None:
        self._stations, self._policy = {code: count for code, count in stations.items() if count}, policy
        self._told: dict[str, list[Any]] = {}
        #: Whether any has told something since the province has, and of which quarter hour that was.
        self._is_new, self._sent = False, -1

    def take(self, f: list[Any]) -> None:
        """A `c` entry."""
        if f[2] in self._stations:
            self._told[f[2]], self._is_new = f, True

    def due(self, province: str, clock_ms: int, grid_ms: int) -> dict[str, Told]:
        """The `p` entry of each member that must be told now."""
        quarter = grid_ms // QUARTER_MS
        begin_ms = quarter * QUARTER_MS
        if quarter == self._sent or grid_ms - begin_ms < WAIT_MS or not self._is_new:
            return {}
        if all(f[1] < begin_ms for f in self._told.values()):
            return {}
        self._sent, self._is_new = quarter, False
        fresh = {code: f for code, f in self._told.items() if f[1] >= begin_ms - QUARTER_MS}
        sums = self._limited(fresh)
        found = {}
        for member in self._stations:
            others = [code for code in fresh if code != member]
            if others:
                stations = sum(self._stations[code] for code in others)
                counts = {name: sum(of[code][0] for code in others) for name, of in sums.items()}
                counts = {name: count for name, count in counts.items() if count}
                past = [sum(fresh[code][4][group] for code in others) for group in range(len(GROUPS))]
                slack = Counter({name: sum(of[code][1] for code in others) for name, of in sums.items()})
                found[member] = Told(["p", clock_ms, province, stations, counts, past], slack)
        return found

    def _limited(self, fresh: dict[str, list[Any]]) -> dict[str, dict[str, tuple[int, bool]]]:
        """By category and regency, how much counts of what it told, and whether rounding may take one off: no more than
        twice, or so, what three quarters of them have at the most by their stations."""
        s, found = self._policy.surprise, {}
        for category in self._policy.group_of:
            told = {code: f[3].get(category, 0) for code, f in fresh.items()}
            rates = sorted(Fraction(count, self._stations[code]) for code, count in told.items())
            rate = rates[3 * (len(rates) - 1) // 4]
            found[category] = {}
            for code, count in told.items():
                exact = Fraction(str(s["pace_member_most"])) * rate * self._stations[code]
                most = math.floor(exact) + round(1000 * s["pace_free"])
                found[category][code] = min(count, most), count >= most and exact.denominator == 1
        return found


def pace_of(known: Known, f: list[Any]) -> Pace:
    """What a `p` entry says, against what ordinary days bring in the stations of the others."""
    _, at_ms, _, stations, counts, past = f
    policy, steps, factors = known.policy, {}, {}
    for category in policy.group_of:
        ordinary = policy.held_reports(stations, category, policy.quarter(at_ms))
        steps[category] = round(4 * math.log2(_factor(policy, counts.get(category, 0), ordinary)))
    for group, count in zip(GROUPS, past, strict=True):
        factors[group] = _factor(policy, count, policy.ordinary_reports(stations, (group,), *hours(known, at_ms)))
    return Pace(at_ms, steps, factors)


def _factor(policy: Policy, thousandths: int, ordinary: float) -> float:
    s = policy.surprise
    factor = (s["pace_shape"] + thousandths / 1000) / (s["pace_shape"] + ordinary)
    return float(min(s["pace_most"], max(s["pace_least"], factor)))
