"""Level changes as they are committed, in words: read from the escalations topic like any external reader does."""

import heapq
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from typing import Any

import click
import orjson
from kafka.errors import KafkaError

from agents.kafka.topic_reader import TopicReader
from agents.settings import Settings
from apps.devstack.run_directory import UpError
from schemas.topics import Topic
from schemas.vocabulary import LEVELS, Change

#: Partitions are read and committed independently, so their escalations arrive out of time order. Each is held back so
#: long (wall time) that those of other partitions with an earlier event time come before it.
HOLD_S = 3.0
CHANGES = frozenset({Change.RAISED, Change.LOWERED, Change.CLEARED})
MIDNIGHT = time_of_day()
_EVIDENCE_NAMED = 2
_WIB = timezone(timedelta(hours=7), "WIB")  # the simulated day's local time
_COLOURS = dict(zip(LEVELS, ("green", "yellow", "bright_red", "magenta"), strict=True))

Escalation = dict[str, Any]


class TimeOrder:
    """Lines by simulated time: those added at least `hold_s` ago, the earliest time first."""

    def __init__(self, hold_s: float = HOLD_S, now: Callable[[], float] = time.monotonic) -> None:
        self._hold_s, self._now = hold_s, now
        self._held: list[tuple[datetime, int, float, str]] = []
        self._counter = itertools.count()

    def add(self, at: datetime, line: str) -> None:
        """Hold back a line about the simulated time `at`."""
        heapq.heappush(self._held, (at, next(self._counter), self._now(), line))

    def ready(self) -> Iterator[str]:
        """Remove and return the lines that were held long enough, and those of an earlier time before them."""
        due_s = self._now() - self._hold_s
        newest = max((at for at, _, added_s, _ in self._held if added_s <= due_s), default=None)
        while newest is not None and self._held and self._held[0][0] <= newest:
            yield heapq.heappop(self._held)[3]


class LevelChanges:
    """Reads the escalations topic from its end, from one thread."""

    def __init__(self, settings: Settings) -> None:
        # kafka-python logs every failed connection attempt; `siaga up` reports a broker that is down once.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        self._reader = TopicReader(settings)
        self._reader.start_at_end(self._reader.partitions(Topic.ESCALATIONS))
        self._order = TimeOrder()

    def announce(self, day: date) -> None:
        """Have `read` return a line for a new election day after the level changes of the days before."""
        self._order.add(datetime.combine(day, MIDNIGHT, _WIB), f"election day {day}")

    def read(self, wait_ms: int) -> list[str]:
        """Level changes in words, in the order of event time, each HOLD_S after it was committed.

        Waits up to `wait_ms` for a record. Returns without new ones while the broker is unreachable; raises UpError for
        an error that a retry does not mend."""
        try:
            records = self._reader.poll(wait_ms)
        except KafkaError as error:
            if not error.retriable:
                raise UpError(f"cannot read the escalations: {type(error).__name__}: {error}") from None
            records = []
        for escalation in level_changes(record.value for record in records):
            self._order.add(datetime.fromisoformat(escalation["event_time"]), in_words(escalation))
        return list(self._order.ready())


def level_changes(values: Iterable[bytes | None]) -> Iterator[Escalation]:
    """The escalations among `values` that change a level; amendments and silence are on the board only."""
    for value in values:
        escalation = orjson.loads(value) if value else {}
        if escalation.get("change") in CHANGES:
            yield escalation


def in_words(escalation: Escalation) -> str:
    """One line: time, level, regency, previous level, score, reason, and the routes it goes to."""
    at = datetime.fromisoformat(escalation["event_time"]).astimezone(_WIB)
    level = escalation["level"]
    head = click.style(f"{level.upper():<8}", fg=_COLOURS.get(level), bold=True)
    where = f"{escalation['name']} ({escalation['regency']})"
    why = escalation["reason"].replace("_", " ")
    text = f"{where} {escalation['change']} from {escalation['previous_level']}, score {escalation['score']}: {why}"
    if escalation["change"] == "raised" and escalation["evidence"]:
        text += "; " + _evidence(escalation["evidence"])
    if escalation["unverified"]:
        text += "; unverified"
    return f"{at:%d %b %H:%M} {head} {text}; for {', '.join(escalation['routes'])}"


def _evidence(items: list[Escalation]) -> str:
    named = [f"{item['category'].replace('_', ' ')} of severity {item['severity']}" for item in items[:_EVIDENCE_NAMED]]
    more = len(items) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
