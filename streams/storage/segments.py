"""In which segment of the state the newest revision of each incident lies, or the newest figure of each station.

A ledger frame's incidents are written to the state together, as one record, not one by one: a segment. A newer revision
lies in a newer segment, so of two the later counts; a segment none of whose incidents is the newest any more is
dropped, and so is one whose incidents are all forgotten."""

from collections.abc import Callable, Iterator

#: Incidents in one segment. With the longest names the contract allows a segment stays below half a megabyte.
LARGEST = 1_000


class Segment:
    """Incidents last changed by one frame, as of the regency's clock then. `live` counts those that lie in no later
    one.
    """

    __slots__ = ("clock_ms", "ids", "live")

    def __init__(self, clock_ms: int) -> None:
        self.clock_ms = clock_ms
        self.ids: list[str] = []
        self.live = 0


class Segments:
    """The segments of one regency, by number, oldest first."""

    __slots__ = ("last", "changed", "_held", "_open")

    def __init__(self) -> None:
        self.last = 0
        self.changed: dict[int, bytes | None] = {}  # what to write since the last drain; None is a tombstone
        self._held: dict[int, Segment] = {}
        self._open: list[int] = []  # numbers of the frame being folded

    def add(self, incident_id: str, clock_ms: int) -> int:
        """Take an incident's new revision into the open segment; return its number."""
        segment = self._held[self.last] if self._open else None
        if segment is None or len(segment.ids) >= LARGEST:
            self.last += 1
            self._open.append(self.last)
            segment = self._held[self.last] = Segment(clock_ms)
        segment.ids.append(incident_id)
        segment.live += 1
        return self.last

    def room(self) -> tuple[int, int]:
        """The number that the next incident's segment has, and how many incidents that segment takes."""
        left = LARGEST - len(self._held[self.last].ids) if self._open else 0
        return (self.last, left) if left else (self.last + 1, LARGEST)

    def extend(self, incident_ids: list[str], clock_ms: int) -> None:
        """`add` several, no more than there is `room` for."""
        self.add(incident_ids[0], clock_ms)
        segment = self._held[self.last]
        segment.ids += incident_ids[1:]
        segment.live += len(incident_ids) - 1

    def leave(self, number: int) -> None:
        """One incident of this segment lies in a later one now."""
        segment = self._held[number]
        segment.live -= 1
        if not segment.live and number not in self._open:
            self._drop(number)

    def close_frame(self) -> Iterator[tuple[int, Segment]]:
        """The frame has ended: yield its segments; what comes next goes into a new one."""
        for number in self._open:
            segment = self._held[number]
            if segment.live:
                yield number, segment
            else:
                del self._held[number]
        self._open = []

    def forget_before(self, horizon_ms: int, may_go: Callable[[str, int], bool]) -> list[tuple[str, int]]:
        """Drop segments older than the horizon whose incidents may all go; return (incident id, number) of each."""
        gone = []
        for number, segment in list(self._held.items()):
            if segment.clock_ms >= horizon_ms:
                break
            if all(may_go(incident_id, number) for incident_id in segment.ids):
                gone += [(incident_id, number) for incident_id in segment.ids]
                self._drop(number)
        return gone

    def discard(self, number: int) -> None:
        """A segment that `close_frame` gave is not to be written after all."""
        del self._held[number]

    def restore(self, number: int, clock_ms: int, live: int = 0) -> None:
        """Take back a stored segment, in the order of their numbers; what can be forgotten one day follows by
        `put_back`.
        """
        self._held[number] = Segment(clock_ms)
        self._held[number].live = live

    def put_back(self, number: int, incident_id: str) -> None:
        """Take back an incident whose newest revision lies in a segment given to `restore`."""
        self._held[number].ids.append(incident_id)
        self._held[number].live += 1

    def _drop(self, number: int) -> None:
        del self._held[number]
        self.changed[number] = None
