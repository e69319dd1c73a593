"""From counted reports to new numbers of a ruleset, each with its interval and what it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import hypot, log, sqrt

from apps.calibration.posteriors import (
    SAME,
    Posterior,
    Ratio,
    dispersion_of,
    factor_of,
    ratio_of,
    shares_of,
)
from apps.calibration.tally import Counts, Tally
from schemas.ruleset import Ruleset
from schemas.ruleset.calibration import Calibration

#: Too few reports tell the number, or so many more or less than the spreads allow that the category's share of reports
#: before election day can't be like the others'.
FEW, UNLIKE = "few", "unlike"
#: Standard deviations of the logarithm that the spreads allow.
UNLIKE_FROM = 3.0
_NOTHING = Counts(0.0, {}, {}, {})
#: What counts of an agency depends on the ratio, which depends on what counts.
_ROUNDS = 4


class TooLittle(ValueError):
    """The recorded days are too few, or hold too few reports, to say anything. One line."""


@dataclass(frozen=True)
class Numbers:
    """One number of the ruleset, or several that add up to 1: as it was, and as estimated. `reports` tell it.

    `kept`: why it stays as it was, FEW or UNLIKE; empty if it does not."""

    before: tuple[float, ...]
    after: tuple[Posterior, ...]
    reports: float
    kept: str = ""


@dataclass(frozen=True)
class Estimates:
    """What recorded days tell of a ruleset, by category. `hours` are empty unless they were election days."""

    first: date
    last: date
    days: int
    regencies: int
    reports: int
    is_election_day: bool
    ratio: Ratio
    dispersion: float
    rates: Mapping[str, Numbers]
    mixes: Mapping[str, Numbers]
    hours: Mapping[str, Numbers]

    @property
    def regency_days(self) -> int:
        """Regencies that have stations, times days."""
        return self.regencies * self.days


def estimate(tally: Tally, stations: Mapping[str, int], ruleset: Ruleset, is_election_day: bool) -> Estimates:
    """`stations`: of each regency. `is_election_day`: the recorded days are like the ones to come. Raises TooLittle."""
    rule = ruleset.calibration
    _check(tally, rule, is_election_day)
    a_day = {
        (category, regency): count * item.base_rate.value / 1000
        for category, item in ruleset.categories.items()
        for regency, count in stations.items()
    }
    in_all = _in_all(a_day, len(tally.days))
    ratio = SAME if is_election_day else Ratio(rule.campaign_level.value, log(rule.campaign_spread.value))
    for _ in range(_ROUNDS):
        expected = {key: mean * ratio.value for key, mean in a_day.items()}
        counted = tally.counts(expected, rule.free_reports.value, rule.place_most.value)
        dispersion = _dispersion(counted, tally, stations)
        if is_election_day:
            break
        ratio = _ratio(counted, in_all, rule, dispersion)
    first, last = tally.span()
    return Estimates(
        first,
        last,
        len(tally.days),
        sum(count > 0 for count in stations.values()),
        tally.reports,
        is_election_day,
        ratio,
        dispersion,
        {name: _rate(name, counted, in_all[name], ruleset, ratio, dispersion) for name in ruleset.categories},
        {name: _mix(name, counted, ruleset, dispersion) for name in ruleset.categories},
        {name: _hours(name, counted, ruleset, dispersion) for name in ruleset.categories} if is_election_day else {},
    )


def _check(tally: Tally, rule: Calibration, is_election_day: bool) -> None:
    least = 1 if is_election_day else int(rule.days_least.value)
    if len(tally.days) < least:
        raise TooLittle(f"{len(tally.days)} recorded days are too few: calibration.days_least is {least}")
    if tally.reports < rule.reports_least.value:
        wanted = rule.reports_least.value
        raise TooLittle(f"{tally.reports} reports are too few: calibration.reports_least is {wanted:g}")


def _in_all(a_day: Mapping[tuple[str, str], float], days: int) -> dict[str, float]:
    """What the ruleset expects of each category in all regencies on so many election days."""
    found: dict[str, float] = {}
    for (category, _), mean in a_day.items():
        found[category] = found.get(category, 0.0) + mean * days
    return found


def _dispersion(counted: Mapping[str, Counts], tally: Tally, stations: Mapping[str, int]) -> float:
    """The greater of that between days and that between regencies."""
    by_day = [([item.by_day.get(day, 0.0) for day in tally.days], [1.0] * len(tally.days)) for item in counted.values()]
    sizes = [float(size) for size in stations.values()]
    by_regency = [([item.by_regency.get(code, 0.0) for code in stations], sizes) for item in counted.values()]
    return max(dispersion_of(by_day), dispersion_of(by_regency))


def _ratio(counted: Mapping[str, Counts], in_all: Mapping[str, float], rule: Calibration, dispersion: float) -> Ratio:
    return ratio_of(
        [(counted.get(category, _NOTHING).reports, expected) for category, expected in in_all.items()],
        rule.campaign_level.value,
        log(rule.campaign_spread.value),
        _own_sd(rule),
        dispersion,
    )


def _rate(
    category: str,
    counted: Mapping[str, Counts],
    in_all: float,
    ruleset: Ruleset,
    ratio: Ratio,
    dispersion: float,
) -> Numbers:
    rule, before = ruleset.calibration, ruleset.categories[category].base_rate.value
    reports, expected = counted.get(category, _NOTHING).reports, in_all * ratio.value
    own_ratio_sd = log(rule.category_spread.value) if ratio is not SAME else 0.0
    factor = factor_of(reports, expected, log(rule.rate_spread.value), own_ratio_sd, ratio, dispersion)
    after = Posterior(*(before * item for item in (factor.value, factor.low, factor.high)))
    return Numbers((before,), (after,), reports, _kept(reports, expected, rule, ratio, dispersion))


def _kept(reports: float, expected: float, rule: Calibration, ratio: Ratio, dispersion: float) -> str:
    if max(reports, expected) < rule.reports_least.value:
        return FEW
    sd = sqrt(_own_sd(rule) ** 2 + dispersion / (expected + 0.5))
    is_unlike = abs(log((reports + 0.5) / (expected + 0.5))) > UNLIKE_FROM * sd
    return UNLIKE if is_unlike and ratio is not SAME else ""


def _own_sd(rule: Calibration) -> float:
    """Of the logarithm of a category's campaign reports about what the common ratio expects."""
    return hypot(log(rule.rate_spread.value), log(rule.category_spread.value))


def _mix(category: str, counted: Mapping[str, Counts], ruleset: Ruleset, dispersion: float) -> Numbers:
    before = ruleset.mixes[ruleset.categories[category].mix].shares
    found = counted.get(category, _NOTHING)
    return _shares(
        before, found.severities(), found.reports, ruleset.calibration.mix_strength.value, ruleset, dispersion
    )


def _hours(category: str, counted: Mapping[str, Counts], ruleset: Ruleset, dispersion: float) -> Numbers:
    before = ruleset.profiles[ruleset.categories[category].profile].shares
    found = counted.get(category, _NOTHING)
    return _shares(before, found.hours(), found.reports, ruleset.calibration.hours_strength.value, ruleset, dispersion)


def _shares(
    before: tuple[float, ...],
    counts: list[float],
    reports: float,
    strength: float,
    ruleset: Ruleset,
    dispersion: float,
) -> Numbers:
    if reports < ruleset.calibration.reports_least.value:
        return Numbers(before, tuple(Posterior(share, share, share) for share in before), reports, FEW)
    return Numbers(before, tuple(shares_of([n / dispersion for n in counts], before, strength)), reports)
