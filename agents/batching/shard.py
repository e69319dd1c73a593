"""A shard: the one place where a batch of one source partition becomes exactly once.

Open:    start the transactional producer whose id is fixed per (stage, source partition). That fences any earlier owner and
         ends its open transaction. Only then read the state and the next source offset: nobody else can change them now.
         State that is gone or incomplete (its topic was deleted, emptied or created anew) is built again from the source, in
         silence: what was published for it before is not published twice.
Process: skip what the state already holds; fold the rest in memory; write outputs, state and next offset in one transaction.
         Without state the next offset is the group's; with state it is in the state, and the group's follows now and then.
Fail:    after any error the outcome is unknown, so the shard is dropped with its memory and opened anew. The next source
         offset read then tells whether the transaction had been committed.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.fold import Batch, Fold, Output
from agents.batching.options import BatchingOptions
from agents.batching.restore import read_to_end
from agents.batching.transactor import Transactor

#: Key of the record in the state topic that holds the next source offset. It, not the group's committed offset, is the
#: truth: the group's offset can be reset by an operator or expire.
POSITION_KEY = b"@next"
#: Key of the record that the first transaction of a state writes. State without it lost its beginning: a topic that was deleted
#: and created anew under a running worker holds only what changed since. Value: up to which source offset to publish nothing.
BEGIN_KEY = b"@begin"
#: Key of the record that keeps a shard shut once its source was found created anew: the new source grows, and would in time pass
#: the position of the old one unnoticed. Deleting the state lifts it.
REFUSED_KEY = b"@refused"


class SourceGap(Exception):
    """A batch starts beyond the next offset of the shard. `expected` is where to read on."""

    def __init__(self, source: TopicPartition, expected: int, found: int) -> None:
        super().__init__(f"{source.topic}[{source.partition}] continues at {found}, expected {expected}")
        self.expected, self.found = expected, found


class SourceReset(Exception):
    """The source ends before what the shard has already read: the topic was deleted and created again."""

    def __init__(self, source: TopicPartition, expected: int, end: int) -> None:
        super().__init__(
            f"{source.topic}[{source.partition}] ends at {end} but {expected} records of it were read already: "
            f"the topic was created anew; refusing to skip its records in silence"
        )


@dataclass(frozen=True)
class Sources:
    """What a shard must ask of Kafka besides its own producer. Filled by the stage."""

    committed: Callable[[TopicPartition], Awaitable[OffsetAndMetadata | None]]
    end_offset: Callable[[TopicPartition], Awaitable[int]]


@dataclass(frozen=True)
class Committed:
    """What one processed batch cost. Seconds."""

    records: int
    fold_seconds: float
    transaction_seconds: float


class Shard:
    """The state and the producer of one source partition. Not reentrant: one batch at a time."""

    def __init__(
        self,
        source: TopicPartition,
        fold: Fold,
        transactor: Transactor,
        state: TopicPartition | None,
        offset_every_ms: int,
    ) -> None:
        self.source = source
        self.fold = fold
        self.next_offset = 0
        self.restored_records = 0
        self._transactor = transactor
        self._state = state
        self._offset_every_s = offset_every_ms / 1000 if state is not None else 0.0
        self._told_offset, self._told_at = 0, 0.0
        self._has_begun = state is None
        self._quiet_until = 0
        self._is_refused = False

    @classmethod
    async def open(
        cls,
        source: TopicPartition,
        new_fold: Callable[[], Fold],
        transactor: Transactor,
        state: TopicPartition | None,
        sources: Sources,
        options: BatchingOptions,
    ) -> "Shard":
        """Fence, restore, and check that the source still holds what comes next. Closes the producer if that fails."""
        shard = cls(source, new_fold(), transactor, state, options.offset_every_ms)
        try:
            await transactor.start()
            note = await shard._restore(sources, options, new_fold)
            end = await sources.end_offset(source)
            if end < shard.next_offset or shard._is_refused:
                await shard._refuse()
                raise SourceReset(source, shard.next_offset, end)
            shard.fold.restored(note)
        except BaseException:
            await asyncio.shield(transactor.close())
            raise
        return shard

    @property
    def rebuild_until(self) -> int | None:
        """The source offset up to which lost state is being built again; None when there is nothing to make up for."""
        return self._quiet_until if self.next_offset < self._quiet_until else None

    async def _restore(self, sources: Sources, options: BatchingOptions, new_fold: Callable[[], Fold]) -> str:
        note = ""
        committed = await sources.committed(self.source)
        if committed is not None and committed.offset >= 0:
            self.next_offset = self._told_offset = committed.offset
            note = committed.metadata
        if self._state is not None:
            published, self.next_offset = self.next_offset, 0
            self.restored_records = await read_to_end(self._state, options, self._take)
            if not self._has_begun:
                # Nothing, or a part that cannot be used.
                self.fold, self.next_offset, self._quiet_until = new_fold(), 0, published
        return note

    def _take(self, key: bytes, value: bytes | None) -> None:
        if key == POSITION_KEY:
            if value is not None:
                self.next_offset = json.loads(value)["offset"]
        elif key == REFUSED_KEY:
            self._is_refused = True
        elif key == BEGIN_KEY:
            self._has_begun, self._quiet_until = True, json.loads(value)["quiet_until"]
        else:
            self.fold.restore(key, value)

    async def _refuse(self) -> None:
        if self._state is not None and not self._is_refused:
            mark = Output(self._state.topic, self._state.partition, REFUSED_KEY, self.source.topic.encode())
            await self._transactor.commit([mark], self.source, OffsetAndMetadata(0, ""))

    async def process(self, batch: Batch) -> Committed | None:
        """Fold and commit a batch; None when all of it was in the state already. Raises SourceGap or SourceReset."""
        if batch.start_offset > self.next_offset:
            raise SourceGap(self.source, self.next_offset, batch.start_offset)
        if batch.end_offset < self.next_offset:
            raise SourceReset(self.source, self.next_offset, batch.end_offset)
        batch = batch.since(self.next_offset)
        if batch.start_offset < self._quiet_until < batch.next_offset:
            await self._work(batch.until(self._quiet_until))
            batch = batch.since(self._quiet_until)
        return await self._work(batch)

    async def _work(self, batch: Batch) -> Committed | None:
        if not batch.records:
            return None
        is_quiet = batch.start_offset < self._quiet_until
        started = time.perf_counter()
        outputs = list(self.fold.fold(batch))
        folded = time.perf_counter()
        if is_quiet:
            outputs = [output for output in outputs if output.topic == self._state.topic]
        if self._state is not None:
            outputs += self._bookkeeping(batch.next_offset)
        await self._commit(outputs, batch.next_offset)
        self.next_offset, self._has_begun = batch.next_offset, True
        if not is_quiet:
            self.fold.committed()
        return Committed(len(batch.records), folded - started, time.perf_counter() - folded)

    async def idle(self) -> None:
        """Give the fold a chance to write while its source has nothing more."""
        outputs = list(self.fold.idle())
        if outputs or self._is_offset_due(self.next_offset):
            await self._commit(outputs, self.next_offset)
        if outputs:
            self.fold.committed()

    def _is_offset_due(self, offset: int) -> bool:
        """Never while lost state is built again: the group's offset tells up to where all was published already."""
        if offset <= self._told_offset or offset < self._quiet_until:
            return False
        return time.monotonic() - self._told_at >= self._offset_every_s

    async def _commit(self, outputs: list[Output], offset: int) -> None:
        is_due = self._state is None or self._is_offset_due(offset)
        position = OffsetAndMetadata(offset, self.fold.note()) if is_due else None
        await self._transactor.commit(outputs, self.source, position)
        if is_due:
            self._told_offset, self._told_at = offset, time.monotonic()

    def skip_lost(self, offset: int) -> int:
        """Accept that the source no longer holds anything before `offset`; return how many offsets are lost."""
        lost = offset - self.next_offset
        self.next_offset = offset
        return lost

    def _bookkeeping(self, offset: int) -> list[Output]:
        """The shard's own records of the state topic: the next source offset, and once that the state begins here."""
        own = [(POSITION_KEY, {"topic": self.source.topic, "offset": offset})]
        if not self._has_begun:
            own.append((BEGIN_KEY, {"quiet_until": self._quiet_until}))
        return [Output(self._state.topic, self._state.partition, key, json.dumps(value).encode()) for key, value in own]

    async def close(self) -> None:
        """Let go. An unfinished transaction is ended by the next owner."""
        self.fold.closed()
        await self._transactor.close()
