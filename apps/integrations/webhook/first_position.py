"""Where a webhook that never ran before begins to read, written down at once for all partitions.

Without it a crash before the first delivery would forget where "now" was, and what came in between would never be sent.
"""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, GroupAuthorizationFailedError

Positions = dict[TopicPartition, int]

log = logging.getLogger("siaga.webhook")


async def keep_first_position(
    options: dict[str, Any], topic: str, group: str, from_beginning: bool, earlier_group: str
) -> None:
    """Commit where a new group begins, for every partition; for one that is known, look for losses.

    It begins where `earlier_group` stopped, which a build before used under the same name; if there is none, at the
    end. With `from_beginning` at the beginning: what every reader may write must not make it leave out what was asked
    for. A partition that is added later has no position and is read from its beginning. Raises KafkaError, LookupError
    when the topic is not there."""
    partitions = await _partitions(options, topic)
    async with _reading(options, group, partitions) as consumer:
        kept = await _kept(consumer, partitions)
        first = await consumer.beginning_offsets(partitions)
        if kept:
            _tell_losses(kept, first)
            return
        start = first
        if not from_beginning:
            end = await consumer.end_offsets(partitions)
            start = await _earlier(options, earlier_group, first, end) or end
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


async def _earlier(options: dict[str, Any], group: str, first: Positions, end: Positions) -> Positions | None:
    """Where a build before stopped; None when it has no position.

    Never beyond the end, whatever may be written there: what comes from now on is sent in any case.
    """
    async with _reading(options, group, list(first)) as consumer:
        try:
            kept = await _kept(consumer, first)
        except GroupAuthorizationFailedError:
            raise LookupError(f"no right to describe group {group} (siaga topics --acls grants it)") from None
    if not kept:
        return None
    log.info("going on where group %s stopped", group)
    _tell_losses(kept, first)
    return {partition: min(max(kept.get(partition, 0), first[partition]), end[partition]) for partition in first}


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
