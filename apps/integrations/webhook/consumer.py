"""A member of the sender's consumer group: which partitions are its, and the records of each to its delivery.

The group only shares out the partitions; what was delivered is in the log of notifications. At least once: a process
killed between a post and its record sends it again, with the same idempotency key. A clean stop, and a partition that
moves to another instance, wait for the post in progress and its record: nothing is sent twice."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from apps.integrations.webhook.delivery import LOG_GRACE_S, Sending
from apps.integrations.webhook.http_attempt import backoff_s
from apps.integrations.webhook.partition_sender import PartitionSender
from apps.integrations.webhook.starting import SenderEnds, SenderNames, check_members, prepare
from schemas.vocabulary import DAY_MS

POLL_MS = 200
POLL_RECORDS_MAX = 50
#: Deliveries run beside the polls, so waiting for a receiver is no reason to leave the group.
POLL_INTERVAL_MAX_MS = 7 * DAY_MS
#: How often Kafka is asked for the ends of the partitions, and how long it may take: a consumer alone does not notice
#: that no broker answers. With STUCK_AFTER_S this shows within 15 s.
WATCH_S, ANSWER_S = 1.0, 3.0
KAFKA, READING = "Kafka", "escalations"
KAFKA_ADVICE = "is the broker up, and may this user read the topic?"

log = logging.getLogger("siaga.webhook")


class WebhookConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Polls the topic and runs one PartitionSender for each assigned partition."""

    def __init__(
        self, options: dict[str, Any], names: SenderNames, instance: str | None, timeout_s: float, sending: Sending
    ) -> None:
        self._options, self._names, self._instance = options, names, instance
        self._timeout_s, self._sending = timeout_s, sending
        self._senders: dict[TopicPartition, tuple[PartitionSender, asyncio.Task[None]]] = {}
        self._is_rebalancing = False

    async def run(self, from_beginning: bool) -> None:
        """Deliver until cancelled. Raises SenderEnds when no retry can help, or nothing helped for END_AFTER_S."""
        ends = asyncio.create_task(self._end_when_hopeless())
        work = asyncio.create_task(self._work(from_beginning))
        try:
            done, _ = await asyncio.wait({ends, work}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (ends, work):
                task.cancel()
            await asyncio.gather(ends, work, return_exceptions=True)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Before a rebalance: let each post in progress end and be logged."""
        self._is_rebalancing = True
        await self._stop_senders()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """After a rebalance: deliveries may start again."""
        self._is_rebalancing = False
        log.info("partitions: %s", ", ".join(str(tp.partition) for tp in sorted(assigned)) or "none (stand-by)")

    async def _work(self, from_beginning: bool) -> None:
        consumer = await self._start(from_beginning)
        watch = asyncio.create_task(self._watch(consumer))
        try:
            while True:
                self._start_senders(consumer)
                await self._poll(consumer)
                if watch.done():
                    watch.result()
        finally:
            watch.cancel()
            await self._stop_senders()
            with suppress(TimeoutError):  # aiokafka waits for an unreachable broker without end
                async with asyncio.timeout(LOG_GRACE_S):
                    await consumer.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOG_GRACE_S):
                    await self._sending.writer.stop()

    async def _end_when_hopeless(self) -> None:
        while not (stuck := self._sending.health.hopeless()):
            await asyncio.sleep(1.0)
        raise SenderEnds(stuck.line())

    async def _start(self, from_beginning: bool) -> AIOKafkaConsumer:
        attempts = 0
        while True:
            consumer = None
            try:
                await prepare(self._options, self._names, from_beginning)
                await self._sending.writer.start()
                consumer = self._consumer()
                await consumer.start()
                return consumer
            except (asyncio.CancelledError, SenderEnds):
                if consumer:
                    await consumer.stop()
                raise
            except (KafkaError, OSError, LookupError, TimeoutError) as error:
                await self._sending.writer.stop()
                if consumer:
                    await consumer.stop()
                attempts += 1
                self._sending.health.blocked(KAFKA, f"cannot read {self._names.escalations}: {error}", KAFKA_ADVICE)
                log.warning("cannot read %s yet: %s", self._names.escalations, error)
                await asyncio.sleep(backoff_s(min(attempts, 4), None))

    def _consumer(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._options,
            group_id=self._names.group,
            group_instance_id=self._instance,
            client_id=self._names.client_id,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=POLL_INTERVAL_MAX_MS,
            # A post in progress must be able to end before its partition moves to another instance.
            rebalance_timeout_ms=int(self._timeout_s * 1000) + 20_000,
        )
        consumer.subscribe([self._names.escalations], listener=self)
        return consumer

    def _start_senders(self, consumer: AIOKafkaConsumer) -> None:
        for partition in consumer.assignment() - self._senders.keys():
            if not self._is_rebalancing:
                sender = PartitionSender(self._sending, self._options, self._names.log, consumer, partition)
                self._senders[partition] = sender, asyncio.create_task(sender.run())

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Offer what is there to the deliveries that are ready. Raises what one of them did not handle."""
        ready = [tp for tp in consumer.assignment() if self._has_room(tp)]
        try:
            if not ready:
                await asyncio.sleep(POLL_MS / 1000)
            batches = await consumer.getmany(*ready, timeout_ms=POLL_MS, max_records=POLL_RECORDS_MAX) if ready else {}
        except IllegalStateError:
            return  # revoked meanwhile
        except KafkaError as error:
            why = f"cannot read {self._names.escalations}: {type(error).__name__}"
            self._sending.health.blocked(READING, why, KAFKA_ADVICE)
            await asyncio.sleep(1.0)
            return
        self._sending.health.works(READING)
        for partition, records in batches.items():
            await self._offer(partition, records)
        await self._check_senders()

    async def _check_senders(self) -> None:
        """Raise what a sender did not handle; begin again with one that ended because its partition moved."""
        for partition, (sender, task) in list(self._senders.items()):
            if failure := sender.delivery.failure() if sender.delivery else None:
                raise failure
            if task.done():
                task.result()
                self._senders.pop(partition, None)
                await self._stop_one(sender, task)

    def _has_room(self, partition: TopicPartition) -> bool:
        found = self._senders.get(partition)
        return found is not None and found[0].delivery is not None and found[0].delivery.has_room

    async def _offer(self, partition: TopicPartition, records: list[Any]) -> None:
        for record in records:
            if self._is_rebalancing or not (found := self._senders.get(partition)):
                return  # the partition's next owner reads it from the log's position
            delivery = found[0].delivery
            assert delivery is not None
            if record.offset < delivery.next:
                await self._reload(partition)
                return
            await delivery.offer(record)

    async def _reload(self, partition: TopicPartition) -> None:
        """The topic was created again while it was read: begin again with the log."""
        log.error("%s partition %d was created again", partition.topic, partition.partition)
        if found := self._senders.pop(partition, None):
            await self._stop_one(*found)

    async def _watch(self, consumer: AIOKafkaConsumer) -> None:
        """Ask Kafka for the ends all the time: whether it answers, and whether they lie before what was read."""
        await check_members(self._options, self._names)
        everything = [TopicPartition(self._names.escalations, 0)]
        while True:
            partitions = list(consumer.assignment()) or everything
            try:
                async with asyncio.timeout(ANSWER_S):
                    ends = await consumer.end_offsets(partitions)
            except (KafkaError, OSError, TimeoutError, IllegalStateError) as error:
                why = str(error) or type(error).__name__
                self._sending.health.blocked(KAFKA, f"no answer about {self._names.escalations}: {why}", KAFKA_ADVICE)
            else:
                self._sending.health.works(KAFKA)
                for partition, end in ends.items():
                    found = self._senders.get(partition)
                    if found and found[0].delivery and end < found[0].delivery.next:
                        await self._reload(partition)
            await asyncio.sleep(WATCH_S)

    async def _stop_senders(self) -> None:
        """Stop all deliveries; each lets its posts in progress end and logs them."""
        senders, self._senders = list(self._senders.values()), {}
        await asyncio.gather(*(self._stop_one(sender, task) for sender, task in senders))

    async def _stop_one(self, sender: PartitionSender, task: asyncio.Task[None]) -> None:
        await sender.stopped(self._timeout_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
