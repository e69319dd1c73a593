"""The ruleset's tables about escalations as a whole: how likely one is real, and which false rate was chosen."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

from schemas.ruleset.quantities import STRICT, FalseRate, LogOdds, Quantity


def _not_negative(quantity: Quantity) -> Quantity:
    if quantity.value < 0:
        raise ValueError("value must not be negative: more of it never makes a flare-up less likely")
    return quantity


def _not_positive(quantity: Quantity) -> Quantity:
    if quantity.value > 0:
        raise ValueError("value must not be positive: it never makes a flare-up more likely")
    return quantity


More = Annotated[LogOdds, AfterValidator(_not_negative)]
Less = Annotated[LogOdds, AfterValidator(_not_positive)]


class OddsRule(BaseModel):
    """The logistic score of which an escalation's odds are made; see docs/risk-model.md. Natural log odds.

    `waspada`, `siaga`, `awas`: where the score begins, by the level reached. The others are added: `amended` to an
    amendment, `points` for each ten points of incidents, `points_per_report` for each doubling of one and the points of
    incidents per cited incident, `agencies` for each agency behind what is cited up to four, `several_groups`, `grave`
    and `unverified` where it is so.
    """

    model_config = STRICT

    waspada: LogOdds
    siaga: LogOdds
    awas: LogOdds
    amended: LogOdds
    points: More
    points_per_report: More
    agencies: More
    several_groups: More
    grave: More
    unverified: Less


class OperatingPoint(BaseModel):
    """The false rate that the ruleset's numbers were chosen for: at most so many in the worst world that it was chosen
    on. It changes nothing by itself."""

    model_config = STRICT

    false_per_100: FalseRate
