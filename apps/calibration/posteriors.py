"""The statistics of calibration, in closed form: gamma-Poisson rates, a log-normal ratio, Dirichlet shares.

Why these: docs/decisions/0021-calibration.md. Nothing here knows of reports or rulesets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

from apps.calibration.quantiles import beta_quantile, gamma_quantile

#: Of each side of a 90 % interval.
TAIL = 0.05
#: What one count adds to chi squared at most: three standard deviations. A flare-up is no measure of ordinary days.
CELL_MOST = 9.0
#: Standard deviations from which on a category counts for less in the ratio.
HUBER = 1.5
#: The errors and weights of the ratio depend on it: after so many steps it stays to four digits.
_STEPS = 20
_Z = NormalDist().inv_cdf(1 - TAIL)


@dataclass(frozen=True)
class Posterior:
    """A number with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Ratio:
    """How many reports a recorded day has for one of an election day. `sd`: of its logarithm."""

    value: float
    sd: float

    @property
    def posterior(self) -> Posterior:
        """With its interval."""
        return Posterior(self.value, self.value * exp(-_Z * self.sd), self.value * exp(_Z * self.sd))


#: Recorded days that are election days.
SAME = Ratio(1.0, 0.0)


def ratio_of(
    counted: Iterable[tuple[float, float]], level: float, level_sd: float, own_sd: float, dispersion: float
) -> Ratio:
    """The ratio, one for all categories. `counted`: of each category the reports, and those expected of so many
    election days. `level`, `level_sd`: what is known beforehand, and its standard deviation in the logarithm;
    `own_sd`: of a category's reports about the common ratio, because its rate is off and its ratio its own.

    Normal in the logarithm: each category tells the ratio with its own error, those with few reports hardly at all, and
    by Huber's weights one that is far from the others tells little: disputes about the count come on election day
    alone.
    """
    found, precision = log(level), 0.0
    informative = [(reports, expected) for reports, expected in counted if expected > 0]
    for _ in range(_STEPS):
        precision = weighted = 1 / level_sd**2
        weighted *= log(level)
        for reports, expected in informative:
            mean = expected * exp(found)
            own_ratio = log((reports + 0.5) / (expected + 0.5 / exp(found)))
            sd = sqrt(own_sd**2 + dispersion / (mean + 0.5))
            weight = min(1.0, HUBER * sd / max(abs(own_ratio - found), 1e-9)) / sd**2
            precision += weight
            weighted += weight * own_ratio
        found = weighted / precision
    return Ratio(exp(found), 1 / sqrt(precision))


def factor_of(
    reports: float, expected: float, spread_sd: float, own_ratio_sd: float, ratio: Ratio, dispersion: float
) -> Posterior:
    """By what a rate has to be multiplied. `expected`: reports of the recorded days at the rate as it is.

    Beforehand the factor is gamma of mean 1 and of the shape that has this standard deviation of the logarithm. Reports
    are Poisson; they count for less by their dispersion and because the ratio of this category is its own, so that even
    endless reports tell the factor no better than that ratio is known."""
    shape = 1 / spread_sd**2
    weight = 1 / (dispersion + expected * own_ratio_sd**2)
    value = (shape + weight * reports) / (shape + weight * expected)
    share = weight * expected / (shape + weight * expected)  # of the value that comes from the reports
    variance = 1 / (shape + weight * reports) + (share * ratio.sd) ** 2
    return Posterior(value, *(gamma_quantile(tail, 1 / variance, value) for tail in (TAIL, 1 - TAIL)))


def shares_of(counts: Sequence[float], before: Sequence[float], strength: float) -> list[Posterior]:
    """Shares that add up to 1. `before`: those known beforehand, which weigh like so many reports."""
    total = sum(counts) + strength
    found = []
    for count, share in zip(counts, before, strict=True):
        alpha = count + strength * share
        if alpha <= 0 or alpha >= total:
            found.append(Posterior(alpha / total, alpha / total, alpha / total))
            continue
        low, high = (beta_quantile(tail, alpha, total - alpha) for tail in (TAIL, 1 - TAIL))
        found.append(Posterior(alpha / total, low, high))
    return found


def dispersion_of(tables: Iterable[tuple[Sequence[float], Sequence[float]]], least: float = 1.0) -> float:
    """How much more than Poisson counts vary: Pearson's chi squared by its degrees of freedom, at least 1.

    `tables`: counts with weights that their means are proportional to; those with means below `least` tell nothing."""
    chi2, freedom = 0.0, 0
    for counts, weights in tables:
        total, weight = sum(counts), sum(weights)
        if not weight or total < least * len(counts):
            continue
        means = [total * item / weight for item in weights]
        found = ((count - mean) ** 2 / mean for count, mean in zip(counts, means, strict=True) if mean > 0)
        chi2 += sum(min(item, CELL_MOST) for item in found)
        freedom += len(counts) - 1
    return max(1.0, chi2 / freedom) if freedom else 1.0
