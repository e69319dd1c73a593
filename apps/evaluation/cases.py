"""The days that detectors are evaluated on: simulated from a plan, or recorded, with their truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

from apps.simulation.day import Plan, simulate_day
from apps.simulation.truth import Truth, epoch_ms
from schemas.roster import Roster
from schemas.vocabulary import DAY_MS

_REPORTED_AT = {"incidents": "reported_at", "turnout": "as_of"}
_ARRIVAL_MAX_MS = 367 * DAY_MS


class CaseError(ValueError):
    """A day that cannot be read. One line that names the file and the place."""


class Arrival(NamedTuple):
    """One message as it reaches Siaga: time in milliseconds, topic, bytes of the record."""

    at_ms: int
    topic: str
    value: bytes


@dataclass(frozen=True)
class SimulatedCase:
    """A day simulated from its plan when it is loaded."""

    plan: Plan

    def load(self, roster: Roster) -> tuple[Truth, list[Arrival]]:
        """The truth and the messages in order of arrival. Raises ValueError for a roster without stations."""
        day = simulate_day(roster, self.plan)
        return day.truth, [Arrival(message.at_ms, message.topic, message.value) for message in day.messages]


@dataclass(frozen=True)
class RecordedCase:
    """Messages as JSON lines, in order of arrival, one file or list per topic.

    `arrivals`: milliseconds after `truth.start_ms` for each line of each topic; without it a message arrives at the
    latest report time so far in its file (`reported_at`, `as_of`). `where` names the day in errors."""

    truth: Truth
    lines: dict[str, Path | tuple[bytes, ...]]
    arrivals: Path | None = None
    where: str = "day"

    def load(self, roster: Roster) -> tuple[Truth, list[Arrival]]:
        """The truth and the messages in order of arrival. Raises CaseError."""
        given = {} if self.arrivals is None else _arrivals(self.arrivals, f"{self.where}, arrivals")
        messages: list[Arrival] = []
        for topic, source in self.lines.items():
            values = _values(source, f"{self.where}, {topic}")
            if topic in given and len(given[topic]) != len(values):
                wrong = f"{len(values)} messages but {len(given[topic])} arrival times"
                raise CaseError(f"{self.where}, arrivals: {topic}: {wrong}")
            messages += _timed(topic, values, given.get(topic), self.truth.start_ms)
        messages.sort(key=lambda message: message.at_ms)  # stable: keeps the order of lines within a topic
        return self.truth, messages


def _arrivals(file: Path, where: str) -> dict[str, list[int]]:
    """Arrival times by topic, in milliseconds after the start, at most a year."""
    try:
        content = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise CaseError(f"{where}: {file}: {error}") from None
    if not isinstance(content, dict) or set(content) - set(_REPORTED_AT):
        raise CaseError(f"{where}: {file}: must be an object with incidents and turnout")
    for topic, times in content.items():
        if not isinstance(times, list):
            raise CaseError(f"{where}: {file}: {topic} must be a list of milliseconds")
        for count, time in enumerate(times, 1):
            if type(time) not in (int, float) or time != time // 1 or not 0 <= time <= _ARRIVAL_MAX_MS:
                raise CaseError(f"{where}: {file}: {topic} {count}: {time!r} is not whole milliseconds after the start")
    return {topic: [int(time) for time in times] for topic, times in content.items()}


def _values(source: Path | tuple[bytes, ...], where: str) -> list[bytes]:
    """The messages. Only the JSON type is checked here; intake checks the rest."""
    if isinstance(source, tuple):
        named, lines = where, enumerate(source, 1)
    else:
        try:
            named, lines = f"{where}: {source}", enumerate(source.read_bytes().splitlines(), 1)
        except OSError as error:
            raise CaseError(f"{where}: {source}: {error.strerror or error}") from None
    values = []
    for count, line in lines:
        if not line.strip():
            continue
        if not line.lstrip().startswith(b"{"):
            raise CaseError(f"{named} line {count}: must be an object")
        values.append(line)
    return values


def _timed(topic: str, values: list[bytes], given: list[int] | None, start_ms: int) -> Iterator[Arrival]:
    latest_ms = start_ms
    for index, value in enumerate(values):
        latest_ms = start_ms + given[index] if given is not None else max(latest_ms, _reported_ms(topic, value))
        yield Arrival(latest_ms, topic, value)


def _reported_ms(topic: str, value: bytes) -> int:
    """The report time of a message; 0 for an invalid one, which intake rejects."""
    try:
        return epoch_ms(orjson.loads(value)[_REPORTED_AT[topic]])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0


Case = SimulatedCase | RecordedCase
