"""Reading a compacted state partition from its start to its end."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from agents.batching.options import MIB, BatchingOptions

FETCH_WAIT_MS = 500
#: Where only markers of transactions are left nothing is ever delivered: the position is looked at again so soon.
POLL_MS = 50


def committed_reader(options: BatchingOptions) -> AIOKafkaConsumer:
    """A consumer without a group, of committed records, not yet started: its partitions are assigned by hand."""
    return AIOKafkaConsumer(
        **options.client,
        enable_auto_commit=False,
        isolation_level="read_committed",
        # The default, latest, races with a seek to the beginning that follows `assign` at once (docs/upstream.md).
        auto_offset_reset="earliest",
        request_timeout_ms=options.request_timeout_ms,
        max_partition_fetch_bytes=8 * MIB,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )


async def read_until(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
) -> AsyncIterator[tuple[TopicPartition, list[ConsumerRecord]]]:
    """The records from where the consumer stands to these ends, as they come; see `read_to_end` for how an end is
    known.
    """
    left = list(ends)
    while left := [tp for tp in left if await consumer.position(tp) < ends[tp]]:
        for found in (await consumer.getmany(*left, timeout_ms=POLL_MS)).items():
            yield found


async def read_to_end(
    state: TopicPartition, options: BatchingOptions, take: Callable[[bytes, bytes | None], None]
) -> int:
    """Give every committed record of `state` to `take(key, value)`; return how many there were.

    The end is reached when the consumer's *position* reaches the end offset: markers of transactions take offsets but
    are never delivered, so waiting for a last record would wait for ever."""
    consumer = committed_reader(options)
    try:
        await consumer.start()
        consumer.assign([state])
        start = (await consumer.beginning_offsets([state]))[state]
        end = (await consumer.end_offsets([state]))[state]
        consumer.seek(state, start)
        count = 0
        async for _, records in read_until(consumer, {state: end}):
            for record in records:
                take(record.key, record.value)
            count += len(records)
        return count
    finally:
        await consumer.stop()


async def has_records(tps: Collection[TopicPartition], options: BatchingOptions) -> bool:
    """Whether any of these partitions has a committed record, or had one that is deleted by now. Markers of
    transactions are none.
    """
    consumer = committed_reader(options)
    try:
        await consumer.start()
        consumer.assign(list(tps))
        starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        if any(starts.values()):
            return True
        for tp in tps:
            consumer.seek(tp, 0)
        async for _ in read_until(consumer, ends):
            return True
        return False
    finally:
        await consumer.stop()
