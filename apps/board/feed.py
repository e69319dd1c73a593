"""Reading the output topics into the table: every committed record, no consumer group.

A board is a reader like `tail`: it assigns all partitions to itself, so any number of boards can run and none disturbs
the workers. Tables are read from their beginning, escalations from a bounded way back. A broker that is down or a topic
that does not exist yet is waited for."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents import metrics
from agents.kafka.connection import aiokafka_options
from agents.settings import Settings
from apps.board.table import BoardTable, Unreadable
from schemas.topics import Topic

ESCALATION_OFFSETS_BACK = 2000
"""Per partition. Transaction markers take offsets too, so this is at least half as many escalations."""
ESCALATION_HOURS_BACK = 72
POLL_MS = 200
PROBE_S = 1.0
REQUEST_TIMEOUT_MS = 10_000
BEHIND_AFTER_S = 10.0
RETRY_S = (0.5, 1, 2, 5)


log = logging.getLogger("siaga.board")


@dataclass
class FeedState:
    """How well the board hears Kafka. Times are seconds of the monotonic clock unless named otherwise.

    `taken_ms`: append times of the records taken since whoever publishes them last emptied it. History that is read at
    the start is not in it: nobody waited for that."""

    caught_up: bool = False
    lag_records: int = 0
    last_level: float = field(default_factory=time.monotonic)
    newest_row_ms: int = 0
    taken_ms: list[int] = field(default_factory=list)
    unreadable: int = 0
    trouble: str = "waiting for the broker"

    @property
    def behind_s(self) -> float:
        """Seconds since the board last stood at the end of every partition."""
        return max(0.0, time.monotonic() - self.last_level)

    @property
    def healthy(self) -> bool:
        return self.caught_up and self.behind_s < BEHIND_AFTER_S

    def view(self) -> dict:
        """For /healthz and the page. `newest_row_ms` is the broker's append time of the newest row, Unix time."""
        return {
            "status": "ok" if self.healthy else ("behind" if self.caught_up else "starting"),
            "caught_up": self.caught_up,
            "lag_records": self.lag_records,
            "behind_s": round(self.behind_s, 1),
            "newest_row_ms": self.newest_row_ms,
            "unreadable_records": self.unreadable,
            "trouble": self.trouble,
        }


class Feed:
    """Keeps a table current until cancelled. `on_change` is called after each batch of records. Raises SettingsError."""

    def __init__(self, settings: Settings, table: BoardTable, on_change: Callable[[], None]) -> None:
        self._settings, self._table, self._on_change = settings, table, on_change
        self._options = aiokafka_options(settings)
        self.state = FeedState()
        self._next: dict[TopicPartition, int] = {}
        self._goal: dict[TopicPartition, int] = {}
        self._risk, self._province, self._escalations = (
            settings.topics[topic] for topic in (Topic.RISK, Topic.PROVINCE, Topic.ESCALATIONS)
        )

    async def run(self) -> None:
        """Read for ever; after trouble with the broker go on where reading stopped."""
        failures = 0
        while True:
            try:
                await self._read()
            except (KafkaError, OSError, LookupError, TimeoutError) as error:
                trouble = str(error) if type(error) is LookupError else f"{type(error).__name__}: {error}"
                if trouble != self.state.trouble:
                    log.warning("cannot read %s: %s; trying again", self._settings.broker, trouble)
                self.state.trouble = trouble
                await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._options,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            partitions = await self._partitions()
            await consumer.start()
            await self._assign(consumer, partitions)
            self._goal = {}
            probe = asyncio.create_task(self._probe(consumer, partitions))
            try:
                while not probe.done():
                    batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=5000)
                    self._take(batches)
                    await self._compare(consumer)
                probe.result()
            finally:
                probe.cancel()
        finally:
            await consumer.stop()

    async def _partitions(self) -> list[TopicPartition]:
        """All partitions of the three topics. Raises LookupError while one does not exist: asking must not create it."""
        admin = AIOKafkaAdminClient(**self._options, request_timeout_ms=REQUEST_TIMEOUT_MS)
        try:
            await admin.start()
            existing = await admin.list_topics()
            names = (self._risk, self._escalations, self._province)
            for name in names:
                if name not in existing:
                    raise LookupError(f"no topic {name} yet (siaga topics creates it)")
            found = await admin.describe_topics(list(names))
        finally:
            await admin.close()
        return [TopicPartition(topic["topic"], p["partition"]) for topic in found for p in topic["partitions"]]

    async def _assign(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Assign and position all partitions."""
        consumer.assign(partitions)
        first = await consumer.beginning_offsets(partitions)
        end = await consumer.end_offsets(partitions)
        recent = [partition for partition in partitions if partition.topic == self._escalations]
        since_ms = int((time.time() - ESCALATION_HOURS_BACK * 3600) * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(recent, since_ms))
        for partition in partitions:
            start = first[partition]
            if first[partition] <= self._next.get(partition, -1) <= end[partition]:
                start = self._next[partition]
            elif partition.topic == self._escalations:
                young = found[partition].offset if found.get(partition) else end[partition]
                start = max(start, young, end[partition] - ESCALATION_OFFSETS_BACK)
            consumer.seek(partition, start)

    async def _probe(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Ask for the ends again and again: being idle must not look like being cut off, nor the reverse."""
        while True:
            self._goal = await asyncio.wait_for(consumer.end_offsets(partitions), REQUEST_TIMEOUT_MS / 1000)
            self.state.trouble = ""
            await asyncio.sleep(PROBE_S if self.state.caught_up else POLL_MS / 1000)

    async def _compare(self, consumer: AIOKafkaConsumer) -> None:
        """Set positions against the ends last told. Called with everything up to the positions already in the table."""
        goal, self._goal = self._goal, {}
        if not goal:
            return
        lag = 0
        for partition, end in goal.items():
            lag += max(0, end - await consumer.position(partition))
        self.state.lag_records = lag
        if lag:
            self._goal = self._goal or goal  # still to be reached
            return
        self.state.last_level = time.monotonic()
        if not self.state.caught_up:
            self.state.caught_up = True
            log.info("caught up: %d regencies, %d provinces", len(self._table.rows), len(self._table.provinces))
            self._on_change()

    def _take(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        for partition, records in batches.items():
            for record in records:
                try:
                    self._take_record(partition, record)
                except Unreadable as error:
                    self.state.unreadable += 1
                    metrics.BOARD_UNREADABLE.inc()
                    where = f"{partition.topic}[{partition.partition}]@{record.offset}"
                    log.warning("unreadable record %s: %s", where, error)
            self._next[partition] = records[-1].offset + 1
        if batches:
            self._on_change()

    def _take_record(self, partition: TopicPartition, record: ConsumerRecord) -> None:
        if self.state.caught_up:
            self.state.taken_ms.append(record.timestamp)
        if partition.topic == self._escalations:
            self._table.take_escalation(record.value or b"", record.timestamp, partition.partition, record.offset)
            return
        key = (record.key or b"").decode("utf-8", "replace")
        if partition.topic == self._province:
            self._table.take_province(key, record.value)
            return
        self._table.take_row(key, record.value)
        self.state.newest_row_ms = max(self.state.newest_row_ms, record.timestamp)
