"""How the stations of a regency lie in the state: in segments, or one by one.

What comes hour by hour in bulk is written as a segment per ledger frame, one record for all of its stations, which is
fewer records to write and to read back. What comes as a trickle stays a record per station, which each figure
overwrites: segments of one would leave a tombstone for every report. Of two a station's own record is the newer; it is
taken away when the station moves to a segment."""

from collections import Counter
from collections.abc import Iterator

import orjson

from streams.risk.turnout import Station, Turnout
from streams.storage.segments import Segments

#: Fewer stations of one frame are written one by one.
SEGMENT_LEAST = 4


class KeptStations:
    """The state records of one regency's stations: what of them a change makes due."""

    __slots__ = ("segments", "_turnout", "_due")

    def __init__(self, turnout: Turnout) -> None:
        self.segments = Segments()
        self._turnout = turnout
        self._due: dict[str, bool] = {}  # own records to write since the last drain: True, or to take away

    def move(self, station: str, old: Station | None) -> int:
        """A station gets a new figure in place of `old`: it lies in the open frame's segment from now on, whose number
        is returned.
        """
        if old is not None:
            if old.segment:
                self.segments.leave(old.segment)
            else:
                self._due[station] = False
        return self.segments.add(station, 0)

    def close_frame(self) -> None:
        """The frame has ended: its stations become a segment, or records of their own where they are few."""
        held = self._turnout.stations
        for number, segment in self.segments.close_frame():
            names = [name for name in dict.fromkeys(segment.ids) if held[name].segment == number]
            if len(names) >= SEGMENT_LEAST:
                self.segments.changed[number] = orjson.dumps([[name, *held[name][:-1]] for name in names])
                segment.ids.clear()  # stations are not forgotten: how many are left in it is all that is asked again
                continue
            self.segments.discard(number)
            for name in names:
                held[name] = held[name]._replace(segment=0)
                self._due[name] = True

    def drain(self, prefix: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        """State records of what changed since the last drain; None is a tombstone."""
        for number, segment in self.segments.changed.items():
            yield prefix + b"/t/%d" % number, segment
        for name, is_own in self._due.items():
            yield prefix + b"/s/" + name.encode(), self._turnout.store(name) if is_own else None
        self.segments.changed, self._due = {}, {}

    def restore(self, segments: dict[int, bytes], own: dict[str, bytes]) -> None:
        """Take back all records, which stay as they are until a station is asked for, and own ones until they are
        touched.
        """
        self._turnout.restore_stations(lambda: self._read(segments, own))

    def _read(self, segments: dict[int, bytes], own: dict[str, bytes]) -> None:
        held = self._turnout.stations
        for number in sorted(segments):
            for name, *figure in orjson.loads(segments[number]):
                held[name] = Station(*figure, number)
        held.update(own)
        live = Counter([station.segment for station in held.values() if type(station) is Station])
        for number in sorted(live):
            self.segments.restore(number, 0, live[number])
