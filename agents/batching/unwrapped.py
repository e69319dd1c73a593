"""Fetched records as aiokafka's parser makes them, not a copy of each.

aiokafka wraps every record in a `ConsumerRecord`, which adds topic and partition, a checksum and sizes. A batch has its
partition, and nobody asks for the rest (docs/performance.md has what the copy costs)."""

from collections.abc import Iterator
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords


class UnwrappedRecords(PartitionRecords):
    """Stands where aiokafka's fetcher makes `PartitionRecords`. Records have offset, timestamp and its type, key,
    value, headers.
    """

    def __iter__(self) -> Iterator[Any]:
        return self._records_iterator or iter(())

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        return record


def unwrap_records() -> None:
    """Have every consumer of this process hand out records so."""
    fetcher.PartitionRecords = UnwrappedRecords
