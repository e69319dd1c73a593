"""The risk row, topic `siaga.risk`, key = regency: the rolling table, latest row per key."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from schemas.fields import MESSAGE, EventId, RegencyCode, SourceName, Timestamp, one_of
from schemas.vocabulary import DataStatus, Level

RISK_SCHEMA = "siaga.risk/2"
CANDIDATE_PAIRS_MOST = 10
Points = Annotated[int, Field(ge=0, le=100)]
Whole = Annotated[int, Field(ge=0)]
RulesetId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}@[1-9][0-9]*$")]


LevelName = Annotated[str, one_of(Level)]
DataStatusName = Annotated[str, one_of(DataStatus)]


class Window(BaseModel):
    """Distinct incidents by `occurred_at`, and the sum of their severity weights.

    Retracted ones and exercises are excluded.
    """

    model_config = MESSAGE

    incidents: Whole
    weight: Annotated[float, Field(ge=0)]


class Windows(BaseModel):
    model_config = MESSAGE

    one_hour: Annotated[Window, Field(alias="1h")]
    six_hours: Annotated[Window, Field(alias="6h")]
    day: Annotated[Window, Field(alias="24h")]


class TurnoutTotals(BaseModel):
    """Turnout over the stations that reported; `share` is voted / registered, null while none did."""

    model_config = MESSAGE

    stations_expected: Annotated[int, Field(ge=0, description="By the roster.")]
    stations_reported: Whole
    registered: Whole
    voted: Whole
    share: Annotated[float | None, Field(ge=0)]
    over_capacity: Annotated[int, Field(ge=0, description="Stations with more voted than registered.")]
    corrected: Annotated[
        int,
        Field(ge=0, description="Corrections: a count that falls in one local day, or a revision of the same moment."),
    ]
    unlisted: Annotated[
        int, Field(ge=0, description="Stations that the station roster lacks; in none of the other figures.")
    ]
    conflicting: Annotated[
        int, Field(ge=0, description="Stations of which two agencies reported different counts at one moment.")
    ]


class Excluded(BaseModel):
    """Messages that did not change the score: too old for the longest window (`late`), exercises, duplicates, ids that
    a source used again for another message (`id_reused`), and what exceeds a bound of the ruleset (`surplus`).
    """

    model_config = MESSAGE

    late: Whole
    exercise: Whole
    duplicate: Whole
    surplus: Whole
    id_reused: Whole


class IncidentName(BaseModel):
    """An incident of the row's regency."""

    model_config = MESSAGE

    origin: SourceName
    incident_id: EventId


class CandidatePair(BaseModel):
    """Two incidents that may be one under two numbers; until people decide, the second counts for less."""

    model_config = MESSAGE

    first: IncidentName
    second: IncidentName


class LedgerPosition(BaseModel):
    """Position of the last ledger frame that was applied."""

    model_config = MESSAGE

    partition: Whole
    offset: Whole


class Confidence(BaseModel):
    """How far the row can be trusted. It never changes the score.

    `verified_share`: share of the last day's incidents that are verified or resolved, null without any. `sources`:
    number of agencies behind the last day's incidents that can score. `completeness`: share of the expected
    stations that reported turnout.
    """

    model_config = MESSAGE

    verified_share: Annotated[float | None, Field(ge=0, le=1)]
    sources: Whole
    completeness: Annotated[float | None, Field(ge=0, le=1)]


class RiskRow(BaseModel):
    """The state of one regency as of its clock. The components add up to the score."""

    model_config = MESSAGE

    schema_: Annotated[Literal["siaga.risk/2"], Field(alias="schema")]
    regency: RegencyCode
    name: str
    level: LevelName
    score: Points
    since: Annotated[Timestamp, Field(description="Clock at the last change of the level.")]
    as_of: Annotated[Timestamp, Field(description="The regency's clock.")]
    windows: Windows
    turnout: TurnoutTotals
    components: dict[str, Points]
    data_status: DataStatusName
    excluded: Excluded
    candidates: Annotated[int, Field(ge=0, description="Pairs that may be one incident under two numbers.")]
    candidate_pairs: Annotated[
        list[CandidatePair],
        Field(max_length=CANDIDATE_PAIRS_MOST, description="Of these pairs the newest."),
    ]
    confidence: Confidence
    ruleset: RulesetId
    ledger: LedgerPosition

    @model_validator(mode="after")
    def _adds_up(self) -> "RiskRow":
        if sum(self.components.values()) != self.score:
            raise ValueError("components do not add up to the score")
        return self
