"""The ruleset's tables about levels: when one rises and falls."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from schemas.fields import one_of
from schemas.ruleset.quantities import STRICT, Minutes, Seconds, WholePoints
from schemas.vocabulary import ALARMS

Alarm = Annotated[str, one_of(ALARMS)]
SCORE_MOST = 100


class LevelRule(BaseModel):
    """When one level is reached (points), when it is left (points), and how long the score must hold (seconds)."""

    model_config = STRICT

    raise_at: WholePoints
    lower_below: WholePoints
    hold: Seconds


class Ladder(BaseModel):
    """The three levels above normal, and what holds for all of them."""

    model_config = STRICT

    step: Seconds
    keep: Minutes
    amend_every: Minutes
    amend_points: WholePoints
    waspada: LevelRule
    siaga: LevelRule
    awas: LevelRule

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.step.value not in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60):
            raise ValueError("step must be a number of seconds that divides a minute")
        for lower, upper in pairwise(ALARMS):
            below, above = getattr(self, lower), getattr(self, upper)
            if above.raise_at.value <= below.raise_at.value:
                raise ValueError(f"{upper}.raise_at must be above {lower}'s {below.raise_at.value:g}")
            if above.lower_below.value < below.lower_below.value:
                raise ValueError(f"{upper}.lower_below must not be below {lower}'s {below.lower_below.value:g}")
        for name in ALARMS:
            rung = getattr(self, name)
            if rung.lower_below.value > rung.raise_at.value:
                raise ValueError(f"{name}.lower_below must not exceed its raise_at, {rung.raise_at.value:g}")
        if self.waspada.raise_at.value > SCORE_MOST:
            raise ValueError(f"waspada.raise_at must be at most {SCORE_MOST}: no score is higher")
        return self

    def unreachable(self) -> str | None:
        """Why some level could never be reached or never last, None if none; the plain job allows both on purpose."""
        for name in ALARMS:
            if getattr(self, name).raise_at.value > SCORE_MOST:
                return f"{name}.raise_at must be at most {SCORE_MOST}: no score is higher"
        return "keep must be greater than 0: levels would flap" if self.keep.value <= 0 else None


class Immediate(BaseModel):
    """The level to which a grave incident raises at once: reported by one source, and confirmed by a second."""

    model_config = STRICT

    unconfirmed: Alarm
    confirmed: Alarm
    reason: Annotated[str, Field(min_length=8)]

    @model_validator(mode="after")
    def _confirmed_is_no_less(self) -> Self:
        if ALARMS.index(self.confirmed) < ALARMS.index(self.unconfirmed):
            raise ValueError("confirmed must not be a lower level than unconfirmed")
        return self


class Immediates(BaseModel):
    """Grave incidents by their severity."""

    model_config = STRICT

    severity_4: Immediate
    severity_5: Immediate
