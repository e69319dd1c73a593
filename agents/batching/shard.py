"""A shard: the state of one source partition, and what of it belongs into the next transaction.

It decides and remembers; its lane (lane.py) owns the producer and commits. Between `prepare` and `committed` its memory
is ahead of the log, so after any failure in between the shard is dropped and restored.

Restore: only after the lane has fenced every earlier owner: nobody else can change state or position now. State that is
gone or
         incomplete (its topic was deleted, emptied or created anew) is built again from the source, in silence: what
         was published for it before is not published twice.
Prepare: skip what the state already holds; fold the rest in memory. Without state the next offset is the group's; with
state
         it is in the state, and the group's follows now and then.
"""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching.fold import Batch, Fold, Output, Record
from agents.batching.options import BatchingOptions
from agents.batching.partition_end import read_to_end

#: Key of the record in the state topic that holds the next source offset. It, not the group's committed offset, is the
#: truth: the group's offset can be reset by an operator or expire.
POSITION_KEY = b"@next"
#: Key of the record that the first transaction of a state writes. State without it lost its beginning: a topic that was
#: deleted and created anew under a running worker holds only what changed since. Value: up to which source offset to
#: publish nothing.
BEGIN_KEY = b"@begin"
#: Key of the record that keeps a shard shut once its source was found created anew: the new source grows, and would in
#: time pass the position of the old one unnoticed. Deleting the state lifts it.
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
            f"{source.topic}[{source.partition}] ends at {end} and was read up to {expected}, before which it had ended: "
            f"the topic was created anew; refusing to skip its records in silence"
        )


@dataclass(frozen=True)
class Sources:
    """What a shard must ask of Kafka. Filled by the stage."""

    committed: Callable[[TopicPartition], Awaitable[OffsetAndMetadata | None]]
    end_offset: Callable[[TopicPartition], Awaitable[int]]


@dataclass(frozen=True)
class Prepared:
    """One shard's part of a transaction. `batch` is None for an idle word; `is_quiet` while lost state is built again."""

    batch: Batch | None
    outputs: Sequence[Output]
    next_offset: int
    #: Of the fold once this part is committed, to go with `next_offset`.
    note: str
    fold_seconds: float
    is_quiet: bool = False
    #: Offsets right before the batch that the source no longer held: they were never read.
    lost: range = range(0)


class Shard:
    """Not reentrant: one `prepare` or `idle`, then `committed`."""

    def __init__(self, source: TopicPartition, fold: Fold, state: TopicPartition | None) -> None:
        self.source = source
        self.fold = fold
        self.next_offset = 0
        self.restored_records = 0
        self.is_refused = False
        #: The group must hear of this shard with its first transaction: a source of which it knows nothing counts as
        #: new, whatever was noted.
        self.is_untold = False
        self._state = state
        self._told_offset = 0
        self._has_begun = state is None
        self._quiet_until = 0
        self._lost = range(0)
        self._note = ""

    @classmethod
    async def restored(
        cls,
        source: TopicPartition,
        new_fold: Callable[[], Fold],
        state: TopicPartition | None,
        sources: Sources,
        options: BatchingOptions,
    ) -> "Shard":
        """Read state and position, once every earlier owner is fenced.

        The shard may come back as refused, or end behind its source's end (`check_source`): its lane then says so.
        """
        shard = cls(source, new_fold(), state)
        note = await shard._restore(sources, options, new_fold)
        shard.fold.restored(note)
        shard._note = shard.fold.note()
        return shard

    @property
    def rebuild_until(self) -> int | None:
        """The source offset up to which lost state is being built again; None when there is nothing to make up for."""
        return self._quiet_until if self.next_offset < self._quiet_until else None

    async def _restore(self, sources: Sources, options: BatchingOptions, new_fold: Callable[[], Fold]) -> str:
        if self._state is not None:
            self.restored_records = await read_to_end(options.reader, [self._state], self._restore_record)
            if self._has_begun:
                # The state says how far it is. The group may not have been told yet; to ask it and to doubt it would
                # take seconds.
                return ""
        published, note = 0, ""
        committed = await sources.committed(self.source)
        if committed is not None and committed.offset >= 0:
            published, note = committed.offset, committed.metadata
        self._told_offset = published
        if self._state is None:
            self.next_offset = published
        else:  # nothing, or a part that cannot be used
            self.fold, self.next_offset, self._quiet_until = new_fold(), 0, published
        return note

    def _restore_record(self, state: TopicPartition, record: Record) -> None:
        self._take(record.key, record.value)

    def _take(self, key: bytes, value: bytes | None) -> None:
        if key == POSITION_KEY:
            if value is not None:
                self.next_offset = json.loads(value)["offset"]
        elif key == REFUSED_KEY:
            self.is_refused = True
        elif key == BEGIN_KEY:
            self._has_begun, self._quiet_until = True, json.loads(value)["quiet_until"]
        else:
            self.fold.restore(key, value)

    def refusal(self) -> list[Output]:
        """The record that keeps this shard shut from now on, also after a restart; nothing when it is there or there is
        no state.
        """
        if self._state is None or self.is_refused:
            return []
        return [Output(self._state.topic, self._state.partition, REFUSED_KEY, self.source.topic.encode())]

    def prepare(self, batch: Batch) -> Prepared | None:
        """Fold a batch, or its first part when only that is to be kept quiet (`rest` of it comes next).

        None when all of it was in the state already. Raises SourceGap or SourceReset before anything has changed.
        """
        if batch.start_offset > self.next_offset:
            raise SourceGap(self.source, self.next_offset, batch.start_offset)
        if batch.end_offset < self.next_offset or (batch.went_back and batch.start_offset < self.next_offset):
            raise SourceReset(self.source, self.next_offset, batch.end_offset)
        batch = batch.since(self.next_offset)
        if batch.start_offset < self._quiet_until < batch.next_offset:
            quiet = batch.until(self._quiet_until)
            batch = quiet if quiet.records else batch.since(self._quiet_until)
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
        return Prepared(batch, outputs, batch.next_offset, self.fold.note(), folded - started, is_quiet, self._lost)

    def rest(self, batch: Batch) -> Batch | None:
        """What `prepare` left of a batch, once its part is committed."""
        rest = batch.since(self.next_offset)
        return rest if rest.records else None

    def idle(self) -> Prepared | None:
        """What the fold has to say while its source has nothing more."""
        outputs = list(self.fold.idle())
        return Prepared(None, outputs, self.next_offset, self.fold.note(), 0.0) if outputs else None

    def standing(self, part: Prepared | None) -> OffsetAndMetadata:
        """How far the source is read once `part` is committed; of what is committed without one, also while more is
        folded already.
        """
        return (
            OffsetAndMetadata(part.next_offset, part.note) if part else OffsetAndMetadata(self.next_offset, self._note)
        )

    def position(self, part: Prepared | None) -> OffsetAndMetadata | None:
        """What to tell the group once `part` is committed; None when it knows.

        Never while lost state is built again: the group's offset tells up to where all was published already.
        """
        standing = self.standing(part)
        if standing.offset <= self._told_offset or standing.offset < self._quiet_until:
            return None
        return standing

    def committed(self, prepared: Prepared) -> None:
        """The transaction with this part is committed."""
        self.next_offset, self._note, self._lost = prepared.next_offset, prepared.note, range(0)
        self._has_begun = self._has_begun or prepared.batch is not None
        if not prepared.is_quiet:
            self.fold.committed()

    def tell_anew(self) -> None:
        """The group may know another position than this shard opened with, or none."""
        self._told_offset, self.is_untold = 0, True

    def told(self, position: OffsetAndMetadata) -> None:
        """The transaction with this position is committed."""
        self._told_offset, self.is_untold = position.offset, False

    def skip_lost(self, offset: int) -> int:
        """Accept that the source no longer holds anything before `offset`; return how many offsets are lost."""
        self._lost, self.next_offset = range(self.next_offset, offset), offset
        return len(self._lost)

    def _bookkeeping(self, offset: int) -> list[Output]:
        """The shard's own records of the state topic: the next source offset, and once that the state begins here."""
        own = [(POSITION_KEY, {"topic": self.source.topic, "offset": offset})]
        if not self._has_begun:
            own.append((BEGIN_KEY, {"quiet_until": self._quiet_until}))
        return [Output(self._state.topic, self._state.partition, key, json.dumps(value).encode()) for key, value in own]

    def closed(self) -> None:
        """Let go of what this worker shows of the shard."""
        self.fold.closed()
