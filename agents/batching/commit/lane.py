"""A lane: folds and commits the batches of its source partitions, exactly once.

It runs a loop in a task of its own. Each cycle opens what is missing (`shard_set`), waits for work (`queue`), and
commits one transaction (`pipeline`); a table says what each failure closes (`failures`). After an error in a
transaction its outcome is unknown: the producer and all shards are dropped with their memory and reopened, and the same
batches go to the new shards, whose positions show whether the transaction had been committed.
"""

import asyncio
import logging
import time

from aiokafka import TopicPartition

from ..fold import Batch
from ..offsets.lookup import Sources
from ..retry import Backoff
from .failures import RESPONSES, Drops, Failure, Pause, failure_of
from .pipeline import LANE, Pipeline
from .queue import BatchQueue
from .shard_set import ShardSet
from .spec import StageSpec

log = logging.getLogger(__name__)

POLL_S = 0.05  # how often a lane that cannot work looks whether it can
#: Folding so many records takes longer than the broker needs to write the markers of a transaction.
FOLD_AT_ONCE = 1_000
FINISH_S = 2.0  # for a lane that is closed to finish the transaction it is in


class Lane:
    """Owns a producer and shards; runs from `start` to `close`. `partitions` are its sources."""

    def __init__(
        self, transactional_id: str, partitions: frozenset[TopicPartition], spec: StageSpec, sources: Sources
    ) -> None:
        self.partitions = partitions
        self._id, self._spec, self._sources = transactional_id, spec, sources
        self._backoff = Backoff(spec.options.reopen_pause_ms / 1000, spec.options.reopen_pause_ms_max / 1000)
        self._queue = BatchQueue()
        self._shards = ShardSet(self._id, partitions, spec, sources, self._backoff)
        self._pipeline = Pipeline(spec, sources, self._queue, self._shards, self._backoff, self._may_fold)
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open at once, not at the first batch, so that a dead owner's open transaction is ended at once."""
        self._task = asyncio.create_task(self._run())

    async def commit(self, source: TopicPartition, batch: Batch) -> bool:
        """Have a batch folded and committed, however often that fails.

        True when it is committed, or was read already; False when it is returned unread: a rebalance, or the lane is
        closed.
        """
        if self._is_closing or not self._sources.is_assignment_stable():
            return False
        return await self._queue.put(source, batch)

    def request_idle(self) -> None:
        """Ask the folds of shards with nothing to read for output in the next transaction. Call it periodically."""
        self._queue.request_idle()

    async def close(self) -> None:
        """Finish the transaction it is in and commit the group's offsets, for at most FINISH_S. The next owner's fence
        aborts a transaction that is left open.
        """
        self._is_closing = True
        self._queue.wake()
        if self._task is not None:
            if self._pipeline.is_committing or self._shards.is_complete:
                await asyncio.wait({self._task}, timeout=FINISH_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._queue.return_all()

    def _may_fold(self) -> bool:
        return self._sources.is_assignment_stable() and not self._is_closing

    async def _run(self) -> None:
        try:
            while self._pipeline.has_folded_ahead or not self._is_closing:
                await self._cycle()
            await self._commit_last_offsets()
        finally:
            await asyncio.shield(self._drop())

    async def _cycle(self) -> None:
        """Open what is missing, wait for work, commit one transaction; on an error do what the table says."""
        try:
            await self._shards.open()
            await self._wait_for_work()
            if self._queue.records < FOLD_AT_ONCE:
                await self._pipeline.wait_for_markers()  # meanwhile other batches join
            if self._pipeline.has_folded_ahead or self._sources.is_assignment_stable():
                await self._pipeline.transact()
            else:
                self._queue.return_all()
        except (Exception, asyncio.CancelledError) as error:
            failure = failure_of(error)
            if RESPONSES[failure].drops is Drops.NOTHING:
                raise
            await self._recover(failure, error)

    async def _wait_for_work(self) -> None:
        """Wait for a batch or an idle tick; poll while a shard is missing, a source waits or a rebalance runs."""
        is_able = self._shards.has_all_shards and self._sources.is_assignment_stable()
        if (is_able and self._queue.is_idle_due) or self._pipeline.has_work:
            return
        try:
            is_held = any(source in self._shards for source in self._queue.sources)
            async with asyncio.timeout(None if is_able and not is_held else POLL_S):
                await self._queue.wait()
        except TimeoutError:
            return
        self._queue.mark_seen()

    async def _recover(self, failure: Failure, error: BaseException) -> None:
        """Drop the producer and all shards, then pause; the next cycle reopens them."""
        response = RESPONSES[failure]
        if response.pause is Pause.END:
            log.log(response.log_level, "%s", error)
            await self._drop()
            self._is_closing = True
            self._queue.return_all()
            self._sources.end(error)
            return
        if response.pause is Pause.FENCED:
            pause_s = self._spec.options.fenced_pause_ms / 1000
        else:
            pause_s = self._backoff.after_failure(LANE)
        words = (self._spec.stage, self._id, failure.value, pause_s, error)
        log.log(response.log_level, "%s lane %s %s; reopening it after %.1f s: %r", *words)
        for source in self.partitions:
            if failure is Failure.FENCED:
                self._spec.observer.fenced(source)
            else:
                self._spec.observer.failed(source, error)
        await self._drop()
        await self._pause(pause_s)

    async def _pause(self, seconds: float) -> None:
        """Wait, and return queued batches once a rebalance begins: it waits for them."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._is_closing:
            if not self._sources.is_assignment_stable():
                self._queue.return_all()
            await asyncio.sleep(POLL_S)

    async def _commit_last_offsets(self) -> None:
        if not self._shards.is_complete:
            return
        try:
            await self._pipeline.commit_offsets()
        except Exception as error:  # noqa: BLE001  # they follow the state anyway, and whatever fails, the lane closes
            log.warning("%s lane %s could not commit its last offsets: %r", self._spec.stage, self._id, error)

    async def _drop(self) -> None:
        self._pipeline.drop()
        await self._shards.close()
