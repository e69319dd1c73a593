"""How the incidents of a regency are stored: a segment, or several, for each ledger frame that changed any."""

from collections.abc import Callable, Container, Iterator
from typing import Any

import orjson

from schemas.sources import UNKNOWN_MARK, shown_agency
from streams.risk.incidents import Incidents
from streams.risk.record import Report
from streams.risk.words import Word
from streams.storage.format import FORMAT, read
from streams.storage.segments import Segment, Segments

#: Columns of a segment's rows. Windows and score are not stored: they follow from the incidents and cannot drift. Most
#: rows have only the first ones, for an incident of one source that is its own agency, at no place: `source` is then
#: written as its agency, which has UNKNOWN_MARK if no sources file names it. `since_ms` is left out, too, where it is
#: the segment's clock. The column `words` has the columns of WORD_COLUMNS.
COLUMNS = (
    "incident", "revision", "category", "severity", "status", "occurred_ms", "reported_ms", "source", "since_ms",
    "sole_agency", "place", "words", "joined_to",
)  # fmt: skip
WORD_COLUMNS = (
    "number", "source", "agency", "revision", "category", "severity", "status", "occurred_ms", "reported_ms", "place",
    "since_ms",
)  # fmt: skip
_PLAIN = COLUMNS.index("since_ms")
_OWN = COLUMNS.index("sole_agency")


class IncidentRecords:
    """The state records of one regency's incidents: which segment holds which, and what is to be written."""

    __slots__ = ("_incidents", "_segments", "add", "open", "leave")

    def __init__(self, incidents: Incidents) -> None:
        self._incidents, self._segments = incidents, Segments()
        #: See Segments. Called for every run of reports.
        self.open: Callable[[int], tuple[int, Callable[[str], None], int]] = self._segments.open
        self.add: Callable[[str, int], int] = self._segments.add
        self.leave: Callable[[int], None] = self._segments.leave

    @property
    def last(self) -> int:
        """Number of the newest segment."""
        return self._segments.last

    def close_frame(self) -> None:
        """The frame has ended: encode its segments now, not at the drain, so that they do not depend on the batch."""
        self._segments.close_frame(self._encode)
        self._segments.rewrite(self._encode)

    def remove(self, gone: Container[str]) -> None:
        """People have taken these out, or words on them: no segment is to hold what they were any more."""
        self._segments.rewrite_without(gone, self._lies_in)

    def forget_before(self, horizon_ms: int) -> None:
        """Drop the segments older than the horizon none of whose incidents counts any more, and these incidents. A
        number that was joined to one of them is forgotten with it: it has no words of its own.
        """
        incidents, records = self._incidents, self._incidents.records

        def may_go(incident: str, number: int) -> bool:
            record = records.get(incident)
            if record is None or record.segment != number:
                return True
            root = records.get(record.joined_to) if record.joined_to else None
            return not incidents.is_counted(record) and (root is None or not incidents.is_counted(root))

        gone = self._segments.forget_before(horizon_ms, may_go)
        incidents.forget(name for name, number in gone if self._lies_in(name, number))
        if gone:
            joined = ((name, record.joined_to) for name, record in records.items() if record.joined_to)
            if forgotten := {name for name, to in joined if to not in records}:
                incidents.forget(forgotten)
                self.remove(forgotten)

    def drain(self, prefix: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        """State records of what changed since the last drain; None is a tombstone."""
        for number, segment in self._segments.drain().items():
            yield prefix + b"/i/%d" % number, segment

    def restore(self, last: int, stored: dict[int, bytes]) -> None:
        """Take back all segments; of an incident's records the one in the latest segment counts."""
        self._segments.restore_last(last)
        newest: dict[str, tuple[int, int, list[Any]]] = {}
        for number in sorted(stored):
            segment = read(stored[number])
            self._segments.restore(number, segment["clock_ms"])
            for row in segment["rows"]:
                if older := newest.get(row[0]):
                    self._segments.put_back_older(older[0], row[0])
                newest[row[0]] = number, segment["clock_ms"], row
        self._incidents.hold(self._restored(newest))

    def _restored(self, newest: dict[str, tuple[int, int, list[Any]]]) -> Iterator[Report]:
        kinds, put_back, intern = self._incidents.rules.kinds, self._segments.put_back, self._incidents.intern
        for number, clock_ms, row in newest.values():
            incident, revision, category, severity, status, occurred, reported, source = row[:_PLAIN]
            since_ms = row[_PLAIN] if len(row) > _PLAIN else clock_ms
            agency, place, words, joined_to = row[_OWN:] or (source, None, (), "")
            source = shown_agency(source)
            put_back(number, incident)
            source, agency, status = intern(source, agency, status)
            words = tuple(self._word(*word) for word in words)
            if not joined_to:
                for word_agency in [word.agency for word in words] or [agency]:
                    self._incidents.words.put_back(word_agency, 1)
            yield (
                incident, revision, kinds[category, severity], status, occurred, source, number, agency, since_ms,
                reported, place, words, joined_to,
            )  # fmt: skip

    def _word(
        self, number: str, source: str, agency: str, revision: int, category: str, severity: int, *rest: Any
    ) -> Word:
        return Word(number, source, agency, revision, self._incidents.rules.kinds[category, severity], *rest)

    def _lies_in(self, incident: str, number: int) -> bool:
        record = self._incidents.records.get(incident)
        return record is not None and record.segment == number

    def _encode(self, number: int, segment: Segment) -> bytes:
        """The incidents whose newest record lies in a segment."""
        held = self._incidents.records
        names = segment.names
        incidents = names if segment.is_unchanged() else [name for name in dict.fromkeys(names) if name in held]
        clock_ms = segment.clock_ms
        rows = [
            (
                (incident, revision, kind.category, kind.severity, status, occurred, reported, agency)
                if since_ms == clock_ms
                else (incident, revision, kind.category, kind.severity, status, occurred, reported, agency, since_ms)
            )
            if (agency == source or (agency[0] == UNKNOWN_MARK and agency[1:] == source))
            and not (place or words or joined_to)
            else (
                incident, revision, kind.category, kind.severity, status, occurred, reported, source, since_ms, agency,
                place, _word_rows(words), joined_to,
            )
            for incident, revision, kind, status, occurred, source, lies_in, agency, since_ms, reported, place, words,
            joined_to in map(held.__getitem__, incidents)
            if lies_in == number
        ]  # fmt: skip
        return orjson.dumps({"format": FORMAT, "clock_ms": clock_ms, "columns": COLUMNS, "rows": rows})


def _word_rows(words: tuple[Word, ...]) -> list[tuple[Any, ...]]:
    return [
        (number, source, agency, revision, kind.category, kind.severity, *rest)
        for number, source, agency, revision, kind, *rest in words
    ]
