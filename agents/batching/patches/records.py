"""How aiokafka's consumers parse what they fetch: bounded memory, no copy of each record, markers that are empty."""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.default_records import DefaultRecordBatch

from ..consumer.bounded_records import BoundedRecords

#: Records taken before their size is looked at again: the largest streamed ones take 550 KiB.
_TAKE = 25
#: A take ends when its records take so many bytes of memory.
_TAKE_COST_MAX = 1 << 20


def replace_codec(name: str, codec: Callable[..., bytes]) -> None:
    """Have every record batch of this process use `codec`.

    aiokafka's compiled batches look codecs up by name in their module. Raises AttributeError where this version has
    none of that name.
    """
    records = sys.modules[DefaultRecordBatch.__module__]
    getattr(records, name)
    setattr(records, name, codec)


def bound_inflating() -> None:
    """Have every consumer of this process read batches with bounded memory (see consumer/bounded_records.py)."""
    fetcher.MemoryRecords = BoundedRecords


def read_past_empty_markers() -> None:
    """Have every consumer of this process read past the markers of transactions that compaction has emptied.

    Of each producer the broker keeps the last batch without its records, so a control batch may hold none. aiokafka
    raises on it, and again at each fetch: whoever restores from that partition never gets past it. As in Kafka's own
    client such a marker ends no aborted transaction: what it ended is gone.
    """
    PartitionRecords._contains_abort_marker = _contains_abort_marker


def _contains_abort_marker(self: PartitionRecords, batch: Any) -> bool:
    marker = next(batch, None)
    return marker is not None and bool(ControlRecord.parse(marker.key) == ABORT_MARKER)


class ParsedRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Takes the place of aiokafka's `PartitionRecords`: hands records out as they were parsed.

    aiokafka wraps each in a `ConsumerRecord`, which adds topic and partition, a checksum and sizes. A batch has its
    partition, and nobody reads the rest. Without the copy a record takes 0.28 instead of 0.70 µs
    (docs/decisions/0015-left-out.md). Records have offset, timestamp and its type, key, value, headers.
    """

    def __iter__(self) -> Iterator[Any]:
        return self._records_iterator or iter(())

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        return record


class Taken(list[Any]):
    """Records, and the bytes of memory that they take."""

    cost = 0


class BoundedResult(FetchResult):  # type: ignore[misc]  # aiokafka has no types
    """Takes the place of aiokafka's `FetchResult`: hands out fewer records than were asked for when they are large."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> Taken:
        """Up to so many records, none where the partition's position was moved; its position moves past them."""
        taken = Taken()
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return taken
        records, answer = iter(self._partition_records), self._partition_records._records
        before, left, wanted = answer.cost, max_records or sys.maxsize, 0
        while len(taken) == wanted and left and answer.cost - before < _TAKE_COST_MAX:
            some = min(left, _TAKE)
            taken.extend(islice(records, some))
            left, wanted = left - some, wanted + some
        taken.cost = answer.cost - before
        self._update_position()
        if len(taken) < wanted:  # there are no more
            self._partition_records = None
        return taken


def hand_out_parsed_records() -> None:
    """Have every consumer of this process hand out `ParsedRecords`, as `Taken`. After `bound_inflating`."""
    fetcher.PartitionRecords = ParsedRecords
    fetcher.FetchResult = BoundedResult
