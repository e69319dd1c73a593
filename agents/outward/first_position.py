"""Where a webhook that never ran before begins to read, written down at once for all partitions.

Without it a crash before the first delivery would forget where "now" was, and what came in between would never be sent.
"""

import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError

log = logging.getLogger("siaga.webhook")


async def keep_first_position(options: dict[str, Any], topic: str, group: str, from_beginning: bool) -> None:
    """Commit the end (or the beginning) of every partition for a new group; for one that is known, look for losses.

    A partition that is added later has no position and is read from its beginning. Raises KafkaError, LookupError when the
    topic is not there.
    """
    partitions = await _partitions(options, topic)
    consumer = AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign(partitions)
        kept = {partition: await consumer.committed(partition) for partition in partitions}
        first = await consumer.beginning_offsets(partitions)
        if any(offset is not None for offset in kept.values()):
            _tell_losses(kept, first)
            return
        await consumer.commit(first if from_beginning else await consumer.end_offsets(partitions))
    except CommitFailedError:
        log.info("another instance of this webhook has begun already")
    finally:
        await consumer.stop()


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


def _tell_losses(kept: dict[TopicPartition, int | None], first: dict[TopicPartition, int]) -> None:
    for partition, offset in kept.items():
        if offset is not None and offset < first[partition]:
            lost = first[partition] - offset
            log.error("partition %d: up to %d escalations expired before they were sent", partition.partition, lost)
