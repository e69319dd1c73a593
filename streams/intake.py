"""Intake: whether an input record is taken, and the ledger entry it becomes. Pure: the clock is an argument.

Checks, in order: the wire (schemas/wire.py), the roster, the clock. A record that passes is admitted; exercises too,
the fold counts them apart. Duplicates are the fold's business: intake remembers nothing.
"""

from enum import StrEnum
from typing import NamedTuple

from schemas.encoding import Headers
from schemas.fields import milliseconds
from schemas.incident import Incident
from schemas.ledger import INCIDENT, TICK, TURNOUT, Entry
from schemas.rejected import Reason, Rejected
from schemas.roster import Roster
from schemas.topics import DAY_MS, Topic
from schemas.turnout import Turnout
from schemas.wire import decode_incident, decode_turnout

# The contract's bounds on event time, inclusive: an event exactly at a bound is taken.
FUTURE_MS = 10 * 60_000
TOO_OLD_MS = 365 * DAY_MS


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


def incident_entry(incident: Incident, at_ms: int) -> Entry:
    """Ledger entry of an incident, admitted at `at_ms` of the clock."""
    return _incident_entry(incident, at_ms, milliseconds(incident.occurred_at), milliseconds(incident.reported_at))


def turnout_entry(turnout: Turnout, at_ms: int) -> Entry:
    """Ledger entry of a turnout message, admitted at `at_ms` of the clock."""
    return _turnout_entry(turnout, at_ms, milliseconds(turnout.as_of))


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
                return self._admit_incident(decode_incident(value, headers), clock_ms)
            if topic is Topic.TURNOUT:
                return self._admit_turnout(decode_turnout(value, headers), clock_ms)
        except Rejected as rejected:
            return Rejection(rejected.reason, rejected.error)
        raise ValueError(f"topic {topic} is not an input of intake")

    def _admit_incident(self, incident: Incident, clock_ms: int) -> Admitted | Rejection:
        occurred_ms, reported_ms = milliseconds(incident.occurred_at), milliseconds(incident.reported_at)
        # A report from the future is as impossible as an event from the future: the publisher's clock is wrong.
        refusal = self._refusal(incident.regency, occurred_ms, max(occurred_ms, reported_ms), clock_ms)
        if refusal is not None:
            return refusal
        entry = _incident_entry(incident, clock_ms if self._is_wall else occurred_ms, occurred_ms, reported_ms)
        return Admitted(incident.regency, entry, occurred_ms, incident.source)

    def _admit_turnout(self, turnout: Turnout, clock_ms: int) -> Admitted | Rejection:
        as_of_ms = milliseconds(turnout.as_of)
        refusal = self._refusal(turnout.regency, as_of_ms, as_of_ms, clock_ms)
        if refusal is not None:
            return refusal
        entry = _turnout_entry(turnout, clock_ms if self._is_wall else as_of_ms, as_of_ms)
        return Admitted(turnout.regency, entry, as_of_ms, turnout.source)

    def _refusal(self, regency: str, event_ms: int, newest_ms: int, clock_ms: int) -> Rejection | None:
        if regency not in self._regencies:
            return Rejection(Reason.UNKNOWN_REGENCY, "regency: not in the roster")
        if self._is_wall and newest_ms > clock_ms + FUTURE_MS:
            return Rejection(Reason.FUTURE, "event or report time is more than 10 minutes ahead of the clock")
        if event_ms < clock_ms - TOO_OLD_MS:
            return Rejection(Reason.TOO_OLD, "event time is more than 365 days behind the clock")
        return None


def _incident_entry(incident: Incident, at_ms: int, occurred_ms: int, reported_ms: int) -> Entry:
    return [
        INCIDENT,
        at_ms,
        incident.event_id,
        incident.incident_id,
        incident.revision,
        incident.station,
        incident.category,
        incident.severity,
        incident.status,
        occurred_ms,
        reported_ms,
        incident.source,
        incident.is_exercise,
    ]


def _turnout_entry(turnout: Turnout, at_ms: int, as_of_ms: int) -> Entry:
    return [
        TURNOUT,
        at_ms,
        turnout.event_id,
        turnout.station,
        turnout.registered,
        turnout.voted,
        as_of_ms,
        turnout.revision,
        turnout.source,
        turnout.is_exercise,
    ]
