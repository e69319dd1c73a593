"""Joining: people say that two numbers are one incident, or take that back, as one entry of the ledger.

A frame that does not hold to the ledger's form would stop the workers, so everything in it is checked here, against
what the workers themselves have published: the regency has a row, and its ledger has as many partitions as set.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import orjson
from kafka import KafkaProducer, TopicPartition

from agents.kafka.connection import kafka_python_options
from agents.kafka.topic_reader import TopicReader
from agents.settings import Settings
from apps.history.present_state import incident_of
from schemas.fields import ID_PATTERN, SOURCE_PATTERN, milliseconds_of
from schemas.ledger import JOIN, Entry, encode_frames, incident_key, partition_of, parts_of
from schemas.topics import Topic
from schemas.vocabulary import MINUTE_MS, SECOND_MS, JoinReason
from streams.admission import ClockMode
from streams.risk.regency import RegencyState

#: How far this machine's clock may be ahead of the regency's. Workers publish a row every 15 s; the time of a decision
#: moves the clock of the regency, which never goes back, so a machine whose clock is fast must not write one.
AHEAD_MOST_MS = MINUTE_MS
ACKNOWLEDGED_S = 30.0

Row = dict[str, Any]


class CannotJoin(ValueError):
    """The decision cannot be written, or would change nothing. One line; nothing has been written."""


@dataclass(frozen=True)
class Join:
    """A decision about two incidents of one regency, given by their incident keys; `role` of schemas.vocabulary.ROLES.

    `is_undone`: the second number is an incident of its own again; else both are one, under the first one's number.
    """

    first: str
    second: str
    is_undone: bool
    role: str
    reason: JoinReason

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise CannotJoin(f"{shown(self.first)} is given twice")
        if self.reason is JoinReason.JOINED_BY_MISTAKE and not self.is_undone:
            raise CannotJoin(f"{self.reason} is a reason to undo a join, not to make one")

    def entry(self, at_ms: int) -> Entry:
        """The entry of the ledger, written at a time (ms since the epoch)."""
        return [JOIN, at_ms, self.first, self.second, self.is_undone, self.role, self.reason.value]


def key_of(text: str) -> str:
    """The incident key of `ORIGIN/ID`, split at the first slash: an id may hold others. Raises CannotJoin."""
    origin, slash, incident_id = text.partition("/")
    if not slash:
        raise CannotJoin(f"{text!r} is not ORIGIN/ID")
    if not re.fullmatch(SOURCE_PATTERN, origin):
        raise CannotJoin(f"{text!r}: origin: not 1 to 32 of a-z, 0-9 and -")
    if not re.fullmatch(ID_PATTERN, incident_id):
        raise CannotJoin(f"{text!r}: incident_id: not 1 to 128 printable ASCII characters without blanks")
    return incident_key(origin, incident_id)


def shown(key: str) -> str:
    """An incident key as people write it, ORIGIN/ID."""
    return "/".join(parts_of(key))


def check_state(state: RegencyState | None, join: Join) -> None:
    """Raises CannotJoin when a number is unknown, or when the two are already as the decision wants them."""
    numbers = join.first, join.second
    incidents = [incident_of(state, number) if state else None for number in numbers]
    if unknown := [shown(number) for number, found in zip(numbers, incidents, strict=True) if found is None]:
        raise CannotJoin(f"{' and '.join(unknown)}: no incident of this number is held; see `siaga explain`")
    if (incidents[0] == incidents[1]) is not join.is_undone:
        raise CannotJoin("they are two incidents already" if join.is_undone else "they are one incident already")


def is_done(state: RegencyState | None, join: Join) -> bool:
    """Whether the two are as the decision wants them."""
    if state is None:
        return False
    return (incident_of(state, join.first) == incident_of(state, join.second)) is not join.is_undone


def decision_ms(clock: ClockMode, row: Row, now_ms: int) -> int:
    """The time of a decision: now, or with the event clock that of the regency's row. Raises CannotJoin."""
    as_of_ms = milliseconds_of(row["as_of"])
    if clock is ClockMode.EVENT:
        return as_of_ms
    if now_ms - as_of_ms > AHEAD_MOST_MS:
        behind_s = (now_ms - as_of_ms) // SECOND_MS
        raise CannotJoin(
            f"the newest row of {row['regency']} is {behind_s} s behind this machine's clock: no worker runs, this "
            "clock is fast, or SIAGA_CLOCK is not that of the workers"
        )
    return now_ms


class RowWatch:
    """The rows of one regency: the newest, and those that follow. Use it as a context manager."""

    def __init__(self, settings: Settings, code: str, connect_s: float) -> None:
        self._code, self._partition = code, partition_of(code, settings.partitions)
        self._reader = TopicReader(settings, connect_s)
        self._source = TopicPartition(settings.topics[Topic.RISK], self._partition)
        self._partitions = settings.partitions

    def __enter__(self) -> Self:
        self._reader.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        self._reader.__exit__(None, None, None)

    def newest(self) -> Row:
        """The newest row. Raises CannotJoin when there is none, or the workers do not keep it where these settings
        expect it; KafkaError, TopicMissing.
        """
        count = len(self._reader.partitions(Topic.LEDGER))
        if count != self._partitions:
            raise CannotJoin(f"the ledger has {count} partitions and SIAGA_PARTITIONS is {self._partitions}")
        self._reader.start_at_beginning([self._source])
        rows = [row for batch in self._reader.read_to_end() for row in self._of(batch)]
        if not rows or rows[-1]["ledger"]["partition"] != self._partition:
            raise CannotJoin(f"no row of {self._code} in partition {self._partition}: no worker has published one")
        return rows[-1]

    def after(self, offset: int, stopped: Callable[[], bool]) -> Row | None:
        """After `newest`: the first row whose regency has folded this offset of the ledger; None once `stopped()`."""
        for batch in self._reader.follow(stopped):
            for row in self._of(batch):
                if row["ledger"]["offset"] >= offset:
                    return row
        return None

    def _of(self, batch: list[Any]) -> list[Row]:
        key = self._code.encode()
        return [orjson.loads(record.value) for record in batch if record.key == key and record.value is not None]


def write(settings: Settings, code: str, entry: Entry, connect_s: float) -> tuple[int, int]:
    """Append one decision to the ledger of a regency; its partition and offset. Raises KafkaError."""
    (frame,) = encode_frames([entry])
    producer = KafkaProducer(
        **kafka_python_options(settings),
        client_id="siaga-join",
        acks="all",
        enable_idempotence=True,
        bootstrap_timeout_ms=int(connect_s * 1000),
        delivery_timeout_ms=int(ACKNOWLEDGED_S * 1000),
        request_timeout_ms=int(ACKNOWLEDGED_S * 500),
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    try:
        partition = partition_of(code, settings.partitions)
        sent = producer.send(settings.topics[Topic.LEDGER], frame, key=code.encode(), partition=partition)
        return partition, sent.get(timeout=ACKNOWLEDGED_S + 5).offset
    finally:
        producer.close(timeout=1)


def now_ms() -> int:
    """This machine's clock."""
    return int(time.time() * 1000)
