"""What people decide is one entry of the ledger for each regency; here it is checked, written and seen applied.

A frame that does not hold to the ledger's form would stop the workers, so everything in it is checked here, against
what the workers themselves have published: the regency has a row, and its ledger has as many partitions as set.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from kafka import KafkaProducer, TopicPartition

from agents.kafka.connection import kafka_python_options
from agents.kafka.topic_reader import TopicReader
from agents.settings import Settings
from apps.history.published import message_of
from schemas.fields import ID_PATTERN, SOURCE_PATTERN, milliseconds_of
from schemas.ledger import FORMAT_HEADERS, Entry, encode_frames, incident_key, partition_of, parts_of
from schemas.topics import Topic
from schemas.vocabulary import MINUTE_MS, SECOND_MS
from streams.admission import ClockMode

#: How far this machine's clock may be ahead of the regency's. Workers publish a row every 15 s; the time of a decision
#: moves the clock of the regency, which never goes back, so a machine whose clock is fast must not write one.
AHEAD_MOST_MS = MINUTE_MS
ACKNOWLEDGED_S = 30.0

Row = dict[str, Any]


class CannotDecide(ValueError):
    """The decision cannot be written, or would change nothing. One line; nothing has been written."""


def key_of(text: str) -> str:
    """The incident key of `ORIGIN/ID`, split at the first slash: an id may hold others. Raises CannotDecide."""
    origin, slash, incident_id = text.partition("/")
    if not slash:
        raise CannotDecide(f"{text!r} is not ORIGIN/ID")
    if not re.fullmatch(SOURCE_PATTERN, origin):
        raise CannotDecide(f"{text!r}: origin: not 1 to 32 of a-z, 0-9 and -")
    if not re.fullmatch(ID_PATTERN, incident_id):
        raise CannotDecide(f"{text!r}: incident_id: not 1 to 128 printable ASCII characters without blanks")
    return incident_key(origin, incident_id)


def shown(key: str) -> str:
    """An incident key as people write it, ORIGIN/ID."""
    return "/".join(parts_of(key))


def decision_ms(clock: ClockMode, row: Row, now_ms: int) -> int:
    """The time of a decision: now, or with the event clock that of the regency's row. Raises CannotDecide."""
    as_of_ms = milliseconds_of(row["as_of"])
    if clock is ClockMode.EVENT:
        return as_of_ms
    if now_ms - as_of_ms > AHEAD_MOST_MS:
        behind_s = (now_ms - as_of_ms) // SECOND_MS
        raise CannotDecide(
            f"the newest row of {row['regency']} is {behind_s} s behind this machine's clock: no worker runs, this "
            "clock is fast, or SIAGA_CLOCK is not that of the workers"
        )
    return now_ms


class RowWatch:
    """The rows of some regencies: the newest, and those that follow. Use it as a context manager."""

    def __init__(self, settings: Settings, codes: Iterable[str], connect_s: float) -> None:
        self._partition_of = {code: partition_of(code, settings.partitions) for code in codes}
        self._reader = TopicReader(settings, connect_s)
        numbers = sorted(set(self._partition_of.values()))
        self._sources = [TopicPartition(settings.topics[Topic.RISK], number) for number in numbers]
        self._partitions = settings.partitions

    def __enter__(self) -> Self:
        self._reader.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        self._reader.__exit__(None, None, None)

    def newest(self) -> dict[str, Row]:
        """The newest row of each regency that has one, by its code. Raises CannotDecide where the workers do not keep
        them where these settings expect them; KafkaError, TopicMissing.
        """
        count = len(self._reader.partitions(Topic.LEDGER))
        if count != self._partitions:
            raise CannotDecide(f"the ledger has {count} partitions and SIAGA_PARTITIONS is {self._partitions}")
        self._reader.start_at_beginning(self._sources)
        rows = {code: row for batch in self._reader.read_to_end() for code, row in self._of(batch)}
        for code, row in rows.items():
            if row["ledger"]["partition"] != self._partition_of[code]:
                raise CannotDecide(f"the row of {code} is not of partition {self._partition_of[code]} of the ledger")
        return rows

    def after(self, offsets: Mapping[str, int], stopped: Callable[[], bool]) -> dict[str, Row]:
        """After `newest`: of each of these regencies the first row that has folded its offset of the ledger; fewer once
        `stopped()`.
        """
        found = dict[str, Row]()
        for batch in self._reader.follow(stopped):
            for code, row in self._of(batch):
                if code in offsets and code not in found and row["ledger"]["offset"] >= offsets[code]:
                    found[code] = row
            if len(found) == len(offsets):
                break
        return found

    def _of(self, batch: list[Any]) -> list[tuple[str, Row]]:
        present = [(record.key.decode(), record.value) for record in batch if record.value is not None]
        return [(code, message_of(value)) for code, value in present if code in self._partition_of]


def row_of(rows: Mapping[str, Row], code: str) -> Row:
    """The row of a regency. Raises CannotDecide when there is none."""
    if code not in rows:
        raise CannotDecide(f"no row of {code}: no worker has published one")
    return rows[code]


def write(settings: Settings, entries: Mapping[str, Entry], connect_s: float) -> dict[str, tuple[int, int]]:
    """Append a decision to the ledger of each regency; the partition and offset of each. Raises KafkaError."""
    producer = KafkaProducer(
        **kafka_python_options(settings),
        client_id="siaga-decision",
        acks="all",
        enable_idempotence=True,
        bootstrap_timeout_ms=int(connect_s * 1000),
        delivery_timeout_ms=int(ACKNOWLEDGED_S * 1000),
        request_timeout_ms=int(ACKNOWLEDGED_S * 500),
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    topic, places = settings.topics[Topic.LEDGER], dict[str, tuple[int, int]]()
    try:
        for code, entry in entries.items():
            (frame,) = encode_frames([entry])
            partition = partition_of(code, settings.partitions)
            sent = producer.send(topic, frame, code.encode(), list(FORMAT_HEADERS), partition)
            places[code] = partition, sent.get(timeout=ACKNOWLEDGED_S + 5).offset
        return places
    finally:
        producer.close(timeout=1)


def now_ms() -> int:
    """This machine's clock."""
    return int(time.time() * 1000)
