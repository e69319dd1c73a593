"""The order of one ledger partition under the event clock, as docs/event-time.md states it.

Entries wait until the watermark of every shard that is not idle has passed their time: one that equals it has not.
Ticks come at full minutes of event time and wait likewise; when all shards are idle, everything waiting is released,
and a last tick carries the newest time.
"""

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
EVERYONE = "*"

Due = tuple[str, list[Any]]
#: Entries that wait: time, revision, id, source, then all of it with "" for what is left out, then the entry as it is.
_Waiting = tuple[int, int, str, str, list[Any], list[Any]]
#: Where the revision and the source are in an entry of each kind that waits.
_REVISION, _SOURCE = {"i": 4, "t": 7}, {"i": 11, "t": 8}


class EventOrder:
    """`shards` is how many partitions the inputs have together: each has a watermark."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._watermarks: dict[str, tuple[int, bool]] = {}
        #: Heaps by regency.
        self._waiting: dict[str, list[_Waiting]] = defaultdict(list)
        self._released_ms = 0
        self._ticked_ms: int | None = None

    def take(self, key: str, frame: list[list[Any]]) -> Iterator[Due]:
        """One ledger record; yields (key, entry) of what is folded when it is read."""
        if key == EVERYONE:
            for _, at_ms, shard, is_idle in frame:
                yield from self._watermark(at_ms, shard, is_idle)
            return
        for entry in frame:
            if entry[0] not in _REVISION or entry[1] <= self._released_ms:
                yield key, entry
            else:
                revision, source = entry[_REVISION[entry[0]]], entry[_SOURCE[entry[0]]]
                held = ["" if field is None else field for field in entry]
                heappush(self._waiting[key], (entry[1], revision, entry[2], source, held, entry))

    def _watermark(self, at_ms: int, shard: str, is_idle: bool) -> Iterator[Due]:
        self._watermarks[shard] = max(at_ms, self._watermarks.get(shard, (0, False))[0]), is_idle
        if len(self._watermarks) < self._shards:
            return
        busy = [at for at, idle in self._watermarks.values() if not idle]
        reached = min(busy) if busy else max(at for at, _ in self._watermarks.values())
        if not reached:
            return  # no shard has read anything yet
        if self._ticked_ms is None:
            first = min([reached, *(waiting[0][0] for waiting in self._waiting.values() if waiting)])
            self._ticked_ms = first // MINUTE_MS * MINUTE_MS
        until = reached - 1 if busy else reached
        while (tick_ms := _next_tick_ms(self._ticked_ms, until)) <= until:
            self._ticked_ms = tick_ms
            yield from self._release(tick_ms)
            yield EVERYONE, ["k", tick_ms]
        yield from self._release(until)
        self._released_ms = max(self._released_ms, until)
        if not busy and until > self._ticked_ms:
            self._ticked_ms = until
            yield EVERYONE, ["k", until]

    def _release(self, until_ms: int) -> Iterator[Due]:
        for key in sorted(self._waiting):
            waiting = self._waiting[key]
            while waiting and waiting[0][0] <= until_ms:
                yield key, heappop(waiting)[-1]


def _next_tick_ms(ticked_ms: int, until_ms: int) -> int:
    """The next full minute; over a gap of more than a day the next full hour, over one of a month the next day."""
    gap_ms = until_ms - ticked_ms
    step_ms = MINUTE_MS if gap_ms <= DAY_MS else HOUR_MS if gap_ms <= 30 * DAY_MS else DAY_MS
    return (ticked_ms // step_ms + 1) * step_ms
