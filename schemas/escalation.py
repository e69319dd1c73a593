"""The escalation, topic `siaga.escalations`, key = regency (or province): a change, and the authorities to notify."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from schemas.fields import MESSAGE, EventId, SourceName, Timestamp, one_of
from schemas.risk import LedgerPosition, LevelName, Points, RulesetId, Whole
from schemas.vocabulary import COUNTED_STATUSES, Category, Change, Level, Reason

ESCALATION_SCHEMA = "siaga.escalation/2"
EVIDENCE_MOST = 20
#: The levels that each change can end at: a level falls by one, and only a raised level is amended.
LEVELS_AFTER: dict[Change, tuple[Level, ...]] = {
    Change.RAISED: (Level.WASPADA, Level.SIAGA, Level.AWAS),
    Change.LOWERED: (Level.WASPADA, Level.SIAGA),
    Change.CLEARED: (Level.NORMAL,),
    Change.AMENDED: (Level.WASPADA, Level.SIAGA, Level.AWAS),
    Change.STALE: tuple(Level),
    Change.RECOVERED: tuple(Level),
}


Odds = Annotated[
    float | None,
    Field(
        ge=0,
        le=1,
        description="Probability that a flare-up is behind it; null where it claims none, and of a province.",
    ),
]


class Evidence(BaseModel):
    """One incident behind an escalation. `weight` is the ruleset's for its severity, not its weight as evidence."""

    model_config = MESSAGE

    origin: Annotated[SourceName, Field(description="The source whose numbering `incident_id` is.")]
    incident_id: EventId
    sources: Annotated[list[SourceName], Field(min_length=1, description="Whose word on it stands, by name.")]
    agencies: Annotated[list[SourceName], Field(min_length=1, description="Theirs; two confirm an incident.")]
    category: Annotated[str, one_of(Category)]
    severity: Annotated[int, Field(ge=1, le=5)]
    status: Annotated[str, one_of(COUNTED_STATUSES)]
    weight: Annotated[float, Field(gt=0)]


class Escalation(BaseModel):
    """A change of level, an amendment, or silence and its end. The components add up to the score.

    `regency` is a province code (`NN`) when the province itself escalates. `threshold` is what the score was compared
    with.
    """

    model_config = MESSAGE

    schema_: Annotated[Literal["siaga.escalation/2"], Field(alias="schema")]
    escalation_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    regency: Annotated[str, Field(pattern=r"^[0-9]{2}(\.[0-9]{2})?$")]
    name: str
    episode: Whole
    change: Annotated[str, one_of(Change)]
    level: LevelName
    previous_level: LevelName
    score: Points
    threshold: Whole
    reason: Annotated[str, one_of(Reason)]
    components: dict[str, Points]
    evidence: Annotated[list[Evidence], Field(max_length=EVIDENCE_MOST)]
    routes: list[str]
    unverified: bool
    event_time: Annotated[Timestamp, Field(description="The regency's clock at the decision.")]
    ruleset: RulesetId
    ledger: LedgerPosition
    odds: Odds = None

    @model_validator(mode="after")
    def _holds_together(self) -> "Escalation":
        if sum(self.components.values()) != self.score:
            raise ValueError("components do not add up to the score")
        weights = [item.weight for item in self.evidence]
        if weights != sorted(weights, reverse=True):
            raise ValueError("evidence is not heaviest first")
        return self
