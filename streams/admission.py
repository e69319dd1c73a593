"""Admission: whether an input record is accepted, and the ledger entry it becomes. Pure: clocks are arguments.

The checks, in order: encoding, JSON and schema (`schemas.wire`), village and station, the roster, who may report it
here (`schemas.sources`), the clock. Exercises are accepted too; the risk fold counts them separately. Intake keeps no
event ids; the risk fold drops duplicates.
"""

from collections.abc import Callable
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from schemas.encoding import Headers
from schemas.ledger import INCIDENT, TICK, TURNOUT, Entry
from schemas.rejected import Rejected
from schemas.roster import Roster
from schemas.sources import Sources, Speakers
from schemas.stations import canonical_station, station_key
from schemas.topics import INPUTS, Topic
from schemas.vocabulary import DAY_MS, MINUTE_MS, RejectReason
from schemas.wire import read_incident, read_turnout

# The contract's bounds on event time, inclusive: an event exactly at a bound is taken.
FUTURE_MS = 10 * MINUTE_MS
TOO_OLD_MS = 365 * DAY_MS

_of_incident = itemgetter(
    "event_id", "origin", "incident_id", "revision", "regency", "village", "station", "category", "severity", "status",
    "occurred_at", "reported_at", "source", "is_exercise",
)  # fmt: skip
_of_turnout = itemgetter(
    "event_id", "regency", "village", "station", "registered", "voted", "as_of", "revision", "source", "is_exercise"
)


class ClockMode(StrEnum):
    """Which clock Siaga uses: wall time, or the newest event time read (for replays of past elections)."""

    WALL = "wall"
    EVENT = "event"


class Admitted(NamedTuple):
    """An accepted record: its regency, ledger entry, event time in epoch milliseconds, and publishing system."""

    regency: str
    entry: Entry
    event_ms: int
    source: str


#: (value, headers, clock_ms, wall_ms) -> the fields of Admitted, or Rejected raised.
Accept = Callable[[bytes | None, Headers, int, int], tuple[str, Entry, int, str]]


class Rejection(NamedTuple):
    """A rejected record: the contract's reason, and one short line that holds nothing of the payload."""

    reason: RejectReason
    error: str


def tick_entry(at_ms: int) -> Entry:
    """Ledger entry of a tick."""
    return [TICK, at_ms]


class Gate:
    """Decides on input records by a roster, a sources file and a kind of clock. Stateless: all workers decide alike."""

    def __init__(self, roster: Roster, clock_mode: ClockMode, sources: Sources | None = None) -> None:
        self._regencies = frozenset(roster)
        self._is_wall = clock_mode is ClockMode.WALL
        self._sources = Sources.default() if sources is None else sources
        # Who may speak is worked out for a topic once: the laboratory admits messages by the million.
        self._common = {topic: self.acceptor(topic) for topic in INPUTS}

    def admit(
        self, topic: Topic, value: bytes | None, headers: Headers, clock_ms: int, wall_ms: int | None = None
    ) -> Admitted | Rejection:
        """Accept or reject one record of the common incidents or turnout topic.

        `clock_ms` is epoch milliseconds: wall time with the wall clock; with the event clock the newest event time
        read, 0 if none. The entry is stamped with it with the wall clock, and with the message's own event time with
        the event clock. `wall_ms` is wall time, with the event clock too: what is far ahead of it would turn that clock
        ahead for good. None: `clock_ms`, which is wall time with the wall clock. Raises ValueError for another topic:
        that is a defect of the caller.
        """
        accept = self._common.get(topic) or self.acceptor(topic)
        try:
            return Admitted(*accept(value, headers, clock_ms, clock_ms if wall_ms is None else wall_ms))
        except Rejected as rejected:
            return Rejection(rejected.reason, rejected.error)

    def acceptor(self, topic: Topic, input: str = "") -> Accept:
        """`admit` for the records of one topic, on the hot path: returns a plain tuple, raises Rejected. `input`: whose
        own topic it is by the sources file, empty for the common one.
        """
        if topic not in INPUTS:
            raise ValueError(f"topic {topic} is not an input of intake")
        speakers = self._sources.speakers(topic, input)
        return self._incidents(speakers) if topic is Topic.INCIDENTS else self._turnout(speakers)

    def _incidents(self, speakers: Speakers) -> Accept:
        """Names are local because the function runs for every record; so are the comparisons."""
        is_wall, regencies, everywhere = self._is_wall, self._regencies, speakers.everywhere

        def accept(value: bytes | None, headers: Headers, clock_ms: int, wall_ms: int) -> tuple[str, Entry, int, str]:
            (event_id, origin, incident_id, revision, regency, village, station, category, severity, status,
             occurred_ms, reported_ms, source, is_exercise) = _of_incident(read_incident(value, headers))  # fmt: skip
            place = None
            if village is not None or station is not None:
                check_village(regency, village)
                place = place_of(village, station)
            if regency not in regencies:
                raise Rejected(RejectReason.UNKNOWN_REGENCY, "regency: not in the roster")
            agency, _ = everywhere[source] if source in everywhere else speakers.of(source, regency)
            # A report from the future is as impossible as an event from the future: the publisher's clock is wrong.
            newest_ms = reported_ms if reported_ms > occurred_ms else occurred_ms
            if newest_ms > wall_ms + FUTURE_MS or occurred_ms < clock_ms - TOO_OLD_MS:
                raise _out_of_time(newest_ms > wall_ms + FUTURE_MS)
            at_ms = clock_ms if is_wall else occurred_ms
            entry = [
                INCIDENT, at_ms, event_id, f"{origin or source} {incident_id}", revision, place, category, severity,
                status, occurred_ms, reported_ms, source, is_exercise, agency,
            ]  # fmt: skip
            return regency, entry, occurred_ms, source

        return accept

    def _turnout(self, speakers: Speakers) -> Accept:
        is_wall, regencies, everywhere = self._is_wall, self._regencies, speakers.everywhere

        def accept(value: bytes | None, headers: Headers, clock_ms: int, wall_ms: int) -> tuple[str, Entry, int, str]:
            (event_id, regency, village, station, registered, voted, as_of_ms, revision, source,
             is_exercise) = _of_turnout(read_turnout(value, headers))  # fmt: skip
            check_village(regency, village)
            place = place_of(village, station)
            if regency not in regencies:
                raise Rejected(RejectReason.UNKNOWN_REGENCY, "regency: not in the roster")
            agency, rank = everywhere[source] if source in everywhere else speakers.of(source, regency)
            if as_of_ms > wall_ms + FUTURE_MS or as_of_ms < clock_ms - TOO_OLD_MS:
                raise _out_of_time(as_of_ms > wall_ms + FUTURE_MS)
            at_ms = clock_ms if is_wall else as_of_ms
            entry = [
                TURNOUT, at_ms, event_id, place, registered, voted, as_of_ms, revision, source, is_exercise, agency,
                rank,
            ]  # fmt: skip
            return regency, entry, as_of_ms, source

        return accept


def _out_of_time(is_future: bool) -> Rejected:
    if is_future:
        return Rejected(RejectReason.FUTURE, "event or report time is more than 10 minutes ahead of the clock")
    return Rejected(RejectReason.TOO_OLD, "event time is more than 365 days behind the clock")


def check_village(regency: str, village: str | None) -> None:
    """Raises Rejected unless the village, if any, is of that regency."""
    if village is not None and not village.startswith(regency):
        raise Rejected(RejectReason.UNKNOWN_VILLAGE, "village: not of this regency")


def place_of(village: str | None, station: str | None) -> str:
    """The station key; without a station that of the village. Raises Rejected."""
    try:
        return station_key(village or "", "" if station is None else canonical_station(station))
    except ValueError as wrong:
        raise Rejected(RejectReason.SCHEMA, f"station: {wrong}") from None
