"""How much of a lane's transaction each of its waiting batches gets: small ones first, long ones in turn.

Whoever floods one partition must not delay the others of its lane, nor of other lanes that share its thread, by more
than a few folds. So a transaction ends after a bounded time of folding, whatever waits, and a batch that is longer than
what is left is folded in parts. What a partition's batches cost is learned as they are folded: one frame may hold one
event or thousands, and an event of a crowded place may cost many times that of another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition

from ..fold import Batch
from ..sizes import size_of

#: A shorter fold says what its bytes cost at most: what a fold costs however little there is to do is part of it.
_SHORT_S = 0.005
#: A batch is folded whole when so many times what is left suffices: otherwise short rests would be left over.
_SLACK = 1.25
#: So many bytes may be folded at once after smaller batches, and so many times the last ones: what is long may also
#: cost more by the byte than what was learned from, and that is not known before it is folded.
_GROWN_BYTES, _GROWTH = 256 * 1024, 4


@dataclass(frozen=True, slots=True)
class Room:
    """What a transaction, or a part of it, may take: records, and processor seconds of folding."""

    records: float
    seconds: float

    def holds(self, other: "Room") -> bool:
        """Whether the other is no larger."""
        return other.records <= self.records and other.seconds <= self.seconds

    def without(self, records: int, seconds: float) -> "Room":
        """What is left of it."""
        return Room(self.records - records, self.seconds - seconds)

    def of_seconds(self, seconds: float) -> "Room":
        """The same for at most so many seconds."""
        return Room(self.records, min(self.seconds, seconds))

    def shared_by(self, count: int) -> "Room":
        """An equal part of it."""
        return Room(self.records / count, self.seconds / count)

    def times(self, factor: float) -> "Room":
        """A multiple of it."""
        return Room(self.records * factor, self.seconds * factor)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The last fold of a source."""

    seconds_per_byte: float
    size: int


class Pace:
    """What the batches of each source cost, as last seen, and how much of one that lets into a transaction."""

    def __init__(self) -> None:
        self._seen: dict[TopicPartition, _Seen] = {}
        self._sizes: dict[TopicPartition, tuple[Batch, int]] = {}  # measured once, asked for several times

    def folded(self, source: TopicPartition, batch: Batch, seconds: float) -> None:
        """Learn from a fold, which took so many processor seconds."""
        size, seen = self._size(source, batch), self._seen.get(source)
        cost = seconds / size
        if seconds < _SHORT_S and seen is not None:
            cost = min(cost, seen.seconds_per_byte)
        self._seen[source] = _Seen(cost, size)
        self._sizes.pop(source, None)

    def cost(self, source: TopicPartition) -> float:
        """Processor seconds that a byte took in the last fold; 0 before the first."""
        seen = self._seen.get(source)
        return seen.seconds_per_byte if seen else 0.0

    def order(self, waiting: Mapping[TopicPartition, Batch], room: Room) -> list[TopicPartition]:
        """The sources in the order in which their batches are to be folded: first those that fit into an equal part of
        a transaction, then the longer ones, which share what is left in turn. Both as they came.
        """
        part = room.shared_by(max(1, len(waiting)))
        return sorted(waiting, key=lambda source: not self.fits(source, waiting[source], part))

    def part(self, source: TopicPartition, batch: Batch, room: Room) -> Batch:
        """The first part of a batch that fits, at least one record; all of it where little more would be left."""
        if self.fits(source, batch, room.times(_SLACK)):
            return batch
        return batch.first(max(1, min(int(room.records), _count_of(batch, self._bytes_in(source, room)))))

    def fits(self, source: TopicPartition, batch: Batch, room: Room) -> bool:
        """Whether all of a batch fits, judged by the ones before."""
        return len(batch.records) <= room.records and self._size(source, batch) <= self._bytes_in(source, room)

    def _bytes_in(self, source: TopicPartition, room: Room) -> float:
        """How much of a source may be folded in this time."""
        seen = self._seen.get(source)
        if seen is None:
            return float("inf")  # the first batch is small: `BatchingOptions.first_batch_part`
        grown = max(_GROWN_BYTES, _GROWTH * seen.size)
        return min(grown, room.seconds / seen.seconds_per_byte) if seen.seconds_per_byte else grown

    def _size(self, source: TopicPartition, batch: Batch) -> int:
        known = self._sizes.get(source)
        if known is None or known[0] is not batch:
            known = self._sizes[source] = batch, sum(map(size_of, batch.records))
        return known[1]


def _count_of(batch: Batch, size: float) -> int:
    """How many records from the first on have this size."""
    for count, record in enumerate(batch.records):
        size -= size_of(record)
        if size < 0:
            return count
    return len(batch.records)
