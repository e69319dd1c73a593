"""Where a webhook that never ran before begins to read, written down at once for all partitions.

Without it a crash before the first delivery would forget where "now" was, and what came in between would never be sent.
"""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError

Positions = dict[TopicPartition, int]

log = logging.getLogger("siaga.webhook")


async def keep_first_position(options: dict[str, Any], topic: str, group: str, from_beginning: bool) -> None:
    """Commit where a new group begins, for every partition: at the end, or at the beginning; for a known group, report
    records that expired before they were sent.

    A partition that is added later has no position and is read from its beginning. Raises KafkaError, LookupError when
    the topic is not there."""
    partitions = await _partitions(options, topic)
    async with _reading(options, group, partitions) as consumer:
        kept = await _kept(consumer, partitions)
        first = await consumer.beginning_offsets(partitions)
        if kept:
            _tell_losses(kept, first)
            return
        start = first if from_beginning else await consumer.end_offsets(partitions)
        try:
            await consumer.commit(start)
        except CommitFailedError:
            log.info("another instance of this webhook has begun already")


@asynccontextmanager
async def _reading(
    options: dict[str, Any], group: str, partitions: list[TopicPartition]
) -> AsyncIterator[AIOKafkaConsumer]:
    """A client that sees and writes a group's positions without being one of its members."""
    consumer = AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign(partitions)
        yield consumer
    finally:
        await consumer.stop()


async def _kept(consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> Positions:
    """The positions there are."""
    told = {partition: await consumer.committed(partition) for partition in partitions}
    return {partition: offset for partition, offset in told.items() if offset is not None}


async def _partitions(options: dict[str, Any], topic: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        if topic not in await admin.list_topics():
            raise LookupError(f"no topic {topic} yet (siaga topics creates it)")
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return [TopicPartition(topic, partition["partition"]) for partition in found["partitions"]]


def _tell_losses(kept: Positions, first: Positions) -> None:
    for partition, offset in kept.items():
        if offset < first[partition]:
            lost = first[partition] - offset
            log.error("partition %d: up to %d escalations expired before they were sent", partition.partition, lost)
