"""A lane: the one place where batches of its source partitions become exactly once.

Open:   start the transactional producer whose id is fixed per (stage, lane). That fences any earlier owner and ends its
open
        transaction. Only then are the shards restored: nobody else can change state or positions now.
Turn:   whatever batches wait, of whichever of its partitions, are folded and committed in one transaction; what arrives
in the
        meantime, of other partitions, is folded while the broker commits, and is the next turn's (group commit).
Fail:   after any error in a transaction its outcome is unknown, so the producer and all shards are dropped with their
memory
        and opened anew; the same batches are given to the new shards, whose positions tell whether it had been
        committed. An error of one shard (its source was created anew, its fold raises) drops that shard alone; the
        others go on.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from agents.batching.cancelling import is_cancelled
from agents.batching.fold import Batch
from agents.batching.observer import Committed
from agents.batching.pauses import Pauses
from agents.batching.positions import Doubt, Notes, Written, first_note, notes_of, read_notes
from agents.batching.shard import Prepared, Shard, SourceGap, SourceReset, Sources
from agents.batching.transactor import Transactor
from agents.batching.work import Reader, Work

log = logging.getLogger(__name__)

FENCED = (ProducerFenced, InvalidProducerEpoch)
LOOK_AGAIN_S = 0.05  # how often a lane that cannot work looks whether it can again
#: So many records take longer to fold than the broker needs to end a transaction.
_FOLDS_LONGER = 1_000
FINISH_S = 2.0  # for a lane that is taken away to finish the transaction it is in

Positions = dict[TopicPartition, OffsetAndMetadata]


@dataclass
class _Waiting:
    """A batch somebody waits for: True when it is committed or read elsewhere, False when it was given up."""

    batch: Batch
    done: asyncio.Future


class Lane:
    """Owns a producer and shards; runs in a task of its own from `start` to `close`."""

    def __init__(self, transactional_id: str, sources: frozenset[TopicPartition], work: Work, reader: Reader) -> None:
        self.sources, self.reader = sources, reader
        self._id, self._work = transactional_id, work
        self._transactor: Transactor | None = None
        self._shards: dict[TopicPartition, Shard] = {}
        self._waiting: dict[TopicPartition, _Waiting] = {}
        self._ahead: dict[TopicPartition, Prepared] = {}  # folded, for the next transaction: of batches that wait
        self._notes: Notes = {}
        self._written: Written | None = None
        self._pauses = Pauses(work.options.reopen_pause_ms / 1000, work.options.reopen_pause_ms_max / 1000)
        self._told_at = self._committed_at = float(
            "-inf"
        )  # monotonic seconds begin with the machine, not far enough back
        self._is_idle_due = self._is_committing = self._is_closing = False
        self._news = asyncio.Event()
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Open at once, not at the first batch, so that a dead owner's open transaction is ended at once."""
        self._task = asyncio.create_task(self._run())

    async def submit(self, source: TopicPartition, batch: Batch) -> bool:
        """Have a batch committed, however often that fails. False when it was given up: a rebalance, or no longer ours."""
        if self._is_closing or not self.reader.steady():
            return False
        waiting = self._waiting[source] = _Waiting(batch, asyncio.get_running_loop().create_future())
        self._news.set()
        return await waiting.done

    def idle_soon(self) -> None:
        """Let the folds of shards with nothing to read have their say in the next turn. Call it now and then."""
        self._is_idle_due = True
        self._news.set()

    async def close(self) -> None:
        """Let go: finish the transaction it is in and tell the group its positions, if that is quick. What stays open
        is ended by the next owner."""
        self._is_closing = True
        self._news.set()
        if self._task is not None:
            if self._is_committing or self._is_open:
                await asyncio.wait({self._task}, timeout=FINISH_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._give_up()

    async def _run(self) -> None:
        try:
            while self._ahead or not self._is_closing:
                await self._go_on()
            await self._tell_positions()
        finally:
            await asyncio.shield(self._drop())

    @property
    def _is_open(self) -> bool:
        return self._transactor is not None and len(self._shards) == len(self.sources)

    async def _tell_positions(self) -> None:
        """The group's offsets up to date for who comes next: should the state be lost meanwhile, they say what was
        published.
        """
        self._told_at = float("-inf")
        if self._is_open and (positions := self._positions({})):
            try:
                await self._commit([], positions)
            except Exception as error:
                log.warning("%s lane %s could not tell its last positions: %r", self._work.stage, self._id, error)

    async def _go_on(self) -> None:
        """Do what is next, and what has to follow when it fails."""
        try:
            await self._open()
            await self._hear_news()
            if sum(len(waiting.batch.records) for waiting in self._waiting.values()) < _FOLDS_LONGER:
                await self._let_markers_be_written()  # and let others join
            if self._ahead or self.reader.steady():
                await self._turn()
            else:
                self._give_up()
        except FENCED:
            log.warning("%s lane %s was fenced by another owner", self._work.stage, self._id)
            for source in self.sources:
                self._work.observer.fenced(source)
            await self._drop()
            await self._pause(self._work.options.fenced_pause_ms / 1000)
        except (Exception, asyncio.CancelledError) as error:
            if is_cancelled(error):
                raise
            log.error("%s lane %s failed, opening it anew: %r", self._work.stage, self._id, error)
            for source in self.sources:
                self._work.observer.failed(source, error)
            await self._drop()
            await self._pause(self._pauses.after_failure(None))

    async def _hear_news(self) -> None:
        """Wait for batches or an idle word; a lane that lacks a shard, or may not work, looks again by itself."""
        is_whole = len(self._shards) == len(self.sources) and self.reader.steady()
        if (is_whole and self._is_idle_due) or any(tp in self._shards for tp in self._waiting):
            return
        try:
            await asyncio.wait_for(self._news.wait(), None if is_whole else LOOK_AGAIN_S)
        except TimeoutError:
            return
        self._news.clear()

    async def _let_markers_be_written(self) -> None:
        """Not begin the next transaction while the broker ends the last: it would refuse, and be asked again and again."""
        left = self._committed_at + self._work.options.settle_ms / 1000 - time.monotonic()
        await asyncio.sleep(max(0.0, left))

    async def _pause(self, seconds: float) -> None:
        """Wait, but not past the begin of a rebalance, which waits for us in turn."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._is_closing:
            if not self.reader.steady():
                self._give_up()
            await asyncio.sleep(LOOK_AGAIN_S)

    def _give_up(self) -> None:
        for source in list(self._waiting):
            self._finish(source, False)

    def _finish(self, source: TopicPartition, is_taken: bool) -> None:
        waiting = self._waiting.pop(source)
        if not waiting.done.done():
            waiting.done.set_result(is_taken)

    async def _open(self) -> None:
        """Fence, then restore what is missing and due. One shard that does not open keeps only itself from work."""
        missing = [tp for tp in self.sources if tp not in self._shards and self._pauses.is_over(tp)]
        if self._transactor is None:
            self._transactor = Transactor(self._id, self._work.group, self._work.options)
            await self._transactor.start()
        # Before `end_forgotten` leaves markers in what may be a source too: one that was created anew would grow past
        # its old position.
        ends = await asyncio.gather(*map(self.reader.sources.end_offset, missing), return_exceptions=True)
        if missing:
            self._written = Written(self._work.outputs, self.sources, self._work.options)
            await self._written.look_at_ends(self.reader.sources)
            await self._transactor.end_forgotten(self._touched())
            if topic := self._work.positions_topic:
                self._notes = await read_notes(topic, self.sources, self._work.options)
        results = await asyncio.gather(*map(self._restore, missing, ends), return_exceptions=True)
        for source, result in zip(missing, results, strict=True):
            if isinstance(result, FENCED):
                raise result
            if isinstance(result, (Exception, asyncio.CancelledError)):
                self._shard_failed(source, result)
            elif isinstance(result, BaseException):
                raise result

    def _touched(self) -> set[TopicPartition]:
        """Every partition that a transaction of this lane may have written."""
        own = self._work.own_topic
        return self._work.outputs | (
            {TopicPartition(own, source.partition) for source in self.sources} if own else set()
        )

    async def _restore(self, source: TopicPartition, end: int | BaseException) -> None:
        if isinstance(end, BaseException):
            raise end
        work, started = self._work, time.perf_counter()
        state = TopicPartition(work.state_topic, source.partition) if work.state_topic else None
        new_fold, sources = functools.partial(work.new_fold, source), self.reader.sources
        doubt = Doubt(self._notes, self._written, work.options.doubt_pause_ms / 1000, self._begin_anew)
        known = Sources(lambda tp: doubt.group_offset(tp, sources), sources.end_offset)
        shard = await Shard.restored(source, new_fold, state, known, work.options)
        if end < shard.next_offset or shard.is_refused:
            await self._transactor.commit(shard.refusal(), {source: OffsetAndMetadata(0, "")})
            raise SourceReset(source, shard.next_offset, end)
        if work.positions_topic:
            shard.tell_anew()
        self._shards[source] = shard
        work.observer.opened(source, time.perf_counter() - started, shard.restored_records)
        if shard.rebuild_until is not None:
            log.error(
                "the state of %s[%d] is gone or incomplete: building it again from offsets %d to %d, publishing nothing of them",
                *source, shard.next_offset, shard.rebuild_until,
            )  # fmt: skip
            work.observer.rebuilding(source, shard.rebuild_until - shard.next_offset)

    async def _begin_anew(self, source: TopicPartition) -> None:
        self._work.observer.recreated(source)
        note = first_note(self._work.positions_topic, source)
        await self._transactor.commit([note], {source: OffsetAndMetadata(0, "")})

    def _shard_failed(self, source: TopicPartition, error: BaseException) -> None:
        log.error("%s shard of %s[%d] failed, opening it anew: %r", self._work.stage, *source, error)
        self._work.observer.failed(source, error)
        shard = self._shards.pop(source, None)
        if shard is not None:
            self._close_shard(shard)
        self._pauses.after_failure(source)

    @property
    def _may_fold(self) -> bool:
        return self.reader.steady() and not self._is_closing

    async def _turn(self) -> None:
        """One transaction of what is folded ahead, of what else waits, at most a batch's worth of records, and of what
        idle shards have to say. Once a rebalance has begun of what is folded ahead only: its shards have it in their
        memory already."""
        parts, self._ahead = self._ahead, {}
        await self._fold_waiting(parts)
        if self._is_idle_due:
            self._is_idle_due = False
            if self._may_fold:
                await self._prepare_idle(parts)
        positions = self._positions(parts)
        if not parts and not positions:
            return
        outputs = [output for part in parts.values() for output in part.outputs]
        outputs += notes_of(self._work.positions_topic, self._shards, parts)
        await self._let_markers_be_written()
        started = time.perf_counter()
        await self._commit_folding_ahead(outputs, positions, parts)
        seconds = time.perf_counter() - started
        for source, part in parts.items():
            self._settle(source, part, seconds)
        for source, position in positions.items():
            if source in self._shards:  # it may have failed meanwhile
                self._shards[source].told(position)

    async def _commit_folding_ahead(
        self, outputs: list, positions: Positions, parts: Container[TopicPartition]
    ) -> None:
        """Commit, and fold meanwhile what waits or comes of partitions that are not in it."""
        commit = asyncio.create_task(self._commit(outputs, positions))
        try:
            while not commit.done():
                self._news.clear()
                await self._fold_waiting(self._ahead, parts, commit)
                await self._news_or(commit)
            commit.result()
        finally:
            commit.cancel()

    async def _news_or(self, other: asyncio.Task) -> None:
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait({other, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    async def _fold_waiting(
        self,
        parts: dict[TopicPartition, Prepared],
        others: Container[TopicPartition] = (),
        until: asyncio.Future | None = None,
    ) -> None:
        """Fold batches that wait into `parts`, at most a batch's worth of records, and not of `others`; no further when
        `until` is done.
        """
        left = self._work.options.batch_records_max - sum(len(part.batch.records) for part in parts.values())
        for source in [tp for tp in self._waiting if tp in self._shards and tp not in parts and tp not in others]:
            if not self._may_fold or (until is not None and until.done()):
                return
            if parts and len(self._waiting[source].batch.records) > left:
                return  # the next turn begins with it
            part = await self._prepare(source, self._waiting[source].batch)
            if part is not None:
                parts[source] = part
                left -= len(part.batch.records)
            # Folding a full batch takes half a second: others on this loop are let in between.
            await asyncio.sleep(0)

    async def _prepare(self, source: TopicPartition, batch: Batch) -> Prepared | None:
        try:
            part = await self._prepare_over_gaps(self._shards[source], batch)
        except Exception as error:
            if isinstance(error, SourceReset):  # the shard that is opened next finds out, and takes the batch as it is
                self._waiting[source].batch = replace(batch, went_back=False)
            self._shard_failed(source, error)
            return None
        if part is None:
            self._finish(source, True)
        return part

    async def _prepare_over_gaps(self, shard: Shard, batch: Batch) -> Prepared | None:
        try:
            return shard.prepare(batch)
        except SourceGap as gap:
            held = max(gap.expected, await self.reader.beginning_offset(shard.source))
            if held < gap.found:
                log.warning("reading back to %d: %s", held, gap)
                await self.reader.rewind(shard.source, held)
                return None
            lost = shard.skip_lost(gap.found)
            log.error("%d offsets are gone from the source before they were read: %s", lost, gap)
            return shard.prepare(batch)

    async def _prepare_idle(self, parts: dict[TopicPartition, Prepared]) -> None:
        for source, shard in list(self._shards.items()):
            if source in parts or source in self._waiting or not self.reader.caught_up(source):
                continue
            if shard.rebuild_until is not None:
                # What is to be folded again was committed long ago, so nobody will bring it.
                await self.reader.rewind(source, shard.next_offset)
                continue
            try:
                part = shard.idle()
            except Exception as error:
                self._shard_failed(source, error)
                continue
            if part is not None:
                parts[source] = part

    def _positions(self, parts: Mapping[TopicPartition, Prepared]) -> Positions:
        """Of every shard that is ahead of what the group knows; only now and then where state or notes are the truth."""
        since_told = time.monotonic() - self._told_at
        is_due = self._work.own_topic is None or since_told >= self._work.options.offset_every_ms / 1000
        positions = {}
        for source, shard in self._shards.items():
            if not is_due and not shard.is_untold:
                continue
            if position := shard.position(parts.get(source)):
                positions[source] = position
        return positions

    async def _commit(self, outputs: list, positions: Positions) -> None:
        self._is_committing = True
        try:
            await self._transactor.commit(outputs, positions)
        finally:
            self._is_committing = False
        self._committed_at = time.monotonic()
        self._pauses.after_success(None)
        if positions:
            self._told_at = self._committed_at

    def _settle(self, source: TopicPartition, part: Prepared, seconds: float) -> None:
        shard = self._shards[source]
        shard.committed(part)
        if part.lost:
            self._work.observer.lost(source, len(part.lost))
        if part.batch is None:
            return
        self._pauses.after_success(source)
        cost = Committed(len(part.batch.records), part.fold_seconds, seconds)
        self._work.observer.committed(source, part.batch, cost)
        waiting = self._waiting[source]
        rest = shard.rest(waiting.batch)
        if rest is None:
            self._finish(source, True)
        else:
            waiting.batch = rest

    def _close_shard(self, shard: Shard) -> None:
        self._work.observer.closed(shard.source)
        shard.closed()

    async def _drop(self) -> None:
        shards, self._shards, self._ahead = self._shards, {}, {}
        for shard in shards.values():
            self._close_shard(shard)
        transactor, self._transactor = self._transactor, None
        if transactor is not None:
            await transactor.close()
