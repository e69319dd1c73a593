"""The escalation as it leaves the house, in webhooks and CAP: what the ruleset's table `outward` lets out, no more.

A list of what goes out, not of what stays: a field that a later escalation gains stays inside until it is added here.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from schemas.escalation import EVIDENCE_MOST, Escalation, Evidence, Odds
from schemas.fields import MESSAGE, EventId, SourceName, Timestamp, one_of
from schemas.risk import LedgerPosition, LevelName, Points, RulesetId, Whole
from schemas.ruleset.outward import OutwardRule
from schemas.vocabulary import COUNTED_STATUSES, Category, Change, Reason

OUTWARD_SCHEMA = "siaga.outward/1"

_Number = Annotated[int, Field(ge=1)]


class OutwardEvidence(BaseModel):
    """One incident behind an escalation. Its number and who reported it are there if the ruleset lets them out."""

    model_config = MESSAGE

    category: Annotated[str, one_of(Category)]
    severity: Annotated[int, Field(ge=1, le=5)]
    status: Annotated[str, one_of(COUNTED_STATUSES)]
    weight: Annotated[float, Field(gt=0)]
    source_count: Annotated[_Number, Field(description="Sources whose word on it stands.")]
    agency_count: Annotated[_Number, Field(description="Agencies of these; two confirm an incident.")]
    origin: Annotated[SourceName | None, Field(description="With `incident_ids`.")] = None
    incident_id: Annotated[EventId | None, Field(description="With `incident_ids`.")] = None
    sources: Annotated[list[SourceName] | None, Field(description="With `sources`.")] = None
    agencies: Annotated[list[SourceName] | None, Field(description="With `sources`.")] = None


class Outward(BaseModel):
    """An escalation for a receiver outside: that of the topic, its evidence as the ruleset lets it out."""

    model_config = MESSAGE

    schema_: Annotated[Literal["siaga.outward/1"], Field(alias="schema")]
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
    evidence: Annotated[list[OutwardEvidence], Field(max_length=EVIDENCE_MOST)]
    routes: list[str]
    unverified: bool
    event_time: Annotated[Timestamp, Field(description="The regency's clock at the decision.")]
    ruleset: RulesetId
    ledger: LedgerPosition
    odds: Odds = None

    def body(self) -> bytes:
        """JSON in UTF-8 without the fields that stay inside: of the same escalation the same bytes."""
        return self.model_dump_json(exclude_none=True).encode()


_UNCHANGED = tuple(name for name in Outward.model_fields if name not in ("schema_", "evidence"))


def let_out(escalation: Escalation, rule: OutwardRule) -> Outward:
    """What receivers outside are told of an escalation."""
    told: dict[str, Any] = {name: getattr(escalation, name) for name in _UNCHANGED}
    evidence = [_let_out(item, rule) for item in escalation.evidence]
    return Outward.model_validate(told | {"schema": OUTWARD_SCHEMA, "evidence": evidence})


def _let_out(item: Evidence, rule: OutwardRule) -> OutwardEvidence:
    told: dict[str, Any] = {
        "category": item.category,
        "severity": item.severity,
        "status": item.status,
        "weight": item.weight,
        "source_count": len(item.sources),
        "agency_count": len(item.agencies),
    }
    if rule.incident_ids.let_out:
        told |= {"origin": item.origin, "incident_id": item.incident_id}
    if rule.sources.let_out:
        told |= {"sources": item.sources, "agencies": item.agencies}
    return OutwardEvidence(**told)
