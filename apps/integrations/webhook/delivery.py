"""One partition's deliveries, strictly one after the other: post, wait, post again, and only then move the position on.

A regency's escalations are all in one partition, so they arrive in order; a receiver that stumbles over one partition's
escalation does not hold up the others'.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from apps.integrations.delivery_counts import Tally
from apps.integrations.escalation_record import Unreadable, escalation_of
from apps.integrations.webhook.posting import Answer, Outcome, Poster, pause_s
from apps.integrations.webhook.rejected_store import RefusedList

#: Seconds that a commit may still take once the lane is stopped.
COMMIT_GRACE_S = 5.0

log = logging.getLogger("siaga.webhook")
Commit = Callable[[Any], Awaitable[None]]


class Lane:
    """Works through records of one partition until done or told to stop; `stop` lets a post that is under way end."""

    def __init__(self, poster: Poster, refused: RefusedList, commit: Commit, tally: Tally) -> None:
        self._poster, self._refused, self._commit, self._tally = poster, refused, commit, tally
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self, records: list[Any]) -> None:
        """Deliver in order. What is left when it is stopped is read again by whoever owns the partition next."""
        for record in records:
            if self._stopping.is_set() or not await self._deliver(record):
                return

    async def _deliver(self, record: Any) -> bool:
        """One record until it is settled and the position behind it; False when that could not be."""
        self._tally.begun(record.partition, record.timestamp)
        try:
            return await self._settle(record) and await self._move_on(record)
        finally:
            self._tally.over(record.partition)

    async def _settle(self, record: Any) -> bool:
        """Have the record taken or put on the list; False when stopped before."""
        place = f"{record.topic} {record.partition}:{record.offset}"
        try:
            escalation_id = escalation_of(record.value).escalation_id
        except Unreadable as error:
            return await self._keep(record, f"no escalation: {error}", place, self._tally.unreadable)
        tries = 0
        while True:
            answer = await self._poster.post(escalation_id, record.value)
            if answer.outcome is Outcome.TAKEN:
                self._tally.delivered()
                log.info("delivered %s (%s)", escalation_id, place)
                return True
            if answer.outcome is Outcome.REFUSED:
                return await self._keep(record, answer.said, f"{escalation_id} ({place})", self._tally.refused)
            tries += 1
            self._tally.tried_again()
            if not await self._pause(tries, answer, escalation_id):
                return False

    async def _pause(self, tries: int, answer: Answer, escalation_id: str) -> bool:
        seconds = pause_s(tries, answer.retry_after_s)
        log.warning("%s is not delivered yet: %s; next try in %.0f s", escalation_id, answer.said, seconds)
        return await self._wait(seconds)

    async def _keep(self, record: Any, said: str, what: str, count: Callable[[], None]) -> bool:
        """Put it on the list of refused; a disk that does not take it is waited for, or the escalation would be lost."""
        tries = 0
        while True:
            try:
                await asyncio.to_thread(self._refused.add, record, said)
            except OSError as error:
                tries += 1
                log.error("%s: cannot keep what was refused: %s", self._refused.path, error.strerror or error)
                if not await self._wait(pause_s(tries, None)):
                    return False
            else:
                count()
                log.error("refused for good, kept in %s: %s: %s", self._refused.path, what, said)
                return True

    async def _move_on(self, record: Any) -> bool:
        """Commit the position behind the record; False when that cannot be, and the record may come again."""
        tries = 0
        while True:
            try:
                await self._committed(record)
                return True
            except (CommitFailedError, IllegalStateError, TimeoutError) as error:
                log.warning("position of %d not kept, it may come again: %s", record.partition, type(error).__name__)
                return False
            except KafkaError as error:
                tries += 1
                log.warning("position of %d not kept: %s; trying again", record.partition, type(error).__name__)
                if not await self._wait(pause_s(tries, None)):
                    return False

    async def _committed(self, record: Any) -> None:
        """Commit, for as long as it takes; once stopped, a little longer. Raises KafkaError, TimeoutError."""
        commit, stop = asyncio.ensure_future(self._commit(record)), asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([commit, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        # aiokafka waits for a broker that is away without end, and a stop must end.
        await asyncio.wait_for(commit, COMMIT_GRACE_S)

    async def _wait(self, seconds: float) -> bool:
        """Wait, unless stopped; True when the time has passed."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False
