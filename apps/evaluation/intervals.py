"""95 % confidence intervals: Wilson's for shares, Garwood's for counts, the bootstrap for quantiles of delays."""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")
Z_95 = 1.959964
RESAMPLES = 1000
TAIL = 0.025  # of each side
_HALVINGS = 60  # of a range of at most some thousands: exact to the last digits of a double


def wilson(successes: int, trials: int) -> tuple[float, float] | None:
    """Wilson's score interval (1927) of a share; None without trials."""
    if trials == 0:
        return None
    share, z2 = successes / trials, Z_95 * Z_95
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def garwood(count: int, exposure: float) -> tuple[float, float] | None:
    """The exact interval of a Poisson rate (Garwood, Biometrika 28 (1936) 437-442); None without exposure.

    `count` events in `exposure` units; the rate may exceed one event per unit."""
    if exposure <= 0:
        return None
    most = count + 10 * math.sqrt(count + 1) + 10  # more than five standard deviations beyond the upper limit
    # Each limit is the mean at which as many events, or as few, have the probability of one tail.
    low = _where(lambda mean: 1 - _poisson_cdf(count - 1, mean) >= TAIL, most) if count else 0.0
    high = _where(lambda mean: _poisson_cdf(count, mean) <= TAIL, most)
    return low / exposure, high / exposure


def _poisson_cdf(count: int, mean: float) -> float:
    """The probability of at most `count` events."""
    if mean <= 0:
        return 1.0
    log_mean = math.log(mean)
    return min(1.0, math.fsum(math.exp(n * log_mean - mean - math.lgamma(n + 1)) for n in range(count + 1)))


def _where(holds: Callable[[float], bool], most: float) -> float:
    """The least value in 0 to `most` from which on a condition holds, by bisection."""
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def bootstrap(
    items: Sequence[T], figure: Callable[[list[T]], float | None], seed: int = 0
) -> tuple[float, float] | None:
    """Percentile interval of a figure over resampled items; None when most resamples leave the figure undefined."""
    rng = Random(seed)
    drawn = (figure(rng.choices(items, k=len(items))) for _ in range(RESAMPLES if items else 0))
    values = sorted(value for value in drawn if value is not None)
    if len(values) < RESAMPLES // 2:
        return None
    return values[int(0.025 * len(values))], values[min(int(0.975 * len(values)), len(values) - 1)]
