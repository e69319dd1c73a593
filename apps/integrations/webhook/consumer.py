"""From Kafka to the receiver: a member of a consumer group whose committed position is what was delivered.

At least once: the position moves after the receiver took an escalation, so a process killed between the two sends that
one again, under the same idempotency key. A clean stop, or a partition given to another instance, waits for the post
under way and keeps the position: no repeat."""

import asyncio
import functools
import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from apps.integrations.delivery_counts import Tally
from apps.integrations.webhook.delivery import Lane
from apps.integrations.webhook.first_position import keep_first_position
from apps.integrations.webhook.posting import Poster, pause_s
from apps.integrations.webhook.rejected_store import RefusedList
from schemas.vocabulary import DAY_MS

POLL_MS = 200
RECORDS_MOST = 50
#: Waiting for a receiver that is down is no reason to leave the group; the lanes' work happens beside the polls.
IDLE_MOST_MS = 7 * DAY_MS

log = logging.getLogger("siaga.webhook")


class Courier(ConsumerRebalanceListener):
    """Runs a lane for each partition that has something."""

    def __init__(
        self,
        options: dict[str, Any],
        topic: str,
        group: str,
        instance: str | None,
        timeout_s: float,
        tally: Tally,
    ) -> None:
        self._options, self._topic, self._timeout_s = options, topic, timeout_s
        self._group, self._instance, self._tally = group, instance, tally
        self._lanes: dict[TopicPartition, tuple[Lane, asyncio.Task[None]]] = {}
        self._is_moving = False

    async def run(self, poster: Poster, refused: RefusedList, from_beginning: bool) -> None:
        """Deliver until cancelled; a broker that is away is waited for."""
        consumer = await self._started(from_beginning)
        try:
            while True:
                if free := [tp for tp in consumer.assignment() if tp not in self._lanes]:
                    batches = await consumer.getmany(*free, timeout_ms=POLL_MS, max_records=RECORDS_MOST)
                    self._open_lanes(consumer, batches, poster, refused)
                else:
                    await asyncio.sleep(POLL_MS / 1000)
                self._close_lanes()
        finally:
            await self._halt()
            await consumer.stop()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._is_moving = True
        await self._halt()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._is_moving = False
        log.info("partitions: %s", ", ".join(str(tp.partition) for tp in sorted(assigned)) or "none (stand-by)")

    async def _started(self, from_beginning: bool) -> AIOKafkaConsumer:
        tries = 0
        while True:
            consumer = None
            try:
                await keep_first_position(self._options, self._topic, self._group, from_beginning)
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
                tries += 1
                log.warning("cannot read %s yet: %s", self._topic, error)
                await asyncio.sleep(pause_s(min(tries, 4), None))

    def _consumer(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._options,
            group_id=self._group,
            group_instance_id=self._instance,
            client_id="siaga-webhook",
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=IDLE_MOST_MS,
            # A post under way must be able to end before its partition goes to another instance.
            rebalance_timeout_ms=int(self._timeout_s * 1000) + 20_000,
        )
        consumer.subscribe([self._topic], listener=self)
        return consumer

    def _open_lanes(
        self, consumer: AIOKafkaConsumer, batches: dict[TopicPartition, list[Any]], poster: Poster, refused: RefusedList
    ) -> None:
        for partition, records in batches.items():
            if self._is_moving or not records:
                continue  # read again from the committed position by whoever gets the partition

            lane = Lane(poster, refused, functools.partial(self._commit, consumer, partition), self._tally)
            self._lanes[partition] = lane, asyncio.create_task(lane.run(records))

    async def _commit(self, consumer: AIOKafkaConsumer, partition: TopicPartition, record: Any) -> None:
        try:
            await consumer.commit({partition: record.offset + 1})
        except CommitFailedError:
            # The group moved on without us and aiokafka joins it anew. Until then no lane may begin: the reader stands
            # behind what this one leaves undone, and would deliver the later before the earlier.
            self._is_moving = True
            raise

    def _close_lanes(self) -> None:
        """Forget lanes that are done; what a lane did not foresee ends the command."""
        for partition in [tp for tp, (_, task) in self._lanes.items() if task.done()]:
            self._lanes.pop(partition)[1].result()

    async def _halt(self) -> None:
        """Stop all lanes; each ends its post under way and keeps the position."""
        lanes = list(self._lanes.values())
        for lane, _ in lanes:
            lane.stop()
        if lanes:
            await asyncio.wait([task for _, task in lanes])
