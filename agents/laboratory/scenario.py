"""`--scenario FILE`: days of others. The format is told in docs/evaluation.md; every error names file, day and field."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from agents.laboratory.cases import Case, RecordedCase, SimulatedCase
from agents.laboratory.scoring import GRACE_MS
from agents.simulation.day import DEFAULT_DATE, Plan
from agents.simulation.files import SCHEMA
from agents.simulation.specs import SpecError, parse_spec
from agents.simulation.truth import MINUTE_MS, FlareUp, Other, Truth, epoch_ms
from schemas.roster import Roster, RosterError

FIELDS = frozenset({"schema", "roster", "grace_min", "days", "about"})
SIMULATED = frozenset(
    {"seed", "date", "utc_offset_h", "flareups", "flareups_per_day", "turnout_every_min", "hoax_chance", "background"}
)
RECORDED = frozenset({"start", "days", "incidents", "turnout", "arrivals", "truth", "seed"})
OTHER_KINDS = ("serious", "hoax", "exercise", "silence")


class ScenarioError(ValueError):
    """A scenario that cannot be used: one line that names the file and the field."""


@dataclass(frozen=True)
class Scenario:
    """Days to score on, with their roster and the grace after a flare-up's end."""

    roster: Roster
    cases: tuple[Case, ...]
    grace_ms: int


def load_scenario(path: Path, default_roster: Roster) -> Scenario:
    """Read and check a scenario. Raises ScenarioError."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror or error}") from None
    except orjson.JSONDecodeError as error:
        raise ScenarioError(f"{path}: not JSON: {error}") from None
    content = _object(content, FIELDS, str(path))
    if content.get("schema") != SCHEMA:
        raise ScenarioError(f"{path}, schema: must be {SCHEMA!r}")
    roster = _roster(content.get("roster"), path, default_roster)
    days = content.get("days")
    if not isinstance(days, list) or not days:
        raise ScenarioError(f"{path}, days: must be a list of at least one day")
    cases = tuple(_case(day, roster, path.parent, f"{path} day {number}") for number, day in enumerate(days, 1))
    grace = _number(content, "grace_min", GRACE_MS / MINUTE_MS, str(path))
    return Scenario(roster, cases, round(grace * MINUTE_MS))


def _roster(name: Any, path: Path, default: Roster) -> Roster:
    if name is None:
        return default
    try:
        return Roster.load(path.parent / str(name))
    except RosterError as error:
        raise ScenarioError(f"{path}, roster: {error}") from None


def _case(day: Any, roster: Roster, folder: Path, where: str) -> Case:
    if isinstance(day, dict) and ("incidents" in day or "truth" in day):
        return _recorded(_object(day, RECORDED, where), roster, folder, where)
    return _simulated(_object(day, SIMULATED, where), roster, where)


def _simulated(day: dict, roster: Roster, where: str) -> SimulatedCase:
    if not isinstance(day.get("seed"), int):
        raise ScenarioError(f"{where}, seed: must be a whole number")
    try:
        on = date.fromisoformat(day.get("date", DEFAULT_DATE.isoformat()))
    except (TypeError, ValueError):
        raise ScenarioError(f"{where}, date: {day['date']!r} is not a date YYYY-MM-DD") from None
    base = Plan(day["seed"], on)
    plan = Plan(
        base.seed,
        on,
        round(_number(day, "utc_offset_h", base.offset_min / 60, where) * 60),
        None,
        _number(day, "flareups_per_day", base.per_day, where),
        round(_number(day, "turnout_every_min", base.turnout_every_min, where)),
        _number(day, "hoax_chance", base.hoax_chance, where),
        _number(day, "background", base.background, where),
    )
    staged = day.get("flareups", [])
    if staged == "chance":
        return SimulatedCase(plan)
    if not isinstance(staged, list):
        raise ScenarioError(f'{where}, flareups: must be a list or "chance"')
    try:
        specs = [parse_spec(item, plan.start_ms, roster, f"{where} flareup {n}") for n, item in enumerate(staged, 1)]
    except SpecError as error:
        raise ScenarioError(str(error)) from None
    return SimulatedCase(Plan(**vars(plan) | {"flareups": tuple(specs)}))


def _recorded(day: dict, roster: Roster, folder: Path, where: str) -> RecordedCase:
    told = day.get("truth")
    if not isinstance(told, dict):
        raise ScenarioError(f"{where}, truth: must be an object with flareups")
    truth = Truth(
        day.get("seed"),
        _time(day, "start", where),
        tuple(roster),
        tuple(_flareup(item, n, roster, f"{where} flareup {n}") for n, item in enumerate(told.get("flareups", ()), 1)),
        tuple(_other(item, f"{where} other {n}") for n, item in enumerate(told.get("others", ()), 1)),
        round(_number(day, "days", 1, where)),
    )
    lines = {
        topic: _lines(day[topic], folder, f"{where}, {topic}") for topic in ("incidents", "turnout") if topic in day
    }
    arrivals = folder / day["arrivals"] if isinstance(day.get("arrivals"), str) else None
    return RecordedCase(truth, lines, arrivals)


def _lines(value: Any, folder: Path, where: str) -> Path | tuple[bytes, ...]:
    if isinstance(value, list):
        return tuple(orjson.dumps(item) for item in value)
    if isinstance(value, str) and (folder / value).is_file():
        return folder / value
    raise ScenarioError(f"{where}: must be a list of messages or a file of JSON lines beside the scenario")


def _flareup(item: Any, number: int, roster: Roster, where: str) -> FlareUp:
    item = _mapping(item, where)
    if item.get("regency") not in roster:
        raise ScenarioError(f"{where}, regency: {item.get('regency')!r} is not in the roster")
    size = round(_number(item, "size", 0, where))
    return FlareUp(
        str(item.get("id", f"f{number}")),
        item["regency"],
        str(item.get("kind", "unknown")),
        _time(item, "onset", where),
        _time(item, "end", where),
        size,
        round(_number(item, "reported", size, where)),
        str(item.get("band", "given")),
        item.get("spread_of"),
    )


def _other(item: Any, where: str) -> Other:
    item = _mapping(item, where)
    if item.get("kind") not in OTHER_KINDS:
        raise ScenarioError(f"{where}, kind: must be one of {', '.join(OTHER_KINDS)}")
    note = str(item.get("note", ""))
    return Other(item["kind"], item.get("regency"), _time(item, "onset", where), _time(item, "end", where), note)


def _object(value: Any, known: frozenset[str], where: str) -> dict:
    value = _mapping(value, where)
    if unknown := sorted(set(value) - known):
        raise ScenarioError(f"{where}, {unknown[0]}: unknown field; known are {', '.join(sorted(known))}")
    return value


def _mapping(value: Any, where: str) -> dict:
    if not isinstance(value, dict):
        raise ScenarioError(f"{where}: must be an object")
    return value


def _number(item: dict, field: str, default: float, where: str) -> float:
    value = item.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScenarioError(f"{where}, {field}: {value!r} is not a number")
    return value


def _time(item: dict, field: str, where: str) -> int:
    try:
        return epoch_ms(item[field])
    except (KeyError, TypeError, ValueError):
        raise ScenarioError(f"{where}, {field}: must be an RFC 3339 time with offset") from None
