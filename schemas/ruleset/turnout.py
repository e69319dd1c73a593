"""The ruleset's table about turnout: which figures are anomalies, and what they add to the score."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from schemas.ruleset.quantities import HOURS, STRICT, Count, FiniteShare, Points, Routes, Share, WholePoints, whole


class TurnoutCurve(BaseModel):
    """An election's own turnout: the share of the registered that has voted at each full local hour, 0 to 23."""

    model_config = STRICT

    shares: Annotated[tuple[FiniteShare, ...], Field(strict=False)]
    gap: Share
    reason: Annotated[str, Field(min_length=8)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.shares) != HOURS or list(self.shares) != sorted(self.shares) or self.shares[-1] > 1:
            raise ValueError(f"shares must be {HOURS} that never fall, 1 at the most")
        return self


class TurnoutRule(BaseModel):
    """What turnout adds to the score."""

    model_config = STRICT

    routes: Routes
    most: WholePoints
    over_capacity_free: Share
    over_capacity_points: Points
    corrected_free: Share
    corrected_points: Points
    conflicting_free: Share
    conflicting_points: Points
    unlisted_free: Share
    unlisted_points: Points
    missing_free: Share
    missing_points: Points
    outlier_gap: Share
    outlier_stations_least: Annotated[Count, AfterValidator(whole)]
    outlier_points: Points
    #: Without it a share is compared with the neighbours' alone.
    curve: TurnoutCurve | None = None
