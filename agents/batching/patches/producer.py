"""aiokafka's transactional producer: missing markers, the end of its sender, quick transactions."""

import asyncio
import functools
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.codec import zstd_encode
from aiokafka.errors import KafkaError
from aiokafka.producer import sender

from .records import replace_codec

Result = TypeVar("Result")


async def finish_markers(producer: AIOKafkaProducer, group: str, written: Iterable[TopicPartition]) -> None:
    """Commit a transaction without records on all of `written` and on the group's offsets, which leaves a marker in
    each.

    A broker that is stopped may call a transaction committed and have written no marker of it (docs/upstream.md). Its
    records and offsets then stay invisible until the next marker of the same producer, so a position read in between is
    too old, and what follows it is done twice. Where no marker is missing, this changes nothing that a reader sees.
    """
    for partitions in (written, ()):
        # Kafka answers a commit before it has written the markers. It refuses a next transaction until it has: only
        # when the second one has begun, with the group's offsets in it, are all markers of the first where they can be
        # read.
        await producer.begin_transaction()
        while not await producer._sender._do_add_offsets_to_txn(group):
            pass  # the call has slept its back-off
        for partition in partitions:
            producer._txn_manager.maybe_add_partition_to_txn(partition)
        await producer.commit_transaction()


async def while_sending(producer: AIOKafkaProducer, work: Coroutine[Any, Any, Result]) -> Result:
    """Await `work`, or raise what ended the producer's sender first.

    A batch that is handed over just as the sender ends is forgotten by aiokafka: whoever waits for its delivery would
    wait for ever (docs/upstream.md).
    """
    task, sending = asyncio.ensure_future(work), producer._sender.sender_task
    try:
        await asyncio.wait({task, sending}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            error = None if sending.cancelled() else sending.exception()
            raise error or KafkaError("the producer's sender has ended")
        return task.result()
    finally:
        task.cancel()


async def abandon(producer: AIOKafkaProducer) -> None:
    """Close a producer that cannot flush: it still holds a sender task and sockets."""
    sending = producer._sender.sender_task
    if sending is not None:
        sending.cancel()
    await producer.client.close()


@functools.cache
def shorten_transaction_backoff(milliseconds: int) -> None:
    """Lower aiokafka's fixed pause between transactions, a constant of its sender, for this process."""
    sender.BACKOFF_OVERRIDE = milliseconds / 1000


@functools.cache
def compress_zstd_at(level: int) -> None:
    """Set the level at which every producer of this process compresses with zstd; aiokafka has no option for it."""
    replace_codec("zstd_encode", functools.partial(zstd_encode, level=level))
