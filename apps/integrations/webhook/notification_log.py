"""The log of notifications on Kafka: one sender's records of one partition, read to the end and on, and written.

Escalation partition P is logged in partition P of the log. Records are written one at a time for each partition, so
that a record's `settled_below` counts only what is in the log before it."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from agents.health import Health
from apps.integrations.webhook.delivery_state import parse
from apps.integrations.webhook.http_attempt import backoff_s
from schemas.notification import Notification

#: A request that the broker does not answer in this time is made again, on another connection.
REQUEST_MS = 10_000
POLL_MS = 1_000
PART = "log of notifications"
ADVICE = "is the broker up, may this user write the topic, and has `siaga topics` made it?"

log = logging.getLogger("siaga.webhook")
Logged = tuple[Notification, int]
"""A record and its append time in milliseconds."""


class LogWriter:
    """Writes to the log and waits for the broker's acknowledgement, for as long as it takes."""

    def __init__(self, options: dict[str, Any], topic: str, health: Health) -> None:
        self._options, self._topic, self._health = options, topic, health
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect. Raises KafkaError."""
        # No idempotence: a record that is there twice changes nothing, and no time-out is fatal.
        producer = AIOKafkaProducer(
            **self._options, client_id="siaga-webhook", acks="all", request_timeout_ms=REQUEST_MS
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer:
            await self._producer.stop()

    async def write(self, one: Notification) -> int:
        """Append a record to the partition that it names and return its append time in milliseconds."""
        assert self._producer is not None
        content, partition, attempts = one.line(), one.position.partition, 0
        part = f"{PART}, partition {partition}"
        while True:
            try:
                done = await self._producer.send_and_wait(
                    self._topic, content, key=one.target.encode(), partition=partition
                )
            except (KafkaError, OSError, AssertionError) as error:  # aiokafka asserts that the partition exists
                attempts += 1
                self._health.blocked(part, f"cannot write to {self._topic}: {type(error).__name__}", ADVICE)
                log.warning("cannot write to %s partition %d yet: %r", self._topic, partition, error)
                await asyncio.sleep(backoff_s(min(attempts, 4), None))
            else:
                self._health.works(part)
                append_ms: int = done.timestamp
                return append_ms


class LogReader:
    """Reads one sender's records of some partitions from the beginning, without a group."""

    def __init__(self, options: dict[str, Any], topic: str, partitions: Sequence[int], target: str) -> None:
        self._partitions = [TopicPartition(topic, partition) for partition in partitions]
        self._target = target
        self._consumer = AIOKafkaConsumer(
            **options,
            client_id="siaga-webhook",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=REQUEST_MS,
        )

    async def start(self) -> None:
        """Connect. Raises KafkaError."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def read_to_end(self) -> list[Logged]:
        """All records up to the ends as they are now. Raises KafkaError, NewerLog."""
        ends = await self._consumer.end_offsets(self._partitions)
        found: list[Logged] = []
        while [tp for tp in self._partitions if await self._consumer.position(tp) < ends[tp]]:
            found += await self.poll()
        return found

    async def poll(self) -> list[Logged]:
        """The next records, waiting up to POLL_MS for the first. Raises KafkaError, NewerLog."""
        batches = await self._consumer.getmany(*self._partitions, timeout_ms=POLL_MS)
        parsed = [(parse(record.value), record.timestamp) for batch in batches.values() for record in batch]
        return [(one, append_ms) for one, append_ms in parsed if one is not None and one.target == self._target]


async def fetch(options: dict[str, Any], partition: TopicPartition, offset: int, within_s: float) -> Any | None:
    """The committed record at an offset, None when it is not there. Raises KafkaError, TimeoutError."""
    consumer = AIOKafkaConsumer(
        **options,
        client_id="siaga-webhook",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        request_timeout_ms=REQUEST_MS,
    )
    await consumer.start()
    try:
        consumer.assign([partition])
        first = (await consumer.beginning_offsets([partition]))[partition]
        end = (await consumer.end_offsets([partition]))[partition]
        if not first <= offset < end:
            return None
        consumer.seek(partition, offset)
        try:
            async with asyncio.timeout(within_s):
                record = await consumer.getone(partition)
        except TimeoutError:
            if await consumer.position(partition) > offset:
                return None  # only markers of transactions are left from there on
            raise
        return record if record.offset == offset else None
    finally:
        await consumer.stop()
