"""Quantiles of the gamma and the beta distribution, by bisection of their distribution functions.

Series and continued fraction as in Abramowitz and Stegun 6.5.29 and 26.5.8. Siaga runs without numpy and scipy.
"""

from collections.abc import Callable
from math import exp, lgamma, log, log1p

_TERMS, _PRECISION, _TINY = 10_000, 1e-10, 1e-300
_HALVINGS, _WIDTH = 60, 1e-7  # at most so many, until so narrow


def gamma_quantile(share: float, shape: float, mean: float) -> float:
    """The value below which a gamma variable of this shape and mean lies with probability `share`."""
    most = 1.0 + shape + 20 * shape**0.5 + 50
    return _where(lambda x: _gamma_below(shape, x) >= share, most) * mean / shape


def beta_quantile(share: float, alpha: float, beta: float) -> float:
    """The same of a beta variable."""
    return _where(lambda x: _beta_below(alpha, beta, x) >= share, 1.0)


def _gamma_below(shape: float, x: float) -> float:
    if x <= 0:
        return 0.0
    term = total = 1 / shape
    for n in range(1, _TERMS):
        term *= x / (shape + n)
        total += term
        if term < total * _PRECISION:
            break
    return min(1.0, total * exp(shape * log(x) - x - lgamma(shape)))


def _beta_below(alpha: float, beta: float, x: float) -> float:
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (alpha + 1) / (alpha + beta + 2):  # the fraction converges fast on this side only
        return 1 - _beta_below(beta, alpha, 1 - x)
    front = exp(lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta) + alpha * log(x) + beta * log1p(-x)) / alpha
    return front / _fraction(alpha, beta, x)


def _fraction(alpha: float, beta: float, x: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)), by Lentz's method."""
    value = up = 1.0
    down = 0.0
    for n in range(1, _TERMS):
        m = n // 2
        if n % 2:
            d = -(alpha + m) * (alpha + beta + m) * x / ((alpha + 2 * m) * (alpha + 2 * m + 1))
        else:
            d = m * (beta - m) * x / ((alpha + 2 * m - 1) * (alpha + 2 * m))
        down = 1 / (1 + d * down or _TINY)
        up = 1 + d / up or _TINY
        value *= up * down
        if abs(up * down - 1) < _PRECISION:
            break
    return value


def _where(holds: Callable[[float], bool], most: float) -> float:
    """The least value in 0 to `most` from which on a condition holds."""
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        if high - low < _WIDTH * high:
            break
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
