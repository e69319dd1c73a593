"""Joins: people say that two numbers are one incident, or take that back.

A joined incident has the words of all its numbers; the numbers that were joined to it are held as records without
words of their own, which say where they are. Undone, a number has its own words again.
"""

from collections.abc import Iterable, Sequence

from streams.risk.incidents import Incidents
from streams.risk.record import Record, joined_report, report_of, words_of
from streams.risk.words import Word
from streams.storage.incident_records import IncidentRecords

APPLIED, DUPLICATE, UNKNOWN = "applied", "duplicate", "unknown_incident"
#: What became of a decision, and the records that it replaced.
Changed = tuple[str, list[Record]]
#: An incident's own number, and the words on it.
Group = tuple[str, Sequence[Word]]


class Joins:
    """Joins and splits the incidents of one regency."""

    __slots__ = ("_incidents", "_records")

    def __init__(self, incidents: Incidents, records: IncidentRecords) -> None:
        self._incidents, self._records = incidents, records

    def join(self, first: str, second: str, clock_ms: int) -> Changed:
        """The two are one incident, under the first one's number. Changes nothing when a number is unknown, or they are
        one already.
        """
        one, other = self._held(first), self._held(second)
        if one is None or other is None:
            return UNKNOWN, []
        if one is other:
            return DUPLICATE, []
        self._hold([(one.incident, words_of(one) + words_of(other))], clock_ms)
        return APPLIED, [one, other]

    def split(self, first: str, second: str, clock_ms: int) -> Changed:
        """The second number is an incident of its own again. Changes nothing if one is unknown or they are not one."""
        one, other = self._held(first), self._held(second)
        if one is None or other is None:
            return UNKNOWN, []
        if one is not other or first == second:
            return DUPLICATE, []
        own = [word for word in words_of(one) if word.number == second]
        rest = [word for word in words_of(one) if word.number != second]
        remaining = first if one.incident == second else one.incident
        self._hold([(remaining, rest), (second, own)], clock_ms)
        return APPLIED, [one]

    def _held(self, number: str) -> Record | None:
        """The record that has the words of a number."""
        record = self._incidents.records.get(number)
        return self._incidents.records[record.joined_to] if record is not None and record.joined_to else record

    def _hold(self, groups: list[Group], clock_ms: int) -> None:
        regroup(self._incidents, self._records, groups, clock_ms)


def regroup(incidents: Incidents, segments: IncidentRecords, groups: Iterable[Group], clock_ms: int) -> None:
    """Hold these incidents in place of the records that their numbers have now."""
    records, reports = incidents.records, []
    for incident, words in groups:
        for number in sorted({word.number for word in words}):
            incidents.release(number)
            segments.leave(records[number].segment)
            segment = segments.add(number, clock_ms)
            if number == incident:
                reports.append(report_of(incident, words, segment))
            else:
                own = report_of(number, [word for word in words if word.number == number], segment)
                reports.append(joined_report(own, incident))
    incidents.hold(reports)
