"""One transactional producer: writes the outputs of a lane's batches and their source positions as one unit.

Records go straight into producer batches (`create_batch`/`send_batch`), which work inside a transaction and spare a
future per record.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidTransactionTimeout, MessageSizeTooLargeError
from aiokafka.structs import OffsetAndMetadata

from ..fold import Fatal, Output
from ..options import BatchingOptions
from ..patches.connecting import bound_connecting, pace_connecting
from ..patches.producer import (
    abandon,
    compress_zstd_at,
    finish_markers,
    shorten_transaction_backoff,
    while_sending,
)
from .batch_sizes import BatchSizes

CLOSE_SECONDS = 2.0

Ends = dict[TopicPartition, int]


@dataclass
class _Batch:
    """One produced batch of a partition. `size`: bytes of its records before compression."""

    topic: str
    partition: int
    builder: Any
    size: int = 0
    delivery: asyncio.Future[Any] | None = None

    @property
    def records(self) -> int:
        count: int = self.builder.record_count()
        return count

    def append(self, output: Output, most: float) -> bool:
        """Add a record; False where it does not fit."""
        _, _, key, value, headers = output
        size = _size_of(output)
        if self.size and self.size + size > most:
            return False
        if self.builder.append(timestamp=None, key=key, value=value, headers=list(headers)) is None:
            return False
        self.size += size
        return True


def _size_of(output: Output) -> int:
    """Bytes of a record before compression, but some twenty of its own framing."""
    headers = sum(len(name) + len(value) for name, value in output.headers)
    return len(output.key or b"") + len(output.value or b"") + headers


class OutputTooLarge(Fatal):
    """One record exceeds what a produced batch may hold, or what its topic takes: no retry can help."""

    def __init__(self, topic: str, size: int) -> None:
        super().__init__(
            f"a record of {size} bytes is too large for {topic}: raise max.message.bytes of that topic "
            f"(`siaga topics --check` says to what)"
        )


class Transactor:
    """Start it to fence every earlier owner of the same transactional id; then `commit` batch after batch."""

    def __init__(
        self, transactional_id: str, group: str, options: BatchingOptions, sizes: BatchSizes | None = None
    ) -> None:
        shorten_transaction_backoff(options.transaction_backoff_ms)
        compress_zstd_at(options.zstd_level)
        bound_connecting(options.connect_ms_max)
        self._group, self._sizes = group, sizes or BatchSizes()
        self._timeout_ms = options.transaction_timeout_ms
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
        """Fence the earlier owner and end its open transaction (Kafka's init_transactions). Raises Fatal where no retry
        can help, and what aiokafka raises.
        """
        try:
            await self._producer.start()
        except InvalidTransactionTimeout as error:
            seconds = self._timeout_ms / 1000
            raise Fatal(
                f"the brokers allow no transaction of {seconds:.0f} s: raise transaction.max.timeout.ms of all brokers "
                f"(`siaga topics --check` says to what)"
            ) from error

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
        batches = await self._send(outputs)
        if offsets:
            await self._producer.send_offsets_to_transaction(dict(offsets), self._group)
        if batches:
            await self._delivered(batches)
        await self._producer.commit_transaction()
        ends: Ends = {}
        for batch in batches:  # in the order in which they were sent
            assert batch.delivery is not None
            delivered = batch.delivery.result()
            ends[delivered.topic_partition] = delivered.offset + batch.records
        return ends

    async def _delivered(self, batches: list[_Batch]) -> None:
        """Wait for all deliveries. Of a batch that is too large remember the size: the lane reopens, and writes it in
        smaller ones.
        """
        deliveries = [batch.delivery for batch in batches if batch.delivery is not None]
        try:
            await asyncio.gather(*deliveries)
        except MessageSizeTooLargeError:
            await asyncio.wait(deliveries)
            for batch in batches:
                if _is_refused(batch):
                    if batch.records == 1:
                        raise OutputTooLarge(batch.topic, batch.size) from None
                    self._sizes.refused(batch.topic, batch.size)
            raise

    async def _send(self, outputs: Iterable[Output]) -> list[_Batch]:
        sent: list[_Batch] = []
        filling: dict[tuple[str, int], _Batch] = {}
        for output in outputs:
            place = output.topic, output.partition
            batch = filling.get(place) or self._new_batch(*place)
            if not batch.append(output, self._sizes.most(output.topic)):
                sent.append(await self._sent(batch))
                batch = self._new_batch(*place)
                if not batch.append(output, float("inf")):
                    raise OutputTooLarge(output.topic, _size_of(output))
            filling[place] = batch
        return sent + [await self._sent(batch) for batch in filling.values()]

    def _new_batch(self, topic: str, partition: int) -> _Batch:
        return _Batch(topic, partition, self._producer.create_batch())

    async def _sent(self, batch: _Batch) -> _Batch:
        batch.delivery = await self._producer.send_batch(batch.builder, batch.topic, partition=batch.partition)
        return batch

    async def close(self) -> None:
        """Stop the producer, whatever state it is in; an open transaction is left to the next owner's fence."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._producer.stop()
        except Exception:  # noqa: BLE001  # whatever the producer's state is, nothing of it may stay open
            await abandon(self._producer)


def _is_refused(batch: _Batch) -> bool:
    delivery = batch.delivery
    return delivery is not None and delivery.done() and isinstance(delivery.exception(), MessageSizeTooLargeError)
