"""The incident message: one report about one incident, as the public contract defines it."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.fields import (
    MESSAGE,
    EventId,
    RegencyCode,
    Revision,
    SourceName,
    StationId,
    Timestamp,
    VillageCode,
    one_of,
)
from schemas.versions import INCIDENTS_READ
from schemas.vocabulary import Category, Status

INCIDENT_SCHEMA = INCIDENTS_READ[-1]

REPORT_LEAD = timedelta(minutes=5)  # how far a source's clock may run behind the event it reports


class Incident(BaseModel):
    """What one source says of one incident. The incident is (`regency`, `origin`, `incident_id`), the word on it
    (incident, `source`). Free text has no field.
    """

    model_config = MESSAGE

    schema_: Annotated[
        str, one_of(INCIDENTS_READ), Field(alias="schema", description="Version of the contract; may be left out.")
    ] = INCIDENT_SCHEMA
    event_id: Annotated[EventId, Field(description="Unique per source; a repeat is a duplicate and changes nothing.")]
    incident_id: Annotated[EventId, Field(description="The origin's number of the incident, unique in its regency.")]
    origin: Annotated[
        SourceName | None, Field(description="The source whose numbering `incident_id` is; left out, it is `source`.")
    ] = None
    revision: Annotated[Revision, Field(description="Of this source's word: a higher one replaces a lower one.")]
    regency: Annotated[RegencyCode, Field(description="Kemendagri code; must be in the roster.")]
    village: Annotated[VillageCode | None, Field(description="Kemendagri code of a village of that regency.")] = None
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
