"""Numbers that are policy: each with its unit and the reason for it, within bounds that make sense."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
#: Of a day: a table by the hour has as many numbers.
HOURS = 24

FiniteShare = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Authority = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
Routes = Annotated[tuple[Authority, ...], Field(strict=False, min_length=1)]


class Quantity(BaseModel):
    """A number with its unit and the reason for it."""

    model_config = STRICT

    value: Annotated[float, Field(allow_inf_nan=False)]
    unit: str
    reason: Annotated[str, Field(min_length=8)]


def _in(unit: str, least: float, most: float) -> AfterValidator:
    """Checks that a quantity has this unit and lies within these bounds, both inclusive."""

    def check(quantity: Quantity) -> Quantity:
        if quantity.unit != unit:
            raise ValueError(f"unit must be {unit!r}, not {quantity.unit!r}")
        if not least <= quantity.value <= most:
            raise ValueError(f"value must be from {least:g} to {most:g} {unit}, not {quantity.value:g}")
        return quantity

    return AfterValidator(check)


def positive(quantity: Quantity) -> Quantity:
    """Checks that a quantity is more than 0."""
    if quantity.value <= 0:
        raise ValueError("value must be greater than 0")
    return quantity


def whole(quantity: Quantity) -> Quantity:
    """Checks that a quantity is a whole number."""
    if quantity.value != int(quantity.value):
        raise ValueError(f"value must be a whole number, not {quantity.value:g}")
    return quantity


Points = Annotated[Quantity, _in("points", 0, 1000)]
#: For what is compared with a score or added to it: scores are whole.
WholePoints = Annotated[Points, AfterValidator(whole)]
Weight = Annotated[Quantity, _in("weight", 0, 1000)]
Factor = Annotated[Quantity, _in("factor", 0, 100)]
Seconds = Annotated[Quantity, _in("s", 0, 86_400)]
Minutes = Annotated[Quantity, _in("min", 0, 1440)]
Hours = Annotated[Quantity, _in("h", 1, 8760)]
LocalHour = Annotated[Quantity, _in("hour of day", 0, 24)]
Count = Annotated[Quantity, _in("count", 0, 1_000_000)]
Share = Annotated[Quantity, _in("share", 0, 1)]
PerStation = Annotated[Quantity, _in("per station", 0, 10_000)]
Rate = Annotated[Quantity, _in("per 1000 stations and day", 0, 100_000)]
Hourly = Annotated[Quantity, _in("per hour", 0, 10_000)]
HourlyLeast = Annotated[Quantity, _in("per hour", 0.000_001, 10_000)]
Digits = Annotated[Quantity, _in("digits", 0, 100)]
Shape = Annotated[Quantity, _in("shape", 0.1, 1_000_000)]
LogOdds = Annotated[Quantity, _in("log odds", -20, 20)]
FalseRate = Annotated[Quantity, _in("per 100 regency-days", 0, 10_000)]
