"""The families that days are drawn from, by name."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class World:
    """One family of days. `split` says who may look at its days: nobody fits on those of `test`."""

    name: str
    split: Literal["training", "validation", "test"]
    about: str


WORLDS: dict[str, World] = {"bawaslu": World("bawaslu", "training", "published rates, fixed hours and severities")}
