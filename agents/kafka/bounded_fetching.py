"""kafka-python's consumer with the record reader of `agents.batching`: memory is bounded, whatever a batch inflates to.

kafka-python 3.0.12 inflates a whole batch at once and makes objects of all it holds, as aiokafka does: 625 KB on an
input topic are 1.5 GiB in a program that reads it (docs/decisions/0007-record-reader.md). A record beyond a limit is
cut, as a worker cuts it; a worker rejects it, and a reader says where it is and goes on.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecord

from agents.batching.consumer.bounded_records import ANSWER_INFLATED_MAX, BoundedRecords
from agents.batching.consumer.record_stream import CutRecord

_log = logging.getLogger(__name__)


def bound_fetching(consumer: KafkaConsumer) -> None:
    """Have a consumer read with bounded memory from its first record on. Raises AttributeError where this version of
    kafka-python has no such parts.
    """
    consumer._fetcher.PartitionRecords = _PartitionRecords


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """What was fetched of a partition, up to ANSWER_INFLATED_MAX; the consumer fetches the rest again."""

    def _contains_abort_marker(self, batch: Any) -> bool:
        """False of a marker that compaction emptied, on which kafka-python raises (docs/upstream.md)."""
        return bool(batch.is_control_batch and (marker := next(batch, None)) and marker.abort)

    def _unpack_records(self, partition: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        name = f"{partition.topic}[{partition.partition}]"
        unpacked: Iterator[Any] = super()._unpack_records(partition, _Answer(name, records), *deserializers)
        return unpacked


class _Answer:
    """Takes the place of kafka-python's `MemoryRecords`."""

    def __init__(self, name: str, records: Any) -> None:
        self._name, self._records = name, records
        self._inflated = 0  # by the batches before the last one
        self._last: BoundedRecords | None = None

    def next_batch(self) -> Any:
        """The next batch; None after the last one, and when enough was inflated."""
        if self._last is not None:
            self._inflated, self._last = self._inflated + self._last.inflated, None
        batch = self._records.next_batch() if self._inflated < ANSWER_INFLATED_MAX else None
        if batch is None or batch.magic < 2 or batch.is_control_batch:
            return batch
        self._last = BoundedRecords(bytes(batch._buffer))
        return _Batch(self._name, batch, self._last.next_batch())


class _Batch:
    """A batch of kafka-python's, with records that were read in bounded memory."""

    def __init__(self, name: str, batch: Any, records: Iterable[Any]) -> None:
        self._name, self._batch, self._records = name, batch, records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[DefaultRecord]:
        is_said = False
        for record in self._records:
            if isinstance(record, CutRecord) and not is_said:
                is_said = True  # now: nobody may ask for what follows the batch's last record
                place, count = f"{self._name}@{record.offset}", self._batch.records_count
                _log.warning("%s, in a batch of %d records, is not read whole: %s", place, count, record.beyond)
            yield DefaultRecord(
                0, record.offset, record.timestamp, record.timestamp_type, record.key, record.value, record.headers
            )
