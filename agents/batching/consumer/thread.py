"""The consumer's thread: makes whole batches of what aiokafka has fetched."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import aiokafka
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from ..fold import Batch
from ..options import BatchingOptions
from ..patches import fetching
from ..patches.connecting import bound_connecting
from ..patches.faust_transport import ConsumerThread
from ..patches.fetching import Available, PartitionState, progress_of
from ..patches.membership import watch_membership
from ..patches.records import bound_inflating, hand_out_parsed_records, read_past_empty_markers
from ..retry import start_with_retry
from .assignor import block_assignor, lane_assignor, lanes_of
from .fetch_quota import SlowStart, shares

if TYPE_CHECKING:
    from ..app import BatchApp
    from .consumer import BatchConsumer

log = logging.getLogger(__name__)

#: Records taken from a fetch answer before their size is looked at again.
_TAKE = 100


class _ReadTo(NamedTuple):
    """A partition's state and position when it was last taken from, and the first offset that no batch has covered."""

    state: PartitionState
    position: int
    covered: int


class BatchConsumerThread(ConsumerThread):
    """While a partition's batch is in flight its partition is left out of the fetch; what arrives meanwhile forms the
    next batch.
    """

    def __init__(self, consumer: "BatchConsumer", **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._batch_consumer = consumer
        self._batch_app = cast("BatchApp", self.app)
        self._read_to: dict[TopicPartition, _ReadTo] = {}
        self._slow_start = SlowStart(self._options.first_batch_part)
        self.is_division_fixed = False
        #: When the group last answered a heartbeat, or the consumer was started; monotonic seconds.
        self.answered_at = monotonic()

    @property
    def _options(self) -> BatchingOptions:
        return self._batch_app.batching

    def new_consumer(self) -> aiokafka.AIOKafkaConsumer:
        """A member of the group that reads committed records and commits nothing itself."""
        bound_inflating()
        hand_out_parsed_records()
        read_past_empty_markers()
        bound_connecting(self._options.connect_ms_max)
        options, conf, division = self._options, self.app.conf, self._batch_app.division
        return aiokafka.AIOKafkaConsumer(
            **options.client,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            partition_assignment_strategy=[block_assignor(division), lane_assignor(division)],
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
            # No eviction for not polling: Faust's fetcher, not the fold, polls. A fold that hangs shows in the lag.
            max_poll_interval_ms=2**31 - 1,
        )

    async def on_start(self) -> None:
        """Start the consumer, and watch its membership of the group."""
        self._read_to.clear()
        self._slow_start.reset()
        await start_with_retry(super().on_start, lambda: self.kafka_consumer.stop())
        fetching.shorten_fetch_pauses(self.kafka_consumer, self._options.fetch_wait_ms / 1000)
        instance = self.app.conf.consumer_group_instance_id
        watch_membership(self.kafka_consumer, self._options, instance, self._end, self._divided, self._answered)

    def _divided(self, protocol: str) -> None:
        """The group has agreed on how it divides its partitions; the assignment follows."""
        self.is_division_fixed = lanes_of(protocol) is not None

    def _answered(self) -> None:
        self.answered_at = monotonic()

    def _end(self, reason: Exception) -> None:
        log.critical("%s", reason)
        self._batch_app.end(reason)

    async def fetch(self, active: set[TP], timeout_s: float, max_records: int) -> dict[TP, Batch]:
        """Batches of every available partition that has records, or {} after the timeout.

        Raises aiokafka's ConsumerStoppedError once the consumer is closed.
        """
        if not self.consumer.flow_active:
            return {}
        consumer = self.kafka_consumer
        available = Available(active, self._batch_consumer.in_flight)
        deadline = self.thread_loop.time() + timeout_s
        with fetching.fetch_context(consumer):
            while True:
                fetching.check_open(consumer)
                batches = await self._take_batches(consumer, active, available, max_records)
                left = deadline - self.thread_loop.time()
                if batches or left <= 0:
                    return batches
                await fetching.wait_for_fetch(consumer, left)

    async def _take_batches(
        self, consumer: aiokafka.AIOKafkaConsumer, active: set[TP], available: Available, max_records: int
    ) -> dict[TP, Batch]:
        fetched = fetching.fetched(consumer)
        if not fetched:
            return {}
        batches: dict[TP, Batch] = {}
        parts = shares({tp: self.lag(tp) for tp in active})
        for tp in fetched:
            if tp not in available:
                continue
            part = parts[tp] * self._slow_start.part(tp)
            batch = await self._take_batch(consumer, tp, part, max_records)
            if batch is not None:
                self._slow_start.handed_out(tp)
                batches[tp] = batch
        return batches

    async def _take_batch(
        self, consumer: aiokafka.AIOKafkaConsumer, tp: TopicPartition, part: float, max_records: int
    ) -> Batch | None:
        """The next batch of a partition; None where only markers of transactions or aborted records were fetched."""
        state = fetching.state_of(consumer, tp)
        if state is None or not fetching.has_position(state):
            return None
        start, went_back = self._start_of(tp, state)
        records = await self._take_records(consumer, tp, part, max_records)
        if not fetching.has_position(state):  # a seek came between: the records are read again if it leads to them
            return None
        self._read_to[tp] = _ReadTo(state, state.position, state.position if records else start)
        progress = progress_of(consumer, tp)
        if not records or progress is None:
            return None
        return Batch(records, start, progress.position, progress.end, went_back)

    def _start_of(self, tp: TopicPartition, state: PartitionState) -> tuple[int, bool]:
        """Where the next batch of a partition starts, and whether it went back: the broker answered
        OFFSET_OUT_OF_RANGE, and the partition is read from its beginning.

        What was skipped without a batch, markers of transactions and aborted records, belongs to the next one: left out
        it would look like a gap. That a partition went back is a guess that a shard must confirm: a seek that comes
        just then looks the same.
        """
        read = self._read_to.get(tp)
        if read is None or read.state is not state:
            return state.position, False
        if state.position == read.position:
            return read.covered, False
        return state.position, state.position < read.position

    async def _take_records(
        self, consumer: aiokafka.AIOKafkaConsumer, tp: TopicPartition, part: float, max_records: int
    ) -> list[Any]:
        """Fetched records of a partition, until they reach its part of a full batch in number or in memory."""
        records: list[Any] = []
        left, size_left = max(1, round(part * max_records)), part * self._options.batch_bytes_max
        while left > 0 and size_left > 0 and fetching.has_fetched(consumer, tp):
            some = await fetching.take_fetched(consumer, tp, min(_TAKE, left))
            if not some:
                break
            records += some
            left -= len(some)
            size_left -= some.cost
        return records

    def lag(self, tp: TopicPartition) -> int:
        """Offsets between what was handed out and the end of a partition, as last seen; 0 before its first fetch."""
        progress = progress_of(self.kafka_consumer, driver.ensure_aiokafka_TP(tp))
        return progress.lag if progress else 0

    def is_at_end(self, tp: TopicPartition) -> bool:
        """Whether all of a partition was handed out, as last seen."""
        progress = progress_of(self.kafka_consumer, driver.ensure_aiokafka_TP(tp))
        return progress is not None and progress.is_at_end

    async def seek_if_assigned(self, tp: TP, offset: int) -> None:
        """Read a partition from this offset next; nothing where it is not assigned. In this thread only."""
        kafka_tp = driver.ensure_aiokafka_TP(tp)
        self._read_to.pop(kafka_tp, None)
        with suppress(IllegalStateError):  # no longer ours: its next owner begins where the shard's transactions say
            self.kafka_consumer.seek(kafka_tp, offset)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """After a rebalance: seek to the group's offsets, and to the beginning of a partition that has none. aiokafka
        would leave its position as it is, past batches that were returned unread (docs/upstream.md).
        """
        offsets = await super().seek_to_committed()
        self._read_to.clear()
        self._slow_start.reset()
        unread = [tp for tp, offset in offsets.items() if not offset or offset < 0]
        if unread:
            await self.call_thread(self.kafka_consumer.seek_to_beginning, *unread)
        return offsets

    def wake(self) -> None:
        """Make a waiting fetch look again. Safe to call from any thread."""
        self.thread_loop.call_soon_threadsafe(lambda: fetching.wake_fetch_waiters(self.kafka_consumer))
