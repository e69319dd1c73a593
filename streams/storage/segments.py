"""Segments: what one ledger frame changed of a regency, written to the state as one record.

A newer revision of an incident, or a newer figure of a station, lies in a newer segment, so of two the later counts. A
segment none of whose names is newest there any more is dropped, and so is one whose incidents are all forgotten. What
people take out of the table is taken out of the segments that hold it: those are written again without it."""

from collections.abc import Callable, Container

#: Names in one segment. With the longest names the contract allows a segment stays below half a megabyte.
LARGEST = 1_000


class Segment:
    """Incidents or stations last changed by one frame, as of the regency's clock then.

    `live` counts those that lie in no later segment; while the frame is open it counts only those that left, below 0.
    """

    __slots__ = ("clock_ms", "names", "live")

    def __init__(self, clock_ms: int, live: int = 0) -> None:
        self.clock_ms = clock_ms
        self.names: list[str] = []
        self.live = live

    def leave(self) -> bool:
        """One of its names lies in a later segment now. True when none is left."""
        self.live -= 1
        return not self.live

    def close(self) -> bool:
        """Its frame has ended. True when any name is left."""
        self.live += len(self.names)
        return self.live > 0

    def put_back(self, name: str) -> None:
        """Restore one of its names."""
        self.names.append(name)
        self.live += 1

    def put_back_older(self, name: str) -> None:
        """Restore one of its names that lies in a later segment."""
        self.names.append(name)

    def is_unchanged(self) -> bool:
        """Whether everything that was put into it still lies in it."""
        return self.live == len(self.names)


#: The record of a segment that is closed, given its number; None when its names are stored otherwise.
Encode = Callable[[int, Segment], bytes | None]


class Segments:
    """The segments of one regency, by number, oldest first. `keeps_names`: `forget_before` needs them."""

    __slots__ = ("last", "_keeps_names", "_changed", "_held", "_open", "_rewritten")

    def __init__(self, keeps_names: bool = True) -> None:
        self.last = 0  # number of the newest segment
        self._keeps_names = keeps_names
        self._changed: dict[int, bytes | None] = {}  # what to write since the last drain; None is a tombstone
        self._held: dict[int, Segment] = {}
        self._open: list[int] = []  # numbers of the frame being folded
        self._rewritten: dict[int, None] = {}  # numbers of closed segments to be written again, in order

    def open(self, clock_ms: int) -> tuple[int, Callable[[str], None], int]:
        """The segment for the next name: its number, what appends a name to it, and how many more it takes."""
        segment = self._held[self.last] if self._open else None
        if segment is None or len(segment.names) >= LARGEST:
            self.last += 1
            self._open.append(self.last)
            segment = self._held[self.last] = Segment(clock_ms)
        return self.last, segment.names.append, LARGEST - len(segment.names)

    def add(self, name: str, clock_ms: int) -> int:
        """Put one name into the open segment; return its number."""
        number, append, _ = self.open(clock_ms)
        append(name)
        return number

    def leave(self, number: int) -> None:
        """One name of this segment lies in a later one now."""
        if self._held[number].leave() and number not in self._open:
            self._drop(number)

    def close_frame(self, encode: Encode) -> None:
        """The frame has ended: its segments are to be written as `encode` says; the next name opens a new one."""
        for number in self._open:
            segment = self._held[number]
            record = encode(number, segment) if segment.close() else None
            if record is None:
                del self._held[number]
                continue
            self._changed[number] = record
            if not self._keeps_names:
                segment.names.clear()
        self._open = []

    def rewrite(self, encode: Encode) -> None:
        """After `close_frame`: write the segments again that `rewrite_without` or `rewrite_all` has chosen."""
        rewritten, self._rewritten = self._rewritten, {}
        for number in rewritten:
            if segment := self._held.get(number):
                self._changed[number] = encode(number, segment)

    def rewrite_without(self, gone: Container[str], lies_in: Callable[[str, int], bool]) -> None:
        """Names are gone from the table: closed segments that hold one, or hold what later ones replaced, are written
        again at the end of the frame, with the names that lie there by `lies_in`.
        """
        for number, segment in list(self._held.items()):
            if number in self._open or segment.is_unchanged() and not any(name in gone for name in segment.names):
                continue
            segment.names = [name for name in dict.fromkeys(segment.names) if lies_in(name, number)]
            segment.live = len(segment.names)
            if segment.names:
                self._rewritten[number] = None
            else:
                self._drop(number)

    def rewrite_all(self) -> None:
        """All closed segments are written again at the end of the frame."""
        self._rewritten |= dict.fromkeys(number for number in self._held if number not in self._open)

    def forget_before(self, horizon_ms: int, may_go: Callable[[str, int], bool]) -> list[tuple[str, int]]:
        """Drop segments older than the horizon whose names may all go; return (name, number) of each name. A name that
        an older segment still has stays: read back, its older record would be the newest.
        """
        gone: list[tuple[str, int]] = []
        kept: set[str] = set()
        for number, segment in list(self._held.items()):
            if segment.clock_ms >= horizon_ms:
                break
            if kept.isdisjoint(segment.names) and all(may_go(name, number) for name in segment.names):
                gone += [(name, number) for name in segment.names]
                self._drop(number)
            else:
                kept.update(segment.names)
        return gone

    def drain(self) -> dict[int, bytes | None]:
        """Records of what changed since the last drain, by number; None is a tombstone."""
        changed, self._changed = self._changed, {}
        return changed

    def restore(self, number: int, clock_ms: int, live: int = 0) -> None:
        """Take back a stored segment, in the order of numbers; names that may be forgotten follow by `put_back`."""
        self._held[number] = Segment(clock_ms, live)

    def put_back(self, number: int, name: str) -> None:
        """Take back a name that lies in a segment given to `restore`."""
        self._held[number].put_back(name)

    def put_back_older(self, number: int, name: str) -> None:
        """Take back a name that a segment given to `restore` still holds and that lies in a later one."""
        self._held[number].put_back_older(name)

    def restore_last(self, last: int) -> None:
        """Continue numbering after `last`."""
        self.last = last

    def _drop(self, number: int) -> None:
        del self._held[number]
        self._changed[number] = None
