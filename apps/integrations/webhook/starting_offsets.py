"""Commits the starting offsets of a new webhook for all partitions before it reads anything.

Without them a crash before the first delivery would lose where "now" was, and what was published in between would never
be sent."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError

Offsets = dict[TopicPartition, int]

log = logging.getLogger("siaga.webhook")


async def commit_starting_offsets(options: dict[str, Any], topic: str, group: str, from_beginning: bool) -> None:
    """Commit the offsets at which a new group starts, for every partition; of a known group, report losses.

    A new group starts at the end, with `from_beginning` at the beginning. A partition added later has no committed
    offset and is read from its beginning. Raises KafkaError, and LookupError when the topic does not exist."""
    partitions = await _list_partitions(options, topic)
    async with _group_without_membership(options, group, partitions) as consumer:
        committed = await _committed(consumer, partitions)
        first = await consumer.beginning_offsets(partitions)
        if committed:
            _report_losses(committed, first)
            return
        start = first if from_beginning else await consumer.end_offsets(partitions)
        try:
            await consumer.commit(start)
        except CommitFailedError:
            log.info("another instance of this webhook has already started")


@asynccontextmanager
async def _group_without_membership(
    options: dict[str, Any], group: str, partitions: list[TopicPartition]
) -> AsyncIterator[AIOKafkaConsumer]:
    """A client that reads and commits a group's offsets without joining the group."""
    consumer = AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign(partitions)
        yield consumer
    finally:
        await consumer.stop()


async def _committed(consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> Offsets:
    """The committed offsets, of those partitions that have one."""
    offsets = {partition: await consumer.committed(partition) for partition in partitions}
    return {partition: offset for partition, offset in offsets.items() if offset is not None}


async def _list_partitions(options: dict[str, Any], topic: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        if topic not in await admin.list_topics():
            raise LookupError(f"no topic {topic} yet (siaga topics creates it)")
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return [TopicPartition(topic, partition["partition"]) for partition in found["partitions"]]


def _report_losses(committed: Offsets, first: Offsets) -> None:
    for partition, offset in committed.items():
        if offset < first[partition]:
            lost = first[partition] - offset
            log.error("partition %d: up to %d escalations expired before they were sent", partition.partition, lost)
