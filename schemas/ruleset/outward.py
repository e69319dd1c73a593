"""The ruleset's table about what leaves the house: what webhooks and CAP documents tell of the evidence."""

from typing import Annotated

from pydantic import BaseModel, Field

from schemas.ruleset.quantities import STRICT


class LetOut(BaseModel):
    """Whether something is told to receivers outside, and the reason."""

    model_config = STRICT

    let_out: bool
    reason: Annotated[str, Field(min_length=8)]


class OutwardRule(BaseModel):
    """What of the incidents behind an escalation is told outside. Category, severity, status, weight and the numbers
    of sources and agencies always are."""

    model_config = STRICT

    incident_ids: LetOut
    sources: LetOut
