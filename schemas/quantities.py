"""Numbers that are policy: each with its unit and the reason for it, within bounds that make sense."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
#: Of a day: tables by the hour have as many numbers.
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


def _quantity(unit: str, least: float, most: float) -> Any:
    def check(quantity: Quantity) -> Quantity:
        if quantity.unit != unit:
            raise ValueError(f"unit must be {unit!r}, not {quantity.unit!r}")
        if not least <= quantity.value <= most:
            raise ValueError(f"value must be from {least:g} to {most:g} {unit}, not {quantity.value:g}")
        return quantity

    return Annotated[Quantity, AfterValidator(check)]


def positive(quantity: Quantity) -> Quantity:
    if quantity.value <= 0:
        raise ValueError("value must be greater than 0")
    return quantity


def whole(quantity: Quantity) -> Quantity:
    if quantity.value != int(quantity.value):
        raise ValueError(f"value must be a whole number, not {quantity.value:g}")
    return quantity


Points = _quantity("points", 0, 1000)
#: Of what is counted in points itself: scores are whole.
WholePoints = Annotated[Points, AfterValidator(whole)]
Weight = _quantity("weight", 0, 1000)
Factor = _quantity("factor", 0, 100)
Seconds = _quantity("s", 0, 86_400)
Minutes = _quantity("min", 0, 1440)
Hours = _quantity("h", 1, 8760)
LocalHour = _quantity("hour of day", 0, 24)
Count = _quantity("count", 0, 1_000_000)
Share = _quantity("share", 0, 1)
Rate = _quantity("per 1000 stations and day", 0, 100_000)
Hourly = _quantity("per hour", 0, 10_000)
HourlyLeast = _quantity("per hour", 0.000_001, 10_000)
Digits = _quantity("digits", 0, 100)
Shape = _quantity("shape", 0.1, 1_000_000)
