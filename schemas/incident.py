"""The incident message: one report about one incident, as the public contract defines it."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.fields import MESSAGE, EventId, RegencyCode, Revision, SourceName, StationId, Timestamp, one_of
from schemas.vocabulary import Category, Status

REPORT_LEAD = timedelta(minutes=5)  # how far a source's clock may run behind the event it reports


class Incident(BaseModel):
    """One revision of one incident. Identity is (`regency`, `incident_id`); free text has no field."""

    model_config = MESSAGE

    event_id: Annotated[EventId, Field(description="Unique per message; a repeat is a duplicate and changes nothing.")]
    incident_id: Annotated[
        EventId, Field(description="The incident that this message is about, unique within its regency.")
    ]
    revision: Annotated[Revision, Field(description="A higher revision replaces a lower one.")]
    regency: Annotated[RegencyCode, Field(description="Kemendagri code; must be in the roster.")]
    station: Annotated[StationId | None, Field(description="Polling station (TPS), if the incident concerns one.")] = (
        None
    )
    category: Annotated[str, one_of(Category), Field(description="What kind of incident.")]
    severity: Annotated[int, Field(ge=1, le=5, description="1 minor to 5 gravest; its weight is the ruleset's.")]
    status: Annotated[str, one_of(Status), Field(description="How far the incident has been checked.")]
    occurred_at: Annotated[Timestamp, Field(description="Event time, RFC 3339 with offset.")]
    reported_at: Annotated[
        Timestamp, Field(description="RFC 3339 with offset; not before `occurred_at` minus 5 minutes.")
    ]
    source: Annotated[SourceName, Field(description="The publishing system.")]
    is_exercise: Annotated[bool, Field(description="A drill: counted separately, never changes a risk level.")] = False

    @model_validator(mode="after")
    def _reported_after_it_occurred(self) -> Self:
        if self.reported_at < self.occurred_at and self.occurred_at - self.reported_at > REPORT_LEAD:
            raise PydanticCustomError("reported_too_early", "reported_at: is more than 5 minutes before occurred_at")
        return self
