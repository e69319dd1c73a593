"""The ruleset's table about calibration: how far its own numbers are trusted against recorded weeks."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

from schemas.ruleset.quantities import STRICT, Count, Factor, Quantity, Share, positive, whole


def _spread(quantity: Quantity) -> Quantity:
    if quantity.value <= 1:
        raise ValueError(f"value must be greater than 1, a factor either way, not {quantity.value:g}")
    return quantity


#: One standard deviation of a logarithm, as a factor: two of three lie between the middle divided by it and times it.
Spread = Annotated[Factor, AfterValidator(_spread)]
PositiveCount = Annotated[Count, AfterValidator(positive)]


class Calibration(BaseModel):
    """How `siaga calibrate` weighs recorded reports against this ruleset's numbers; see docs/operating/calibrate.md."""

    model_config = STRICT

    rate_spread: Spread
    campaign_level: Annotated[Share, AfterValidator(positive)]
    campaign_spread: Spread
    category_spread: Spread
    mix_strength: PositiveCount
    hours_strength: PositiveCount
    free_reports: Annotated[Count, AfterValidator(whole)]
    place_most: Annotated[Factor, AfterValidator(positive)]
    day_least: Share
    days_least: Annotated[Count, AfterValidator(positive), AfterValidator(whole)]
    reports_least: PositiveCount
