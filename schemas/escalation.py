"""The escalation, topic `siaga.escalations`, key = regency (or province): a change of level, and who must know."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from schemas.fields import MESSAGE, EventId, Timestamp
from schemas.incident import Category
from schemas.risk import LedgerPosition, Level, LevelName, Points, RulesetId, Whole

ESCALATION_SCHEMA = "siaga.escalation/1"
EVIDENCE_MOST = 20
#: The levels that each change can end at. A fall is by one rung, and what is amended is an alarm.
LEVELS_AFTER: dict[str, tuple[Level, ...]] = {
    "raised": (Level.WASPADA, Level.SIAGA, Level.AWAS),
    "lowered": (Level.WASPADA, Level.SIAGA),
    "cleared": (Level.NORMAL,),
    "amended": (Level.WASPADA, Level.SIAGA, Level.AWAS),
    "stale": tuple(Level),
    "recovered": tuple(Level),
}
CategoryName = Literal[tuple(category.value for category in Category)]  # type: ignore[valid-type]


class Evidence(BaseModel):
    """One incident behind an escalation. `weight` is the ruleset's for its severity: how grave it is, not how telling."""

    model_config = MESSAGE

    incident_id: EventId
    category: CategoryName
    severity: Annotated[int, Field(ge=1, le=5)]
    status: Literal["reported", "verified", "resolved"]
    weight: Annotated[float, Field(gt=0)]


class Escalation(BaseModel):
    """A level change, an amendment of one, or silence and its end. The components add up to the score.

    `regency` is a province code (`NN`) when the province itself escalates. `threshold` is what the score was measured
    against.
    """

    model_config = MESSAGE

    schema_: Annotated[Literal["siaga.escalation/1"], Field(alias="schema")]
    escalation_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    regency: Annotated[str, Field(pattern=r"^[0-9]{2}(\.[0-9]{2})?$")]
    name: str
    episode: Whole
    change: Literal["raised", "lowered", "cleared", "amended", "stale", "recovered"]
    level: LevelName
    previous_level: LevelName
    score: Points
    threshold: Whole
    reason: Literal[
        "grave_incident", "grave_incident_confirmed", "incident_pressure", "turnout_anomaly", "spill_over",
        "rolling_sum", "members", "calm", "correction", "confirmation", "silence", "reports_resumed",
    ]  # fmt: skip
    components: dict[str, Points]
    evidence: Annotated[list[Evidence], Field(max_length=EVIDENCE_MOST)]
    routes: list[str]
    unverified: bool
    event_time: Annotated[Timestamp, Field(description="The regency's clock when it was decided.")]
    ruleset: RulesetId
    ledger: LedgerPosition

    @model_validator(mode="after")
    def _holds_together(self) -> "Escalation":
        if sum(self.components.values()) != self.score:
            raise ValueError("components do not add up to the score")
        weights = [item.weight for item in self.evidence]
        if weights != sorted(weights, reverse=True):
            raise ValueError("evidence is not heaviest first")
        return self
