"""Flare-ups specified as JSON objects with local times; every error names its field.

    {"regency": "16.71", "onset": "10:30", "kind": "clash", "size": 12, "duration_min": 90, "report_share": 0.5,
     "spread": ["16.07"]}

`onset` is local time of day or RFC 3339. Only `regency` and `onset` are required.
"""

from dataclasses import replace
from typing import Any

from apps.simulation.flareups import KINDS, FlareUpSpec
from apps.simulation.truth import epoch_ms
from schemas.roster import Roster
from schemas.vocabulary import DAY_MS, HOUR_MS, MINUTE_MS

FIELDS = frozenset({"regency", "onset", "kind", "size", "duration_min", "report_share", "spread"})
SIZE_MAX = 10_000
DURATION_MAX_MIN = 24 * 60


class FlareUpSpecError(ValueError):
    """A flare-up that cannot be staged. One line that names the field."""


def parse_spec(item: Any, start_ms: int, roster: Roster, where: str = "flareup") -> FlareUpSpec:
    """Parse a flare-up of the day that starts at `start_ms` (local midnight). Raises FlareUpSpecError."""
    if not isinstance(item, dict):
        raise FlareUpSpecError(f"{where}: must be an object")
    if unknown := sorted(set(item) - FIELDS):
        raise FlareUpSpecError(f"{where}, {unknown[0]}: unknown field; known are {', '.join(sorted(FIELDS))}")
    onset_ms = _onset(item.get("onset"), start_ms, where)
    kind = item.get("kind", "clash")
    if not isinstance(kind, str) or kind not in KINDS:
        raise FlareUpSpecError(f"{where}, kind: {kind!r} is none of {', '.join(KINDS)}")
    spread = item.get("spread", [])
    if not isinstance(spread, list):
        raise FlareUpSpecError(f"{where}, spread: must be a list of regency codes")
    return FlareUpSpec(
        _regency(item.get("regency"), roster, where, "regency"),
        onset_ms,
        kind,
        _number(item, "size", 15, 1, SIZE_MAX, where, int),
        _number(item, "duration_min", 90, 1, DURATION_MAX_MIN, where, int),
        _number(item, "report_share", 1.0, 0.0, 1.0, where, float),
        tuple(_regency(code, roster, where, "spread") for code in spread),
    )


def demo(start_ms: int, begin_ms: int, roster: Roster) -> list[FlareUpSpec]:
    """Flare-ups for a demonstration: a clash in the largest regency soon after `begin_ms`, then slower ones."""
    ranked = sorted((item for item in roster.values() if item.stations), key=lambda item: (-item.stations, item.code))
    plan = [
        FlareUpSpec("", begin_ms + 6 * MINUTE_MS, "clash", 20, 40, 1.0, None),
        FlareUpSpec("", begin_ms + 100 * MINUTE_MS, "intimidation", 14, 90, 0.9, None),
        FlareUpSpec("", begin_ms + 240 * MINUTE_MS, "ballot_failure", 16, 120, 1.0, ()),
        FlareUpSpec("", start_ms + 15 * HOUR_MS, "count_dispute", 24, 150, 0.8, None),
    ]
    specs = [
        replace(spec, regency=ranked[len(ranked) * index // len(plan)].code, band="demo")
        for index, spec in enumerate(plan)
        if spec.onset_ms < start_ms + DAY_MS
    ]
    # With fewer regencies than flare-ups the first flare-up of each regency stays.
    return list({spec.regency: spec for spec in reversed(specs)}.values())[::-1]


def local_time(text: Any, start_ms: int) -> int:
    """`HH:MM` of the day that starts at `start_ms`, in milliseconds. Raises ValueError."""
    hours, colon, minutes = str(text).partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):
        raise ValueError(f"{text!r} is not a time of day HH:MM")
    return start_ms + int(hours) * HOUR_MS + int(minutes) * MINUTE_MS


def _onset(value: Any, start_ms: int, where: str) -> int:
    try:
        onset_ms = epoch_ms(value) if isinstance(value, str) and "T" in value else local_time(value, start_ms)
    except ValueError as error:
        raise FlareUpSpecError(f"{where}, onset: {error}") from None
    if not start_ms <= onset_ms < start_ms + DAY_MS:
        raise FlareUpSpecError(f"{where}, onset: {value} is outside the day")
    return onset_ms


def _regency(code: Any, roster: Roster, where: str, field: str) -> str:
    if not isinstance(code, str) or code not in roster or not roster[code].stations:
        raise FlareUpSpecError(f"{where}, {field}: {code!r} is no regency of the roster with stations")
    return code


def _number(item: dict[str, Any], field: str, default: Any, least: Any, most: Any, where: str, kind: type) -> Any:
    value = item.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or (kind is int and value != int(value)):
        raise FlareUpSpecError(f"{where}, {field}: {value!r} is not a {'whole ' if kind is int else ''}number")
    if not least <= value <= most:
        raise FlareUpSpecError(f"{where}, {field}: {value} is not between {least} and {most}")
    return kind(value)
