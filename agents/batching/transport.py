"""A Faust transport whose messages are whole partition batches, one in flight per partition.

Faust's own consumer makes a message, a queue put, a future and an ack of every record, which costs some 80 µs each.
Here a message carries what one fetch brought for one partition. While a batch is being folded its partition is left out
of the fetch; what arrives meanwhile forms the next batch (group commit). Offsets are committed by the shards, inside
their transactions, so everything Faust does about acks and commits is switched off.

This module and producing.py are the only ones that touch private parts of Faust and aiokafka. They are pinned in
requirements.lock and `tests/agents/batching/test_transport.py` holds each of them against the pinned versions.
"""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Container, Iterable, Mapping
from time import monotonic
from typing import Any

import aiokafka
import faust
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import ConsumerStoppedError, IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.utils.futures import notify

from agents.batching import inflating
from agents.batching.codecs import replace_codec
from agents.batching.fold import Batch
from agents.batching.lanes import Lanes, lane_assignor
from agents.batching.membership import watch_membership
from agents.batching.options import BatchingOptions
from agents.batching.patience import start_patiently
from agents.batching.portions import SlowStart, shares
from agents.batching.tableless import NoTables
from agents.batching.unwrapped import unwrap_records

log = logging.getLogger(__name__)

#: Records taken from a fetch answer before their size is looked at again.
_TAKE = 100


class _Available:
    """The partitions a fetch may return: active and not in flight. Live: it changes while a fetch waits."""

    def __init__(self, active: set[TP], in_flight: Container[TP]) -> None:
        self.active, self._in_flight = active, in_flight

    def __contains__(self, tp: TopicPartition) -> bool:
        return tp in self.active and tp not in self._in_flight


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer, in a thread with its own event loop as Faust has it."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        bound_inflating()
        unwrap_records()
        options: BatchingOptions = self.app.batching
        consumer = aiokafka.AIOKafkaConsumer(
            **options.client,
            client_id=self.app.conf.broker_client_id,
            group_id=self.app.conf.id,
            group_instance_id=self.app.conf.consumer_group_instance_id,
            partition_assignment_strategy=[lane_assignor(self.app.lanes)],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=options.partition_fetch_bytes_max,
            max_poll_records=options.batch_records_max,
            fetch_max_wait_ms=options.fetch_wait_ms,
            request_timeout_ms=options.request_timeout_ms,
            session_timeout_ms=options.session_timeout_ms,
            rebalance_timeout_ms=options.session_timeout_ms,
            heartbeat_interval_ms=options.heartbeat_interval_ms,
            metadata_max_age_ms=options.metadata_age_ms_max,
            # Polling is Faust's fetcher, which never stops; a fold that hangs shows in the lag, not by eviction.
            max_poll_interval_ms=2**31 - 1,
        )
        self._assignor = lane_assignor(self.app.lanes)
        return consumer

    async def on_start(self) -> None:
        self._handed_out: dict[TopicPartition, tuple[Any, int]] = {}
        self._slow_start = SlowStart(self.app.batching.first_batch_part)
        await start_patiently(super().on_start, lambda: self._ensure_consumer().stop())
        # While one partition's prefetched records wait for its commit, the others must not wait for them.
        self._fetcher._prefetch_backoff = 0.0
        # A fetch that ends just as records are taken is overlooked, and nothing is fetched until this time is over
        # (docs/upstream.md): 200 ms by default.
        self._fetcher._fetcher_timeout = self.app.batching.fetch_wait_ms / 1000
        watch_membership(
            self._ensure_consumer()._coordinator, self.app.batching, self.app.conf.consumer_group_instance_id, self._end
        )

    def _end(self, reason: Exception) -> None:
        log.critical("%s", reason)
        asyncio.run_coroutine_threadsafe(self.app.crash(reason), self.parent_loop)

    @property
    def _fetcher(self) -> Fetcher:
        return self._ensure_consumer()._fetcher

    async def _fetch_records(self, consumer, active_partitions, timeout=None, max_records=None) -> dict:
        """Batches of every available partition that has records, or {} after `timeout` seconds."""
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        available = _Available(active_partitions, self.consumer.in_flight)
        deadline = self.thread_loop.time() + (timeout or 0)
        with fetcher._subscriptions.fetch_context():
            while True:
                if consumer._closed or fetcher._closed:
                    raise ConsumerStoppedError
                batches = await self._drain(consumer, available, max_records)
                left = deadline - self.thread_loop.time()
                if batches or left <= 0:
                    return batches
                await asyncio.wait([fetcher._create_fetch_waiter()], timeout=left)

    async def _drain(self, consumer, available: _Available, max_records: int) -> dict[TopicPartition, Batch]:
        if not consumer._fetcher._records:
            return {}
        batches = {}
        parts = shares({tp: self.consumer.lag(tp) for tp in available.active}, self.app.batching.lanes)
        for tp in list(consumer._fetcher._records):
            if tp not in available:
                continue
            state = consumer._subscription.subscription.assignment.state_value(tp)
            start, went_back = state.position, self._went_back(tp, state)
            part = parts[tp] * self._slow_start.part(tp)
            records = await self._take(consumer._fetcher, tp, part, max_records)
            if records:
                self._slow_start.handed_out(tp)
                end = state.lso if state.lso is not None else state.highwater
                batches[tp] = Batch(records, start, state.position, end, went_back)
                self._handed_out[tp] = state, state.position
        return batches

    def _went_back(self, tp: TopicPartition, state: Any) -> bool:
        """Whether a partition is read from before where it was, and nobody sought that: the broker has called its
        position out of range.

        A guess that a shard must confirm: a seek that comes just then looks the same.
        """
        same, position = self._handed_out.get(tp, (None, 0))
        return same is state and state.position < position

    def forget(self, tp: TP) -> None:
        """Somebody seeks: a step back means nothing."""
        self._handed_out.pop(driver.ensure_aiokafka_TP(tp), None)

    async def _take(self, fetcher: Fetcher, tp: TopicPartition, part: float, max_records: int) -> list:
        """Fetched records of a partition, no more once they are or hold its part of a batch."""
        records: list = []
        left, size_left = max(1, round(part * max_records)), part * self.app.batching.batch_bytes_max
        while left > 0 and size_left > 0 and tp in fetcher._records:
            some = (await fetcher.fetched_records({tp}, 0, min(_TAKE, left))).get(tp, ())
            if not some:
                break
            records += some
            left -= len(some)
            size_left -= sum([len(record.value) for record in some if record.value])
        return records

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """After a rebalance. aiokafka leaves a partition nothing was ever committed of where it is: past what was given
        back.
        """
        offsets = await super().seek_to_committed()
        self._handed_out.clear()
        self._slow_start.begin_anew()
        unread = [tp for tp, offset in offsets.items() if not offset or offset < 0]
        if unread:
            await self.call_thread(self._ensure_consumer().seek_to_beginning, *unread)
        return offsets

    def wake(self) -> None:
        """Make a waiting fetch look again. Safe to call from any thread."""
        self.thread_loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for waiter in list(self._fetcher._fetch_waiters):
            self._fetcher._notify(waiter)


class _NoReadOffsets(dict):
    """Where Faust notes the offsets it has read, to drop what it reads twice. Reading back over a gap is exactly that,
    and a batch dropped there would stay in flight for ever; what a shard has already taken the shard itself skips."""

    def __getitem__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        pass


class BatchConsumer(driver.Consumer):
    """Hands out one `Batch` per partition at a time, until `release` says it is done with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.in_flight: dict[TP, tuple[float, int]] = {}  # since when, monotonic seconds, and its first offset
        self._taken: set[TP] = set()
        super().__init__(*args, **kwargs)
        self._read_offset = _NoReadOffsets()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        generation = self.app.consumer_generation_id
        batches, _ = await self._wait_next_records(timeout)
        if batches is None or self.should_stop:
            return
        for tp, batch in batches.items():
            tp = TP(*tp)
            if not self.flow_active or self.app.consumer_generation_id != generation:
                # Its position is past the batch already: without this it would be missed until the next record comes.
                await self.rewind(tp, batch.start_offset)
                continue
            self.in_flight[tp] = monotonic(), batch.start_offset
            self.app.monitor.track_tp_end_offset(tp, batch.end_offset)
            yield tp, self._to_batch_message(tp, batch)

    def _to_batch_message(self, tp: TP, batch: Batch) -> ConsumerMessage:
        last = batch.records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            batch.records[0].offset,
            last.timestamp / 1000,
            last.timestamp_type,
            [],
            None,
            batch,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def take(self, tp: TP) -> None:
        """An agent has this partition's batch in its hands and will release it."""
        self._taken.add(tp)

    def release(self, tp: TP) -> None:
        """The batch of this partition is committed or given up: fetch the next."""
        self._taken.discard(tp)
        self.in_flight.pop(tp, None)
        self._thread.wake()

    async def give_back(self, tp: TP, start_offset: int) -> None:
        """A batch was given up: read it again, should its partition still be ours."""
        await self.rewind(tp, start_offset)
        self.release(tp)

    async def release_lost(self, after_s: float) -> list[TP]:
        """Give back batches no agent took within `after_s`: Faust drops messages in a rebalance, and a partition that
        waits for one would wait for ever."""
        now = monotonic()
        lost = {
            tp: start
            for tp, (since, start) in self.in_flight.items()
            if tp not in self._taken and now - since > after_s
        }
        for tp, start in lost.items():
            await self.give_back(tp, start)
        return list(lost)

    async def rewind(self, tp: TP, offset: int) -> None:
        """Read this partition from `offset` next, if it is ours."""
        await self._thread.call_thread(self._seek_in_thread, tp, offset)

    async def _seek_in_thread(self, tp: TP, offset: int) -> None:
        self._thread.forget(tp)
        try:
            self._thread._ensure_consumer().seek(driver.ensure_aiokafka_TP(tp), offset)
        except IllegalStateError:
            pass  # no longer ours: its next owner begins where the shard's transactions say

    def lag(self, tp: TP) -> int:
        """Records between what was handed out and the end of the partition, as last seen; 0 before the first fetch."""
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        state = assignment.state_value(driver.ensure_aiokafka_TP(tp)) if assignment else None
        if state is None or state.highwater is None or not state.has_valid_position:
            return 0
        end = state.lso if state.lso is not None else state.highwater
        return max(0, end - state.position)

    def is_caught_up(self, tp: TP) -> bool:
        """Whether a partition has been read to its end, as last seen, and none of it is in flight."""
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        state = assignment.state_value(driver.ensure_aiokafka_TP(tp)) if assignment else None
        if state is None or state.highwater is None or not state.has_valid_position or TP(*tp) in self.in_flight:
            return False
        return state.position >= (state.lso if state.lso is not None else state.highwater)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.in_flight.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    # Offsets travel in the shards' transactions. What Faust would do about them is switched off below.

    def ack(self, message: ConsumerMessage) -> bool:
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        return False

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return False

    async def verify_all_partitions_active(self) -> None:
        """Faust judges progress by its own commits; `siaga_lag_*` tell the truth instead."""


class BatchProducer(driver.Producer):
    """Faust's plain producer, with the connection options of the app."""

    async def on_start(self) -> None:
        await start_patiently(super().on_start, lambda: self._ensure_producer().stop())

    def _settings_auth(self) -> Mapping[str, Any]:
        return self.app.batching.client


class BatchTransport(driver.Transport):
    Consumer = BatchConsumer
    Producer = BatchProducer


class BatchSchema(faust.Schema):
    """Passes a batch through undecoded: decoding is the fold's business."""

    def compile(self, app: faust.App, **kwargs: Any) -> Any:
        create_event = app.create_event

        async def decode(message: ConsumerMessage, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, message.headers, message)

        return decode


class BatchApp(faust.App):
    """A Faust app on the batching transport. `batching` are its options, `lanes` follow from its stages; everything
    else is Faust's.
    """

    def __init__(self, *args: Any, batching: BatchingOptions, **kwargs: Any) -> None:
        self.batching = batching
        self.lanes = Lanes(batching.lanes)
        super().__init__(*args, TableManager=NoTables, **kwargs)

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_producer, self)

    def _create_directories(self) -> None:
        """Faust's tables need a data directory; shards keep their state in Kafka, so a worker writes no file at all."""

    def batches(self, topics: Iterable[str], **kwargs: Any) -> Any:
        """A Faust topic whose agent receives `Batch` values."""
        return self.topic(*topics, schema=BatchSchema(), allow_empty=True, **kwargs)


@functools.cache
def bound_inflating() -> None:
    """Make every consumer of this process read compressed batches with bounded memory (see inflating.py)."""
    from aiokafka.consumer import fetcher

    fetcher.MemoryRecords = inflating.BoundedRecords
    for name in ("gzip_decode", "lz4_decode", "snappy_decode", "zstd_decode"):
        replace_codec(name, getattr(inflating, name))
