"""Removal: people take what a source said, or an incident, out of the table.

What is left is what a table would hold that had never been told what is gone, in memory, sums and state records, so a
restore does not bring it back. What has passed by then stays: levels, escalations, signs of life, days of new votes,
and ids of messages, which are digests (streams/risk/event_ids.py). The ledger keeps everything until its retention
ends, so that a replay gives the same.

A word or figure that a later one of its source has replaced is not held any more, so taking the later one out does not
bring it back. Numbers that people have joined stay joined as long as words on both are left; an incident whose own
number is gone has from then on the number of its gravest word. Two agencies that contradict each other do so until
they agree, as long as each has a figure of the station.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from schemas.ledger import incident_digest
from streams.risk.incidents import Incidents
from streams.risk.joins import APPLIED, UNKNOWN, Changed, Group, regroup
from streams.risk.record import Record, words_of
from streams.risk.station import Figure, figure_of
from streams.risk.turnout import Turnout
from streams.risk.words import Word, gravest
from streams.storage.incident_records import IncidentRecords
from streams.storage.station_records import StationRecords

NOTHING = "nothing"


class Said(NamedTuple):
    """What is held of a source: how many words and figures."""

    words: int
    figures: int


class Removal:
    """Takes words, figures and incidents of one regency out of its state."""

    __slots__ = ("_incidents", "_incident_records", "_turnout", "_station_records")

    def __init__(
        self,
        incidents: Incidents,
        incident_records: IncidentRecords,
        turnout: Turnout,
        station_records: StationRecords,
    ) -> None:
        self._incidents, self._incident_records = incidents, incident_records
        self._turnout, self._station_records = turnout, station_records

    def evict(self, source: str, from_ms: int, to_ms: int, clock_ms: int) -> Changed:
        """Take out what `source` says: words that are as severe as now since a time from `from_ms` to `to_ms`, words
        that it took back, and figures as of such a time. The outcome, and the records of incidents that changed.
        """
        replaced = self._take_words(lambda word: _is_meant(word, source, from_ms, to_ms), clock_ms)
        figures = list(self._figures(source, from_ms, to_ms))
        for station, figure in figures:
            old = self._turnout.held(station)
            if not self._turnout.remove(station, figure, self._station_records.move) and old is not None:
                self._station_records.remove(station, old)
        if figures:
            self._station_records.rewrite()
        return (APPLIED if replaced or figures else NOTHING), replaced

    def erase(self, digest: str, clock_ms: int) -> Changed:
        """Take out every word under the incident's number of this digest; of numbers that it was joined with, theirs
        stay. The outcome, and the record of the incident that changed.
        """
        numbers = {number for number in self._incidents.records if incident_digest(number) == digest}
        if not numbers:
            return UNKNOWN, []
        return APPLIED, self._take_words(lambda word: word.number in numbers, clock_ms)

    def said(self, source: str, from_ms: int, to_ms: int) -> Said:
        """How many words and figures `evict` would take out."""
        roots = (record for record in self._incidents.records.values() if not record.joined_to)
        words = sum(_is_meant(word, source, from_ms, to_ms) for record in roots for word in words_of(record))
        return Said(words, sum(1 for _ in self._figures(source, from_ms, to_ms)))

    def _take_words(self, goes: Callable[[Word], bool], clock_ms: int) -> list[Record]:
        """Take out the words that go; return the records of incidents that had one."""
        incidents, segments = self._incidents, self._incident_records
        replaced, changed, groups = list[Record](), set[str](), list[Group]()
        for record in list(incidents.records.values()):
            if record.joined_to:
                continue
            words = words_of(record)
            left = [word for word in words if not goes(word)]
            if len(left) == len(words):
                continue
            replaced.append(record)
            for word in words:
                if goes(word):
                    incidents.words.give(word.agency)
            numbers = {word.number for word in words}
            changed |= numbers
            numbers -= {word.number for word in left}
            for number in sorted(numbers):
                segments.leave(incidents.records[number].segment)
            incidents.remove(sorted(numbers))
            if left:
                is_named = any(word.number == record.incident for word in left)
                groups.append((record.incident if is_named else gravest(left).number, left))
        regroup(incidents, segments, groups, clock_ms)
        segments.remove(changed)
        incidents.drop_replaced()
        return replaced

    def _figures(self, source: str, from_ms: int, to_ms: int) -> Iterator[tuple[str, Figure]]:
        """The figures that `source` told as of these times, each with its station."""
        for name in self._turnout.stations:
            station = self._turnout.held(name)
            assert station is not None, "stations are iterated"
            for figure in (figure_of(station), *station.others):
                if figure.source == source and from_ms <= figure.as_of_ms <= to_ms:
                    yield name, figure


def _is_meant(word: Word, source: str, from_ms: int, to_ms: int) -> bool:
    return word.source == source and (not word.stands or from_ms <= word.since_ms <= to_ms)
