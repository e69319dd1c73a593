"""A shard: the state of one source partition, and its part of the next transaction.

It does no I/O; its lane owns the producer and commits. Between `fold` and `committed` its memory is ahead of
the log, so after any failure in between the shard is closed and restored.

Restore: `restore` every state record, then `start`. State that is missing or incomplete (its topic was deleted, emptied
         or recreated), or that its fold cannot read (`rebuild`), is rebuilt from the source; what was published for it
         before is not published twice.
Fold:    skip what the state already holds; fold the rest in memory. Without state the next offset is the group's or the
         stage's note; with state it is in the state, and the group's follows now and then.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from ..fold import Batch, Fold, Output
from ..format import decoded, encoded
from ..offsets.start import Arrival, Start, arrival

#: Key of the state record that holds the next source offset. It, not the group's committed offset, says where
#: to read on: an operator can reset the group's offset, and it can expire.
POSITION_KEY = b"@next"
#: Key of the record that the first transaction of a state writes. State without it lost its beginning: a topic that was
#: deleted and recreated under a running worker holds only what changed since. Value: up to which source offset
#: everything had been published before.
BEGIN_KEY = b"@begin"
#: Key of the record that keeps a shard closed once its source was found recreated: the new source grows, and would in
#: time pass the position of the old one unnoticed. Deleting the state topic lifts it.
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
            f"{source.topic}[{source.partition}] was read up to {expected}, and ended before that (it ends at {end}): "
            f"the topic was recreated; refusing to skip its records silently"
        )


@dataclass(frozen=True)
class Folded:
    """One shard's part of a transaction. `batch` is None for an idle output."""

    batch: Batch | None
    outputs: Sequence[Output]
    #: The source offset after it, and the fold's note that goes with it.
    next_offset: int
    note: str
    fold_seconds: float
    #: The processor's part of that: what the fold cost, whatever else the machine did.
    processor_seconds: float = 0.0
    #: Part of lost state that is rebuilt: its outputs were published before.
    is_rebuild: bool = False
    #: Offsets right before the batch that the source no longer held: they were never read.
    lost: range = range(0)

    @property
    def records(self) -> int:
        """How many source records were folded."""
        return len(self.batch.records) if self.batch else 0


class Shard:
    """Not reentrant: one `fold` or `idle`, then `committed`."""

    def __init__(self, source: TopicPartition, new_fold: Callable[[], Fold], state: TopicPartition | None) -> None:
        self.source = source
        self._new_fold, self._fold, self._state = new_fold, new_fold(), state
        self._next_offset = self._published_until = self._group_offset = 0
        self._note, self._lost = "", range(0)
        self._has_begun = self._is_refused = self._is_first_commit_due = False
        self._stored: set[bytes] = set()  # keys of the fold's state records, until it has read them
        self._unreadable: tuple[bytes, ...] = ()  # those to be deleted with the first transaction

    @property
    def next_offset(self) -> int:
        """The next source offset, of what is committed."""
        return self._next_offset

    @property
    def has_state(self) -> bool:
        """Whether a state was restored that is complete: it says where to read on, and the group need not be asked."""
        return self._state is not None and self._has_begun

    @property
    def is_refused(self) -> bool:
        """Whether the state says that its source was recreated."""
        return self._is_refused

    @property
    def rebuild_until(self) -> int | None:
        """The source offset up to which lost state is being rebuilt; None when none is."""
        return self._published_until if self._next_offset < self._published_until else None

    @property
    def is_first_commit_due(self) -> bool:
        """The group's offset belongs into this shard's first transaction: a source without one counts as never read."""
        return self._is_first_commit_due

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one record of the state partition."""
        if key == POSITION_KEY:
            if value is not None:
                self._next_offset = decoded(self._name(key), value)["offset"]
        elif key == REFUSED_KEY:
            self._is_refused = True
        elif key == BEGIN_KEY:
            self._has_begun, self._published_until = True, decoded(self._name(key), value or b"")["quiet_until"]
        else:
            self._fold.restore(key, value)
            (self._stored.discard if value is None else self._stored.add)(key)

    def start(self, start: Start | None, *, is_noted: bool = False) -> None:
        """All state was restored. `start` is where to read on; None where the state says so (`has_state`).

        `is_noted`: the stage notes its positions, so the group's offset may differ from where this shard starts.
        Raises Unreadable: `rebuild`, where the source still holds its beginning.
        """
        note = ""
        if start is not None:
            note = start.note
            if self._state is None:
                self._next_offset = start.offset
            else:  # no state, or a part that cannot be used: from the beginning
                self._fold, self._next_offset, self._published_until = self._new_fold(), 0, start.offset
            self._group_offset = start.offset
        if is_noted:
            self._group_offset, self._is_first_commit_due = 0, True
        self._fold.restored(note)
        self._note, self._stored = self._fold.note(), set()

    def rebuild(self) -> None:
        """After `start` has raised Unreadable: from the beginning of the source. The position in the state says up to
        where everything was published; what cannot be read is deleted with the first transaction.
        """
        self._fold, self._unreadable, self._stored = self._new_fold(), tuple(self._stored), set()
        self._published_until = max(self._published_until, self._next_offset)
        self._next_offset, self._has_begun = 0, False
        self._fold.restored("")
        self._note = self._fold.note()

    def refusal(self) -> list[Output]:
        """The record that keeps this shard closed from now on, also after a restart; nothing when it is there already
        or there is no state.
        """
        if self._state is None or self._is_refused:
            return []
        return [self._own(self._state, REFUSED_KEY, {"topic": self.source.topic})]

    def fold(self, batch: Batch) -> Folded | None:
        """Fold a batch, or only its first part where just that part was published before (`unfolded` returns the rest).

        None when all of it was in the state already. Raises SourceGap or SourceReset before anything has changed.
        """
        match arrival(batch, self._next_offset):
            case Arrival.GAP:
                raise SourceGap(self.source, self._next_offset, batch.start_offset)
            case Arrival.RECREATED:
                raise SourceReset(self.source, self._next_offset, batch.end_offset)
        batch = self._one_part(batch.since(self._next_offset))
        if not batch.records:
            return None
        is_rebuild = batch.start_offset < self._published_until
        started, processor = time.perf_counter(), time.thread_time()
        outputs = list(self._fold.fold(batch))
        fold_seconds, processor_seconds = time.perf_counter() - started, time.thread_time() - processor
        if self._state is not None:
            if is_rebuild:
                outputs = [output for output in outputs if output.topic == self._state.topic]
            outputs = [*self._deleted(self._state), *outputs, *self._own_records(self._state, batch.next_offset)]
        note = self._fold.note()
        seconds = fold_seconds, processor_seconds
        return Folded(batch, outputs, batch.next_offset, note, *seconds, is_rebuild, self._lost)

    def _one_part(self, batch: Batch) -> Batch:
        """What of a batch lies on one side of the offset up to which everything was published before."""
        if not batch.start_offset < self._published_until < batch.next_offset:
            return batch
        before = batch.until(self._published_until)
        return before if before.records else batch.since(self._published_until)

    def _own_records(self, state: TopicPartition, offset: int) -> Iterable[Output]:
        """The shard's own records of the state topic: the next source offset, and once that the state begins here."""
        yield self._own(state, POSITION_KEY, {"topic": self.source.topic, "offset": offset})
        if not self._has_begun:
            yield self._own(state, BEGIN_KEY, {"quiet_until": self._published_until})

    def _deleted(self, state: TopicPartition) -> Iterable[Output]:
        """Before everything else of the first transaction: what the rebuilt state writes under such a key counts."""
        return [Output(state.topic, state.partition, key, None) for key in self._unreadable]

    def _own(self, state: TopicPartition, key: bytes, fields: dict[str, Any]) -> Output:
        return Output(state.topic, state.partition, key, encoded(fields))

    def _name(self, key: bytes) -> str:
        return f"state record {key.decode()} of {self.source.topic}[{self.source.partition}]"

    def unfolded(self, batch: Batch) -> Batch | None:
        """What of a batch is left to fold after what is committed."""
        rest = batch.since(self._next_offset)
        return rest if rest.records else None

    def idle(self) -> Folded | None:
        """What the fold puts out while its source has nothing more."""
        outputs = list(self._fold.idle())
        return Folded(None, outputs, self._next_offset, self._fold.note(), 0.0) if outputs else None

    def offset_after(self, folded: Folded | None) -> OffsetAndMetadata:
        """How far the source is read once `folded` is committed. Without one: of what is committed, also while more is
        folded already.
        """
        if folded is None:
            return OffsetAndMetadata(self._next_offset, self._note)
        return OffsetAndMetadata(folded.next_offset, folded.note)

    def offset_to_commit(self, folded: Folded | None) -> OffsetAndMetadata | None:
        """The group's offset to commit with `folded`; None when the group has it.

        Never while lost state is rebuilt: the group's offset says up to where all was published already.
        """
        after = self.offset_after(folded)
        is_known = after.offset <= self._group_offset or after.offset < self._published_until
        return None if is_known else after

    def committed(self, folded: Folded) -> None:
        """The transaction with this part is committed."""
        self._next_offset, self._note, self._lost = folded.next_offset, folded.note, range(0)
        if folded.batch is not None:
            self._has_begun, self._unreadable = True, ()
        if not folded.is_rebuild:
            self._fold.committed()

    def group_committed(self, offset: int) -> None:
        """The transaction with this group's offset is committed."""
        self._group_offset, self._is_first_commit_due = offset, False

    def skip_lost(self, offset: int) -> int:
        """Accept that the source no longer holds anything before `offset`; return how many offsets are lost."""
        self._lost, self._next_offset = range(self._next_offset, offset), offset
        return len(self._lost)

    def close(self) -> None:
        """Close the fold, which removes its metrics."""
        self._fold.closed()
