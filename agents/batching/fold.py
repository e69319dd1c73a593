"""The batch logic that a shard runs, as a protocol, and the types of its arguments and results. Imports no Kafka.

Kept apart from transport and transaction, so that any batch logic can be given to a shard and tested without either.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, Protocol

_OFFSET = attrgetter("offset")


class Fatal(Exception):
    """What no retry can help, raised by a fold or its lane: the worker ends with this as its last line. It names what
    is wrong and what to do.
    """


class Unreadable(Exception):
    """Raised by `Fold.restored`: the state cannot be read, and counts as missing where the source still holds its
    beginning. One line.
    """


class Record(Protocol):
    """One source record, as aiokafka's `ConsumerRecord`. `timestamp`: the broker's append time in milliseconds."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int


class Output(NamedTuple):
    """One record to write in the batch's transaction. The partition is always explicit: no partitioner decides."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one source partition.

    `start_offset` and `next_offset` are the source positions before and after the batch. Markers of transactions and
    aborted records take offsets too, so two batches are adjacent by these, not by the offsets of their records.
    `end_offset` is the end of the partition as last seen. `went_back`: the broker called the read position out of
    range, so the source is read from its beginning.
    """

    records: Sequence[Record]
    start_offset: int
    next_offset: int
    end_offset: int
    went_back: bool = False

    @property
    def caught_up(self) -> bool:
        """Nothing more was waiting behind this batch when it was fetched."""
        return self.next_offset >= self.end_offset

    def since(self, offset: int) -> "Batch":
        """The part of the batch at or after `offset`."""
        if offset <= self.start_offset:
            return self
        records = self.records[self._before(offset) :] if offset < self.next_offset else []
        return Batch(records, max(self.start_offset, offset), self.next_offset, self.end_offset)

    def until(self, offset: int) -> "Batch":
        """The part of the batch before `offset`."""
        records = self.records[: self._before(offset)]
        return Batch(records, self.start_offset, min(self.next_offset, offset), self.end_offset)

    def first(self, count: int) -> "Batch":
        """The part of the batch up to its record number `count`; the batch itself where it has no more."""
        return self if count >= len(self.records) else self.until(self.records[count].offset)

    def _before(self, offset: int) -> int:
        return bisect_left(self.records, offset, key=_OFFSET)


class Fold(Protocol):
    """Batch logic of one source partition, called by its shard from one task."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one record of the state topic, before the first batch. The last value of a key wins; None is a
        tombstone.
        """

    def restored(self, note: str) -> None:
        """All state was restored. `note` is what `note()` returned for the last committed transaction; '' where the
        stage has state. Raises Unreadable for state that is to be built again, Fatal where nobody can go on from it.
        """

    def fold(self, batch: Batch) -> Iterable[Output]:
        """Outputs of a batch, state changes included. Any exception drops the shard, and with it this object."""

    def idle(self) -> Iterable[Output]:
        """Outputs at an idle tick, when the source is read to its end. They are committed at the same position."""

    def note(self) -> str:
        """A short text to commit with the source offset (Kafka's offset metadata). Called after `fold` and `idle`."""

    def committed(self) -> None:
        """The transaction of the last `fold` or `idle` is committed: counters may count only now."""

    def closed(self) -> None:
        """The shard is closed: remove the metrics that this worker exposes of it."""
