"""Intake: whether an input record is taken, and the ledger entry it becomes. Pure: the clock is an argument.

Checks, in order: the wire (schemas/wire.py), the roster, the clock. A record that passes is admitted; exercises too,
the fold counts them apart. Duplicates are the fold's business: intake remembers nothing.
"""

from collections.abc import Callable
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from schemas.encoding import Headers
from schemas.ledger import INCIDENT, TICK, TURNOUT, Entry
from schemas.rejected import Rejected
from schemas.roster import Roster
from schemas.topics import Topic
from schemas.vocabulary import DAY_MS, MINUTE_MS, RejectReason
from schemas.wire import Fields, read_incident, read_turnout

# The contract's bounds on event time, inclusive: an event exactly at a bound is taken.
FUTURE_MS = 10 * MINUTE_MS
TOO_OLD_MS = 365 * DAY_MS

# In the order of schemas/ledger.py.
_of_incident = itemgetter(
    "event_id", "incident_id", "revision", "station", "category", "severity", "status", "occurred_at", "reported_at", "source",
    "is_exercise",
)  # fmt: skip
_of_turnout = itemgetter("event_id", "station", "registered", "voted", "as_of", "revision", "source", "is_exercise")


class ClockMode(StrEnum):
    """What the clock is: the wall's time, or the newest event time seen (replays of past elections)."""

    WALL = "wall"
    EVENT = "event"


class Admitted(NamedTuple):
    """A record taken: its regency, its ledger entry, its event time in epoch milliseconds, its publishing system."""

    regency: str
    entry: Entry
    event_ms: int
    source: str


#: (value, headers, clock_ms) -> the fields of Admitted.
Take = Callable[[bytes | None, Headers, int], tuple[str, Entry, int, str]]


class Rejection(NamedTuple):
    """A record refused: the contract's reason and one short line without anything of the payload."""

    reason: RejectReason
    error: str


def tick_entry(at_ms: int) -> Entry:
    """Ledger entry that tells the time."""
    return [TICK, at_ms]


class Gate:
    """Decides on input records against one roster and one kind of clock. Stateless, so any worker decides alike."""

    def __init__(self, roster: Roster, clock_mode: ClockMode) -> None:
        self._regencies = frozenset(roster)
        self._is_wall = clock_mode is ClockMode.WALL

    def admit(self, topic: Topic, value: bytes | None, headers: Headers, clock_ms: int) -> Admitted | Rejection:
        """Take or refuse one record of the incidents or turnout topic.

        `clock_ms` is epoch milliseconds: wall time in wall mode; the newest event time seen, 0 if none, in event mode.
        The entry is stamped with it in wall mode and with the message's own event time in event mode. Raises ValueError
        for another topic: that is a defect of the caller.
        """
        try:
            return Admitted(*self.taker(topic)(value, headers, clock_ms))
        except Rejected as rejected:
            return Rejection(rejected.reason, rejected.error)

    def taker(self, topic: Topic) -> Take:
        """`admit` for the records of one topic, on the hot path: what it takes is a plain tuple, what it refuses raises
        Rejected.
        """
        if topic is Topic.INCIDENTS:
            return self._take_incident
        if topic is Topic.TURNOUT:
            return self._take_turnout
        raise ValueError(f"topic {topic} is not an input of intake")

    def _take_incident(self, value: bytes | None, headers: Headers, clock_ms: int) -> tuple[str, Entry, int, str]:
        fields = read_incident(value, headers)
        regency = fields["regency"]
        occurred_ms, reported_ms = fields["occurred_at"], fields["reported_at"]
        # A report from the future is as impossible as an event from the future: the publisher's clock is wrong.
        self._check(regency, occurred_ms, reported_ms if reported_ms > occurred_ms else occurred_ms, clock_ms)
        return (
            regency,
            incident_entry(fields, clock_ms if self._is_wall else occurred_ms),
            occurred_ms,
            fields["source"],
        )

    def _take_turnout(self, value: bytes | None, headers: Headers, clock_ms: int) -> tuple[str, Entry, int, str]:
        fields = read_turnout(value, headers)
        regency, as_of_ms = fields["regency"], fields["as_of"]
        self._check(regency, as_of_ms, as_of_ms, clock_ms)
        return regency, turnout_entry(fields, clock_ms if self._is_wall else as_of_ms), as_of_ms, fields["source"]

    def _check(self, regency: str, event_ms: int, newest_ms: int, clock_ms: int) -> None:
        if regency not in self._regencies:
            raise Rejected(RejectReason.UNKNOWN_REGENCY, "regency: not in the roster")
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
