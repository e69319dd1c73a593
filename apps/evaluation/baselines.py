"""Baseline detectors. Each maps the counts so far to one statistic and alarms when that exceeds its threshold.

Sources. EARS C1-C3: Hutwagner, Thompson, Seeman, Treadwell, J Urban Health 80 (2003) i89-i96; formulas as in Fricker,
Hegler, Dunfee, Statistics in Medicine 27 (2008) 3407-3429. Poisson CUSUM: Lucas, Technometrics 27 (1985) 129-144, in
its likelihood-ratio form for a changing mean, Höhle and Paul, Comput. Stat. Data Anal. 52 (2008) 4357-4368. Farrington:
Farrington, Andrews, Beale, Catchpole, J. R. Statist. Soc. A 159 (1996) 547-563, without trend (Stroup et al. 1989: few
reference windows)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Protocol

WINDOW = 7  # baseline steps, the literature's seven days
LAG = 2  # guard steps of C2 and C3
UNDEFINED = -math.inf  # not enough history for a statistic
SIGMA_MIN = 0.5  # floor: after seven equal counts any other count would be infinitely unusual
RATE_MIN_PER_HOUR = 0.5  # floor of an expected count, for the same reason
CUSUM_RATIO = 2.0  # the shift the CUSUM is tuned to: twice the expected rate
REPORTS_MIN, REPORTS_STEPS = 5, 4  # Farrington's rule: no alarm below five reports in the last four steps


class Baseline(Protocol):
    """One detector for one step length."""

    def statistic(self, regency: str, counts: Sequence[int], at: int | None = None) -> float:
        """How unusual the last count is, given those before it; UNDEFINED with too few of them.

        `at`: index of the last count's step within its day, from 0; without it all counts belong to one day."""


@dataclass(frozen=True)
class FixedCount:
    """The count itself."""

    step_min: int

    def statistic(self, regency: str, counts: Sequence[int], at: int | None = None) -> float:
        return float(counts[-1])


@dataclass(frozen=True)
class EarsC1:
    """The count standardised by mean and standard deviation of the seven steps before."""

    step_min: int

    def statistic(self, regency: str, counts: Sequence[int], at: int | None = None) -> float:
        return _standardised(counts, len(counts) - 1, 0)


@dataclass(frozen=True)
class EarsC2:
    """As C1, with two guard steps between baseline and now, so that a slow start does not raise its own baseline."""

    step_min: int

    def statistic(self, regency: str, counts: Sequence[int], at: int | None = None) -> float:
        return _standardised(counts, len(counts) - 1, LAG)


@dataclass(frozen=True)
class EarsC3:
    """Sum of the amounts by which the last three C2 statistics exceed 1."""

    step_min: int

    def statistic(self, regency: str, counts: Sequence[int], at: int | None = None) -> float:
        last = len(counts) - 1
        recent = [_standardised(counts, index, LAG) for index in (last, last - 1, last - 2)]
        return UNDEFINED if UNDEFINED in recent else sum(max(0.0, value - 1) for value in recent)


@dataclass(frozen=True)
class PoissonCusum:
    """Cumulated log-likelihood ratio of twice the expected rate against it; expected as in C2."""

    step_min: int

    def statistic(self, regency: str, counts: Sequence[int], at: int | None = None) -> float:
        floor = RATE_MIN_PER_HOUR * self.step_min / 60
        total = UNDEFINED
        for index in range(WINDOW + LAG, len(counts)):
            expected = max(floor, fmean(counts[index - LAG - WINDOW : index - LAG]))
            gain = counts[index] * math.log(CUSUM_RATIO) - expected * (CUSUM_RATIO - 1)
            total = max(0.0, max(total, 0.0) + gain)
        return total


@dataclass(frozen=True)
class Farrington:
    """Exceedance over a quasi-Poisson reference: the same time of day and one step around it, on earlier days.

    `reference`: regency -> per earlier day the counts of each step. The statistic is the normal quantile that the count
    reaches on the 2/3-power scale, so that a threshold z is Farrington's upper limit at that quantile.
    """

    step_min: int
    reference: Mapping[str, Sequence[Sequence[int]]]

    def statistic(self, regency: str, counts: Sequence[int], at: int | None = None) -> float:
        now = len(counts) - 1 if at is None else at
        days = self.reference.get(regency, ())
        values = [day[index] for day in days for index in range(max(0, now - 1), min(len(day), now + 2))]
        if len(values) < 3 or sum(counts[-REPORTS_STEPS:]) < REPORTS_MIN:
            return UNDEFINED
        mean = max(fmean(values), RATE_MIN_PER_HOUR * self.step_min / 60)
        dispersion = max(1.0, stdev(values) ** 2 / mean)
        spread = math.sqrt(dispersion * mean * (1 + 1 / len(values)))
        exceedance: float = 1.5 * ((counts[-1] / mean) ** (2 / 3) - 1) * mean / spread
        return exceedance


def _standardised(counts: Sequence[int], index: int, lag: int) -> float:
    first = index - lag - WINDOW
    if first < 0:
        return UNDEFINED
    window = counts[first : index - lag]
    return (counts[index] - fmean(window)) / max(SIGMA_MIN, stdev(window))
