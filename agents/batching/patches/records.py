"""How aiokafka's consumers parse what they fetch: with bounded memory, and without a copy of each record."""

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatch

from ..consumer import bounded_records


def replace_codec(name: str, codec: Callable[..., bytes]) -> None:
    """Have every record batch of this process use `codec`.

    aiokafka's compiled batches look codecs up by name in their module. Raises AttributeError where this version has
    none of that name.
    """
    records = sys.modules[DefaultRecordBatch.__module__]
    getattr(records, name)
    setattr(records, name, codec)


@functools.cache
def bound_inflating() -> None:
    """Have every consumer of this process read compressed batches with bounded memory (see bounded_records.py)."""
    fetcher.MemoryRecords = bounded_records.BoundedRecords
    for name in ("gzip_decode", "lz4_decode", "snappy_decode", "zstd_decode"):
        replace_codec(name, getattr(bounded_records, name))


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


def hand_out_parsed_records() -> None:
    """Have every consumer of this process hand out `ParsedRecords`."""
    fetcher.PartitionRecords = ParsedRecords
