"""Where time enters: the wall, or the newest event time seen. The fold only ever reads what was written on the ledger."""

import time
from collections.abc import Hashable

#: Event time between two announcements of the event clock. A minute keeps a day replayed at full speed below 800 ticks
#: per partition, and no rule looks closer than a minute.
EVENT_TICK_MS = 60_000


def wall_ms() -> int:
    """Wall time, Unix milliseconds."""
    return time.time_ns() // 1_000_000


class EventClock:
    """The newest event time this worker's intake shards have seen, and whether it may be told to everyone.

    Time is told only while no intake shard of this worker knows of older records waiting: a shard far ahead of the others in
    catch-up would otherwise age their regencies before their events are read.
    """

    def __init__(self) -> None:
        self._newest_ms = 0
        self._told_ms = 0
        self._behind: set[Hashable] = set()

    def seen(self, newest_ms: int) -> None:
        """An event of this time was committed to the ledger."""
        self._newest_ms = max(self._newest_ms, newest_ms)

    def progress(self, shard: Hashable, caught_up: bool) -> None:
        """Note whether a shard has more records waiting. Forget it (caught_up=True) when it is closed."""
        (self._behind.discard if caught_up else self._behind.add)(shard)

    def due_ms(self, newest_ms: int) -> int | None:
        """The time to tell now, counting an event at `newest_ms` that is about to be committed; None when not due."""
        now = max(self._newest_ms, newest_ms)
        if self._behind or now < self._told_ms + EVENT_TICK_MS:
            return None
        return now

    def told(self, at_ms: int) -> None:
        """These ticks are committed."""
        self._told_ms = max(self._told_ms, at_ms)
