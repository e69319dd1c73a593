"""Logistic regression by Newton's method, with a ridge and with numbers that may not have the wrong sign."""

from collections.abc import Collection, Mapping, Sequence
from math import exp, sqrt
from typing import NamedTuple

RIDGE = 0.5  # on every number but the free ones: it is drawn towards 0 as by so much information
STEPS_MOST = 100
CLOSE = 1e-9
SMALL = 1e-6  # information that no sample brings: a number of which there is no case keeps 0


class Sample(NamedTuple):
    """By how much each number counts, whether it was real, and the weight of the sample."""

    shares: Mapping[str, float]
    is_real: bool
    weight: float = 1.0


class Number(NamedTuple):
    """A fitted number and its standard error; 0 where it had to be held at 0."""

    value: float
    error: float


def fit(
    samples: Sequence[Sample],
    free: Sequence[str],
    least_zero: Collection[str] = (),
    most_zero: Collection[str] = (),
    ridge: float = RIDGE,
) -> dict[str, Number]:
    """The numbers that make the samples likeliest. `free` have no ridge and any sign, those of `least_zero` are never
    negative, those of `most_zero` never positive: one that would be is held at 0, and the others are fitted again.

    Raises ValueError without samples."""
    if not samples:
        raise ValueError("no samples to fit on")
    names = [*free, *least_zero, *most_zero]
    while True:
        ridges = [SMALL if name in free else ridge for name in names]
        values, covariance = _newton(samples, names, ridges)
        wrong = {
            name: abs(value)
            for name, value in zip(names, values, strict=True)
            if (name in least_zero and value < 0) or (name in most_zero and value > 0)
        }
        if not wrong:
            break
        names.remove(max(wrong, key=wrong.__getitem__))
    found = {
        name: Number(value, sqrt(covariance[index][index]))
        for index, (name, value) in enumerate(zip(names, values, strict=True))
    }
    return {name: found.get(name, Number(0.0, 0.0)) for name in (*free, *least_zero, *most_zero)}


def _newton(
    samples: Sequence[Sample], names: Sequence[str], ridges: Sequence[float]
) -> tuple[list[float], list[list[float]]]:
    """The numbers, and the inverse of the information."""
    rows = [([sample.shares[name] for name in names], sample.is_real, sample.weight) for sample in samples]
    size = len(names)
    values = [0.0] * size
    for _ in range(STEPS_MOST):
        slope = [-ridge * value for ridge, value in zip(ridges, values, strict=True)]
        curve = [[ridges[i] if i == j else 0.0 for j in range(size)] for i in range(size)]
        for shares, is_real, weight in rows:
            log_odds = sum(value * share for value, share in zip(values, shares, strict=True))
            chance = 1 / (1 + exp(-min(30.0, max(-30.0, log_odds))))
            pull, bend = weight * (is_real - chance), weight * chance * (1 - chance)
            for i, share in enumerate(shares):
                if share:
                    slope[i] += pull * share
                    for j, other in enumerate(shares):
                        curve[i][j] += bend * share * other
        inverse = _inverse(curve)
        # Never more than 2 at once: far from the solution a whole step may overshoot.
        step = [sum(a * b for a, b in zip(row, slope, strict=True)) for row in inverse]
        longest = max(map(abs, step))
        values = [
            value + change * min(1.0, 2 / longest if longest else 1.0)
            for value, change in zip(values, step, strict=True)
        ]
        if longest < CLOSE:
            break
    return values, inverse


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Of a positive definite matrix, by Gauss and Jordan."""
    size = len(matrix)
    rows = [[*row, *(float(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda row: abs(rows[row][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for other in range(size):
            if other != i and rows[other][i]:
                factor = rows[other][i]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[i], strict=True)]
    return [row[size:] for row in rows]
