"""The part of a ruleset that says when a level rises and falls."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from schemas.fields import one_of
from schemas.quantities import STRICT, Minutes, Seconds, WholePoints
from schemas.vocabulary import ALARMS

Alarm = Annotated[str, one_of(ALARMS)]
SCORE_MOST = 100


class LevelRule(BaseModel):
    """One rung of the ladder."""

    model_config = STRICT

    raise_at: WholePoints
    lower_below: WholePoints
    hold: Seconds


class Ladder(BaseModel):
    """What holds for every rung."""

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
        """What would make levels that never come or never last, and why; the plain job uses both on purpose."""
        for name in ALARMS:
            if getattr(self, name).raise_at.value > SCORE_MOST:
                return f"{name}.raise_at must be at most {SCORE_MOST}: no score is higher"
        return "keep must be greater than 0: levels would flap" if self.keep.value <= 0 else None


class Immediate(BaseModel):
    """To which level a grave incident raises at once: on one source's word, and once a second source confirms."""

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
