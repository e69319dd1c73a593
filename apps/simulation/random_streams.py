"""Draws that `random.Random` of Python 3.11 lacks, and one random_stream of chance per purpose.

Each purpose ("background:16.71", "flareup:2", ...) has its own random_stream, so that adding a flare-up to a day leaves its
background, turnout and noise as they were."""

import math
from collections.abc import Mapping
from random import Random
from typing import TypeVar

T = TypeVar("T")
_POISSON_STEP = 500.0


def random_stream(seed: int, *purpose: object) -> Random:
    """A random_stream of chance of its own for one purpose of one day. Text seeds hash the same on every machine."""
    return Random(":".join(str(part) for part in (seed, *purpose)))


def poisson(chance: Random, mean: float) -> int:
    """A Poisson count by multiplication of uniforms (Knuth, TAOCP 2, 3.4.1), in steps so that exp(-mean) stays above
    zero.
    """
    count = 0
    while mean > 0:
        step = min(mean, _POISSON_STEP)
        mean -= step
        limit, product = math.exp(-step), chance.random()
        while product > limit:
            count += 1
            product *= chance.random()
    return count


def weighted_choice(chance: Random, weights: Mapping[T, float]) -> T:
    """One key, drawn in proportion to its weight."""
    return chance.choices(list(weights), list(weights.values()))[0]
