"""Weight of evidence of one report: flare-up against ordinary day, by size of the regency and pace of the province.

Turing's and Good's weight of evidence, in digits (bans, powers of ten). A category at a severity or above is reported
`surge` times an hour during a flare-up, more often in a larger regency, and `ordinary` times an hour on an ordinary
day, at this hour and at the pace in force (streams/risk/pace.py). A report of it has

    log10(1 + surge / ordinary)

digits in favour of a flare-up, never fewer than a milder one of the category, and never more than `minor_most` when it
is minor. Evidence adds up over reports, so a score made of it is a sum that anybody can check."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import inf, log10
from operator import add, mul
from typing import NamedTuple

from schemas.ruleset import Ruleset
from schemas.ruleset.quantities import HOURS
from schemas.vocabulary import HOUR_MS, SEVERITIES

MILLI = 1000
MINOR = 1  # severity
SLOTS_PER_HOUR = 4
STEPS = 4  # of a pace, for each doubling
_SLOT_MS = HOUR_MS // SLOTS_PER_HOUR
_WEIGHTS_KEPT = 4096  # of 2 KB each
_EACH = len(SEVERITIES)  # kinds of a category
_SLOTS = HOURS * SLOTS_PER_HOUR

#: By quarter hour of the local day, how much of a rate an hour in each hour of the day is held in a decayed sum.
Held = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What a category at a severity weighs. One object each, compared by identity.

    `number`: of the kind, from 0, the severities of a category in order. `window_milli`: severity weight, as windows
    and cited incidents show it. `pressure_milli[status]`: how much of its evidence counts in the score, in thousandths.
    """

    number: int
    category: str
    severity: int
    group: int
    window_milli: int
    pressure_milli: dict[str, int]
    routes: tuple[str, ...]


class Weights(NamedTuple):
    """What a category weighs in a regency at one pace.

    `milli[(severity - 1) * 24 + hour]`: thousandths of a digit. `mean`, `variance`: by hour, the sum of the digits and
    of their squares that an ordinary day brings.
    """

    milli: "array[int]"
    mean: tuple[float, ...]
    variance: tuple[float, ...]


class Place:
    """Rates and evidence in a regency of so many stations.

    `milli`: of all kinds at pace 1, at `kind.number * 24 + hour`; `weights`, `groups`: by category."""

    __slots__ = ("milli", "weights", "groups", "_kinds", "_own", "_odds", "_odds_most", "_minor_most")

    def __init__(self, ruleset: Ruleset, kinds: Iterable[Kind], stations: int):
        rule = ruleset.surprise
        size = (stations / rule.surge_stations.value) ** 0.5
        self._kinds, self._minor_most = tuple(kinds), rule.minor_most.value
        surges = {severity: rule.surge[str(severity)].value * size for severity in SEVERITIES}
        self._odds_most = {severity: surge / rule.rate_least.value for severity, surge in surges.items()}
        self._own, self._odds = [], []
        hours = {category: hour_shares(ruleset, category) for category in ruleset.categories}
        shares = severity_shares(ruleset)
        for kind in self._kinds:
            a_day = stations * ruleset.categories[kind.category].base_rate.value / 1000
            of_kind = shares[kind.category][kind.severity - 1 :]
            own, above = a_day * of_kind[0], a_day * sum(of_kind)
            self._own.append([own * share for share in hours[kind.category]])
            odds = surges[kind.severity] / above if above else inf
            self._odds.append([odds / share if share else inf for share in hours[kind.category]])
        self.groups = tuple(kind.group for kind in self._kinds[::_EACH])
        self.weights = tuple(self.weights_at(category, 0) for category in range(len(self.groups)))
        self.milli = array("H", chain.from_iterable(weights.milli for weights in self.weights))

    # Bounded, and as many as are in force where there are a few dozen regencies.
    @lru_cache(maxsize=_WEIGHTS_KEPT)  # noqa: B019
    def weights_at(self, category: int, step: int) -> Weights:
        """What a category weighs at a pace of 2^(step / STEPS)."""
        pace, least, milli = 2 ** (step / STEPS), [0.0] * HOURS, array("H")
        mean, variance = [0.0] * HOURS, [0.0] * HOURS
        first = category * _EACH
        for kind, own, odds in zip(
            self._kinds[first : first + _EACH], self._own[first:], self._odds[first:], strict=False
        ):
            # Odds are bounded: nothing is ordinary more rarely than `rate_least`.
            digits = [log10(1 + min(of_hour / pace, self._odds_most[kind.severity])) for of_hour in odds]
            if kind.severity == MINOR:
                digits = [min(of_hour, self._minor_most) for of_hour in digits]
            # The rates of rare reports are not known well enough to weigh a severe one less than a milder one.
            least = digits = list(map(max, least, digits))
            milli.extend([max(1, round(of_hour * MILLI)) for of_hour in digits])  # never 0: a sum of 0 means no report
            full = kind.pressure_milli["reported"] / MILLI
            evidence = [rate * pace * of_hour * full for rate, of_hour in zip(own, digits, strict=True)]
            mean = list(map(add, mean, evidence))
            variance = [
                sum_ + new * of_hour * full for sum_, new, of_hour in zip(variance, evidence, digits, strict=True)
            ]
        return Weights(milli, tuple(mean), tuple(variance))


class Weighing:
    """The evidence of a regency's reports at the paces in force, and what ordinary days add up to.

    `milli[kind.number * 24 + hour]`: thousandths of a digit; `most`: the largest of them. Only `set_steps` changes
    them."""

    __slots__ = ("milli", "most", "place", "_held", "_steps", "_weights", "_slot", "_ordinary")

    def __init__(self, place: Place, held: tuple[Held, Held]) -> None:
        """`held`: for sums that decay as evidence does, and for those that decay as its square."""
        self.place, self._held = place, held
        self._steps: Sequence[int] = (0,) * len(place.weights)
        self._weights = list(place.weights)
        self.milli, self.most = place.milli, max(place.milli)
        self._slot, self._ordinary = -1, [(0.0, 0.0)]

    def set_steps(self, steps: Sequence[int]) -> bool:
        """Weigh at the paces 2^(step / STEPS) of the categories; whether that changes anything."""
        changed = [category for category, (new, old) in enumerate(zip(steps, self._steps, strict=True)) if new != old]
        if changed and self.milli is self.place.milli:  # which others share
            self.milli = array("H", self.milli)
        for category in changed:
            weights = self._weights[category] = self.place.weights_at(category, steps[category])
            size = len(weights.milli)
            self.milli[category * size : (category + 1) * size] = weights.milli
        if changed:
            self._steps, self._slot, self.most = tuple(steps), -1, max(self.milli)
        return bool(changed)

    def ordinary(self, slot: int) -> list[tuple[float, float]]:
        """By group, mean and variance of the evidence that an ordinary day holds in the middle of a quarter hour of the
        day."""
        if slot != self._slot:
            as_sum, as_square = self._held[0][slot], self._held[1][slot]
            sums = [[0.0, 0.0] for _ in range(max(self.place.groups) + 1)]
            for of, weights in zip(self.place.groups, self._weights, strict=True):
                sums[of][0] += dot(weights.mean, as_sum)
                sums[of][1] += dot(weights.variance, as_square)
            self._slot, self._ordinary = slot, [(mean, variance) for mean, variance in sums]
        return self._ordinary


def ordinary_rates(ruleset: Ruleset, category: str, severity: int, stations: int) -> list[float]:
    """Reports an hour of a severity that an ordinary day shows in a regency, by local hour."""
    a_day = stations * ruleset.categories[category].base_rate.value / 1000
    share = severity_shares(ruleset)[category][severity - 1]
    return [a_day * share * of_hour for of_hour in hour_shares(ruleset, category)]


def severity_shares(ruleset: Ruleset) -> dict[str, list[float]]:
    """By category the shares of the severities: `mix_common` of them those of all reports of an ordinary day that can
    score, the rest the category's own.
    """
    rated = [
        (rule.base_rate.value, ruleset.mixes[rule.mix].shares)
        for rule in ruleset.categories.values()
        if rule.factor.value
    ]
    total, part = sum(rate for rate, _ in rated), ruleset.surprise.mix_common.value
    common = [sum(rate * shares[index] for rate, shares in rated) / (total or 1) for index in range(_EACH)]
    return {
        name: [
            (1 - part) * own + part * of_all for own, of_all in zip(ruleset.mixes[rule.mix].shares, common, strict=True)
        ]
        for name, rule in ruleset.categories.items()
    }


def category_of(cell: int) -> int:
    """The number of the category of `kind.number * 24 + hour`."""
    return cell // (_EACH * HOURS)


def hour_shares(ruleset: Ruleset, category: str) -> list[float]:
    """The share of a day's ordinary reports in each local hour: `hours_even` evenly, the rest by the profile."""
    profile, even = ruleset.profiles[ruleset.categories[category].profile], ruleset.surprise.hours_even.value
    return [(1 - even) * share + even / HOURS for share in profile.shares]


def held_of(half_life_ms: float) -> Held:
    """What a decayed sum holds of each hour of a steady daily course, as of the middle of each quarter hour: half of
    that one has passed."""
    keep = 2 ** (-_SLOT_MS / half_life_ms)
    entering, leaving = 2 ** (-0.25 * _SLOT_MS / half_life_ms) / 2, 2 ** (-0.75 * _SLOT_MS / half_life_ms) / 2
    held, slots = [0.0] * HOURS, [[0.0] * HOURS for _ in range(_SLOTS)]
    for turn in range(2 * _SLOTS):  # the second day begins with what the first left over
        slot = turn % _SLOTS
        held = [sum_ * keep for sum_ in held]
        held[slot // SLOTS_PER_HOUR] += entering / SLOTS_PER_HOUR
        held[(slot - 1) % _SLOTS // SLOTS_PER_HOUR] += leaving / SLOTS_PER_HOUR
        slots[slot] = held
    return tuple(map(tuple, slots))


def dot(by_hour: Sequence[float], held: Sequence[float]) -> float:
    """What is held of an hourly course, by one row of `Held`."""
    total: float = sum(map(mul, by_hour, held))
    return total
