"""Where a partition ends for a reader of committed records, and reading up to there.

The one place that decides it. The end is the last stable offset where the broker gives one (before the first open
transaction), else the high watermark. It is reached when the reader's *position* reaches it: the markers that end
transactions take offsets and are never delivered, so a reader that waits for a last record may wait for ever.
"""

from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

MIB = 1024 * 1024
FETCH_WAIT_MS = 500
#: Where only markers are left nothing is ever delivered: the position is compared again after this time.
POLL_MS = 50

P = TypeVar("P", bound=Hashable)


class Progress(NamedTuple):
    """How far a partition is read. `position` is the next offset to read, `end` the first that is not committed yet."""

    position: int
    end: int

    @property
    def lag(self) -> int:
        """Offsets between position and end; never negative."""
        return max(0, self.end - self.position)

    @property
    def is_at_end(self) -> bool:
        """Nothing committed is left to read."""
        return self.position >= self.end


def committed_end(last_stable_offset: int | None, high_watermark: int | None) -> int | None:
    """The end of a partition by the offsets of a fetch answer; None before the first answer."""
    return high_watermark if last_stable_offset is None else last_stable_offset


def unread(positions: Mapping[P, int], ends: Mapping[P, int]) -> list[P]:
    """The partitions of `positions` that have not reached their end, for any client's type of partition."""
    return [tp for tp, position in positions.items() if not Progress(position, ends[tp]).is_at_end]


def committed_reader(client: Mapping[str, Any]) -> "AIOKafkaConsumer":
    """A consumer of committed records without a group, not yet started; its partitions are assigned by hand.

    `client` are options of `AIOKafkaConsumer`; they override those set here.
    """
    from aiokafka import AIOKafkaConsumer  # here: programs with another client use the rest of this module

    from .patches.records import read_past_empty_markers

    read_past_empty_markers()
    defaults = {
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        # The default, latest, races with a seek to the beginning that follows `assign` at once (docs/upstream.md).
        "auto_offset_reset": "earliest",
        "max_partition_fetch_bytes": 8 * MIB,
        "fetch_max_wait_ms": FETCH_WAIT_MS,
    }
    return AIOKafkaConsumer(**(defaults | dict(client)))


async def ends_of(consumer: "AIOKafkaConsumer", partitions: "Iterable[TopicPartition]") -> "dict[TopicPartition, int]":
    """The ends of partitions as the broker has them now. Raises aiokafka's KafkaError."""
    ends: dict[TopicPartition, int] = await consumer.end_offsets(list(partitions))
    return ends


async def read_until(
    consumer: "AIOKafkaConsumer", ends: "Mapping[TopicPartition, int]"
) -> "AsyncIterator[tuple[TopicPartition, list[ConsumerRecord]]]":
    """The records from the consumer's positions to these ends, by partition as they come."""
    left: Collection[TopicPartition] = ends
    while left := unread({tp: await consumer.position(tp) for tp in left}, ends):
        for found in (await consumer.getmany(*left, timeout_ms=POLL_MS)).items():
            yield found


async def read_to_end(
    client: Mapping[str, Any],
    partitions: "Collection[TopicPartition]",
    take: "Callable[[TopicPartition, ConsumerRecord], None]",
    ends: "Mapping[TopicPartition, int] | None" = None,
) -> int:
    """Give every committed record of the partitions, up to `ends` or the ends they have now, to `take`; return their
    number. Ends that lie behind an open transaction are waited for.

    Records of one partition come in order. Raises aiokafka's KafkaError, and whatever `take` raises.
    """
    consumer = committed_reader(client)
    try:
        await consumer.start()
        consumer.assign(list(partitions))
        starts: dict[TopicPartition, int] = await consumer.beginning_offsets(list(partitions))
        ends = ends or await ends_of(consumer, partitions)
        for tp, start in starts.items():
            consumer.seek(tp, start)
        count = 0
        async for tp, records in read_until(consumer, ends):
            for record in records:
                take(tp, record)
            count += len(records)
        return count
    finally:
        await consumer.stop()


async def has_records(client: Mapping[str, Any], partitions: "Collection[TopicPartition]") -> bool:
    """Whether any of these partitions has or had a committed record. Markers do not count, deleted records do."""
    consumer = committed_reader(client)
    try:
        await consumer.start()
        consumer.assign(list(partitions))
        starts = await consumer.beginning_offsets(list(partitions))
        ends = await ends_of(consumer, partitions)
        if any(starts.values()):
            return True
        for tp in partitions:
            consumer.seek(tp, 0)
        async for _ in read_until(consumer, ends):
            return True
        return False
    finally:
        await consumer.stop()
