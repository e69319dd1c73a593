"""One publisher tells tens of thousands of grave incidents in one regency, so that each further report costs more.

What a report costs does not depend on how many grave incidents of the last hour there are. Work is counted in lines of
Python that run, not in seconds.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from tests.hostile.scene import PALEMBANG, Message, Scene, incident

FEW, MANY, FURTHER = 100, 10_000, 40


class Work:
    """Lines run and functions called."""

    def __init__(self) -> None:
        self.steps = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Callable:
        self.steps += event in ("call", "line")
        return self._trace


def grave(number: int, **fields: object) -> Message:
    return incident(PALEMBANG, "clash", 4, "pemantau", **fields)


def cost(held: int, flood: Callable[[int], Message], further: Callable[[int], Message]) -> float:
    """Steps of a report that comes after `held` grave ones, and after what such a report escalates."""
    scene, work = Scene(), Work()
    for start in range(0, held, 1000):
        scene.send(*map(flood, range(start, min(held, start + 1000))))
    scene.wait(2)  # the level is raised and cites what it cites
    first, *rest = (further(number) for number in range(FURTHER + 1))
    scene.send(first)
    with work.counted():
        scene.send(*rest)
    return work.steps / FURTHER


FURTHERS: dict[str, Callable[[int], Message]] = {
    "one more": grave,
    "of another agency": lambda number: incident(PALEMBANG, "clash", 5, "polda"),
    "a trifle": lambda number: incident(PALEMBANG, "logistics", 1, "kpu"),
    "taken back": lambda number: grave(number, incident_id=f"n-{number}", revision=2, status="retracted"),
    "confirmed": lambda number: incident(
        PALEMBANG, "clash", 4, "polda", origin="pemantau", incident_id=f"n-{number}", status="verified"
    ),
}


@pytest.mark.parametrize("name", FURTHERS)
def test_a_report_costs_the_same_however_many_are_urgent(name):
    costs = [
        cost(held, lambda number: grave(number, incident_id=f"n-{number}"), FURTHERS[name]) for held in (FEW, MANY)
    ]
    assert costs[1] < 2 * costs[0], costs


@pytest.mark.parametrize("name", ["one more", "of another agency", "a trifle"])
def test_nor_when_they_are_confirmed_or_of_all_groups(name):
    categories = ("clash", "money_politics", "logistics", "administration")

    def flood(number: int) -> Message:
        source = ("pemantau", "polda")[number % 2]
        return incident(PALEMBANG, categories[number % 3], 4 + number % 2, source, incident_id=f"n-{number // 2}",
                        origin="pemantau")  # fmt: skip

    costs = [cost(held, flood, FURTHERS[name]) for held in (FEW, MANY)]
    assert costs[1] < 2 * costs[0], costs
