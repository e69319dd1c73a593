"""Admission: whether an input record is accepted, and the ledger entry it becomes. Pure: the clock is an argument.

The checks, in order: encoding, JSON and schema (`schemas.wire`), the roster, the sources file, the clock. Exercises
are accepted too; the risk fold counts them separately. Intake keeps no event ids; the risk fold drops duplicates.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from schemas.encoding import Headers
from schemas.ledger import INCIDENT, TICK, TURNOUT, Entry
from schemas.rejected import Rejected
from schemas.roster import Roster
from schemas.sources import Sources, Speaker
from schemas.topics import Topic
from schemas.vocabulary import DAY_MS, MINUTE_MS, RejectReason
from schemas.wire import Fields, read_incident, read_turnout

# The contract's bounds on event time, inclusive: an event exactly at a bound is taken.
FUTURE_MS = 10 * MINUTE_MS
TOO_OLD_MS = 365 * DAY_MS

# In the order of schemas/ledger.py.
_of_incident = itemgetter(
    "event_id", "incident_id", "revision", "station", "category", "severity", "status", "occurred_at", "reported_at",
    "source", "is_exercise",
)  # fmt: skip
_of_turnout = itemgetter("event_id", "station", "registered", "voted", "as_of", "revision", "source", "is_exercise")


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

#: (source, regency) -> the speaker, or Rejected raised.
SpeakerOf = Callable[[str, str], Speaker]


class Rejection(NamedTuple):
    """A rejected record: the contract's reason, and one short line that holds nothing of the payload."""

    reason: RejectReason
    error: str


def tick_entry(at_ms: int) -> Entry:
    """Ledger entry of a tick."""
    return [TICK, at_ms]


class Gate:
    """Decides on input records by one roster and one kind of clock. Stateless, so all workers decide alike."""

    def __init__(self, roster: Roster, clock_mode: ClockMode, sources: Sources | None = None) -> None:
        self._regencies, self._sources = frozenset(roster), sources or Sources()
        self._is_wall = clock_mode is ClockMode.WALL

    def admit(self, topic: Topic, value: bytes | None, headers: Headers, clock_ms: int) -> Admitted | Rejection:
        """Accept or reject one record of the incidents or turnout topic.

        `clock_ms` is epoch milliseconds: wall time with the wall clock; with the event clock the newest event time
        read, 0 if none. The entry is stamped with it with the wall clock, and with the message's own event time with
        the event clock. Raises ValueError for another topic: that is a defect of the caller.
        """
        try:
            return Admitted(*self.acceptor(topic)(value, headers, clock_ms))
        except Rejected as rejected:
            return Rejection(rejected.reason, rejected.error)

    def acceptor(self, topic: Topic, input: str = "") -> Accept:
        """`admit` for the records of one topic, on the hot path: returns a plain tuple, raises Rejected."""
        if topic is Topic.INCIDENTS:
            return partial(self._accept_incident, self._sources.speakers(topic, input).of)
        if topic is Topic.TURNOUT:
            return partial(self._accept_turnout, self._sources.speakers(topic, input).of)
        raise ValueError(f"topic {topic} is not an input of intake")

    def _accept_incident(
        self, speaker_of: SpeakerOf, value: bytes | None, headers: Headers, clock_ms: int
    ) -> tuple[str, Entry, int, str]:
        fields = read_incident(value, headers)
        regency = fields["regency"]
        occurred_ms, reported_ms = fields["occurred_at"], fields["reported_at"]
        # A report from the future is as impossible as an event from the future: the publisher's clock is wrong.
        newest_ms = reported_ms if reported_ms > occurred_ms else occurred_ms
        self._check_place(regency)
        speaker_of(fields["source"], regency)
        self._check_time(occurred_ms, newest_ms, clock_ms)
        return (
            regency,
            incident_entry(fields, clock_ms if self._is_wall else occurred_ms),
            occurred_ms,
            fields["source"],
        )

    def _accept_turnout(
        self, speaker_of: SpeakerOf, value: bytes | None, headers: Headers, clock_ms: int
    ) -> tuple[str, Entry, int, str]:
        fields = read_turnout(value, headers)
        regency, as_of_ms = fields["regency"], fields["as_of"]
        self._check_place(regency)
        speaker_of(fields["source"], regency)
        self._check_time(as_of_ms, as_of_ms, clock_ms)
        return regency, turnout_entry(fields, clock_ms if self._is_wall else as_of_ms), as_of_ms, fields["source"]

    def _check_place(self, regency: str) -> None:
        if regency not in self._regencies:
            raise Rejected(RejectReason.UNKNOWN_REGENCY, "regency: not in the roster")

    def _check_time(self, event_ms: int, newest_ms: int, clock_ms: int) -> None:
        if self._is_wall and newest_ms > clock_ms + FUTURE_MS:
            raise Rejected(RejectReason.FUTURE, "event or report time is more than 10 minutes ahead of the clock")
        if event_ms < clock_ms - TOO_OLD_MS:
            raise Rejected(RejectReason.TOO_OLD, "event time is more than 365 days behind the clock")


def incident_entry(fields: Fields, at_ms: int) -> Entry:
    """Ledger entry of an incident, admitted at `at_ms` of the clock."""
    return [INCIDENT, at_ms, *_of_incident(fields)]


def turnout_entry(fields: Fields, at_ms: int) -> Entry:
    """Ledger entry of a turnout message, admitted at `at_ms` of the clock."""
    return [TURNOUT, at_ms, *_of_turnout(fields)]
