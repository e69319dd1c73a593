"""How the stations of a regency are stored: in segments, or one by one.

What comes hour by hour in bulk is written as a segment per ledger frame, one record for all of its stations, which is
fewer records to write and to read back. Figures that come one at a time stay a record per station, which each
figure overwrites: segments of one would leave a tombstone for every report. Where a station is in both, its own record
is the newer; it is deleted when the station moves to a segment. Closed segments do not know their stations: where
people have taken one out, all segments of the regency are written again, each with the stations that still lie there.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import orjson

from streams.risk.station import Station, station_of
from streams.risk.turnout import Turnout
from streams.storage.format import FORMAT, read
from streams.storage.segments import Encode, Segment, Segments

#: Fewer stations of one frame are written one by one.
SEGMENT_LEAST = 4
#: Columns of a segment's rows: the station, then its figure; the segment itself is known by the key.
_COLUMNS = ("station", *Station._fields[:-1])


class StationRecords:
    """The state records of one regency's stations: which of them are to be written."""

    __slots__ = ("_segments", "_turnout", "_changed")

    def __init__(self, turnout: Turnout) -> None:
        self._segments = Segments(keeps_names=False)  # stations are not forgotten
        self._turnout = turnout
        self._changed: dict[str, bool] = {}  # own records since the last drain: True to write, False to delete

    @property
    def last(self) -> int:
        """Number of the newest segment."""
        return self._segments.last

    def move(self, station: str, old: Station | None) -> int:
        """A station gets a new figure in place of `old`: it lies in the open frame's segment from now on, whose number
        is returned.
        """
        if old is not None:
            if old.segment:
                self._segments.leave(old.segment)
            else:
                self._changed[station] = False
        return self._segments.add(station, 0)

    def remove(self, station: str, old: Station) -> None:
        """People have taken out all figures of a station. `rewrite` is to follow."""
        if old.segment:
            self._segments.leave(old.segment)
        else:
            self._changed[station] = False

    def rewrite(self) -> None:
        """People have taken figures out: no segment is to hold what its stations were any more."""
        self._segments.rewrite_all()

    def close_frame(self) -> None:
        """The frame has ended: its stations become a segment, or records of their own where they are few."""
        self._segments.close_frame(self._encode)
        self._segments.rewrite(self._encode_again())

    def drain(self, prefix: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        """State records of what changed since the last drain; None is a tombstone."""
        for number, segment in self._segments.drain().items():
            yield prefix + b"/t/%d" % number, segment
        changed, self._changed = self._changed, {}
        for name, is_own in changed.items():
            yield prefix + b"/s/" + name.encode(), self._own(name) if is_own else None

    def restore(self, last: int, segments: dict[int, bytes], own: dict[str, bytes]) -> None:
        """Take back all records. Segments are decoded at the first look-up of any station, an own record at its own."""
        self._segments.restore_last(last)
        self._turnout.restore_stations(lambda: self._read(segments, own))

    def _encode(self, number: int, segment: Segment) -> bytes | None:
        held = self._turnout.stations
        names = [name for name in dict.fromkeys(segment.names) if name in held and self._lies_in(name, number)]
        if len(names) < SEGMENT_LEAST:
            for name in names:
                self._turnout.store_by_itself(name)
                self._changed[name] = True
            return None
        return self._rows(names)

    def _encode_again(self) -> Encode:
        lying = defaultdict[int, list[str]](list)

        def encode(number: int, _segment: Segment) -> bytes:
            if not lying:
                for name in self._turnout.stations:
                    lying[self._turnout.segment_of(name)].append(name)
            return self._rows(lying[number])

        return encode

    def _rows(self, names: list[str]) -> bytes:
        held = self._turnout.stations
        rows = [(name, *_row(station)) for name in names if isinstance(station := held[name], Station)]
        return orjson.dumps({"format": FORMAT, "columns": _COLUMNS, "rows": rows})

    def _lies_in(self, name: str, number: int) -> bool:
        return self._turnout.segment_of(name) == number

    def _own(self, name: str) -> bytes:
        held = self._turnout.stations[name]
        if isinstance(held, bytes):
            return held
        fields = dict(zip(_COLUMNS[1:], _row(held), strict=True))
        if not held.corrected:
            del fields["corrected"]  # of nearly every station
        return orjson.dumps({"format": FORMAT, **fields})

    def _read(self, segments: dict[int, bytes], own: dict[str, bytes]) -> dict[str, Station | bytes]:
        held: dict[str, Station | bytes] = {}
        for number in sorted(segments):
            segment = read(segments[number])
            fields = segment["columns"][1:]
            for name, *row in segment["rows"]:
                held[name] = station_of({**dict(zip(fields, row, strict=True)), "segment": number})
        held.update(own)
        live = Counter(station.segment for station in held.values() if isinstance(station, Station))
        for number in sorted(live):
            self._segments.restore(number, 0, live[number])
        return held


def _row(station: Station) -> tuple[Any, ...]:
    """The fields of a station but its segment. JSON knows no named tuples."""
    row = tuple(station[:-1])
    return row if not station.others else (*row[:-2], [tuple(figure) for figure in station.others], row[-1])
