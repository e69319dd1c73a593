"""Event-time order: the sequencer releases a ledger partition's entries to the fold in the order of event time.

For the event clock only. Intake shards read their input partitions independently, so their entries reach the ledger out
of order. Each shard publishes its watermark (`streams.event_time.watermark`), and entries wait here until the
watermarks of all shards that are not idle have passed their time; when all are idle everything is released. A watermark
is the newest time that its shard has read, and the next record may have that same time: only what is older is complete.
So a day that is published in one go gives what it gives in real time, in whichever partitions its records are. See
docs/event-time.md; Akidau et al., "The Dataflow Model", VLDB 2015, for watermarks; the minimum over sources with idle
ones left out as in Flink.

Between two ticks the fold of one regency does not depend on another's, so within a minute entries are released regency
by regency, each in its order of time. Every run carries the ledger offset of the frame that released it.

Pure: what waits and the shards' watermarks are part of the state. A frame with entries that wait is stored as it is
(key `@b/<ledger offset>`); the time up to which entries were released (in `@w`) says which of them still wait. Such a
frame is parsed when its first entry is due: a shard may be half a day ahead of another, and a parsed report takes four
times its bytes.
"""

from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator
from heapq import heappop, heappush, nsmallest
from itertools import repeat
from operator import itemgetter, ne
from typing import NamedTuple

import orjson

from schemas.ledger import INCIDENT, TICK, TICK_KEY, TURNOUT, WATERMARK, Entry, Frame, NotAFrame, Span
from schemas.topics import INPUTS
from schemas.vocabulary import DAY_MS, HOUR_MS, MINUTE_MS
from streams.admission import ClockMode
from streams.storage.format import FORMAT, FORMATS_READ, UnknownFormat, UnreadableState, check_number

SOURCES_KEY = b"@w"
HELD_PREFIX = b"@b/"
#: Event time between two ticks given to the fold: where no entry comes, an evaluation is late by less than this. On
#: full minutes, so that the same day has the same ticks.
TICK_EVERY_MS = MINUTE_MS
#: Entries that may wait in one partition. Beyond it the oldest are released early: memory is bounded, order is not kept
#: then.
HELD_MAX = 1_000_000

#: What may be folded now: (ledger offset, key, entries in order).
Run = tuple[int, bytes, list[Entry]]
_TIME, _ENTRY = itemgetter(0), itemgetter(-1)
_KIND, _AT, _ID = itemgetter(0), itemgetter(1), itemgetter(2)
_REVISION = {INCIDENT: itemgetter(4), TURNOUT: itemgetter(7)}
_SOURCE = {INCIDENT: itemgetter(11), TURNOUT: itemgetter(8)}


class Source(NamedTuple):
    """What an intake shard published last: its watermark in event time, and whether it is idle."""

    watermark_ms: int
    is_idle: bool


#: An entry that waits, behind what it is sorted by: time, revision, event id, source.
_Held = tuple[int, int, str, str, Entry]


def _with_text(held: _Held) -> tuple[object, ...]:
    """An entry for comparison with one that has no station: the order is that of the lists, with "" for None."""
    *key, entry = held
    return (*key, ["" if field is None else field for field in entry])


class _Waiting:
    """The entries of one regency that wait, by time; those of one moment by revision, event id, source and then all
    they hold, so that the order does not depend on the partitions they came through.
    """

    __slots__ = ("_entries", "_is_sorted", "_unparsed")

    def __init__(self) -> None:
        self._entries: list[_Held] = []
        self._is_sorted = True
        self._unparsed: list[tuple[int, int, Frame]] = []  # a heap: oldest time, ledger offset

    def __bool__(self) -> bool:
        return bool(self._entries or self._unparsed)

    def add_unparsed(self, oldest_ms: int, frame: Frame) -> None:
        """A frame all of whose entries wait."""
        heappush(self._unparsed, (oldest_ms, frame.offset, frame))

    def add(self, entries: list[Entry]) -> None:
        """Entries of a frame that wait. By columns: a step of Python for each entry took a twentieth of the risk
        stage's time, and an intake shard's frame holds reports of one kind.
        """
        kind = entries[0][0]
        if any(map(ne, map(_KIND, entries), repeat(kind))):
            for entry in entries:
                self._add(entry[0], [entry])
        else:
            self._add(kind, entries)

    def _add(self, kind: str, entries: list[Entry]) -> None:
        revisions, sources = map(_REVISION[kind], entries), map(_SOURCE[kind], entries)
        self._entries += zip(map(_AT, entries), revisions, map(_ID, entries), sources, entries, strict=True)
        self._is_sorted = False

    def _sort(self) -> None:
        try:
            self._entries.sort()
        except TypeError:  # one message id with two bodies, of which one has no station
            self._entries.sort(key=_with_text)
        self._is_sorted = True

    def pop(self, until_ms: int) -> list[Entry]:
        """Take out the entries up to a time, in order."""
        unparsed = self._unparsed
        while unparsed and unparsed[0][0] <= until_ms:
            self.add(heappop(unparsed)[-1].entries())
        if not self._is_sorted:
            self._sort()
        entries = self._entries
        end = bisect_right(entries, until_ms, key=_TIME)
        released = list(map(_ENTRY, entries[:end]))
        del entries[:end]
        return released

    def times(self) -> list[int]:
        """The time of every entry that waits, in no order."""
        return [entry[0] for entry in self._entries] + [at for _, _, frame in self._unparsed for at in frame.times()]

    def oldest_ms(self) -> int:
        """The oldest time that waits; there is one."""
        return min([*(entry[0] for entry in self._entries), *(oldest for oldest, _, _ in self._unparsed[:1])])


class Sequencer:
    """Orders the entries of one ledger partition.

    `sources` is the number of intake shards; nothing is released until each of them has published a watermark.
    `held_max` is the number of entries that may wait.
    """

    def __init__(self, sources: int, held_max: int = HELD_MAX) -> None:
        self._expected, self._held_max = sources, held_max
        self._sources: dict[str, Source] = {}  # by the shard's name
        self._waiting: dict[bytes, _Waiting] = {}
        self._count = 0
        self._frames: dict[int, int] = {}  # newest time of each frame with entries that wait, by ledger offset
        self._unsaved: dict[int, bytes] = {}  # those of them that are not yet in the state, as they are stored
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
        """Take one ledger frame; yield what may be folded now, in order. Raises NotAFrame."""
        if key == TICK_KEY:
            for entry in frame.entries():
                yield from self._watermark(frame.offset, entry)
            return
        span = frame.span()
        if span is None:
            # A neighbour's notice follows from entries that were released already: to hold it would only delay it.
            yield frame.offset, key, frame.entries()
            return
        if due := self._hold(key, frame, span):
            yield frame.offset, key, due
        if frame.offset in self._frames:
            self._unsaved[frame.offset] = key + b"\n" + frame.value
        if self._count > self._held_max:
            self._has_progress = True
            yield from self._release(self._middle_ms() + 1, frame.offset)

    def _hold(self, key: bytes, frame: Frame, span: Span) -> list[Entry]:
        """Keep the entries of a frame whose time is not released, and return the others."""
        (oldest_ms, newest_ms, count), released = span, self._released_ms
        if newest_ms <= released:
            return frame.entries()
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting()
        self._frames[frame.offset] = newest_ms
        if oldest_ms > released:
            waiting.add_unparsed(oldest_ms, frame)
            self._count += count
            return []
        entries = frame.entries()
        held = [entry for entry in entries if entry[1] > released]
        waiting.add(held)
        self._count += len(held)
        return [entry for entry in entries if entry[1] <= released]

    def _middle_ms(self) -> int:
        """The time up to which entries have to be released for half of `held_max` to remain."""
        times = [time for waiting in self._waiting.values() for time in waiting.times()]
        return nsmallest(len(times) - self._held_max // 2, times)[-1]

    def _watermark(self, offset: int, entry: Entry) -> Iterator[Run]:
        kind, at_ms = entry[0], entry[1]
        if kind != WATERMARK:
            yield offset, TICK_KEY, [entry]
            return
        _, _, name, is_idle = entry
        known = self._sources.get(name)
        self._sources[name] = Source(max(at_ms, known.watermark_ms) if known else at_ms, is_idle)
        self._has_progress = True
        if len(self._sources) < self._expected:
            return
        reading = [source.watermark_ms for source in self._sources.values() if not source.is_idle]
        if reading:
            yield from self._release(min(reading), offset)
        else:
            newest_ms = max(source.watermark_ms for source in self._sources.values())
            yield from self._release(newest_ms, offset, is_last=True)

    def _release(self, reached_ms: int, offset: int, is_last: bool = False) -> Iterator[Run]:
        """Release what is older than a time that all shards have reached, with a tick at every full minute.

        What is as old as that waits, for a shard may read more of it; if `is_last`, no shard does: it is released too,
        and a tick follows at that time itself.
        """
        if not reached_ms:
            return  # no shard has read anything: ticks counted from here would begin in 1970
        until_ms = reached_ms if is_last else reached_ms - 1
        ticked_ms = self._ticked_ms
        if ticked_ms is None:
            first_ms = min([reached_ms, *(waiting.oldest_ms() for waiting in self._waiting.values())])
            ticked_ms = first_ms - first_ms % TICK_EVERY_MS
        while (due_ms := _next_tick_ms(ticked_ms, until_ms)) <= until_ms:
            yield from self._pop(due_ms, offset)
            ticked_ms = due_ms
            yield offset, TICK_KEY, [[TICK, due_ms]]
        yield from self._pop(until_ms, offset)
        self._released_ms = max(self._released_ms, until_ms)
        if is_last and until_ms > ticked_ms:
            ticked_ms = until_ms
            yield offset, TICK_KEY, [[TICK, until_ms]]
        self._ticked_ms = ticked_ms

    def _pop(self, until_ms: int, offset: int) -> Iterator[Run]:
        """Take out the entries up to a time: a run for each regency that has any."""
        for key in sorted(self._waiting):
            waiting = self._waiting[key]
            run = waiting.pop(until_ms)
            if run:
                self._count -= len(run)
                yield offset, key, run
            if not waiting:
                del self._waiting[key]

    def drain(self) -> list[tuple[bytes, bytes | None]]:
        """State records (key, value or None) of what changed since the last drain; frames that were taken and released
        in between leave none.
        """
        records: list[tuple[bytes, bytes | None]] = []
        if self._has_progress:
            sources = {name: source._asdict() for name, source in self._sources.items()}
            progress = {"released_ms": self._released_ms, "ticked_ms": self._ticked_ms, "sources": sources}
            records.append((SOURCES_KEY, orjson.dumps({"format": FORMAT, **progress})))
            self._has_progress = False
        for offset in [offset for offset, newest in self._frames.items() if newest <= self._released_ms]:
            del self._frames[offset]
            if self._unsaved.pop(offset, None) is None:
                records.append((HELD_PREFIX + b"%d" % offset, None))
        records += [(HELD_PREFIX + b"%d" % offset, value) for offset, value in self._unsaved.items()]
        self._unsaved = {}
        return records

    @staticmethod
    def owns(key: bytes) -> bool:
        """Whether a state record belongs to a sequencer."""
        return key == SOURCES_KEY or key.startswith(HELD_PREFIX)

    def restore(self, stored: dict[bytes, bytes], shards: Container[str] | None = None) -> list[str]:
        """Take the last value of each state record that `owns` accepts. Raises UnknownFormat, and NotAFrame.

        `shards`: those of this deployment; others are forgotten, or what waits would wait for them for ever. Returns in
        a few words each which.
        """
        if progress_bytes := stored.get(SOURCES_KEY):
            self._restore_progress(progress_bytes)
        gone = [name for name in self._sources if shards is not None and name not in shards]
        for name in gone:
            del self._sources[name]
        for key, held in stored.items():
            if key == SOURCES_KEY:
                continue
            code, _, value = held.partition(b"\n")
            frame = Frame(int(key[len(HELD_PREFIX) :]), value, 0)
            span = frame.span()
            if span is None:
                raise NotAFrame(f"state record {key.decode()} holds no reports")
            self._hold(code, frame, span)
        return [f"intake no longer reads {name}" for name in sorted(gone)]

    def _restore_progress(self, record: bytes) -> None:
        """Release 0.9 wrote this record without a number; what it held was of format 4."""
        try:
            progress = orjson.loads(record)
            check_number(progress.get("format", FORMATS_READ[0]))
            self._released_ms, self._ticked_ms = progress["released_ms"], progress["ticked_ms"]
            self._sources = {name: Source(**source) for name, source in progress["sources"].items()}
        except UnknownFormat:
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableState(f"the state of the sequencer cannot be read ({error!r})") from error

    def waiting(self) -> Iterable[bytes]:
        """The keys of the frames that wait."""
        return self._waiting


def _next_tick_ms(ticked_ms: int, until_ms: int) -> int:
    """The next full minute; over a gap of more than a day the next full hour, of more than 30 days the next day."""
    gap = until_ms - ticked_ms
    every = TICK_EVERY_MS if gap <= DAY_MS else HOUR_MS if gap <= 30 * DAY_MS else DAY_MS
    return (ticked_ms // every + 1) * every


def sequencer_of(clock: ClockMode, partitions: int, inputs: int = 0) -> Sequencer | None:
    """The sequencer of a ledger partition; None with the wall clock. `partitions` is the count of every topic; `inputs`
    is the number of publishers with input topics of their own (`len(Sources.inputs)`).
    """
    return Sequencer(len(INPUTS) * (1 + inputs) * partitions) if clock is ClockMode.EVENT else None
