"""The days a detector is examined on: simulated from a plan, or recorded by somebody else with the truth beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

from agents.simulation.day import Plan, simulate_day
from agents.simulation.files import value_of
from agents.simulation.truth import Truth, epoch_ms
from schemas.roster import Roster

_TOLD_AT = {"incidents": "reported_at", "turnout": "as_of"}


class CaseError(ValueError):
    """A day that cannot be examined. One line that names the file and the place."""


class Arrival(NamedTuple):
    """One message as it reaches Siaga: moment in milliseconds, topic, the record's bytes."""

    at_ms: int
    topic: str
    value: bytes


@dataclass(frozen=True)
class SimulatedCase:
    """A day made from its plan when it is needed."""

    plan: Plan

    def load(self, roster: Roster) -> tuple[Truth, list[Arrival]]:
        """The truth and the messages in order of arrival. Raises ValueError for a plan the roster cannot hold."""
        day = simulate_day(roster, self.plan)
        return day.truth, [Arrival(message.at_ms, message.topic, value_of(message)) for message in day.messages]


@dataclass(frozen=True)
class RecordedCase:
    """Messages as JSON lines, in order of arrival, one file or list per topic.

    `arrivals`: milliseconds after `truth.start_ms` for each line of each topic; without it a message arrives at the latest
    time told so far in its file (`reported_at`, `as_of`).
    """

    truth: Truth
    lines: dict[str, Path | tuple[bytes, ...]]
    arrivals: Path | None = None

    def load(self, roster: Roster) -> tuple[Truth, list[Arrival]]:
        """The truth and the messages in order of arrival. Raises CaseError."""
        given = self._given()
        messages: list[Arrival] = []
        for topic, source in self.lines.items():
            messages += _timed(topic, _values(topic, source), given.get(topic), self.truth.start_ms)
        messages.sort(key=lambda message: message.at_ms)  # stable: within a topic the order of the lines stays
        return self.truth, messages

    def _given(self) -> dict[str, list[int]]:
        if self.arrivals is None:
            return {}
        try:
            return orjson.loads(self.arrivals.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise CaseError(f"{self.arrivals}: {error}") from None


def _values(topic: str, source: Path | tuple[bytes, ...]) -> list[bytes]:
    if isinstance(source, tuple):
        return list(source)
    try:
        return [line for line in source.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise CaseError(f"{topic}: {source}: {error.strerror or error}") from None


def _timed(topic: str, values: list[bytes], given: list[int] | None, start_ms: int) -> Iterator[Arrival]:
    if given is not None and len(given) != len(values):
        raise CaseError(f"{topic}: {len(values)} messages but {len(given)} arrival times")
    latest_ms = start_ms
    for index, value in enumerate(values):
        latest_ms = start_ms + given[index] if given is not None else max(latest_ms, _told_ms(topic, value))
        yield Arrival(latest_ms, topic, value)


def _told_ms(topic: str, value: bytes) -> int:
    """When a message was told; 0 for one that cannot be read: intake will refuse it in its place."""
    try:
        return epoch_ms(orjson.loads(value)[_TOLD_AT[topic]])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0


Case = SimulatedCase | RecordedCase
