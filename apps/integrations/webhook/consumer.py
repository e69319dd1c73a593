"""A consumer group whose committed offsets say what the receiver has accepted.

At least once: an offset is committed after the receiver accepted the escalation, so a process killed between the two
sends it again, with the same idempotency key. A clean stop, and a partition that moves to another instance, wait for
the post in progress and commit its offset: nothing is sent twice."""

import asyncio
import functools
import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from apps.integrations.escalation_records import DeliveryCounts
from apps.integrations.webhook.delivery import PartitionDelivery
from apps.integrations.webhook.http_attempt import Poster, backoff_s
from apps.integrations.webhook.refused_store import RefusedStore
from apps.integrations.webhook.starting_offsets import commit_starting_offsets
from schemas.ruleset.outward import OutwardRule
from schemas.vocabulary import DAY_MS

POLL_MS = 200
POLL_RECORDS_MAX = 50
#: Deliveries run beside the polls, so waiting for a receiver is no reason to leave the group.
POLL_INTERVAL_MAX_MS = 7 * DAY_MS

log = logging.getLogger("siaga.webhook")


class WebhookConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Polls the topic and runs one PartitionDelivery for each assigned partition that has records."""

    def __init__(
        self,
        options: dict[str, Any],
        topic: str,
        group: str,
        instance: str | None,
        timeout_s: float,
        counts: DeliveryCounts,
        rule: OutwardRule,
    ) -> None:
        self._options, self._topic, self._timeout_s = options, topic, timeout_s
        self._group, self._instance, self._counts, self._rule = group, instance, counts, rule
        self._deliveries: dict[TopicPartition, tuple[PartitionDelivery, asyncio.Task[None]]] = {}
        self._is_rebalancing = False

    async def run(self, poster: Poster, refused: RefusedStore, from_beginning: bool) -> None:
        """Deliver until cancelled; retries while the broker is unreachable."""
        consumer = await self._start(from_beginning)
        try:
            while True:
                if idle := [tp for tp in consumer.assignment() if tp not in self._deliveries]:
                    batches = await consumer.getmany(*idle, timeout_ms=POLL_MS, max_records=POLL_RECORDS_MAX)
                    self._start_deliveries(consumer, batches, poster, refused)
                else:
                    await asyncio.sleep(POLL_MS / 1000)
                self._remove_finished()
        finally:
            await self._stop_deliveries()
            await consumer.stop()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Before a rebalance: let each post in progress end and commit."""
        self._is_rebalancing = True
        await self._stop_deliveries()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """After a rebalance: deliveries may start again."""
        self._is_rebalancing = False
        log.info("partitions: %s", ", ".join(str(tp.partition) for tp in sorted(assigned)) or "none (stand-by)")

    async def _start(self, from_beginning: bool) -> AIOKafkaConsumer:
        attempts = 0
        while True:
            consumer = None
            try:
                await commit_starting_offsets(self._options, self._topic, self._group, from_beginning)
                consumer = self._consumer()
                await consumer.start()
                return consumer
            except asyncio.CancelledError:
                if consumer:
                    await consumer.stop()
                raise
            except (KafkaError, OSError, LookupError, TimeoutError) as error:
                if consumer:
                    await consumer.stop()
                attempts += 1
                log.warning("cannot read %s yet: %s", self._topic, error)
                await asyncio.sleep(backoff_s(min(attempts, 4), None))

    def _consumer(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._options,
            group_id=self._group,
            group_instance_id=self._instance,
            client_id="siaga-webhook",
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=POLL_INTERVAL_MAX_MS,
            # A post in progress must be able to end before its partition moves to another instance.
            rebalance_timeout_ms=int(self._timeout_s * 1000) + 20_000,
        )
        consumer.subscribe([self._topic], listener=self)
        return consumer

    def _start_deliveries(
        self,
        consumer: AIOKafkaConsumer,
        batches: dict[TopicPartition, list[Any]],
        poster: Poster,
        refused: RefusedStore,
    ) -> None:
        for partition, records in batches.items():
            if self._is_rebalancing or not records:
                continue  # the partition's next owner reads from the committed offset
            commit = functools.partial(self._commit, consumer, partition)
            delivery = PartitionDelivery(poster, refused, commit, self._counts, self._rule)
            self._deliveries[partition] = delivery, asyncio.create_task(delivery.run(records))

    async def _commit(self, consumer: AIOKafkaConsumer, partition: TopicPartition, record: Any) -> None:
        try:
            await consumer.commit({partition: record.offset + 1})
        except CommitFailedError:
            # The group rebalanced without this member; aiokafka rejoins it. Until then no delivery may start: the
            # consumer's position is already beyond the record that this delivery leaves undone, and a later
            # escalation would arrive before it.
            self._is_rebalancing = True
            raise

    def _remove_finished(self) -> None:
        """Remove finished deliveries. Raises what a delivery did not handle, which ends the command."""
        for partition in [tp for tp, (_, task) in self._deliveries.items() if task.done()]:
            self._deliveries.pop(partition)[1].result()

    async def _stop_deliveries(self) -> None:
        """Stop all deliveries; each lets its post in progress end and commits its offset."""
        deliveries = list(self._deliveries.values())
        for delivery, _ in deliveries:
            delivery.stop()
        if deliveries:
            await asyncio.wait([task for _, task in deliveries])
