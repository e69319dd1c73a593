"""How a day differs from the election day: a day of the campaign has fewer reports, and more of them by day.

Levels are drawn for a whole campaign: one for all categories, and a scatter of each. All bounds are assumptions; no
count of reports by day of a campaign was published.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log
from random import Random
from typing import Self

from apps.simulation.random_streams import random_stream
from schemas.vocabulary import CATEGORIES, HOUR_MS, SECOND_MS

LEVEL = (0.05, 0.25)  # reports of a campaign day, as share of the election day's, log-uniform
LEVEL_SD = 0.3  # of a category's own level, in the logarithm
OWN_HOURS, ROUND_THE_CLOCK = 0.25, 0.15  # share at the hours of the election day, and at any hour; the others by day
DAYTIME = (7, 21)


@dataclass(frozen=True)
class Course:
    """Levels and times of a day; without more than its start those of the election day.

    `levels`: factor on the rate of each category, 1 where none is given."""

    start_ms: int
    is_campaign: bool = False
    levels: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_campaign(cls, start_ms: int, seed: int, world: str) -> Self:
        """A day of the campaign that this seed gives in a world: all of them have the same levels."""
        rng, (low, high) = random_stream(seed, world, "campaign"), LEVEL
        common = rng.uniform(log(low), log(high))
        return cls(start_ms, True, {category: exp(rng.gauss(common, LEVEL_SD)) for category in CATEGORIES})

    def level(self, category: str) -> float:
        """Factor on the rate of a category."""
        return self.levels.get(category, 1.0)

    def at_ms(self, rng: Random, own_ms: int) -> int:
        """When something occurs that would occur at `own_ms` on election day."""
        if not self.is_campaign or rng.random() < OWN_HOURS:
            return own_ms
        first, last = (0, 24) if rng.random() < ROUND_THE_CLOCK / (1 - OWN_HOURS) else DAYTIME
        return self.start_ms + int(rng.uniform(first, last) * HOUR_MS) // SECOND_MS * SECOND_MS
