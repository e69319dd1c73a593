"""The producer and the shards of a lane: take ownership, then restore what is missing; close what failed.

Only after every earlier owner is fenced are shards restored: nobody else can change state or positions from then on.
"""

import asyncio
import functools
import logging
import time
from collections.abc import ItemsView

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from ..fold import Fatal, Unreadable
from ..offsets.lookup import Sources
from ..offsets.notes import read_notes, unread_note
from ..offsets.reconciliation import OutputHistory, Reconciliation
from ..partition_end import read_to_end
from ..retry import Backoff
from .failures import RESPONSES, Failure, failure_of
from .ownership import take_ownership
from .shard import Shard, SourceReset
from .spec import StageSpec
from .transactor import Transactor

log = logging.getLogger(__name__)


class ShardSet:
    """Opened by its lane until it is complete. A shard that does not open does not stop the others."""

    def __init__(
        self,
        transactional_id: str,
        partitions: frozenset[TopicPartition],
        spec: StageSpec,
        sources: Sources,
        backoff: Backoff,
    ) -> None:
        self._id, self._partitions, self._spec, self._sources = transactional_id, partitions, spec, sources
        self._transactor: Transactor | None = None
        self._shards: dict[TopicPartition, Shard] = {}
        self._backoff = backoff

    def __contains__(self, source: TopicPartition) -> bool:
        return source in self._shards

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, source: TopicPartition) -> Shard:
        return self._shards[source]

    def items(self) -> ItemsView[TopicPartition, Shard]:
        """The open shards by source."""
        return self._shards.items()

    @property
    def transactor(self) -> Transactor:
        """The producer. Only while it is open."""
        assert self._transactor is not None, "the lane is not open"
        return self._transactor

    @property
    def has_all_shards(self) -> bool:
        """No shard is missing."""
        return len(self._shards) == len(self._partitions)

    @property
    def is_complete(self) -> bool:
        """The producer and every shard are open."""
        return self._transactor is not None and self.has_all_shards

    async def open(self) -> None:
        """Fence earlier owners, then restore the shards that are missing and due. Raises when the lane failed."""
        missing = [tp for tp in self._partitions if tp not in self._shards and self._backoff.is_over(tp)]
        if self._transactor is None:
            self._transactor = Transactor(self._id, self._spec.group, self._spec.options, self._spec.sizes)
            await self._transactor.start()
            await take_ownership(self._transactor, self._id, self._partitions, self._spec)
        if not missing:
            return
        # Before `finish_markers` writes markers to outputs that may be sources too: they could take a recreated source
        # past its old position.
        ends = await asyncio.gather(*map(self._sources.end_offset, missing), return_exceptions=True)
        reconciliation = await self._reconciliation(self._transactor)
        restore = functools.partial(self._restore, reconciliation)
        results = await asyncio.gather(*map(restore, missing, ends), return_exceptions=True)
        for source, result in zip(missing, results, strict=True):
            if isinstance(result, BaseException):
                self._check(source, result)

    async def _reconciliation(self, transactor: Transactor) -> Reconciliation:
        """Finish the markers of earlier transactions, then read the notes of how far the sources are read."""
        spec = self._spec
        history = OutputHistory(spec.outputs, self._partitions, spec.options)
        await history.look_at_ends(self._sources.end_offset)
        await transactor.finish_markers(spec.written_by(self._partitions))
        topic = spec.positions_topic
        notes = await read_notes(topic, self._partitions, spec.partitions, spec.options) if topic else {}
        pause_s = spec.options.ask_again_pause_ms / 1000
        return Reconciliation(self._sources, notes, history.has_written, pause_s, self._commit_unread)

    def _check(self, source: TopicPartition, error: BaseException) -> None:
        """Raise what is the lane's failure; take anything else for the shard's."""
        if failure_of(error) in (Failure.FENCED, Failure.FATAL) or not isinstance(
            error, (Exception, asyncio.CancelledError)
        ):
            raise error
        self.fail(source, error)

    async def _restore(self, reconciliation: Reconciliation, source: TopicPartition, end: int | BaseException) -> None:
        if isinstance(end, BaseException):
            raise end
        spec, started, records = self._spec, time.perf_counter(), 0
        state = TopicPartition(spec.state_topic, spec.number_of(source)) if spec.state_topic else None
        shard = Shard(source, functools.partial(spec.new_fold, source), state)
        if state is not None:
            records = await read_to_end(
                spec.options.reader, [state], lambda _, record: shard.restore(record.key, record.value)
            )
        start = None if shard.has_state else await reconciliation.start_of(source)
        try:
            shard.start(start, is_noted=spec.positions_topic is not None)
        except Unreadable as why:
            if end >= shard.next_offset:  # else the source was recreated, see below
                await self._rebuild(shard, why)
        if end < shard.next_offset or shard.is_refused:
            await self.transactor.commit(shard.refusal(), {source: OffsetAndMetadata(0, "")})
            raise SourceReset(source, shard.next_offset, end)
        self._shards[source] = shard
        self._sources.backlog.opened(source)
        spec.observer.opened(source, time.perf_counter() - started, records)
        if shard.rebuild_until is not None:
            log.error(
                "the state of %s[%d] is missing or incomplete; rebuilding it from offsets %d to %d, "
                "of which nothing is published again",
                *source,
                shard.next_offset,
                shard.rebuild_until,
            )
            spec.observer.rebuilding(source, shard.rebuild_until - shard.next_offset)

    async def _rebuild(self, shard: Shard, why: Unreadable) -> None:
        """Begin again from a source that still holds its beginning. Raises Fatal where it does not."""
        topic, partition = shard.source
        if beginning := await self._sources.beginning_offset(shard.source):
            raise Fatal(
                f"{why}; it cannot be built again, for {topic}[{partition}] begins at offset {beginning}: start the "
                f"version that wrote it; or delete {self._spec.state_topic} to go on with what the source still holds"
            ) from why
        log.warning("%s; it is built again from %s[%d]", why, topic, partition)
        shard.rebuild()

    async def _commit_unread(self, source: TopicPartition) -> None:
        """Commit that nothing of a recreated source is read."""
        self._spec.observer.recreated(source)
        assert self._spec.positions_topic is not None, "only a stage that notes positions finds a source recreated"
        note = unread_note(self._spec.positions_topic, source, self._spec.partitions)
        await self.transactor.commit([note], {source: OffsetAndMetadata(0, "")})

    def fail(self, source: TopicPartition, error: BaseException) -> None:
        """Close one shard; it is restored again after a pause. The others continue. Raises the error if it is Fatal."""
        if isinstance(error, Fatal):
            raise error
        pause_s = self._backoff.after_failure(source)
        words = (self._spec.stage, *source, Failure.SHARD.value, pause_s, error)
        log.log(RESPONSES[Failure.SHARD].log_level, "%s shard of %s[%d] %s; reopening it after %.1f s: %r", *words)
        self._spec.observer.failed(source, error)
        shard = self._shards.pop(source, None)
        if shard is not None:
            self._close_shard(shard)

    def _close_shard(self, shard: Shard) -> None:
        self._sources.backlog.closed(shard.source)
        self._spec.observer.closed(shard.source)
        shard.close()

    async def close(self) -> None:
        """Drop the producer and all shards, with their memory."""
        shards, self._shards = self._shards, {}
        for shard in shards.values():
            self._close_shard(shard)
        transactor, self._transactor = self._transactor, None
        if transactor is not None:
            await transactor.close()
