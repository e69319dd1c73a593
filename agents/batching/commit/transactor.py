"""One transactional producer: writes the outputs of a lane's batches and their source positions as one unit.

Records go straight into producer batches (`create_batch`/`send_batch`), which work inside a transaction and spare a
future per record.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from ..fold import Output
from ..options import BatchingOptions
from ..patches.producer import (
    abandon,
    compress_zstd_at,
    finish_markers,
    pace_connecting,
    shorten_transaction_backoff,
    while_sending,
)

CLOSE_SECONDS = 2.0

#: Each with the number of its records.
Deliveries = list[tuple[asyncio.Future[Any], int]]
Ends = dict[TopicPartition, int]


class OutputTooLarge(Exception):
    """One output exceeds what a produced batch may hold: a defect of the fold, no retry can help."""


class Transactor:
    """Start it to fence every earlier owner of the same transactional id; then `commit` batch after batch."""

    def __init__(self, transactional_id: str, group: str, options: BatchingOptions) -> None:
        shorten_transaction_backoff(options.transaction_backoff_ms)
        compress_zstd_at(options.zstd_level)
        self._group = group
        self._one_at_a_time = asyncio.Lock()
        self._producer = AIOKafkaProducer(
            **options.client,
            transactional_id=transactional_id,
            transaction_timeout_ms=options.transaction_timeout_ms,
            request_timeout_ms=options.request_timeout_ms,
            retry_backoff_ms=options.transaction_backoff_ms,
            max_batch_size=options.produce_batch_bytes_max,
            compression_type=options.compression,
            linger_ms=0,
        )
        pace_connecting(self._producer.client, options.reconnect_pause_ms / 1000)

    async def start(self) -> None:
        """Fence the earlier owner and end its open transaction (Kafka's init_transactions)."""
        await self._producer.start()

    async def finish_markers(self, written: Iterable[TopicPartition]) -> None:
        """Have the markers written that a broker left out of earlier transactions, before a position or state that they
        wrote is read. `written` are all partitions that they may have written.
        """
        await while_sending(self._producer, finish_markers(self._producer, self._group, written))

    async def commit(self, outputs: Iterable[Output], offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> Ends:
        """Write outputs, and the group's offsets of the sources given, in one transaction, after any that is under way.
        Return where the outputs end, by partition.

        Any exception means: outcome unknown, drop the lane. Raises OutputTooLarge, and what aiokafka raises.
        """
        async with self._one_at_a_time:
            return await while_sending(self._producer, self._commit(outputs, offsets))

    async def _commit(self, outputs: Iterable[Output], offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> Ends:
        await self._producer.begin_transaction()
        deliveries = await self._send(outputs)
        if offsets:
            await self._producer.send_offsets_to_transaction(dict(offsets), self._group)
        if deliveries:
            await asyncio.gather(*(delivery for delivery, _ in deliveries))
        await self._producer.commit_transaction()
        ends: Ends = {}
        for delivery, count in deliveries:  # in the order in which they were sent
            delivered = delivery.result()
            ends[delivered.topic_partition] = delivered.offset + count
        return ends

    async def _send(self, outputs: Iterable[Output]) -> Deliveries:
        deliveries: Deliveries = []
        open_batches: dict[tuple[str, int], Any] = {}
        for topic, partition, key, value, headers in outputs:
            headers = list(headers)
            builder = open_batches.get((topic, partition))
            if builder is None:
                builder = open_batches[topic, partition] = self._producer.create_batch()
            if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
                deliveries.append(await self._sent(builder, topic, partition))
                builder = open_batches[topic, partition] = self._producer.create_batch()
                if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
                    raise OutputTooLarge(f"a record of {len(value or b'')} bytes for {topic} exceeds the batch limit")
        for (topic, partition), builder in open_batches.items():
            deliveries.append(await self._sent(builder, topic, partition))
        return deliveries

    async def _sent(self, builder: Any, topic: str, partition: int) -> tuple[asyncio.Future[Any], int]:
        count = builder.record_count()
        return await self._producer.send_batch(builder, topic, partition=partition), count

    async def close(self) -> None:
        """Stop the producer, whatever state it is in; an open transaction is left to the next owner's fence."""
        try:
            await asyncio.wait_for(self._producer.stop(), CLOSE_SECONDS)
        except Exception:  # noqa: BLE001  # whatever the producer's state is, nothing of it may stay open
            await abandon(self._producer)
