"""Delivers the records of one partition one after the other: post, back off, post again, then commit the offset.

All escalations of a regency are in one partition, so they arrive in order. A receiver that fails on an escalation of
one partition does not delay the others."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from apps.integrations.escalation_records import DeliveryCounts, NotAnEscalation, outward_of
from apps.integrations.webhook.http_attempt import Action, Answer, Poster, backoff_s
from apps.integrations.webhook.refused_store import RefusedStore
from schemas.ruleset.outward import OutwardRule

#: Seconds that a commit in progress may take after `stop`.
COMMIT_GRACE_S = 5.0

log = logging.getLogger("siaga.webhook")
Commit = Callable[[Any], Awaitable[None]]
"""Commits the offset after a record."""


class PartitionDelivery:
    """Delivers records of one partition until all are done or `stop` is called; a post in progress may end."""

    def __init__(
        self, poster: Poster, refused: RefusedStore, commit: Commit, counts: DeliveryCounts, rule: OutwardRule
    ) -> None:
        self._poster, self._refused, self._commit, self._counts = poster, refused, commit, counts
        self._rule = rule
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin no further attempt."""
        self._stopping.set()

    async def run(self, records: list[Any]) -> None:
        """Deliver in order. Records left at a stop are read again by the partition's next owner."""
        for record in records:
            if self._stopping.is_set() or not await self._deliver(record):
                return

    async def _deliver(self, record: Any) -> bool:
        """Deliver or store one record, then commit its offset; False when stopped before."""
        self._counts.started(record.partition, record.timestamp)
        try:
            return await self._post_or_store(record) and await self._commit_offset(record)
        finally:
            self._counts.finished(record.partition)

    async def _post_or_store(self, record: Any) -> bool:
        """Post until the receiver accepts or refuses; store what is refused. False when stopped before."""
        where = f"{record.topic} {record.partition}:{record.offset}"
        try:
            outward = outward_of(record.value, self._rule)
        except NotAnEscalation as error:
            unreadable = record.value, f"no escalation: {error}"
            return await self._store(record, *unreadable, where, self._counts.unreadable)
        escalation_id, body, attempts = outward.escalation_id, outward.body(), 0
        while True:
            answer = await self._poster.post(escalation_id, body)
            if answer.action is Action.COMMIT:
                self._counts.delivered()
                log.info("delivered %s (%s)", escalation_id, where)
                return True
            if answer.action is Action.REFUSE:
                refused = body, answer.reason
                return await self._store(record, *refused, f"{escalation_id} ({where})", self._counts.refused)
            attempts += 1
            self._counts.retried()
            if not await self._back_off(attempts, answer, escalation_id):
                return False

    async def _back_off(self, attempts: int, answer: Answer, escalation_id: str) -> bool:
        seconds = backoff_s(attempts, answer.retry_after_s)
        log.warning("%s is not delivered: %s; next attempt in %.0f s", escalation_id, answer.reason, seconds)
        return await self._wait(seconds)

    async def _store(
        self, record: Any, content: bytes | None, reason: str, what: str, count: Callable[[], None]
    ) -> bool:
        """Append `content` to the refused store; retries while the disk fails, or the escalation would be lost."""
        attempts = 0
        while True:
            try:
                await asyncio.to_thread(self._refused.add, record, content, reason)
            except OSError as error:
                attempts += 1
                log.error("%s: cannot store a refused escalation: %s", self._refused.path, error.strerror or error)
                if not await self._wait(backoff_s(attempts, None)):
                    return False
            else:
                count()
                log.error("refused for good, stored in %s: %s: %s", self._refused.path, what, reason)
                return True

    async def _commit_offset(self, record: Any) -> bool:
        """Commit the offset after the record; False when it cannot be committed and the record may be sent again."""
        attempts = 0
        while True:
            try:
                await self._commit_until_stopped(record)
                return True
            except (CommitFailedError, IllegalStateError, TimeoutError) as error:
                log.warning(
                    "offset of partition %d not committed, its escalation may be sent again: %s",
                    record.partition,
                    type(error).__name__,
                )
                return False
            except KafkaError as error:
                attempts += 1
                log.warning(
                    "offset of partition %d not committed: %s; retrying", record.partition, type(error).__name__
                )
                if not await self._wait(backoff_s(attempts, None)):
                    return False

    async def _commit_until_stopped(self, record: Any) -> None:
        """Commit without a time limit, but at most COMMIT_GRACE_S after `stop`. Raises KafkaError, TimeoutError."""
        commit, stop = asyncio.ensure_future(self._commit(record)), asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([commit, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        # Without the limit a stop could hang: aiokafka waits for an unreachable broker without end.
        await asyncio.wait_for(commit, COMMIT_GRACE_S)

    async def _wait(self, seconds: float) -> bool:
        """Sleep unless stopped; True when the time has passed."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False
