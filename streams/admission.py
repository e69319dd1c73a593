"""Admission: whether an input record is accepted, and the ledger entry it becomes. Pure: the clock is an argument.

The checks, in order: encoding, JSON and schema (`schemas.wire`), the roster, the village, who may report it here
(`schemas.sources`), the clock. Exercises are accepted too; the risk fold counts them separately. Intake keeps no event
ids; the risk fold drops duplicates.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from schemas.encoding import Headers
from schemas.ledger import INCIDENT, TICK, TURNOUT, Entry, incident_key
from schemas.rejected import Rejected
from schemas.roster import Roster
from schemas.sources import Sources, Speaker, Speakers
from schemas.stations import canonical_station, station_key
from schemas.topics import Topic
from schemas.vocabulary import DAY_MS, MINUTE_MS, RejectReason
from schemas.wire import Fields, read_incident, read_turnout

# The contract's bounds on event time, inclusive: an event exactly at a bound is taken.
FUTURE_MS = 10 * MINUTE_MS
TOO_OLD_MS = 365 * DAY_MS

# In the order of schemas/ledger.py, from the category and from `registered` on.
_rest_of_incident = itemgetter(
    "category", "severity", "status", "occurred_at", "reported_at", "source", "is_exercise"
)  # fmt: skip
_rest_of_turnout = itemgetter("registered", "voted", "as_of", "revision", "source", "is_exercise")


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


#: (value, headers, clock_ms) -> the fields of Admitted, or Rejected raised.
Accept = Callable[[bytes | None, Headers, int], tuple[str, Entry, int, str]]


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

    def admit(self, topic: Topic, value: bytes | None, headers: Headers, clock_ms: int) -> Admitted | Rejection:
        """Accept or reject one record of the common incidents or turnout topic.

        `clock_ms` is epoch milliseconds: wall time with the wall clock; with the event clock the newest event time
        read, 0 if none. The entry is stamped with it with the wall clock, and with the message's own event time with
        the event clock. Raises ValueError for another topic: that is a defect of the caller.
        """
        try:
            return Admitted(*self.acceptor(topic)(value, headers, clock_ms))
        except Rejected as rejected:
            return Rejection(rejected.reason, rejected.error)

    def acceptor(self, topic: Topic, input: str = "") -> Accept:
        """`admit` for the records of one topic, on the hot path: returns a plain tuple, raises Rejected. `input`: whose
        own topic it is by the sources file, empty for the common one.
        """
        if topic not in (Topic.INCIDENTS, Topic.TURNOUT):
            raise ValueError(f"topic {topic} is not an input of intake")
        accept = self._accept_incident if topic is Topic.INCIDENTS else self._accept_turnout
        return partial(accept, self._sources.speakers(topic, input))

    def _accept_incident(
        self, speakers: Speakers, value: bytes | None, headers: Headers, clock_ms: int
    ) -> tuple[str, Entry, int, str]:
        fields = read_incident(value, headers)
        regency, source = fields["regency"], fields["source"]
        occurred_ms, reported_ms = fields["occurred_at"], fields["reported_at"]
        self._check_place(regency, fields["village"])
        speaker = speakers.of(source, regency)
        # A report from the future is as impossible as an event from the future: the publisher's clock is wrong.
        newest_ms = reported_ms if reported_ms > occurred_ms else occurred_ms
        self._check_time(occurred_ms, newest_ms, clock_ms)
        return regency, incident_entry(fields, speaker, clock_ms if self._is_wall else occurred_ms), occurred_ms, source

    def _accept_turnout(
        self, speakers: Speakers, value: bytes | None, headers: Headers, clock_ms: int
    ) -> tuple[str, Entry, int, str]:
        fields = read_turnout(value, headers)
        regency, source, as_of_ms = fields["regency"], fields["source"], fields["as_of"]
        self._check_place(regency, fields["village"])
        speaker = speakers.of(source, regency)
        self._check_time(as_of_ms, as_of_ms, clock_ms)
        return regency, turnout_entry(fields, speaker, clock_ms if self._is_wall else as_of_ms), as_of_ms, source

    def _check_place(self, regency: str, village: str | None) -> None:
        if regency not in self._regencies:
            raise Rejected(RejectReason.UNKNOWN_REGENCY, "regency: not in the roster")
        check_village(regency, village)

    def _check_time(self, event_ms: int, newest_ms: int, clock_ms: int) -> None:
        if self._is_wall and newest_ms > clock_ms + FUTURE_MS:
            raise Rejected(RejectReason.FUTURE, "event or report time is more than 10 minutes ahead of the clock")
        if event_ms < clock_ms - TOO_OLD_MS:
            raise Rejected(RejectReason.TOO_OLD, "event time is more than 365 days behind the clock")


def incident_entry(fields: Fields, speaker: Speaker, at_ms: int) -> Entry:
    """Ledger entry of an incident, admitted at `at_ms` of the clock."""
    station, village = fields["station"], fields["village"]
    place = None if station is None and village is None else place_of(village, station)
    incident = incident_key(fields["origin"] or fields["source"], fields["incident_id"])
    return [
        INCIDENT, at_ms, fields["event_id"], incident, fields["revision"], place, *_rest_of_incident(fields),
        speaker.agency,
    ]  # fmt: skip


def turnout_entry(fields: Fields, speaker: Speaker, at_ms: int) -> Entry:
    """Ledger entry of a turnout message, admitted at `at_ms` of the clock."""
    return [
        TURNOUT, at_ms, fields["event_id"], place_of(fields["village"], fields["station"]), *_rest_of_turnout(fields),
        *speaker,
    ]  # fmt: skip


def check_village(regency: str, village: str | None) -> None:
    """Raises Rejected unless the village, if any, is of that regency."""
    if village is not None and not village.startswith(regency):
        raise Rejected(RejectReason.UNKNOWN_VILLAGE, "village: not of this regency")


def place_of(village: str | None, station: str | None) -> str:
    """The station key; without a station that of the village. Raises Rejected."""
    try:
        return station_key(village or "", canonical_station(station) if station is not None else "")
    except ValueError as wrong:
        raise Rejected(RejectReason.SCHEMA, f"station: {wrong}") from None
