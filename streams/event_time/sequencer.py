"""Event time put in order: what a ledger partition holds is released to the fold in the order of event time.

For the event clock only. Intake shards read their input partitions independently, so their entries reach the ledger
with their event times mixed: one shard may be hours of event time ahead of another. Folded as they come, the clock
would jump ahead and the rest of the day would be late. Each shard therefore tells its *watermark*, the newest event
time it has put on the ledger, and whether it is idle (nothing more to read). Entries wait here until every shard that
is not idle has passed their time. When all are idle everything is released. So a day published at once gives what it
gives played in real time, wherever its records landed.

Akidau et al., "The Dataflow Model", VLDB 2015, for watermarks; the minimum over sources and their idleness as in Flink.

Between two ticks regencies know nothing of each other, so within a minute entries are released regency by regency, each
in its order of time. Every run carries the ledger offset of the frame that released it.

Pure: what waits and what the shards have told are part of the state. A frame some of whose entries wait is kept as it
is (key `@b/<ledger offset>`); the time up to which entries were released (in `@w`) tells which of them still wait. Such
a frame is read when its first entry is due: a shard may be half a day ahead of another, and a report that was read
takes four times its bytes."""

from bisect import bisect_right
from collections.abc import Iterator
from heapq import heappop, heappush, nsmallest
from itertools import count as numbers
from itertools import repeat
from operator import itemgetter, ne

import orjson

from schemas.ledger import INCIDENT, TICK, TICK_KEY, TURNOUT, WATERMARK, Entry, Frame, Span
from schemas.vocabulary import DAY_MS, HOUR_MS, MINUTE_MS

SOURCES_KEY = b"@w"
HELD_PREFIX = b"@b/"
#: Event time between two ticks given to the fold; no rule looks closer. On full minutes, so that the same day has the
#: same ticks.
TICK_EVERY_MS = MINUTE_MS
#: Entries that may wait in one partition. Beyond it the oldest are released early: memory is bounded, order is not kept
#: then.
HELD_MAX = 1_000_000

Run = tuple[int, bytes, list[Entry]]
_TIME, _ENTRY = itemgetter(0), itemgetter(-1)
_KIND, _AT, _ID = itemgetter(0), itemgetter(1), itemgetter(2)
_REVISION = {INCIDENT: itemgetter(4), TURNOUT: itemgetter(7)}


class _Waiting:
    """Entries of one regency that wait, by time. Entries of one moment are ordered by what they are, not by where they
    landed.
    """

    __slots__ = ("_entries", "_is_sorted", "_unread")

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, str, int, int, Entry]] = []
        self._is_sorted = True
        self._unread: list[tuple[int, int, Frame]] = []  # a heap: oldest time, ledger offset

    def __bool__(self) -> bool:
        return bool(self._entries or self._unread)

    def add_unread(self, oldest_ms: int, frame: Frame) -> None:
        """A frame all of whose entries wait."""
        heappush(self._unread, (oldest_ms, frame.offset, frame))

    def add(self, offset: int, entries: list[Entry]) -> None:
        """What of a frame waits. By columns, for a step of Python for each was a twentieth of the risk stage's time; an
        intake shard's frame holds reports of one kind."""
        kind = entries[0][0]
        if any(map(ne, map(_KIND, entries), repeat(kind))):
            for n, entry in enumerate(entries):
                self._add(offset, n, entry[0], [entry])
        else:
            self._add(offset, 0, kind, entries)

    def _add(self, offset: int, first: int, kind: str, entries: list[Entry]) -> None:
        revisions = map(_REVISION[kind], entries)
        self._entries += zip(map(_AT, entries), revisions, map(_ID, entries), repeat(offset), numbers(first), entries)
        self._is_sorted = False

    def pop(self, until_ms: int) -> list[Entry]:
        unread = self._unread
        while unread and unread[0][0] <= until_ms:
            _, offset, frame = heappop(unread)
            self.add(offset, frame.entries())
        entries = self._entries
        if not self._is_sorted:
            entries.sort()
            self._is_sorted = True
        end = bisect_right(entries, until_ms, key=_TIME)
        released = list(map(_ENTRY, entries[:end]))
        del entries[:end]
        return released

    def times(self) -> list[int]:
        return [entry[0] for entry in self._entries] + [at for _, _, frame in self._unread for at in frame.times()]

    def oldest_ms(self) -> int:
        """The first time that waits; there is one."""
        return min([*(entry[0] for entry in self._entries), *(oldest for oldest, _, _ in self._unread[:1])])


class Sequencer:
    """Orders the entries of one ledger partition. `sources` is how many intake shards there are."""

    def __init__(self, sources: int, held_max: int = HELD_MAX) -> None:
        self._expected, self._held_max = sources, held_max
        self._sources: dict[str, tuple[int, bool]] = {}  # shard -> (watermark, is idle)
        self._waiting: dict[bytes, _Waiting] = {}
        self._count = 0
        self._frames: dict[int, int] = {}  # ledger offset of a frame that waits, whole or in part -> its newest time
        self._fresh: dict[int, bytes] = {}  # those that the state does not hold yet, as they are stored
        self._released_ms = 0
        self._ticked_ms: int | None = None
        self._has_progress = False

    def __len__(self) -> int:
        """Entries waiting."""
        return self._count

    @property
    def released_ms(self) -> int:
        """Event time up to which entries were released."""
        return self._released_ms

    def take(self, key: bytes, frame: Frame) -> Iterator[Run]:
        """Take one ledger frame; yield what may be folded now as (ledger offset, key, entries), in order.

        Raises NotAFrame for what cannot be read.
        """
        if key == TICK_KEY:
            for entry in frame.entries():
                yield from self._watermark(frame.offset, entry)
            return
        span = frame.span()
        if span is None:
            # A neighbour's notice follows from entries already released elsewhere; waiting would only make it later
            # still.
            yield frame.offset, key, frame.entries()
            return
        if due := self._hold(key, frame, span):
            yield frame.offset, key, due
        if frame.offset in self._frames:
            self._fresh[frame.offset] = key + b"\n" + frame.value
        if self._count > self._held_max:
            self._has_progress = True
            yield from self._release(self._middle_ms(), frame.offset)

    def _hold(self, key: bytes, frame: Frame, span: Span) -> list[Entry]:
        """Keep what of a frame waits, and return the rest."""
        (oldest_ms, newest_ms, count), released = span, self._released_ms
        if newest_ms <= released:
            return frame.entries()
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting()
        self._frames[frame.offset] = newest_ms
        if oldest_ms > released:
            waiting.add_unread(oldest_ms, frame)
            self._count += count
            return []
        entries = frame.entries()
        early = [entry for entry in entries if entry[1] > released]
        waiting.add(frame.offset, early)
        self._count += len(early)
        return [entry for entry in entries if entry[1] <= released]

    def _middle_ms(self) -> int:
        times = [time for waiting in self._waiting.values() for time in waiting.times()]
        return nsmallest(len(times) - self._held_max // 2, times)[-1]

    def _watermark(self, offset: int, entry: Entry) -> Iterator[Run]:
        kind, at_ms = entry[0], entry[1]
        if kind != WATERMARK:
            yield offset, TICK_KEY, [entry]
            return
        _, _, source, is_idle = entry
        newest = max(at_ms, self._sources.get(source, (0, False))[0])
        self._sources[source] = (newest, is_idle)
        self._has_progress = True
        if len(self._sources) < self._expected:
            return
        at_work = [newest for newest, idle in self._sources.values() if not idle]
        if at_work:
            yield from self._release(min(at_work), offset)
        else:
            yield from self._release(max(newest for newest, _ in self._sources.values()), offset, is_last=True)

    def _release(self, until_ms: int, offset: int, is_last: bool = False) -> Iterator[Run]:
        """Release up to a time, a tick at every full minute on the way; after the last, the time itself."""
        if not until_ms:
            return  # nobody has read anything: ticks counted from here would begin in 1970
        if self._ticked_ms is None:
            first_ms = min([until_ms, *(waiting.oldest_ms() for waiting in self._waiting.values())])
            self._ticked_ms = first_ms - first_ms % TICK_EVERY_MS
        while (due_ms := self._next_tick_ms(until_ms)) <= until_ms:
            yield from self._pop(due_ms, offset)
            yield self._tick(due_ms, offset)
        yield from self._pop(until_ms, offset)
        self._released_ms = max(self._released_ms, until_ms)
        if is_last and until_ms > self._ticked_ms:
            yield self._tick(until_ms, offset)

    def _next_tick_ms(self, until_ms: int) -> int:
        """The next full minute; over a jump of days the next full hour, over one of months the next full day."""
        gap = until_ms - self._ticked_ms
        every = TICK_EVERY_MS if gap <= DAY_MS else HOUR_MS if gap <= 30 * DAY_MS else DAY_MS
        return (self._ticked_ms // every + 1) * every

    def _tick(self, at_ms: int, offset: int) -> Run:
        self._ticked_ms = at_ms
        return offset, TICK_KEY, [[TICK, at_ms]]

    def _pop(self, until_ms: int, offset: int) -> Iterator[Run]:
        """Entries up to a time, a run for each regency that has any."""
        for key in sorted(self._waiting):
            waiting = self._waiting[key]
            run = waiting.pop(until_ms)
            if run:
                self._count -= len(run)
                yield offset, key, run
            if not waiting:
                del self._waiting[key]

    def drain(self) -> list[tuple[bytes, bytes | None]]:
        """State records of what changed since the last drain; frames that came and went in between leave none."""
        records: list[tuple[bytes, bytes | None]] = []
        if self._has_progress:
            told = {"released": self._released_ms, "ticked": self._ticked_ms, "sources": self._sources}
            records.append((SOURCES_KEY, orjson.dumps(told)))
            self._has_progress = False
        for offset in [offset for offset, newest in self._frames.items() if newest <= self._released_ms]:
            del self._frames[offset]
            if self._fresh.pop(offset, None) is None:
                records.append((HELD_PREFIX + b"%d" % offset, None))
        records += [(HELD_PREFIX + b"%d" % offset, value) for offset, value in self._fresh.items()]
        self._fresh = {}
        return records

    @staticmethod
    def owns(key: bytes) -> bool:
        """Whether a state record is one of ours."""
        return key == SOURCES_KEY or key.startswith(HELD_PREFIX)

    def restore(self, stored: dict[bytes, bytes]) -> None:
        """Take the state records that `owns` says are ours, the last of each key."""
        stored = dict(stored)
        if told_bytes := stored.pop(SOURCES_KEY, None):
            told = orjson.loads(told_bytes)
            self._released_ms, self._ticked_ms = told["released"], told["ticked"]
            self._sources = {source: (newest, idle) for source, (newest, idle) in told["sources"].items()}
        for name, kept in stored.items():
            key, _, value = kept.partition(b"\n")
            frame = Frame(int(name[len(HELD_PREFIX) :]), value, 0)
            self._hold(key, frame, frame.span())
