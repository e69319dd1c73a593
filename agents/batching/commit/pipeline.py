"""The commit pipeline of a lane: fold what waits, commit it in one transaction, fold the next meanwhile.

A transaction takes the batches that wait, of whichever of the lane's partitions. What arrives while the broker commits,
of other partitions, is folded for the next one (group commit). A partition is in one transaction at a time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from ..fold import Batch, Output
from ..observer import Committed
from ..offsets.lookup import Sources
from ..offsets.notes import notes_of
from ..offsets.start import first_held
from ..retry import Backoff
from .pace import Pace, Room
from .queue import BatchQueue
from .shard import Folded, Shard, SourceGap, SourceReset
from .shard_set import ShardSet
from .spec import StageSpec
from .transactor import Ends

log = logging.getLogger(__name__)

Offsets = dict[TopicPartition, OffsetAndMetadata]
#: What takes less than one part in so many of a transaction, for each partition, joins one in any case.
_CRUMBS = 4
#: While a transaction is committed, so many times its folding is folded ahead, and at least that part of a full one.
_GROWTH, _SHORT = 2, 1 / 4
#: The key of the lane itself in `Backoff`; the key of a shard is its source.
LANE = "lane"


class Pipeline:
    """Driven by its lane, one transaction after the other. What is folded and not committed belongs to it."""

    def __init__(
        self,
        spec: StageSpec,
        sources: Sources,
        queue: BatchQueue,
        shards: ShardSet,
        backoff: Backoff,
        may_fold: Callable[[], bool],
    ) -> None:
        self._spec, self._sources, self._queue, self._shards = spec, sources, queue, shards
        self._backoff, self._may_fold = backoff, may_fold
        self._pace = Pace()
        self._room = Room(spec.options.batch_records_max, spec.options.fold_ms_max / 1000)
        self._ahead: dict[TopicPartition, Folded] = {}  # for the next transaction; their batches are still queued
        # Not 0: monotonic time may begin when the machine starts, so 0 could be a moment ago.
        self._committed_at = self._group_committed_at = float("-inf")
        self._is_committing = False

    @property
    def has_folded_ahead(self) -> bool:
        """Shards have batches in their memory that are in no transaction yet."""
        return bool(self._ahead)

    @property
    def has_work(self) -> bool:
        """There is something to commit, or to fold now."""
        return self.has_folded_ahead or any(self._may_take(source) for source in self._queue.sources)

    @property
    def is_committing(self) -> bool:
        """A transaction is under way."""
        return self._is_committing

    def drop(self) -> None:
        """Forget what is folded and not committed; its batches are still queued."""
        self._ahead = {}

    async def transact(self) -> None:
        """Commit one transaction: what is folded ahead, what else waits (as much as `Pace` lets in), and the outputs of
        idle folds.

        Once a rebalance has begun only what is folded ahead: its shards have it in their memory already, and folding
        the batch again would count it twice. Any error means: outcome unknown, drop the lane.
        """
        folded, self._ahead = self._ahead, {}
        await self._fold_queued(folded, self._room)
        if self._queue.take_idle() and self._may_fold():
            await self._fold_idle(folded)
        offsets = self._offsets_due(folded)
        if not folded and not offsets:
            return
        outputs = [output for part in folded.values() for output in part.outputs] + self._notes(folded)
        await self.wait_for_markers()
        started = time.perf_counter()
        ends = await self._commit_folding_ahead(outputs, offsets, folded)
        seconds = time.perf_counter() - started
        for source, part in folded.items():
            self._committed(source, part, seconds)
            self._sources.backlog.wrote(source, part.outputs, ends, part.processor_seconds)
        for source, offset in offsets.items():
            if source in self._shards:  # it may have failed meanwhile
                self._shards[source].group_committed(offset.offset)

    async def commit_offsets(self) -> None:
        """Commit the group's offsets of every shard, for the next owner: should the state be lost meanwhile, they say
        up to where all was published.
        """
        self._group_committed_at = float("-inf")
        if offsets := self._offsets_due({}):
            await self._commit([], offsets)

    async def wait_for_markers(self) -> None:
        """Wait until `settle_ms` have passed since the last commit, for the broker to write its markers: until then it
        rejects the next transaction with CONCURRENT_TRANSACTIONS.
        """
        left = self._committed_at + self._spec.options.settle_ms / 1000 - time.monotonic()
        await asyncio.sleep(max(0.0, left))

    async def _commit_folding_ahead(
        self, outputs: list[Output], offsets: Offsets, folded: Mapping[TopicPartition, Folded]
    ) -> Ends:
        """Commit, and meanwhile fold what waits or arrives of partitions that are not in the transaction.

        The commit waits for these folds. So they are short while a short transaction is committed: one that holds few
        reports of quiet partitions takes as long as the others let it.
        """
        seconds = _GROWTH * sum(part.processor_seconds for part in folded.values())
        room = self._room.of_seconds(max(seconds, _SHORT * self._room.seconds))
        commit = asyncio.create_task(self._commit(outputs, offsets))
        try:
            while not commit.done():
                self._queue.mark_seen()
                await self._fold_queued(self._ahead, room, folded, commit)
                await self._work_or(commit)
            return commit.result()
        finally:
            commit.cancel()

    async def _work_or(self, commit: asyncio.Task[Ends]) -> None:
        work = asyncio.create_task(self._queue.wait())
        try:
            await asyncio.wait({commit, work}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()

    async def _commit(self, outputs: list[Output], offsets: Offsets) -> Ends:
        self._is_committing = True
        try:
            ends = await self._shards.transactor.commit(outputs, offsets)
        finally:
            self._is_committing = False
        self._committed_at = time.monotonic()
        self._backoff.after_success(LANE)
        if offsets:
            self._group_committed_at = self._committed_at
        return ends

    async def _fold_queued(
        self,
        folded: dict[TopicPartition, Folded],
        whole: Room,
        excluded: Container[TopicPartition] = (),
        until: asyncio.Future[Ends] | None = None,
    ) -> None:
        """Fold queued batches, or their first parts, into `folded`, which may come to `whole`, and none of `excluded`;
        no further once `until` is done.

        Without `until` the transaction is about to be committed: a long batch does not make it wait once it holds
        something, for it can be folded meanwhile.
        """
        left = whole
        for done in folded.values():
            left = left.without(done.records, done.processor_seconds)
        waiting = {
            source: self._queue[source]
            for source in self._queue.sources
            if source not in folded and source not in excluded and self._may_take(source)
        }
        crumb = self._crumb
        for source in self._pace.order(waiting, whole):
            if source not in self._queue or source not in self._shards:
                continue
            if not self._may_fold() or (until is not None and until.done()):
                return
            if folded and not self._pace.fits(source, self._queue[source], crumb):
                if until is None:
                    return  # it is folded while this transaction is committed
                if not left.holds(whole.shared_by(len(waiting))):
                    return  # the next transaction begins with it
            part = await self._fold(source, left.of_seconds(self._sources.backlog.room_s(source, self._spec.options)))
            if part is not None:
                folded[source] = part
                left = left.without(part.records, part.processor_seconds)
            # Let other tasks of this loop run in between.
            await asyncio.sleep(0)

    @property
    def _crumb(self) -> Room:
        return self._room.shared_by(_CRUMBS * max(1, len(self._shards)))

    def _may_take(self, source: TopicPartition) -> bool:
        """Whether a queued batch may be folded now: its shard is open, and it is short or its source not far ahead."""
        if source not in self._shards:
            return False
        is_short = self._pace.fits(source, self._queue[source], self._crumb)
        return is_short or self._sources.backlog.room_s(source, self._spec.options) > 0

    async def _fold(self, source: TopicPartition, room: Room) -> Folded | None:
        """One shard's part of the transaction; None when the batch was read already, or the shard failed."""
        shard, batch = self._shards[source], self._queue[source]
        if not batch.went_back:  # else it may be of a source that was recreated, which shows in the whole of it
            batch = self._pace.part(source, batch.since(shard.next_offset), room)
        try:
            part = await self._fold_over_gaps(shard, batch)
        except Exception as error:  # noqa: BLE001  # a fold may raise anything
            if isinstance(error, SourceReset):  # the reopened shard compares its position with the source's end itself
                self._queue.replace(source, replace(batch, went_back=False))
            self._shards.fail(source, error)
            return None
        if part is None:
            self._queue.release(source)
        elif part.batch is not None:
            self._pace.folded(source, part.batch, part.processor_seconds)
        return part

    async def _fold_over_gaps(self, shard: Shard, batch: Batch) -> Folded | None:
        try:
            return shard.fold(batch)
        except SourceGap as gap:
            beginning = await self._sources.beginning_offset(shard.source)
            held = first_held(gap.expected, gap.found, beginning)
            if held is not None:
                log.warning("reading again from offset %d: %s", held, gap)
                await self._sources.rewind(shard.source, held)
                return None
            lost = shard.skip_lost(gap.found)
            log.error("%d offsets are gone from the source before they were read: %s", lost, gap)
            return shard.fold(batch)

    async def _fold_idle(self, folded: dict[TopicPartition, Folded]) -> None:
        """Ask the folds whose sources have nothing more for output."""
        for source, shard in list(self._shards.items()):
            if source in folded or source in self._queue or not self._sources.is_caught_up(source):
                continue
            if shard.rebuild_until is not None:
                # The records to rebuild from were committed long ago; the consumer will not fetch them by itself.
                await self._sources.rewind(source, shard.next_offset)
                continue
            try:
                part = shard.idle()
            except Exception as error:  # noqa: BLE001  # a fold may raise anything
                self._shards.fail(source, error)
                continue
            if part is not None:
                folded[source] = part

    def _offsets_due(self, folded: Mapping[TopicPartition, Folded]) -> Offsets:
        """The group's offsets to commit, of every shard that is ahead of them. A stage with state or notes commits them
        only every `offset_every_ms`, and with a shard's first transaction.
        """
        age_s = time.monotonic() - self._group_committed_at
        is_due = self._spec.own_topic is None or age_s >= self._spec.options.offset_every_ms / 1000
        offsets = {}
        for source, shard in self._shards.items():
            if not is_due and not shard.is_first_commit_due:
                continue
            if offset := shard.offset_to_commit(folded.get(source)):
                offsets[source] = offset
        return offsets

    def _notes(self, folded: Mapping[TopicPartition, Folded]) -> list[Output]:
        topic, partitions = self._spec.positions_topic, self._spec.partitions
        if topic is None:
            return []
        offsets = {source: shard.offset_after(folded.get(source)) for source, shard in self._shards.items()}
        return notes_of(topic, partitions, offsets, {source: part.lost for source, part in folded.items()})

    def _committed(self, source: TopicPartition, part: Folded, seconds: float) -> None:
        """A shard's part of the transaction is committed: release its batch, or keep what is left of it."""
        shard = self._shards[source]
        shard.committed(part)
        if part.lost:
            self._spec.observer.lost(source, len(part.lost))
        if part.batch is None:
            return
        self._backoff.after_success(source)
        self._spec.observer.committed(source, part.batch, Committed(part.records, part.fold_seconds, seconds))
        self._sources.backlog.folded(source, part.next_offset, self._pace.cost(source))
        rest = shard.unfolded(self._queue[source])
        if rest is None:
            self._queue.release(source)
        else:
            self._queue.postpone(source, rest)
