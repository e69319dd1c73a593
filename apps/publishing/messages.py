"""From a line to the record to send: key, unchanged value, event time; or the reason why it is not sent.

As strict as intake (schemas/wire.py, streams/admission.py), so intake does not reject for its form what passes here.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import orjson

from apps.publishing.lines import LINE_MAX_BYTES, Line
from schemas.fields import milliseconds
from schemas.incident import Incident
from schemas.rejected import Rejected
from schemas.topics import Topic
from schemas.turnout import Turnout
from schemas.vocabulary import RejectReason
from schemas.wire import decode_incident, decode_turnout
from streams.admission import check_village, place_of


class Kind(StrEnum):
    """The kind of messages in a file; also the name of their topic."""

    INCIDENTS = "incidents"
    TURNOUT = "turnout"

    @property
    def topic(self) -> Topic:
        return Topic(self.value)


class Message(NamedTuple):
    """`key` is the regency's code, None if the unchecked value has none; `played_ms` is the time a replay sends it."""

    key: bytes | None
    value: bytes
    played_ms: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


Reader = Callable[[Line], Message]


def checked(kind: Kind, regencies: Collection[str] | None = None) -> Reader:
    """A reader that raises Rejected as intake would; `regencies` are the roster's codes, None if unknown."""
    decode = decode_incident if kind is Kind.INCIDENTS else decode_turnout

    def read(line: Line) -> Message:
        if not line.whole:
            raise Rejected(RejectReason.TOO_LARGE, f"a line of more than {LINE_MAX_BYTES} bytes")
        message = decode(line.value)
        if regencies is not None and message.regency not in regencies:
            raise Rejected(RejectReason.UNKNOWN_REGENCY, f"regency: {message.regency} is not in the roster")
        check_village(message.regency, message.village)
        place_of(message.village, message.station)
        return Message(message.regency.encode(), line.value, milliseconds(played_at(message)))

    return read


def unchecked(line: Line) -> Message:
    """A reader that checks only the length; the key is the value's `regency` if it has one."""
    if not line.whole:
        raise Rejected(RejectReason.TOO_LARGE, f"a line of more than {LINE_MAX_BYTES} bytes")
    try:
        content = orjson.loads(line.value)
    except orjson.JSONDecodeError:
        return Message(None, line.value)
    regency = content.get("regency") if isinstance(content, dict) else None
    return Message(regency.encode() if isinstance(regency, str) else None, line.value)


def played_at(message: Incident | Turnout) -> datetime:
    """The time at which a replay sends a message: its event time; for a later revision the time it was reported.

    Revisions keep the first report's `occurred_at`; sent at that time, an incident would be resolved as it occurs."""
    if isinstance(message, Turnout):
        return message.as_of
    return message.occurred_at if message.revision == 1 else max(message.occurred_at, message.reported_at)
