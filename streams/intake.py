"""Intake: whether an input record is taken, and the ledger entry it becomes. Pure: the clock is an argument.

Checks, in order: the wire (schemas/wire.py), the roster, the clock. A record that passes is admitted; exercises too,
the fold counts them apart. Duplicates are the fold's business: intake remembers nothing.
"""

from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from schemas.encoding import Headers
from schemas.ledger import INCIDENT, TICK, TURNOUT, Entry
from schemas.rejected import Reason, Rejected
from schemas.roster import Roster
from schemas.topics import DAY_MS, Topic
from schemas.wire import Fields, read_incident, read_turnout

# The contract's bounds on event time, inclusive: an event exactly at a bound is taken.
FUTURE_MS = 10 * 60_000
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


class Rejection(NamedTuple):
    """A record refused: the contract's reason and one short line without anything of the payload."""

    reason: Reason
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
            if topic is Topic.INCIDENTS:
                return self._admit_incident(read_incident(value, headers), clock_ms)
            if topic is Topic.TURNOUT:
                return self._admit_turnout(read_turnout(value, headers), clock_ms)
        except Rejected as rejected:
            return Rejection(rejected.reason, rejected.error)
        raise ValueError(f"topic {topic} is not an input of intake")

    def _admit_incident(self, fields: Fields, clock_ms: int) -> Admitted | Rejection:
        regency = fields["regency"]
        occurred_ms, reported_ms = fields["occurred_at"], fields["reported_at"]
        # A report from the future is as impossible as an event from the future: the publisher's clock is wrong.
        newest_ms = reported_ms if reported_ms > occurred_ms else occurred_ms
        refusal = self._refusal(regency, occurred_ms, newest_ms, clock_ms)
        if refusal is not None:
            return refusal
        at_ms = clock_ms if self._is_wall else occurred_ms
        entry = incident_entry(fields, at_ms)
        return Admitted(regency, entry, occurred_ms, fields["source"])

    def _admit_turnout(self, fields: Fields, clock_ms: int) -> Admitted | Rejection:
        regency, as_of_ms = fields["regency"], fields["as_of"]
        refusal = self._refusal(regency, as_of_ms, as_of_ms, clock_ms)
        if refusal is not None:
            return refusal
        entry = turnout_entry(fields, clock_ms if self._is_wall else as_of_ms)
        return Admitted(regency, entry, as_of_ms, fields["source"])

    def _refusal(self, regency: str, event_ms: int, newest_ms: int, clock_ms: int) -> Rejection | None:
        if regency not in self._regencies:
            return Rejection(Reason.UNKNOWN_REGENCY, "regency: not in the roster")
        if self._is_wall and newest_ms > clock_ms + FUTURE_MS:
            return Rejection(Reason.FUTURE, "event or report time is more than 10 minutes ahead of the clock")
        if event_ms < clock_ms - TOO_OLD_MS:
            return Rejection(Reason.TOO_OLD, "event time is more than 365 days behind the clock")
        return None


def incident_entry(fields: Fields, at_ms: int) -> Entry:
    """Ledger entry of an incident, admitted at `at_ms` of the clock."""
    return [INCIDENT, at_ms, *_of_incident(fields)]


def turnout_entry(fields: Fields, at_ms: int) -> Entry:
    """Ledger entry of a turnout message, admitted at `at_ms` of the clock."""
    return [TURNOUT, at_ms, *_of_turnout(fields)]
