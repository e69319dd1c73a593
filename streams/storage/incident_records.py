"""How the incidents of a regency are stored: a segment, or several, for each ledger frame that reported any."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from streams.risk.incidents import Incidents, Report
from streams.storage.format import FORMAT, read
from streams.storage.segments import Segment, Segments

#: Columns of a segment's rows. Windows and score are not stored: they follow from the incidents and cannot drift.
COLUMNS = (
    "incident_id", "revision", "category", "severity", "status", "occurred_ms", "source", "sole_source", "grave_ms",
)  # fmt: skip


class IncidentRecords:
    """The state records of one regency's incidents: which segment holds which, and what is to be written."""

    __slots__ = ("_incidents", "_segments", "open", "leave")

    def __init__(self, incidents: Incidents) -> None:
        self._incidents, self._segments = incidents, Segments()
        #: See Segments. Called for every run of reports.
        self.open: Callable[[int], tuple[int, Callable[[str], None], int]] = self._segments.open
        self.leave: Callable[[int], None] = self._segments.leave

    @property
    def last(self) -> int:
        """Number of the newest segment."""
        return self._segments.last

    def close_frame(self) -> None:
        """The frame has ended: encode its segments now, not at the drain, so that they do not depend on the batch."""
        self._segments.close_frame(self._encode)

    def forget_before(self, horizon_ms: int) -> None:
        """Drop the segments older than the horizon none of whose incidents counts any more, and these incidents."""
        incidents, records = self._incidents, self._incidents.records

        def may_go(incident_id: str, number: int) -> bool:
            record = records.get(incident_id)
            return record is None or record.segment != number or not incidents.is_counted(record)

        gone = self._segments.forget_before(horizon_ms, may_go)
        incidents.forget(name for name, number in gone if name in records and records[name].segment == number)

    def drain(self, prefix: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        """State records of what changed since the last drain; None is a tombstone."""
        for number, segment in self._segments.drain().items():
            yield prefix + b"/i/%d" % number, segment

    def restore(self, last: int, stored: dict[int, bytes]) -> None:
        """Take back all segments; of an incident's revisions the one in the latest segment counts."""
        self._segments.restore_last(last)
        newest: dict[str, tuple[int, list[Any]]] = {}
        for number in sorted(stored):
            segment = read(stored[number])
            self._segments.restore(number, segment["clock_ms"])
            for row in segment["rows"]:
                newest[row[0]] = number, row
        self._incidents.hold(self._restored(newest))

    def _restored(self, newest: dict[str, tuple[int, list[Any]]]) -> Iterator[Report]:
        kinds, put_back = self._incidents.rules.kinds, self._segments.put_back
        for number, row in newest.values():
            incident_id, revision, category, severity, status, occurred, source, sole_source, grave_ms = row
            put_back(number, incident_id)
            kind = kinds[category, severity]
            yield incident_id, revision, kind, status, occurred, source, number, sole_source, grave_ms

    def _encode(self, number: int, segment: Segment) -> bytes:
        """The incidents whose newest revision lies in a segment."""
        held = self._incidents.records
        incident_ids = segment.names if segment.is_unchanged() else dict.fromkeys(segment.names)
        rows = [
            (incident_id, revision, kind.category, kind.severity, status, occurred, source, sole_source, grave_ms)
            for incident_id, revision, kind, status, occurred, source, lies_in, sole_source, grave_ms in map(
                held.__getitem__, incident_ids
            )
            if lies_in == number
        ]
        return orjson.dumps({"format": FORMAT, "clock_ms": segment.clock_ms, "columns": COLUMNS, "rows": rows})
