"""Event time put in order: what a ledger partition holds is released to the fold in the order of event time.

For the event clock only. Intake shards read their input partitions independently, so their entries reach the ledger with
their event times mixed: one shard may be hours of event time ahead of another. Folded as they come, the clock would jump ahead
and the rest of the day would be late. Each shard therefore tells its *watermark*, the newest event time it has put on the
ledger, and whether it is idle (nothing more to read). Entries wait here until every shard that is not idle has passed their
time. When all are idle everything is released. So a day published at once gives what it gives played in real time, wherever its
records landed.

Akidau et al., "The Dataflow Model", VLDB 2015, for watermarks; the minimum over sources and their idleness as in Flink.

Pure: what waits and what the shards have told are part of the state (keys `@w` and `@b/<ledger offset>`).
"""

from collections.abc import Iterator
from heapq import heappop, heappush

import orjson

from schemas.ledger import INCIDENT, NEIGHBOUR, TICK, TICK_KEY, WATERMARK, Entry

SOURCES_KEY = b"@w"
HELD_PREFIX = b"@b/"
#: Event time between two ticks given to the fold; no rule looks closer. On full minutes, so that the same day has the same ticks.
TICK_EVERY_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
#: Entries that may wait in one partition. Beyond it the oldest are released early: memory is bounded, order is not kept then.
HELD_MAX = 1_000_000

Run = tuple[int, bytes, list[Entry]]


class Sequencer:
    """Orders the entries of one ledger partition. `sources` is how many intake shards there are."""

    def __init__(self, sources: int, held_max: int = HELD_MAX) -> None:
        self._expected, self._held_max = sources, held_max
        self._sources: dict[str, tuple[int, bool]] = {}  # shard -> (watermark, is idle)
        self._heap: list[tuple[int, bytes, int, str, int, int, Entry]] = []
        self._held: dict[int, tuple[bytes, dict[int, Entry]]] = {}  # ledger offset -> key, entries by place in the frame
        self._released_ms = 0
        self._ticked_ms: int | None = None
        self._dirty: set[int] = set()
        self._stored: set[int] = set()
        self._sources_changed = False

    def __len__(self) -> int:
        """Entries waiting."""
        return len(self._heap)

    @property
    def released_ms(self) -> int:
        """Event time up to which entries were released."""
        return self._released_ms

    def take(self, offset: int, key: bytes, entries: list[Entry]) -> Iterator[Run]:
        """Take one ledger frame; yield what may be folded now as (ledger offset, key, entries), in order."""
        if key == TICK_KEY:
            for entry in entries:
                yield from self._watermark(offset, entry)
            return
        if entries[0][0] == NEIGHBOUR:
            # It follows from entries already released elsewhere; waiting would only make it later still.
            yield offset, key, entries
            return
        late = [entry for entry in entries if entry[1] <= self._released_ms]
        if late:
            yield offset, key, late
        self._hold(offset, key, [(n, entry) for n, entry in enumerate(entries) if entry[1] > self._released_ms])
        if len(self._heap) > self._held_max:
            yield from self._release(self._heap[self._held_max // 2][0], offset)

    def _hold(self, offset: int, key: bytes, numbered: list[tuple[int, Entry]]) -> None:
        if not numbered:
            return
        self._held[offset] = (key, dict(numbered))
        self._dirty.add(offset)
        for n, entry in numbered:
            # Entries of one moment are ordered by what they are, not by where they landed.
            revision = entry[4] if entry[0] == INCIDENT else entry[7]
            heappush(self._heap, (entry[1], key, revision, entry[2], offset, n, entry))

    def _watermark(self, offset: int, entry: Entry) -> Iterator[Run]:
        kind, at_ms = entry[0], entry[1]
        if kind != WATERMARK:
            yield offset, TICK_KEY, [entry]
            return
        _, _, source, is_idle = entry
        newest = max(at_ms, self._sources.get(source, (0, False))[0])
        self._sources[source] = (newest, is_idle)
        self._sources_changed = True
        if len(self._sources) < self._expected:
            return
        at_work = [newest for newest, idle in self._sources.values() if not idle]
        if at_work:
            yield from self._release(min(at_work), offset)
        else:
            yield from self._release(max(newest for newest, _ in self._sources.values()), offset, is_last=True)

    def _release(self, until_ms: int, offset: int, is_last: bool = False) -> Iterator[Run]:
        """Release up to a time, a tick at every full minute on the way; after the last, the time itself."""
        if self._ticked_ms is None:
            first_ms = min(self._heap[0][0], until_ms) if self._heap else until_ms
            self._ticked_ms = first_ms - first_ms % TICK_EVERY_MS
        while (due_ms := self._next_tick_ms(until_ms)) <= until_ms:
            yield from self._pop(due_ms)
            yield self._tick(due_ms, offset)
        yield from self._pop(until_ms)
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

    def _pop(self, until_ms: int) -> Iterator[Run]:
        """Entries up to a time, neighbours in order that came in one frame as one run."""
        run: Run | None = None
        while self._heap and self._heap[0][0] <= until_ms:
            _, key, _, _, at, n, entry = heappop(self._heap)
            self._forget(at, n)
            if run is not None and run[:2] == (at, key):
                run[2].append(entry)
                continue
            if run is not None:
                yield run
            run = (at, key, [entry])
        if run is not None:
            yield run

    def _forget(self, offset: int, n: int) -> None:
        entries = self._held[offset][1]
        del entries[n]
        self._dirty.add(offset)
        if not entries:
            del self._held[offset]

    def drain(self) -> list[tuple[bytes, bytes | None]]:
        """State records of what changed since the last drain; frames that came and went in between leave none."""
        records: list[tuple[bytes, bytes | None]] = []
        if self._sources_changed:
            told = {"released": self._released_ms, "ticked": self._ticked_ms, "sources": self._sources}
            records.append((SOURCES_KEY, orjson.dumps(told)))
            self._sources_changed = False
        for offset in sorted(self._dirty):
            name = HELD_PREFIX + str(offset).encode()
            if offset in self._held:
                key, entries = self._held[offset]
                records.append((name, orjson.dumps([key.decode(), list(entries.items())])))
                self._stored.add(offset)
            elif offset in self._stored:
                records.append((name, None))
                self._stored.discard(offset)
        self._dirty.clear()
        return records

    @staticmethod
    def owns(key: bytes) -> bool:
        """Whether a state record is one of ours."""
        return key == SOURCES_KEY or key.startswith(HELD_PREFIX)

    def restore(self, stored: dict[bytes, bytes]) -> None:
        """Take the state records that `owns` says are ours, the last of each key."""
        for key, value in stored.items():
            if key == SOURCES_KEY:
                told = orjson.loads(value)
                self._released_ms, self._ticked_ms = told["released"], told["ticked"]
                self._sources = {source: (newest, idle) for source, (newest, idle) in told["sources"].items()}
            else:
                offset = int(key[len(HELD_PREFIX) :])
                name, numbered = orjson.loads(value)
                self._hold(offset, name.encode(), [(n, entry) for n, entry in numbered])
                self._stored.add(offset)
        self._dirty.clear()
