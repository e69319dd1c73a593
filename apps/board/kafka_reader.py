"""Reads the output topics into the board's state: every committed record, without a consumer group.

The board assigns all partitions to itself, like `siaga tail`, so any number of boards can run beside the workers. Rows
are read from the beginning of their topics, escalations from a bounded number of records and hours back. While the
broker is down or a topic does not exist yet, the reader retries."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents import metrics
from agents.batching import Progress, committed_reader, ends_of
from agents.kafka.connection import aiokafka_options
from agents.settings import Settings
from apps.board.board_state import BoardState, InvalidRecord
from schemas.topics import Topic

ESCALATION_OFFSETS_BACK = 2000
"""Per partition. Transaction markers take offsets too, so this is at least half as many escalations."""
ESCALATION_HOURS_BACK = 72
POLL_MS = 200
END_OFFSETS_EVERY_S = 1.0
REQUEST_TIMEOUT_MS = 10_000
PARTITION_FETCH_BYTES = 1 << 20
BEHIND_AFTER_S = 10.0
RETRY_S = (0.5, 1, 2, 5)


log = logging.getLogger("siaga.board")


@dataclass
class ReaderProgress:
    """How far the reader is behind Kafka. `at_end_s` is monotonic time, `newest_row_ms` append time (Unix)."""

    caught_up: bool = False
    lag_records: int = 0
    at_end_s: float = field(default_factory=time.monotonic)
    newest_row_ms: int = 0
    unreadable: int = 0
    trouble: str = "waiting for the broker"
    _append_times_ms: list[int] = field(default_factory=list)

    @property
    def behind_s(self) -> float:
        """Seconds since the reader was last at the end of every partition."""
        return max(0.0, time.monotonic() - self.at_end_s)

    @property
    def healthy(self) -> bool:
        """Whether the reader caught up once and was at the end within BEHIND_AFTER_S."""
        return self.caught_up and self.behind_s < BEHIND_AFTER_S

    def add_append_time(self, appended_ms: int) -> None:
        """Note a record's append time. Records read while catching up do not count: nobody waited for them."""
        if self.caught_up:
            self._append_times_ms.append(appended_ms)

    def take_append_times(self) -> list[int]:
        """Append times of the records read since the last call."""
        taken, self._append_times_ms = self._append_times_ms, []
        return taken

    def view(self) -> dict[str, Any]:
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


class KafkaReader:
    """Keeps the state current until cancelled; calls `on_change` after each batch of records. Raises SettingsError."""

    def __init__(self, settings: Settings, state: BoardState, on_change: Callable[[], None]) -> None:
        self._settings, self._state, self._on_change = settings, state, on_change
        self._options = aiokafka_options(settings)
        self.progress = ReaderProgress()
        self._next_offsets: dict[TopicPartition, int] = {}
        self._end_offsets: dict[TopicPartition, int] = {}
        self._risk, self._province, self._escalations = (
            settings.topics[topic] for topic in (Topic.RISK, Topic.PROVINCE, Topic.ESCALATIONS)
        )

    async def run(self) -> None:
        """Read without end; after an error of the broker resume at the next unread offset."""
        failures = 0
        while True:
            try:
                await self._read()
            except (KafkaError, OSError, LookupError, TimeoutError) as error:
                trouble = str(error) if type(error) is LookupError else f"{type(error).__name__}: {error}"
                if trouble != self.progress.trouble:
                    log.warning("cannot read %s: %s; retrying", self._settings.broker, trouble)
                self.progress.trouble = trouble
                await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1

    async def _read(self) -> None:
        limits = {
            "fetch_max_wait_ms": POLL_MS,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "max_partition_fetch_bytes": PARTITION_FETCH_BYTES,
        }
        consumer = committed_reader(self._options | limits)
        try:
            partitions = await self._list_partitions()
            await consumer.start()
            await self._assign(consumer, partitions)
            self._end_offsets = {}
            refresh = asyncio.create_task(self._refresh_end_offsets(consumer, partitions))
            try:
                while not refresh.done():
                    batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=5000)
                    self._apply(batches)
                    await self._measure_lag(consumer)
                if refresh.cancelled():  # by aiokafka, whose pending requests end so when their connection is lost
                    raise ConnectionError("the request for the end offsets was cancelled")
                refresh.result()
            finally:
                refresh.cancel()
        finally:
            await consumer.stop()

    async def _list_partitions(self) -> list[TopicPartition]:
        """All partitions of the three topics. Raises LookupError while a topic does not exist.

        The admin client is used because a consumer's metadata request may create the topic."""
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
        """Assign all partitions and seek each to its first offset to read."""
        consumer.assign(partitions)
        first = await consumer.beginning_offsets(partitions)
        end = await ends_of(consumer, partitions)
        recent = [partition for partition in partitions if partition.topic == self._escalations]
        since_ms = int((time.time() - ESCALATION_HOURS_BACK * 3600) * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(recent, since_ms))
        for partition in partitions:
            start = first[partition]
            if first[partition] <= self._next_offsets.get(partition, -1) <= end[partition]:
                start = self._next_offsets[partition]
            elif partition.topic == self._escalations:
                young = found[partition].offset if found.get(partition) else end[partition]
                start = max(start, young, end[partition] - ESCALATION_OFFSETS_BACK)
            consumer.seek(partition, start)

    async def _refresh_end_offsets(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Ask the broker for the end offsets at an interval: they tell an idle topic from a lost broker."""
        while True:
            self._end_offsets = await asyncio.wait_for(ends_of(consumer, partitions), REQUEST_TIMEOUT_MS / 1000)
            self.progress.trouble = ""
            await asyncio.sleep(END_OFFSETS_EVERY_S if self.progress.caught_up else POLL_MS / 1000)

    async def _measure_lag(self, consumer: AIOKafkaConsumer) -> None:
        """Compare the positions with the newest end offsets; all records before the positions are in the state."""
        ends, self._end_offsets = self._end_offsets, {}
        if not ends:
            return
        lag = 0
        for partition, end in ends.items():
            lag += Progress(await consumer.position(partition), end).lag
        self.progress.lag_records = lag
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
        self._state.put_row(key, record.value)
        self.progress.newest_row_ms = max(self.progress.newest_row_ms, record.timestamp)
