"""A stage: the shards of one step of the pipeline that this worker owns, and what happens to them when things go wrong.

Shards are opened as soon as their partitions are assigned, not at the first batch, so that a dead owner's open transaction
is ended at once. They survive a rebalance that leaves their partition here; fencing, not politeness, keeps that correct.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from agents.batching.fold import Batch, Fold
from agents.batching.options import BatchingOptions
from agents.batching.shard import Committed, Shard, SourceGap, Sources
from agents.batching.transactor import Transactor

log = logging.getLogger(__name__)

FENCED = (ProducerFenced, InvalidProducerEpoch)


class NotOwned(Exception):
    """The partition was given to another worker in the meantime."""


class Observer(Protocol):
    """Told what happens to the shards of a stage, for metrics. All times in seconds."""

    def opened(self, source: TopicPartition, seconds: float, records: int) -> None: ...
    def closed(self, source: TopicPartition) -> None: ...
    def fenced(self, source: TopicPartition) -> None: ...
    def failed(self, source: TopicPartition, error: BaseException) -> None: ...
    def committed(self, source: TopicPartition, batch: Batch, cost: Committed) -> None: ...
    def lost(self, source: TopicPartition, offsets: int) -> None: ...
    def rebuilding(self, source: TopicPartition, offsets: int) -> None: ...


@dataclass(frozen=True)
class Reader:
    """The consumer as a stage sees it."""

    sources: Sources
    beginning_offset: Callable
    rewind: Callable
    #: Whether a partition has been read to its end and has no batch in flight.
    caught_up: Callable[[TopicPartition], bool]
    #: False from the moment a rebalance begins: no new work on the old assignment.
    steady: Callable[[], bool]


class Stage:
    """Opens, feeds, drops and reopens shards. `state_topic` is None for a stage without state."""

    def __init__(
        self,
        name: str,
        group: str,
        topics: Iterable[str],
        new_fold: Callable[[TopicPartition], Fold],
        state_topic: str | None,
        options: BatchingOptions,
        observer: Observer,
    ) -> None:
        self.name = name
        self.topics = frozenset(topics)
        self._group, self._new_fold, self._state_topic = group, new_fold, state_topic
        self._options, self._observer = options, observer
        self._reader: Reader | None = None
        self._owned: set[TopicPartition] = set()
        self._shards: dict[TopicPartition, Shard] = {}
        self._opening_locks: dict[TopicPartition, asyncio.Lock] = {}
        self._working_locks: dict[TopicPartition, asyncio.Lock] = {}
        self._opening: set[asyncio.Task] = set()

    @property
    def owned(self) -> frozenset[TopicPartition]:
        return frozenset(self._owned)

    def transactional_id(self, source: TopicPartition) -> str:
        return f"{self._group}-{self.name}-{source.topic}-{source.partition}"

    async def assign(self, reader: Reader, assigned: Iterable[TopicPartition]) -> None:
        """Take over these partitions (those of other stages are ignored) and begin to open their shards."""
        self._reader = reader
        self._owned = {TopicPartition(*tp) for tp in assigned if tp[0] in self.topics}
        await asyncio.gather(*(self._drop(tp) for tp in set(self._shards) - self._owned))
        for source in self._owned - set(self._shards):
            self._open_soon(source)

    def _open_soon(self, source: TopicPartition) -> None:
        task = asyncio.create_task(self._open_early(source))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def handle(self, source: TopicPartition, batch: Batch) -> bool:
        """Process a batch, reopening the shard until it works. False when it was given up: a rebalance, or no longer ours."""
        source = TopicPartition(*source)
        pause_ms = self._options.reopen_pause_ms
        while source in self._owned and self._reader.steady():
            try:
                async with self._working(source):
                    await self._process(source, batch)
                return True
            except NotOwned:
                return False
            except FENCED as error:
                log.warning("%s shard of %s[%d] was fenced by another owner", self.name, *source)
                self._observer.fenced(source)
                await self._drop(source)
                await self._pause(self._options.fenced_pause_ms, error)
            except Exception as error:
                log.error("%s shard of %s[%d] failed, opening it anew: %r", self.name, *source, error)
                self._observer.failed(source, error)
                await self._drop(source)
                await self._pause(pause_ms, error)
                pause_ms = min(2 * pause_ms, self._options.reopen_pause_ms_max)
        return False

    async def idle(self) -> None:
        """Let the folds of open shards with nothing to read have their say. Call it now and then."""
        for source, shard in list(self._shards.items()):
            if not self._reader.steady() or not self._reader.caught_up(source) or self._working(source).locked():
                continue
            try:
                async with self._working(source):
                    if shard.rebuild_until is None:
                        await shard.idle()
                    else:  # what is to be folded again was committed long ago, so nobody will bring it
                        await self._reader.rewind(source, shard.next_offset)
            except Exception as error:
                log.error("%s shard of %s[%d] failed while idle, opening it anew: %r", self.name, *source, error)
                self._observer.failed(source, error)
                await self._drop(source)
                self._open_soon(source)

    def _working(self, source: TopicPartition) -> asyncio.Lock:
        """Held while a shard works: one batch, or one idle word, at a time."""
        return self._working_locks.setdefault(source, asyncio.Lock())

    async def _process(self, source: TopicPartition, batch: Batch) -> None:
        shard = await self._shard(source)
        try:
            cost = await shard.process(batch)
        except SourceGap as gap:
            beginning = await self._reader.beginning_offset(source)
            if beginning <= gap.expected:
                log.warning("reading back: %s", gap)
                await self._reader.rewind(source, gap.expected)
                return
            lost = shard.skip_lost(gap.found)
            log.error("%d offsets are gone from the source before they were read: %s", lost, gap)
            self._observer.lost(source, lost)
            cost = await shard.process(batch)
        if cost is not None:
            self._observer.committed(source, batch, cost)

    async def _shard(self, source: TopicPartition) -> Shard:
        lock = self._opening_locks.setdefault(source, asyncio.Lock())
        async with lock:
            shard = self._shards.get(source)
            if shard is None:
                shard = await self._open(source)
                if source not in self._owned:
                    # Taken away while it opened. Kept, it would hold the partition's producer and fence its next owner back.
                    self._observer.closed(source)
                    await shard.close()
                    raise NotOwned
                self._shards[source] = shard
            return shard

    async def _open(self, source: TopicPartition) -> Shard:
        started = time.perf_counter()
        state = TopicPartition(self._state_topic, source.partition) if self._state_topic else None
        transactor = Transactor(self.transactional_id(source), self._group, self._options)
        new_fold = functools.partial(self._new_fold, source)
        shard = await Shard.open(source, new_fold, transactor, state, self._reader.sources, self._options)
        self._observer.opened(source, time.perf_counter() - started, shard.restored_records)
        if shard.rebuild_until is not None:
            log.error(
                "the state of %s[%d] is gone or incomplete: building it again from offsets %d to %d, publishing nothing of them",
                *source, shard.next_offset, shard.rebuild_until,
            )  # fmt: skip
            self._observer.rebuilding(source, shard.rebuild_until - shard.next_offset)
        return shard

    async def _open_early(self, source: TopicPartition) -> None:
        try:
            await self._shard(source)
        except NotOwned:
            pass
        except Exception as error:
            # The first batch tries again, with pauses and for as long as it takes.
            log.error("%s shard of %s[%d] did not open: %r", self.name, *source, error)
            self._observer.failed(source, error)

    async def _drop(self, source: TopicPartition) -> None:
        shard = self._shards.pop(source, None)
        if shard is not None:
            self._observer.closed(source)
            await shard.close()

    async def _pause(self, milliseconds: int, error: BaseException) -> None:
        """Wait, but not past the begin of a rebalance, which waits for us in turn."""
        deadline = time.monotonic() + milliseconds / 1000
        while time.monotonic() < deadline and self._reader.steady():
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Drop every shard; batches in flight should have ended before."""
        self._owned = set()
        for task in list(self._opening):
            task.cancel()
        await asyncio.gather(*(self._drop(source) for source in list(self._shards)))
