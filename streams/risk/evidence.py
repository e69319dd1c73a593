"""Weight of evidence of one report: flare-up against ordinary day, by size of the regency.

Turing's and Good's weight of evidence, in digits (bans, powers of ten). A category at a severity or above is reported
`surge` times an hour during a flare-up, more often in a larger regency, and `ordinary` times an hour on an ordinary
day, at this hour. A report of it has

    log10(1 + surge / ordinary)

digits in favour of a flare-up, never fewer than a milder one of the category, and never more than `minor_most` when it
is minor. Evidence adds up over reports, so a score made of it is a sum that anybody can check. Everything here is a
constant of the ruleset and of the number of stations."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log10

from schemas.ruleset import Ruleset
from schemas.ruleset.quantities import HOURS
from schemas.vocabulary import HOUR_MS

MILLI = 1000
MINOR = 1  # severity
SLOTS_PER_HOUR = 4
_SLOT_MS = HOUR_MS // SLOTS_PER_HOUR
_SLOTS = HOURS * SLOTS_PER_HOUR


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What a category at a severity weighs. One object each, compared by identity.

    `number`: of the kind, from 0. `window_milli`: severity weight, as windows and cited incidents show it.
    `pressure_milli[status]`: how much of its evidence counts in the score, in thousandths.
    """

    number: int
    category: str
    severity: int
    group: int
    window_milli: int
    pressure_milli: dict[str, int]
    routes: tuple[str, ...]


class Place:
    """Evidence of every kind of report at every local hour, and what ordinary days add up to.

    `milli[kind.number * 24 + hour]`: thousandths of a digit; `most`: the largest of them. `expected[group][slot]`:
    digits, decayed like the sums it is compared with, by quarter hour of the local day."""

    __slots__ = ("milli", "most", "expected")

    def __init__(self, ruleset: Ruleset, kinds: Iterable[Kind], groups: int, half_life_ms: int, stations: int):
        rule = ruleset.surprise
        size = (stations / rule.surge_stations.value) ** 0.5
        self.milli: list[int] = []
        rates = [[0.0] * HOURS for _ in range(groups)]  # digits an hour that ordinary days show
        milder: list[float] = []
        for kind in kinds:  # of each category from the mildest on
            surge = rule.surge[str(kind.severity)].value * size
            full = kind.pressure_milli["reported"] / MILLI
            milder = [0.0] * HOURS if kind.severity == MINOR else milder
            own = ordinary_rates(ruleset, kind.category, kind.severity, stations)
            at_least = ordinary_rates(ruleset, kind.category, kind.severity, stations, or_above=True)
            for hour, (ordinary, above) in enumerate(zip(own, at_least, strict=True)):
                # The rates of rare reports are not known well enough to weigh a severe one less than a milder one.
                digits = max(milder[hour], log10(1 + surge / max(above, rule.rate_least.value)))
                digits = milder[hour] = min(digits, rule.minor_most.value) if kind.severity == MINOR else digits
                self.milli.append(max(1, round(digits * MILLI)))  # never 0: a sum of 0 means no report
                if kind.group < groups:
                    rates[kind.group][hour] += ordinary * digits * full
        self.most = max(self.milli)
        self.expected = tuple(_decayed(hourly, half_life_ms) for hourly in rates)


def ordinary_rates(
    ruleset: Ruleset, category: str, severity: int, stations: int, or_above: bool = False
) -> list[float]:
    """Reports an hour of a severity, or of it and all above, that an ordinary day shows in a regency, by local hour.

    No hour has less than `hour_share_least` of the mean one, and `mix_common` of the severities are those of all.
    """
    rule, surprise = ruleset.categories[category], ruleset.surprise
    hours = ruleset.profiles[rule.profile].hours
    least = surprise.hour_share_least.value * sum(hours) / HOURS
    own, common = ruleset.mixes[rule.mix].shares, _common_mix(ruleset)
    chosen = slice(severity - 1, None if or_above else severity)
    share = surprise.mix_common.value
    shares = (1 - share) * sum(own[chosen]) + share * sum(common[chosen])
    a_day = stations * rule.base_rate.value / 1000 * shares
    return [a_day * max(weight, least) / sum(hours) for weight in hours]


def _common_mix(ruleset: Ruleset) -> list[float]:
    """The severities of all reports of an ordinary day together, of the categories that can score."""
    rated = [
        (rule.base_rate.value, ruleset.mixes[rule.mix].shares)
        for rule in ruleset.categories.values()
        if rule.factor.value
    ]
    total = sum(rate for rate, _ in rated)
    return (
        [sum(rate * shares[severity] for rate, shares in rated) / total for severity in range(5)] if total else [0] * 5
    )


def _decayed(hourly: list[float], half_life_ms: int) -> tuple[float, ...]:
    """The decayed sum of a steady daily course, as of the middle of each quarter hour: half of that one has passed."""
    keep = 2 ** (-_SLOT_MS / half_life_ms)
    entering, leaving = 2 ** (-0.25 * _SLOT_MS / half_life_ms) / 2, 2 ** (-0.75 * _SLOT_MS / half_life_ms) / 2
    reported = [rate / SLOTS_PER_HOUR for rate in hourly for _ in range(SLOTS_PER_HOUR)]
    held, sums = 0.0, [0.0] * _SLOTS
    for _ in range(2):  # the second day begins with what the first left over
        for slot in range(_SLOTS):
            held = held * keep + reported[slot] * entering + reported[slot - 1] * leaving
            sums[slot] = held
    return tuple(sums)
