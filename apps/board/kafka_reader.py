"""Reads the output topics into the board's state: every committed record, without a consumer group.

The board assigns all partitions to itself, like `siaga tail`, so any number of boards can run beside the workers. Rows
are read from the beginning of their topics, escalations from a bounded number of records and hours back. Whatever ends
a reading (the broker is away, a topic does not exist, partitions were added), the next one begins after a pause where
it stopped; `health` and `progress` say so meanwhile."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from agents import metrics
from agents.batching import Progress, committed_reader, ends_of
from agents.batching.patches.fetching import close_client
from agents.batching.retry import Backoff
from agents.health import Health
from agents.kafka.connection import aiokafka_options
from agents.settings import Settings
from apps.board.board_state import BoardState, InvalidRecord
from apps.board.broker_clock import BrokerClock
from apps.board.reader_progress import ReaderProgress
from apps.board.trouble import LINES, TopicsMissing, Trouble
from schemas.topics import Topic

ESCALATION_OFFSETS_BACK = 2000
"""Per partition. Transaction markers take offsets too, so this is at least half as many escalations."""
ESCALATION_HOURS_BACK = 72
POLL_MS = 200
END_OFFSETS_EVERY_S = 1.0
TOPICS_EVERY_S = 15.0
"""How often the topics are listed: partitions that were added are read, a topic that was deleted is named."""
REQUEST_TIMEOUT_MS = 10_000
PARTITION_FETCH_BYTES = 1 << 20
RETRY_FIRST_S, RETRY_LONGEST_S = 0.5, 5.0
LOG_EVERY_S = 30.0
"""Between two lines about the same trouble."""
CLOSE_S = 5.0
PART = "reading Kafka"

log = logging.getLogger("siaga.board")


class TopicsChanged(Exception):
    """The topics have other partitions than those that are read; not an error."""


class TopicsRecreated(Exception):
    """A partition ends before what was read of it: its topic was deleted and created again."""


class KafkaReader:
    """Keeps the state current until cancelled; calls `on_change` after each batch of records. Raises SettingsError."""

    def __init__(
        self, settings: Settings, state: BoardState, on_change: Callable[[], None], health: Health | None = None
    ) -> None:
        self._settings, self._state, self._on_change = settings, state, on_change
        self._options = aiokafka_options(settings)
        self._health = health or Health("board", settings.topic_prefix)
        self._clock = BrokerClock()
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_LONGEST_S)
        self.progress = ReaderProgress()
        self._is_live = False  # at the end at the last measure: what comes now has just been written
        self._is_gone = False  # a topic that was read is missing
        self._logged_at_s = 0.0  # 0: nothing failed yet
        self._next_offsets: dict[TopicPartition, int] = {}
        self._end_offsets: dict[TopicPartition, int] = {}
        self._risk, self._province, self._escalations = (
            settings.topics[topic] for topic in (Topic.RISK, Topic.PROVINCE, Topic.ESCALATIONS)
        )

    async def run(self) -> None:
        """Read without end; after any error resume at the next unread offset."""
        while True:
            try:
                await self._read()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._failed(ConnectionError("a request was cancelled with its connection"))  # by aiokafka, not by us
            except TopicsChanged:
                log.info("the output topics have other partitions now: reading all of them")
                continue
            except TopicsRecreated:
                self._forget()
                continue
            except Exception as error:  # noqa: BLE001  # the board says so and reads on, or ends
                self._failed(error)
            await asyncio.sleep(self._backoff.after_failure(PART))

    def _failed(self, error: Exception) -> None:
        trouble = Trouble.of(error)
        reason, advice = LINES[trouble]
        self._health.blocked(PART, reason, advice)
        now_s = time.monotonic()
        if not self._logged_at_s or trouble != self.progress.trouble or now_s - self._logged_at_s >= LOG_EVERY_S:
            self._logged_at_s = now_s
            log.warning("cannot read from %s: %s; %s; trying again", self._settings.broker, reason, advice)
        log.log(logging.ERROR if trouble is Trouble.FAULT else logging.DEBUG, "reading ended", exc_info=error)
        self.progress.trouble = trouble

    def _forget(self) -> None:
        """Begin again with nothing: what was read is of topics that are gone."""
        log.warning("the output topics were deleted and created again: the table is read from the first record")
        self._next_offsets = {}
        self._is_gone = False
        self.progress.caught_up = False
        self._state.clear()

    async def _read(self) -> None:
        self._is_live = False
        async with self._admin() as admin:
            partitions = await self._list_partitions(admin)
            if self._is_gone:
                raise TopicsRecreated
            async with self._consumer() as consumer:
                await self._assign(consumer, partitions)
                self._end_offsets = {}
                watching = [
                    asyncio.create_task(self._refresh_end_offsets(consumer, partitions)),
                    asyncio.create_task(self._watch_topics(admin, partitions)),
                ]
                try:
                    while not any(task.done() for task in watching):
                        batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=5000)
                        self._apply(batches)
                        async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                            await self._measure_lag(consumer)
                    for task in watching:
                        if task.done():
                            task.result()
                finally:
                    for task in watching:
                        task.cancel()
                    await asyncio.wait(watching, timeout=CLOSE_S)

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._options, request_timeout_ms=REQUEST_TIMEOUT_MS)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        limits = {
            "fetch_max_wait_ms": POLL_MS,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "max_partition_fetch_bytes": PARTITION_FETCH_BYTES,
        }
        consumer = committed_reader(self._options | limits)
        try:
            await consumer.start()
            yield consumer
        finally:
            await _close(consumer)

    async def _list_partitions(self, admin: AIOKafkaAdminClient) -> list[TopicPartition]:
        """All partitions of the three topics. Raises TopicsMissing.

        The admin client is used because a consumer's metadata request may create the topic."""
        existing = await admin.list_topics()
        names = (self._risk, self._escalations, self._province)
        if missing := [name for name in names if name not in existing]:
            self._is_gone = bool(self._next_offsets)  # what was read of it; a topic of that name is another one then
            raise TopicsMissing(", ".join(missing))
        found = await admin.describe_topics(list(names))
        return sorted(TopicPartition(topic["topic"], p["partition"]) for topic in found for p in topic["partitions"])

    async def _watch_topics(self, admin: AIOKafkaAdminClient, partitions: list[TopicPartition]) -> None:
        """Raise TopicsChanged or TopicsMissing when the topics have other partitions than these."""
        while True:
            await asyncio.sleep(TOPICS_EVERY_S)
            if await self._list_partitions(admin) != partitions:
                raise TopicsChanged

    async def _assign(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Assign all partitions and seek each to its first offset to read."""
        consumer.assign(partitions)
        first = await consumer.beginning_offsets(partitions)
        end = await ends_of(consumer, partitions)
        self._check_not_recreated(end)
        recent = [partition for partition in partitions if partition.topic == self._escalations]
        since_ms = int((time.time() - ESCALATION_HOURS_BACK * 3600) * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(recent, since_ms))
        for partition in partitions:
            start = first[partition]
            if first[partition] <= self._next_offsets.get(partition, -1):
                start = self._next_offsets[partition]
            elif partition.topic == self._escalations:
                young = found[partition].offset if found.get(partition) else end[partition]
                start = max(start, young, end[partition] - ESCALATION_OFFSETS_BACK)
            consumer.seek(partition, start)

    async def _refresh_end_offsets(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Ask the broker for the end offsets at an interval: they tell an idle topic from a lost broker."""
        while True:
            async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                ends = await ends_of(consumer, partitions)
            self._check_not_recreated(ends)
            self._end_offsets = ends
            if self.progress.trouble and self._logged_at_s > 0:
                log.info("Kafka answers again")
            self.progress.trouble = Trouble.NONE
            self._health.works(PART)
            self._backoff.after_success(PART)
            await asyncio.sleep(END_OFFSETS_EVERY_S if self.progress.caught_up else POLL_MS / 1000)

    def _check_not_recreated(self, ends: dict[TopicPartition, int]) -> None:
        if any(ends.get(partition, offset) < offset for partition, offset in self._next_offsets.items()):
            raise TopicsRecreated

    async def _measure_lag(self, consumer: AIOKafkaConsumer) -> None:
        """Compare the positions with the newest end offsets; all records before the positions are in the state."""
        ends, self._end_offsets = self._end_offsets, {}
        if not ends:
            return
        lag = 0
        for partition, end in ends.items():
            lag += Progress(await consumer.position(partition), end).lag
        self.progress.lag_records = lag
        self._is_live = lag == 0
        if lag:
            self._end_offsets = self._end_offsets or ends  # compare with these again after the next batch
            return
        self.progress.at_end_s = time.monotonic()
        if not self.progress.caught_up:
            self.progress.caught_up = True
            log.info("caught up: %d regencies, %d provinces", len(self._state.rows), len(self._state.provinces))
            self._on_change()

    def _apply(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        for partition, records in batches.items():
            for record in records:
                try:
                    self._apply_record(partition, record)
                except InvalidRecord as error:
                    self.progress.unreadable += 1
                    metrics.BOARD_UNREADABLE.inc()
                    where = f"{partition.topic}[{partition.partition}]@{record.offset}"
                    log.warning("invalid record %s skipped: %s", where, error)
            self._next_offsets[partition] = records[-1].offset + 1
        if batches:
            self._on_change()

    def _apply_record(self, partition: TopicPartition, record: ConsumerRecord) -> None:
        self.progress.add_append_time(record.timestamp)
        if partition.topic == self._escalations:
            self._state.put_escalation(record.value or b"", record.timestamp, partition.partition, record.offset)
            return
        key = (record.key or b"").decode("utf-8", "replace")
        if partition.topic == self._province:
            self._state.put_province(key, record.value)
            return
        now_ms = int(time.time() * 1000)
        if self._is_live:
            self._clock.compare(record.timestamp, now_ms)
            self.progress.broker_clock_ahead_ms = self._clock.ahead_ms
        self._state.put_row(key, record.value, self._clock.written_ms(record.timestamp, now_ms))
        self.progress.newest_row_ms = max(self.progress.newest_row_ms, record.timestamp)


async def _close(consumer: AIOKafkaConsumer) -> None:
    """Stop it, also where its own requests are cancelled: then aiokafka's `stop` ends with their CancelledError before
    it has closed the client, which would call the broker for ever (docs/upstream.md)."""
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([stopping], timeout=CLOSE_S)
    if not stopping.done() or stopping.cancelled() or stopping.exception():
        stopping.cancel()
        await asyncio.wait([asyncio.ensure_future(close_client(consumer))], timeout=CLOSE_S)
