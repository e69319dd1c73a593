"""How surprising a number of reports is, given what was expected: digits of rarity.

Reports are Poisson with a rate that itself varies between places and days as a gamma with mean `expected` and shape
`shape` (a negative binomial). The chance of at least `seen` is bounded from above by Chernoff's inequality (1952), in
closed form:

    P(X >= x) <= exp(-I),  I = x ln(x / m) - (x + r) ln((x + r) / (m + r))   for x > m

with m expected and r shape. As r grows this is the Poisson's x ln(x/m) - x + m. The bound overstates the chance by a
factor that is small against the digits that matter, so it errs to the quiet side. It also holds for decayed,
fractional sums.
"""

from functools import lru_cache
from math import log, log1p

_LN10 = log(10)


def digits(seen: float, expected: float, shape: float) -> float:
    """-log10 of the bound on the chance of at least `seen`; 0 when no more was seen than expected."""
    if seen <= expected:
        return 0.0
    nats = seen * log(seen / expected) - (seen + shape) * log1p((seen - expected) / (expected + shape))
    return nats / _LN10


@lru_cache(maxsize=65_536)
def seen_at(wanted: float, expected: float, shape: float) -> float:
    """The least number seen that has at least `wanted` digits, slightly rounded down: the inverse of `digits`."""
    target = max(wanted, 0.0) * _LN10
    low, high = expected, expected + 4.0 + target
    while digits(high, expected, shape) * _LN10 < target:
        high = 2 * high
    # Newton from the right on a convex rising function stays on the right; six steps leave less than 1e-9 of a report.
    for _ in range(40):
        slope = log(high / expected) - log1p((high - expected) / (expected + shape))
        if slope <= 0.0:
            break
        step = (digits(high, expected, shape) * _LN10 - target) / slope
        high -= step
        if high <= low:
            return low
        if step < 1e-7:
            break
    return max(low, high - 1e-6)
