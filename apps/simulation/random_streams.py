"""Random streams, one for each purpose, and draws that `random.Random` of Python 3.11 lacks.

Each purpose ("background:16.71", "flareup:2", ...) has its own stream, so that adding a flare-up to a day leaves its
background, turnout and noise unchanged."""

import math
from collections.abc import Mapping
from random import Random
from typing import TypeVar

T = TypeVar("T")
_POISSON_STEP = 500.0


def random_stream(seed: int, *purpose: object) -> Random:
    """The random stream of one purpose on one day. It is seeded with text, which hashes the same on every machine."""
    return Random(":".join(str(part) for part in (seed, *purpose)))


def poisson(rng: Random, mean: float) -> int:
    """A Poisson count by multiplication of uniforms (Knuth, TAOCP 2, 3.4.1), in steps that keep exp(-mean) above 0."""
    count = 0
    while mean > 0:
        step = min(mean, _POISSON_STEP)
        mean -= step
        limit, product = math.exp(-step), rng.random()
        while product > limit:
            count += 1
            product *= rng.random()
    return count


def weighted_choice(rng: Random, weights: Mapping[T, float]) -> T:
    """One key, with probability proportional to its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]
