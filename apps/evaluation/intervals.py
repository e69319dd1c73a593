"""95 % confidence intervals: Wilson's for shares, the bootstrap for quantiles of delays."""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")
Z_95 = 1.959964
RESAMPLES = 1000


def wilson(successes: int, trials: int) -> tuple[float, float] | None:
    """Wilson's score interval (1927) of a share; None without trials."""
    if trials == 0:
        return None
    share, z2 = successes / trials, Z_95 * Z_95
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


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
