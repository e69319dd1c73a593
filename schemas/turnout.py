"""The turnout message: how many have voted so far at one polling station, as the public contract defines it."""

from typing import Annotated

from pydantic import BaseModel, Field

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
from schemas.versions import TURNOUT_READ

TURNOUT_SCHEMA = TURNOUT_READ[-1]
VOTERS_MAX = 100_000  # per station; beyond any real one, so a total sent by mistake is caught


class Turnout(BaseModel):
    """A cumulative count of one station, (`regency`, `village`, `station`). Per source the latest (`as_of`, `revision`)
    counts.

    `voted` above `registered` is accepted: the fold flags it as over capacity.
    """

    model_config = MESSAGE

    schema_: Annotated[
        str, one_of(TURNOUT_READ), Field(alias="schema", description="Version of the contract; may be left out.")
    ] = TURNOUT_SCHEMA
    event_id: Annotated[EventId, Field(description="Unique per source; a repeat is a duplicate and changes nothing.")]
    regency: Annotated[RegencyCode, Field(description="Kemendagri code; must be in the roster.")]
    village: Annotated[VillageCode | None, Field(description="Kemendagri code of a village of that regency.")] = None
    station: Annotated[StationId, Field(description="Polling station (TPS).")]
    registered: Annotated[int, Field(ge=1, le=VOTERS_MAX, description="Voters entitled there: DPT + DPTb + DPK.")]
    voted: Annotated[int, Field(ge=0, le=VOTERS_MAX, description="Voters so far, cumulative.")]
    as_of: Annotated[Timestamp, Field(description="Event time, RFC 3339 with offset.")]
    revision: Annotated[Revision, Field(description="A correction of the same `as_of`.")] = 1
    source: Annotated[SourceName, Field(description="The publishing system.")]
    is_exercise: Annotated[bool, Field(description="A drill: counted separately, never changes a risk level.")] = False
