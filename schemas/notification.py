"""The log of what was sent to receivers outside, topic `siaga.notifications`, key = the sender's name.

A sender of webhooks writes for each escalation its first attempt, each change of the answer and its end, and reads
them again when it starts: this is the only place where its state is kept. No record holds the address of a receiver
beyond its host and port, or anything of an escalation's evidence.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from schemas.fields import MESSAGE, Timestamp, one_of
from schemas.risk import LevelName, Whole
from schemas.vocabulary import Change

NOTIFICATION_SCHEMA = "siaga.notification/1"
TARGET_PATTERN = r"^[A-Za-z0-9_-]{1,100}$"


class Event(StrEnum):
    """What happened to an escalation, or to a sender's position in a partition."""

    STARTED = "started"
    RECREATED = "recreated"
    FAILED = "failed"
    DELIVERED = "delivered"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    EXPIRED = "expired"
    RESEND = "resend"
    DROPPED = "dropped"


class AnswerReason(StrEnum):
    """What an answer, or its absence, means; the first row of `http_attempt.REASONS` that fits."""

    ACCEPTED = "accepted"
    REDIRECT = "redirect"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    CLIENT_ERROR = "client_error"
    TOO_MANY_REQUESTS = "too_many_requests"
    SERVER_ERROR = "server_error"
    NO_ANSWER = "no_answer"
    CUT = "cut"
    MALFORMED = "malformed"
    UNREACHABLE = "unreachable"
    UNKNOWN_HOST = "unknown_host"
    TLS = "tls"
    UNSUPPORTED_VERSION = "unsupported_version"
    NOT_AN_ESCALATION = "not_an_escalation"
    EXPIRED = "expired"


class EscalationPosition(BaseModel):
    """Where an escalation is on `siaga.escalations`; of `started` and `recreated` where reading began."""

    model_config = MESSAGE

    partition: Whole
    offset: Whole


class AttemptAnswer(BaseModel):
    """The result of one attempt. `status` is HTTP's, absent when there was none."""

    model_config = MESSAGE

    status: Annotated[int | None, Field(ge=100, le=999)] = None
    reason: Annotated[str, one_of(AnswerReason)]
    duration_ms: Annotated[Whole, Field(description="From the start of the attempt to its answer.")]


class Notification(BaseModel):
    """One step of a sender: an escalation was tried, delivered, refused for good, asked for again or dropped.

    The fields of the escalation are absent for `started` and `recreated`, and for a record that holds no escalation.
    """

    model_config = MESSAGE

    schema_: Annotated[Literal["siaga.notification/1"], Field(alias="schema")]
    target: Annotated[str, Field(pattern=TARGET_PATTERN, description="The sender's name (`--name`).")]
    receiver: Annotated[
        str, Field(max_length=300, description="Scheme, host and port of the URL; never its path or query.")
    ]
    event: Annotated[str, one_of(Event), Field(description="`failed` is tried again; `refused` is not.")]
    at: Annotated[Timestamp, Field(description="The sender's clock. The record's time is the broker's.")]
    position: EscalationPosition
    settled_below: Annotated[
        Whole, Field(description="Every escalation of this partition below this offset has come to its end.")
    ]
    escalation_id: Annotated[str | None, Field(pattern=r"^[0-9a-f]{32}$")] = None
    regency: Annotated[str | None, Field(pattern=r"^[0-9]{2}(\.[0-9]{2})?$")] = None
    level: LevelName | None = None
    change: Annotated[str, one_of(Change)] | None = None
    attempts: Annotated[Whole, Field(description="So far, since the first or since it was asked for again.")] = 0
    answer: AttemptAnswer | None = None

    def line(self) -> bytes:
        """JSON in UTF-8, as it is on the topic."""
        return self.model_dump_json(exclude_none=True).encode()
