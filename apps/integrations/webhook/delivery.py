"""Delivers the escalations of one partition: in order for each regency, until the receiver takes it or a day is over.

A regency has a queue and rounds. A round tries its escalations oldest first and ends at the first that fails; once the
oldest has failed for OVERTAKE_AFTER_S, the round goes on with the later ones, so that one that is refused holds up none
that is graver. So a later one arrives first only right after the receiver refused the earlier one again, and says so
(`siaga-pending`). Regencies do not wait for each other."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from apps.integrations.escalation_records import DeliveryCounts, NotAnEscalation
from apps.integrations.sender_health import SenderHealth
from apps.integrations.webhook.delivery_state import DeliveryState, Settlement, key_of
from apps.integrations.webhook.http_attempt import Answer, Poster, backoff_s
from apps.integrations.webhook.notification_log import LogWriter
from apps.integrations.webhook.notifications import Author
from apps.integrations.webhook.waiting import Waiting, waiting_of
from schemas.notification import AnswerReason, Event, Notification
from schemas.ruleset.outward import OutwardRule

#: A receiver that restarts is back in less: until then order is worth more than the later escalation.
OVERTAKE_AFTER_S = 60.0
#: Posts at the same time, of escalations that were not tried yet and of those that failed: retries of a receiver that
#: does not answer must leave room for what is new.
FIRST_POSTS_MAX, RETRIES_MAX = 12, 4
#: Escalations of a partition that wait; beyond it no more are read. Far above what the level table lets a day bring.
WAITING_MAX = 2_000
#: Seconds that records of the log in progress may take after `stop`.
LOG_GRACE_S = 5.0
#: Ids in `siaga-pending`; more are left out, the oldest first.
PENDING_IDS_MAX = 20

#: After one of these nothing is left to do for an escalation.
ENDS = frozenset({Event.DELIVERED, Event.DROPPED, Event.EXPIRED})

log = logging.getLogger("siaga.webhook")
Commit = Callable[[int], Awaitable[bool]]
"""Commits the group's offset of the partition; False when the partition is no longer ours."""


@dataclass
class Sending:
    """What the partitions of one sender share. `retry_for_s`: how long an escalation is tried."""

    poster: Poster
    writer: LogWriter
    author: Author
    counts: DeliveryCounts
    health: SenderHealth
    rule: OutwardRule
    retry_for_s: float
    first_posts: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FIRST_POSTS_MAX))
    retries: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(RETRIES_MAX))


@dataclass
class _Queue:
    """What waits of one regency, oldest first."""

    waiting: list[Waiting] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    task: asyncio.Task[None] | None = None


class PartitionDelivery:
    """Delivers what `offer` and `send_again` give it until `stop`; posts in progress may end."""

    def __init__(self, sending: Sending, partition: int, state: DeliveryState, start: int, commit: Commit) -> None:
        self._sending, self._partition, self._state, self._commit = sending, partition, state, commit
        self._settlement = Settlement(start)
        self._queues: dict[str, _Queue] = {}
        self._failing: dict[str, Answer] = {}
        self._stopping, self._writing = asyncio.Event(), asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._show()

    @property
    def next(self) -> int:
        """The first offset that was not offered yet."""
        return self._settlement.next

    @property
    def has_room(self) -> bool:
        """Whether more may be offered."""
        return not self._stopping.is_set() and sum(len(queue.waiting) for queue in self._queues.values()) < WAITING_MAX

    def failure(self) -> BaseException | None:
        """What ended one of its tasks, if anything did."""
        done = [task for task in self._tasks if task.done() and not task.cancelled()]
        return next((error for task in done if (error := task.exception())), None)

    async def offer(self, record: Any) -> None:
        """Take the next record of the partition; what the log says is settled is skipped."""
        self._settlement.read(record.offset)
        try:
            one = waiting_of(record, self._sending.rule)
        except NotAnEscalation as error:
            await self._unreadable(record, str(error))
            return
        if one.regency and one.escalation_id:
            one.previous = self._state.previous(one.regency, one.offset)
            self._state.learn(one.regency, one.offset, one.escalation_id)
        if (one.offset, one.escalation_id) in self._state.settled:
            self._settlement.settle(one.offset)
            return
        if tried := self._state.tried.get((one.offset, one.escalation_id)):
            spent_ms = self._state.last_ms - tried.first_ms if tried.first_ms is not None else 0
            one.taken_over(tried.attempts, spent_ms / 1000)
        self._enqueue(one)

    def send_again(self, one: Waiting) -> None:
        """Deliver an escalation that came to its end before, or was asked for again."""
        if one.regency:
            one.previous = self._state.previous(one.regency, one.offset)
        self._enqueue(one)

    def holds(self, offset: int, escalation_id: str | None) -> bool:
        """Whether an escalation waits here."""
        return any(self._is(one, offset, escalation_id) for queue in self._queues.values() for one in queue.waiting)

    def asked(self, one: Notification, append_ms: int) -> None:
        """People, or another instance, wrote this to the log: what came to its end is tried no more."""
        self._state.apply(one, append_ms)
        if Event(one.event) in ENDS:
            offset, escalation_id = key_of(one)
            for queue in self._queues.values():
                queue.waiting[:] = [it for it in queue.waiting if not self._is(it, offset, escalation_id)]
            self._settlement.settle(offset)
        self._show()

    async def expired(self, one: Waiting) -> None:
        """It was asked for again and is no longer on the topic."""
        await self._write(one, Event.EXPIRED, Answer(AnswerReason.EXPIRED, "no longer on the topic"))
        self._show()

    def stop(self) -> None:
        """Begin no further attempt."""
        self._stopping.set()
        for queue in self._queues.values():
            queue.arrived.set()

    async def stopped(self, post_s: float) -> None:
        """Wait for posts in progress and their records, for `post_s` and LOG_GRACE_S; cancel what is left."""
        self.stop()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=post_s + LOG_GRACE_S)
            for task in left:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sending.counts.waiting(self._partition, None)
        self._sending.counts.stay_refused(self._partition, None)
        self._sending.health.receiver.works(self._part)

    @property
    def _part(self) -> str:
        return f"receiver, partition {self._partition}"

    @staticmethod
    def _is(one: Waiting, offset: int, escalation_id: str | None) -> bool:
        return one.offset == offset and escalation_id in (None, one.escalation_id)

    def _enqueue(self, one: Waiting) -> None:
        queue = self._queues.setdefault(one.regency or "", _Queue())
        queue.waiting.append(one)
        queue.waiting.sort(key=lambda it: it.offset)
        queue.arrived.set()
        if queue.task is None or queue.task.done():
            queue.task = asyncio.create_task(self._deliver(one.regency or "", queue))
            self._tasks.add(queue.task)
            queue.task.add_done_callback(self._forget)
        self._show()

    def _forget(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            self._tasks.discard(task)

    async def _deliver(self, regency: str, queue: _Queue) -> None:
        """Rounds of one regency until nothing of it waits."""
        while queue.waiting and not self._stopping.is_set():
            queue.arrived.clear()
            failed = await self._round(queue)
            self._report(regency, failed)
            if failed is None:
                queue.failures = 0
                continue
            queue.failures += 1
            await self._pause(queue, backoff_s(queue.failures, failed.retry_after_s), failed)

    async def _pause(self, queue: _Queue, seconds: float, failed: Answer) -> None:
        """Wait for the next round; a new escalation begins it at once, unless the receiver asked for the wait."""
        wake = self._stopping if failed.retry_after_s else queue.arrived
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            return

    async def _round(self, queue: _Queue) -> Answer | None:
        """Try what waits, oldest first; the answer that failed first, None when none did."""
        failed: Answer | None = None
        oldest_s = 0.0
        for one in list(queue.waiting):
            if self._stopping.is_set() or one not in queue.waiting:
                continue
            answer = await self._attempt(one, queue)
            if answer.accepted:
                if queue.waiting[:1] == [one]:
                    queue.failures = 0
                await self._end(queue, one, Event.DELIVERED, answer)
                continue
            if one.tried_for_s >= self._sending.retry_for_s:
                await self._end(queue, one, Event.REFUSED, answer)
                continue
            if failed is None:
                failed, oldest_s = answer, one.tried_for_s
            await self._failed(one, answer)
            if not answer.reached or oldest_s < OVERTAKE_AFTER_S:
                break
        return failed

    async def _attempt(self, one: Waiting, queue: _Queue) -> Answer:
        if one.body is None or one.escalation_id is None:
            one.tried()
            return Answer(AnswerReason.UNSUPPORTED_VERSION, one.unreadable)
        async with self._sending.retries if one.attempts else self._sending.first_posts:
            one.tried()
            return await self._sending.poster.post(one.escalation_id, one.body, _order(one, queue.waiting))

    async def _failed(self, one: Waiting, answer: Answer) -> None:
        self._sending.counts.retried()
        if not one.logging.is_due(answer, time.monotonic()):
            return
        what = f"{one.escalation_id} ({one.regency} {one.level})"
        tries = f"attempt {one.attempts}, {one.tried_for_s:.0f} s after the first"
        log.warning("%s is not delivered: %s (%s); %s", what, answer.detail, tries, answer.advice)
        await self._write(one, Event.FAILED, answer)

    async def _end(self, queue: _Queue, one: Waiting, event: Event, answer: Answer) -> None:
        """Log how it ended, then forget it."""
        await self._write(one, event, answer)
        queue.waiting[:] = [it for it in queue.waiting if it is not one]
        where = f"{one.escalation_id} (partition {self._partition}, offset {one.offset})"
        if event is Event.DELIVERED:
            self._sending.counts.delivered()
            log.info("delivered %s, attempt %d", where, one.attempts)
        else:
            self._sending.counts.refused()
            name = self._sending.author.target
            log.error(
                "refused for good: %s, %s %s: %s after %d attempts; list: siaga webhook refused; "
                "send again: siaga webhook resend --name %s %s",
                where, one.regency, one.level, answer.detail, one.attempts, name, one.escalation_id,
            )  # fmt: skip
        self._show()

    async def _unreadable(self, record: Any, error: str) -> None:
        one = Waiting(record.offset, record.timestamp, None, None)
        if (one.offset, None) not in self._state.settled:
            log.error("%s %d:%d is skipped: no escalation: %s", record.topic, record.partition, record.offset, error)
            await self._write(one, Event.UNREADABLE, Answer(AnswerReason.NOT_AN_ESCALATION, error))
            self._sending.counts.unreadable()
        self._settlement.settle(record.offset)
        self._show()

    async def _write(self, one: Waiting, event: Event, answer: Answer) -> None:
        """One record of the log; then the group's offset, which also shows whether the partition is still ours."""
        async with self._writing:
            if event is not Event.FAILED:
                self._settlement.settle(one.offset)
            below = self._settlement.below
            record = self._sending.author.about(one, event, answer, self._partition, below)
            self._state.apply(record, await self._sending.writer.write(record))
            if not await self._commit(below):
                self.stop()

    def _report(self, regency: str, failed: Answer | None) -> None:
        """Say which regency waits for the receiver, and why."""
        if failed is None:
            self._failing.pop(regency, None)
        else:
            self._failing[regency] = failed
        health = self._sending.health.receiver
        if not self._failing:
            health.works(self._part)
            return
        answer = next(iter(self._failing.values()))
        health.blocked(self._part, f"{', '.join(sorted(self._failing))[:100]}: {answer.detail}", answer.advice)

    def _show(self) -> None:
        waiting = [one.appended_ms for queue in self._queues.values() for one in queue.waiting]
        self._sending.counts.waiting(self._partition, min(waiting, default=None))
        self._sending.counts.stay_refused(self._partition, len(self._state.refused))


def _order(one: Waiting, waiting: list[Waiting]) -> dict[str, str]:
    """Headers that say where an escalation stands among its regency's."""
    headers = {"siaga-sequence": str(one.offset)}
    if one.previous:
        headers["siaga-previous"] = one.previous
    pending = [it.escalation_id for it in waiting if it.offset < one.offset and it.escalation_id]
    if pending:
        headers["siaga-pending"] = ",".join(pending[-PENDING_IDS_MAX:])
    return headers
