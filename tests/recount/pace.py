"""How many reports of each category come now: what a regency tells its province, by agency; what the province tells
each member of all others; and what that one makes of it.

Counts are whole thousandths of a report. `Told.slack` says by how many an entry may differ: where a number was made of
floating point that lies next to where its rounding changes. All else is whole numbers.
"""

import math
from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any, NamedTuple

from tests.recount.candidates import share_of_double
from tests.recount.known import Known, teller
from tests.recount.learning import counted, hours, of_agencies, ordinary_before
from tests.recount.policy import DAY_MS, GROUPS, HOUR_MS, QUARTER_MS, Policy

#: How long the province waits for what its members tell of a quarter hour, and how long what it tells counts.
WAIT_MS, COUNTS_FOR_MS = 60_000, HOUR_MS
#: Thousandths of a report. Siaga sums the same in another order.
UNSURE = 0.001
#: What counts of each agency, at the least and at the most that rounding may make of it.
_Bounds = tuple[Counter[str], Counter[str]]


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
    """The `c` entry of a regency as of now. What comes now is of whole numbers."""
    counts, told, now = {}, _told(known), _growth(known, known.grid_ms)
    slack = Counter(dict.fromkeys(known.policy.group_of, 0))
    for category in known.policy.group_of:
        by_agency = {agency: told[category][agency] // now for agency in sorted(told[category])}
        if any(by_agency.values()):
            counts[category] = {agency: count for agency, count in by_agency.items() if count}
    past = []
    for group, ordinary in ordinary_before(known).items():
        past.append(counted(known, group, ordinary))
        slack[group] += is_near_half(1000 * ordinary) and round(1000 * ordinary) <= past[-1]
    return Told(["c", known.clock_ms, known.place.code, counts, past], slack)


def _told(known: Known) -> dict[str, Counter[str]]:
    """Thousandths of reports that count, by category and teller, each by its status and times the growth to when it
    occurred."""
    in_part, of_double = known.doubles(), share_of_double(known.policy)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for i in known.scoring():
        thousandths = round(1000 * known.policy.factor(i.word.category, i.word.status))
        if i.id in in_part:
            thousandths = thousandths * of_double // 1000
        found[i.word.category][teller(i)] += thousandths * _growth(known, i.word.occurred_ms)
    return found


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
        limited = {category: self._limited(category, fresh) for category in self._policy.group_of}
        found = {}
        for member in self._stations:
            others = [code for code in fresh if code != member]
            if others:
                stations = sum(self._stations[code] for code in others)
                bounds = {
                    category: self._bounds(category, [of[code] for code in others], stations, grid_ms)
                    for category, of in limited.items()
                }
                counts = {category: most for category, (_, most) in bounds.items() if most}
                past = [sum(fresh[code][4][group] for code in others) for group in range(len(GROUPS))]
                slack = Counter({category: most - least for category, (least, most) in bounds.items()})
                found[member] = Told(["p", clock_ms, province, stations, counts, past], slack)
        return found

    def _limited(self, category: str, fresh: dict[str, list[Any]]) -> dict[str, _Bounds]:
        """By regency, how much counts of what it told: of all its agencies together no more than twice, or so, what
        three quarters of the regencies have at the most by their stations. Where that is a whole number, rounding may
        make it one less."""
        s, found = self._policy.surprise, {}
        told = {code: Counter[str](f[3].get(category, {})) for code, f in fresh.items()}
        rates = sorted(Fraction(of.total(), self._stations[code]) for code, of in told.items())
        rate = rates[3 * (len(rates) - 1) // 4]
        for code, of in told.items():
            exact = Fraction(str(s["pace_member_most"])) * rate * self._stations[code]
            most = math.floor(exact) + round(1000 * s["pace_free"])
            is_unsure = exact > 0 and exact.denominator == 1
            found[code] = _scaled(of, most - is_unsure), _scaled(of, most)
        return found

    def _bounds(self, category: str, others: list[_Bounds], stations: int, grid_ms: int) -> tuple[int, int]:
        """How many of these count, at the least and at the most: of one agency no more than ordinary days bring in so
        many stations, and some that are free, or than all other agencies have. More of any agency is never less."""
        policy = self._policy
        ordinary = policy.held_reports(stations, category, policy.quarter(grid_ms))
        free = 1000 * (ordinary + policy.surprise["pace_free"])
        is_unsure = is_near_half(free)
        least, most = (sum(of, Counter[str]()) for of in zip(*others, strict=True))
        return (
            of_agencies(least, math.floor(free) if is_unsure else round(free)),
            of_agencies(most, math.ceil(free) if is_unsure else round(free)),
        )


def _scaled(told: Counter[str], most: int) -> Counter[str]:
    """Each agency's share of what counts of all together."""
    total = told.total()
    return Counter({agency: count * min(most, total) // total for agency, count in told.items() if count})


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
