"""One assigned partition of a sender: restores its state from the log, delivers, and follows what people ask for."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from apps.integrations.escalation_records import NotAnEscalation
from apps.integrations.webhook.delivery import ENDS, PartitionDelivery, Sending
from apps.integrations.webhook.delivery_state import DeliveryState, folded, key_of
from apps.integrations.webhook.http_attempt import backoff_s
from apps.integrations.webhook.notification_log import ADVICE, PART, LogReader, fetch
from apps.integrations.webhook.resuming import Offsets, resume
from apps.integrations.webhook.waiting import Waiting, waiting_of
from schemas.notification import Event, Notification

#: A request to Kafka that takes longer is given up and made again.
REQUEST_S = 10.0
#: A receiver refuses a timestamp that is more than five minutes off; say so before.
CLOCK_OFF_S = 120.0
RETRIED = (KafkaError, OSError, TimeoutError, AssertionError)

log = logging.getLogger("siaga.webhook")


class PartitionSender:
    """Start with `run` as a task; `ready` is set once records may be offered to `delivery`."""

    def __init__(
        self,
        sending: Sending,
        options: dict[str, Any],
        log_topic: str,
        consumer: AIOKafkaConsumer,
        source: TopicPartition,
    ) -> None:
        self._sending, self._options, self._log_topic = sending, options, log_topic
        self._consumer, self.source = consumer, source
        self._part = f"{PART}, partition {source.partition}"
        self.delivery: PartitionDelivery | None = None

    async def run(self) -> None:
        """Restore, then follow the log until cancelled. Raises NewerLog."""
        await self._retried(self._follow)

    async def stopped(self, post_s: float) -> None:
        """Let posts in progress end; nothing is begun any more."""
        if self.delivery:
            await self.delivery.stopped(post_s)
        self._sending.health.works(self._part)

    async def _retried(self, work: Callable[[], Awaitable[None]]) -> None:
        attempts = 0
        while True:
            try:
                await work()
                return
            except IllegalStateError:
                return  # the partition was revoked meanwhile
            except RETRIED as error:
                attempts += 1
                self._sending.health.blocked(self._part, f"cannot read {self._log_topic}: {_short(error)}", ADVICE)
                log.warning("cannot read %s partition %d yet: %r", self._log_topic, self.source.partition, error)
                await asyncio.sleep(backoff_s(min(attempts, 4), None))

    async def _follow(self) -> None:
        reader = LogReader(self._options, self._log_topic, [self.source.partition], self._sending.author.target)
        try:
            await reader.start()
            logged = await reader.read_to_end()
            state = folded(logged)
            if self.delivery is None:
                self.delivery = await self._restored(state)
            else:  # connected again: people may have asked meanwhile
                for tried in state.tried.values():
                    await self._asked(self.delivery, tried.last, state.last_ms)
            self._sending.health.works(self._part)
            while True:
                for one, append_ms in await reader.poll():
                    await self._asked(self.delivery, one, append_ms)
        finally:
            await reader.stop()

    async def _restored(self, state: DeliveryState) -> PartitionDelivery:
        """Decide where to read on, log it, and take over what was tried."""
        offsets = await self._offsets()
        anchor = state.anchor(offsets.end)
        anchor_id = await self._id_at(anchor.offset) if anchor else None
        found = resume(state, offsets, anchor_id)
        if found.line:
            log.error("%s partition %d: %s", self.source.topic, self.source.partition, found.line)
        author = self._sending.author
        if state.receiver not in (None, author.receiver):
            log.warning(
                "%s sent to %s before and sends to %s now: what that one has not accepted goes to this one",
                author.target, state.receiver, author.receiver,
            )  # fmt: skip
        record = author.at(found.event, self.source.partition, found.offset)
        state.apply(record, await self._sending.writer.write(record))
        self._compare_clocks(state.last_ms)
        self._consumer.seek(self.source, found.offset)
        delivery = PartitionDelivery(self._sending, self.source.partition, state, found.offset, self._commit)
        for tried in [one for one in state.tried.values() if one.offset < found.offset]:
            spent_ms = state.last_ms - tried.first_ms if tried.first_ms is not None else 0
            await self._send_again(delivery, tried.last, tried.attempts, spent_ms / 1000)
        return delivery

    async def _offsets(self) -> Offsets:
        async with asyncio.timeout(REQUEST_S):
            first = (await self._consumer.beginning_offsets([self.source]))[self.source]
            end = (await self._consumer.end_offsets([self.source]))[self.source]
            return Offsets(first, end, await self._consumer.committed(self.source))

    async def _id_at(self, offset: int) -> str | None:
        record = await fetch(self._options, self.source, offset, REQUEST_S)
        try:
            found = orjson.loads(record.value) if record is not None and record.value is not None else None
        except orjson.JSONDecodeError:
            return None
        return found.get("escalation_id") if isinstance(found, dict) else None

    def _compare_clocks(self, append_ms: int) -> None:
        off_s = time.time() - append_ms / 1000
        if abs(off_s) > CLOCK_OFF_S:
            log.error(
                "this host's clock is %.0f s off Kafka's: receivers refuse a signature more than 300 s off; set it",
                off_s,
            )

    async def _asked(self, delivery: PartitionDelivery, one: Notification, append_ms: int) -> None:
        """What people or another instance wrote to the log while this one delivers; its own records it knows."""
        is_waiting = delivery.holds(*key_of(one))
        if one.event == Event.RESEND and not is_waiting:
            log.info("asked to send %s again", one.escalation_id or f"offset {one.position.offset}")
            delivery.asked(one, append_ms)
            await self._send_again(delivery, one, 0, 0.0)
        elif one.event == Event.DROPPED or (one.event in ENDS and is_waiting):
            delivery.asked(one, append_ms)

    async def _send_again(self, delivery: PartitionDelivery, one: Notification, attempts: int, spent_s: float) -> None:
        """Fetch an escalation below the position and deliver it."""
        record = await fetch(self._options, self.source, one.position.offset, REQUEST_S)
        try:
            found = waiting_of(record, self._sending.rule) if record is not None else None
        except NotAnEscalation:
            found = None
        if found is None or (one.escalation_id and found.escalation_id != one.escalation_id):
            log.error("%s cannot be sent again: it is no longer on %s", one.escalation_id, self.source.topic)
            gone = Waiting(one.position.offset, 0, one.escalation_id, one.regency, one.level, one.change)
            await delivery.expired(gone)
            return
        if attempts:
            found.taken_over(attempts, spent_s)
        delivery.send_again(found)

    async def _commit(self, below: int) -> bool:
        """Commit the group's offset, a copy for Kafka's tools and for a log that is lost.

        False when the group gave the partition away: its next owner goes on. Without an answer the log suffices."""
        try:
            async with asyncio.timeout(REQUEST_S / 2):
                await self._consumer.commit({self.source: below})
        except (CommitFailedError, IllegalStateError):
            return False
        except (KafkaError, TimeoutError) as error:
            log.info("offset of partition %d not committed: %s", self.source.partition, _short(error))
        return True


def _short(error: BaseException) -> str:
    return type(error).__name__
