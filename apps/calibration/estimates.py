"""From counted reports to new numbers of a ruleset, each with its interval and what it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import log

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

_NOTHING = Counts(0.0, {}, {}, {})
#: What counts of an agency depends on the ratio, which depends on what counts.
_ROUNDS = 4


class TooLittle(ValueError):
    """The recorded days are too few, or hold too few reports, to say anything. One line."""


@dataclass(frozen=True)
class Numbers:
    """One number of the ruleset, or several that add up to 1: as it was, and as estimated. `reports` tell it.

    `is_kept`: too few tell it, so it stays as it was."""

    before: tuple[float, ...]
    after: tuple[Posterior, ...]
    reports: float
    is_kept: bool


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
    ratio = SAME if is_election_day else Ratio(rule.campaign_level.value, log(rule.campaign_spread.value))
    for _ in range(_ROUNDS):
        expected = {key: mean * ratio.value for key, mean in a_day.items()}
        counted = tally.counts(expected, rule.free_reports.value, rule.place_most.value)
        dispersion = _dispersion(counted, tally, stations)
        if is_election_day:
            break
        ratio = _ratio(counted, a_day, len(tally.days), rule, dispersion)
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
        {name: _rate(name, counted, a_day, len(tally.days), ruleset, ratio, dispersion) for name in ruleset.categories},
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


def _in_all(category: str, a_day: Mapping[tuple[str, str], float], days: int) -> float:
    return days * sum(mean for (name, _), mean in a_day.items() if name == category)


def _dispersion(counted: Mapping[str, Counts], tally: Tally, stations: Mapping[str, int]) -> float:
    """The greater of that between days and that between regencies."""
    by_day = [([item.by_day.get(day, 0.0) for day in tally.days], [1.0] * len(tally.days)) for item in counted.values()]
    sizes = [float(size) for size in stations.values()]
    by_regency = [([item.by_regency.get(code, 0.0) for code in stations], sizes) for item in counted.values()]
    return max(dispersion_of(by_day), dispersion_of(by_regency))


def _ratio(
    counted: Mapping[str, Counts],
    a_day: Mapping[tuple[str, str], float],
    days: int,
    rule: Calibration,
    dispersion: float,
) -> Ratio:
    told = {category: _in_all(category, a_day, days) for category, _ in a_day}
    own_sd = (log(rule.rate_spread.value) ** 2 + log(rule.category_spread.value) ** 2) ** 0.5
    return ratio_of(
        [(counted.get(category, _NOTHING).reports, expected) for category, expected in told.items()],
        rule.campaign_level.value,
        log(rule.campaign_spread.value),
        own_sd,
        dispersion,
    )


def _rate(
    category: str,
    counted: Mapping[str, Counts],
    a_day: Mapping[tuple[str, str], float],
    days: int,
    ruleset: Ruleset,
    ratio: Ratio,
    dispersion: float,
) -> Numbers:
    rule, before = ruleset.calibration, ruleset.categories[category].base_rate.value
    reports, expected = counted.get(category, _NOTHING).reports, _in_all(category, a_day, days) * ratio.value
    own_ratio_sd = log(rule.category_spread.value) if ratio is not SAME else 0.0
    factor = factor_of(reports, expected, log(rule.rate_spread.value), own_ratio_sd, ratio, dispersion)
    after = Posterior(*(before * item for item in (factor.value, factor.low, factor.high)))
    return Numbers((before,), (after,), reports, max(reports, expected) < rule.reports_least.value)


def _mix(category: str, counted: Mapping[str, Counts], ruleset: Ruleset, dispersion: float) -> Numbers:
    before = ruleset.mixes[ruleset.categories[category].mix].shares
    found = counted.get(category, _NOTHING)
    after = shares_of([n / dispersion for n in found.severities()], before, ruleset.calibration.mix_strength.value)
    return Numbers(before, tuple(after), found.reports, found.reports < ruleset.calibration.reports_least.value)


def _hours(category: str, counted: Mapping[str, Counts], ruleset: Ruleset, dispersion: float) -> Numbers:
    weights = ruleset.profiles[ruleset.categories[category].profile].hours
    before = tuple(weight / sum(weights) for weight in weights)
    found = counted.get(category, _NOTHING)
    after = shares_of([n / dispersion for n in found.hours()], before, ruleset.calibration.hours_strength.value)
    return Numbers(before, tuple(after), found.reports, found.reports < ruleset.calibration.reports_least.value)
