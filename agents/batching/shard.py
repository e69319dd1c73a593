"""A shard: the one place where a batch of one source partition becomes exactly once.

Open:    start the transactional producer whose id is fixed per (stage, source partition). That fences any earlier owner and
         ends its open transaction. Only then read the state and the next source offset: nobody else can change them now.
Process: skip what the state already holds; fold the rest in memory; write outputs, state and next offset in one transaction.
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

    def __init__(self, source: TopicPartition, fold: Fold, transactor: Transactor, state: TopicPartition | None) -> None:
        self.source = source
        self.fold = fold
        self.next_offset = 0
        self.restored_records = 0
        self._transactor = transactor
        self._state = state

    @classmethod
    async def open(
        cls,
        source: TopicPartition,
        fold: Fold,
        transactor: Transactor,
        state: TopicPartition | None,
        sources: Sources,
        options: BatchingOptions,
    ) -> "Shard":
        """Fence, restore, and check that the source still holds what comes next. Closes the producer if that fails."""
        shard = cls(source, fold, transactor, state)
        try:
            await transactor.start()
            note = await shard._restore(sources, options)
            end = await sources.end_offset(source)
            if end < shard.next_offset:
                raise SourceReset(source, shard.next_offset, end)
            fold.restored(note)
        except BaseException:
            await asyncio.shield(transactor.close())
            raise
        return shard

    async def _restore(self, sources: Sources, options: BatchingOptions) -> str:
        note = ""
        committed = await sources.committed(self.source)
        if committed is not None and committed.offset >= 0:
            self.next_offset, note = committed.offset, committed.metadata
        if self._state is not None:
            self.next_offset = 0
            self.restored_records = await read_to_end(self._state, options, self._take)
        return note

    def _take(self, key: bytes, value: bytes | None) -> None:
        if key == POSITION_KEY:
            if value is not None:
                self.next_offset = json.loads(value)["offset"]
        else:
            self.fold.restore(key, value)

    async def process(self, batch: Batch) -> Committed | None:
        """Fold and commit a batch; None when all of it was in the state already. Raises SourceGap or SourceReset."""
        if batch.start_offset > self.next_offset:
            raise SourceGap(self.source, self.next_offset, batch.start_offset)
        if batch.end_offset < self.next_offset:
            raise SourceReset(self.source, self.next_offset, batch.end_offset)
        batch = batch.since(self.next_offset)
        if not batch.records:
            return None
        started = time.perf_counter()
        outputs = list(self.fold.fold(batch))
        folded = time.perf_counter()
        if self._state is not None:
            outputs.append(self._position(batch.next_offset))
        await self._transactor.commit(outputs, self.source, OffsetAndMetadata(batch.next_offset, self.fold.note()))
        self.next_offset = batch.next_offset
        self.fold.committed()
        return Committed(len(batch.records), folded - started, time.perf_counter() - folded)

    async def idle(self) -> None:
        """Give the fold a chance to write while its source has nothing more."""
        outputs = list(self.fold.idle())
        if outputs:
            position = OffsetAndMetadata(self.next_offset, self.fold.note())
            await self._transactor.commit(outputs, self.source, position)
            self.fold.committed()

    def skip_lost(self, offset: int) -> int:
        """Accept that the source no longer holds anything before `offset`; return how many offsets are lost."""
        lost = offset - self.next_offset
        self.next_offset = offset
        return lost

    def _position(self, offset: int) -> Output:
        value = json.dumps({"topic": self.source.topic, "offset": offset}).encode()
        return Output(self._state.topic, self._state.partition, POSITION_KEY, value)

    async def close(self) -> None:
        """Let go. An unfinished transaction is ended by the next owner."""
        await self._transactor.close()
