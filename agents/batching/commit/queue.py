"""The batches that wait for a lane, at most one of each source, and what wakes the lane."""

import asyncio
from dataclasses import dataclass

from aiokafka import TopicPartition

from ..fold import Batch


@dataclass
class _Queued:
    batch: Batch
    outcome: asyncio.Future[bool]


class BatchQueue:
    """A batch stays in it until it is committed (or was read already) or returned unread."""

    def __init__(self) -> None:
        self._queued: dict[TopicPartition, _Queued] = {}
        self._is_idle_due = False
        self._changed = asyncio.Event()

    def __contains__(self, source: TopicPartition) -> bool:
        return source in self._queued

    def __getitem__(self, source: TopicPartition) -> Batch:
        return self._queued[source].batch

    @property
    def sources(self) -> list[TopicPartition]:
        """The sources with a batch, oldest first; one whose batch was folded in part counts from then on."""
        return list(self._queued)

    @property
    def records(self) -> int:
        """How many records wait."""
        return sum(len(queued.batch.records) for queued in self._queued.values())

    @property
    def is_idle_due(self) -> bool:
        """Idle folds are to be asked for output."""
        return self._is_idle_due

    async def put(self, source: TopicPartition, batch: Batch) -> bool:
        """Queue a batch and await its outcome: True when committed or read already, False when returned."""
        queued = self._queued[source] = _Queued(batch, asyncio.get_running_loop().create_future())
        self._changed.set()
        return await queued.outcome

    def replace(self, source: TopicPartition, batch: Batch) -> None:
        """Keep another batch in the place of this source's."""
        self._queued[source].batch = batch

    def postpone(self, source: TopicPartition, rest: Batch) -> None:
        """Keep what is left of this source's batch, behind those of the others."""
        queued = self._queued.pop(source)
        queued.batch = rest
        self._queued[source] = queued

    def release(self, source: TopicPartition) -> None:
        """The batch of a source is committed, or was read already."""
        self._end(source, True)

    def return_all(self) -> None:
        """Return every batch unread: a rebalance, or the lane is closed."""
        for source in self.sources:
            self._end(source, False)

    def _end(self, source: TopicPartition, is_read: bool) -> None:
        outcome = self._queued.pop(source).outcome
        if not outcome.done():
            outcome.set_result(is_read)

    def request_idle(self) -> None:
        """Have idle folds asked for output in the next transaction."""
        self._is_idle_due = True
        self._changed.set()

    def take_idle(self) -> bool:
        """Whether idle folds are to be asked now; once for each request."""
        is_due, self._is_idle_due = self._is_idle_due, False
        return is_due

    def wake(self) -> None:
        """End a `wait` without a batch or an idle tick."""
        self._changed.set()

    def mark_seen(self) -> None:
        """Clear the event: the next `wait` ends at the next change."""
        self._changed.clear()

    async def wait(self) -> None:
        """Wait for a change since the last `mark_seen`."""
        await self._changed.wait()
