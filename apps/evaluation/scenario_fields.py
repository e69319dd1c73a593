"""Readers of a scenario's fields; an invalid field raises ScenarioError with one line that names its place."""

from typing import Any

from apps.simulation.truth import epoch_ms

# From 1970 to 2200, well within what datetime and UTC offsets can represent.
TIME_MAX_MS = 7_258_118_400_000


JsonObject = dict[str, Any]


class ScenarioError(ValueError):
    """A scenario that cannot be used: one line that names the file, the day and the field."""


def mapping(value: Any, where: str, known: frozenset[str] | None = None) -> JsonObject:
    """A JSON object; with `known` it may hold no other fields."""
    if not isinstance(value, dict):
        raise ScenarioError(f"{where}: must be an object")
    if known is not None and (unknown := sorted(set(value) - known)):
        raise ScenarioError(f"{where}, {unknown[0]}: unknown field; known are {', '.join(sorted(known))}")
    return value


def items(item: JsonObject, field: str, where: str) -> list[Any]:
    """A list; empty when the field is missing."""
    value = item.get(field, [])
    if not isinstance(value, list):
        raise ScenarioError(f"{where}, {field}: must be a list")
    return value


def number(item: JsonObject, field: str, default: float, least: float, most: float, where: str) -> float:
    """A number from `least` to `most`."""
    value = item.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScenarioError(f"{where}, {field}: {value!r} is not a number")
    if not least <= value <= most:
        raise ScenarioError(f"{where}, {field}: {value} is not from {least:g} to {most:g}")
    return value


def whole(item: JsonObject, field: str, default: int, least: int, most: int, where: str) -> int:
    """A whole number from `least` to `most`; 60.0 is one."""
    value = number(item, field, default, least, most, where)
    if value != int(value):
        raise ScenarioError(f"{where}, {field}: {value} is not a whole number")
    return int(value)


def seed(item: JsonObject, where: str) -> int:
    """The seed, any whole number; required."""
    value = item.get("seed")
    if isinstance(value, bool) or not isinstance(value, int):
        raise ScenarioError(f"{where}, seed: must be a whole number")
    return value


def text(item: JsonObject, field: str, default: str | None, where: str) -> str | None:
    """Text, or None."""
    value = item.get(field, default)
    if value is not None and not isinstance(value, str):
        raise ScenarioError(f"{where}, {field}: {value!r} is not text")
    return value


def moment(item: JsonObject, field: str, where: str) -> int:
    """A time, RFC 3339 with offset, in milliseconds; required."""
    try:
        at_ms = epoch_ms(item[field])
    except (KeyError, TypeError, ValueError):
        raise ScenarioError(f"{where}, {field}: must be an RFC 3339 time with offset") from None
    if not 0 <= at_ms <= TIME_MAX_MS:
        raise ScenarioError(f"{where}, {field}: must be from 1970 to 2200")
    return at_ms


def span(item: JsonObject, start_ms: int, stop_ms: int, where: str) -> tuple[int, int]:
    """`onset` within the evaluated time, and an `end` not before it."""
    onset_ms, end_ms = moment(item, "onset", where), moment(item, "end", where)
    if not start_ms <= onset_ms < stop_ms:
        raise ScenarioError(
            f"{where}, onset: {item['onset']} is outside the day, which is watched until 03:00 of the next"
        )
    if end_ms < onset_ms:
        raise ScenarioError(f"{where}, end: {item['end']} is before the onset")
    return onset_ms, end_ms
