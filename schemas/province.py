"""The province row, topic `siaga.province`, key = the province's two digits: the levels of its regencies."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from schemas.fields import MESSAGE, RegencyCode, Timestamp
from schemas.risk import LedgerPosition, LevelName, Points, RulesetId, Whole

PROVINCE_SCHEMA = "siaga.province/2"


class Elevated(BaseModel):
    """A regency above normal."""

    model_config = MESSAGE

    regency: RegencyCode
    level: LevelName


class ProvinceRow(BaseModel):
    """A province as of its clock. Aggregates only: no incident is named. The components add up to the score."""

    model_config = MESSAGE

    schema_: Annotated[Literal["siaga.province/2"], Field(alias="schema")]
    province: Annotated[str, Field(pattern=r"^[0-9]{2}$")]
    level: LevelName
    score: Points
    since: Timestamp
    as_of: Timestamp
    regencies: Annotated[dict[LevelName, Whole], Field(description="How many regencies are at each level.")]
    elevated: Annotated[list[Elevated], Field(description="Regencies above normal, the gravest first.")]
    not_live: Annotated[list[RegencyCode], Field(description="Regencies that are stale or never reported.")]
    components: dict[str, Points]
    ruleset: RulesetId
    ledger: LedgerPosition

    @model_validator(mode="after")
    def _adds_up(self) -> "ProvinceRow":
        if sum(self.components.values()) != self.score:
            raise ValueError("components do not add up to the score")
        return self
