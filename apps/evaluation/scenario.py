"""`--scenario FILE`: days given by the user. Format: docs/scenario-format.md; errors name file, day and field."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from agents.policy import load_roster
from apps.evaluation.alarms import TAIL_MS
from apps.evaluation.cases import Case, CaseError, RecordedCase, SimulatedCase
from apps.evaluation.scenario_fields import (
    JsonObject,
    ScenarioError,
    items,
    mapping,
    moment,
    number,
    seed,
    span,
    text,
    whole,
)
from apps.evaluation.scoring import GRACE_MS
from apps.simulation.day import DEFAULT_DATE, Plan
from apps.simulation.flareup_specs import FlareUpSpecError, parse_spec
from apps.simulation.scenario_files import SCHEMA
from apps.simulation.truth import FlareUp, OtherEvent, Truth
from schemas.roster import Roster, RosterError
from schemas.vocabulary import DAY_MS, MINUTE_MS

__all__ = ["Scenario", "ScenarioError", "load_scenario"]

FIELDS = frozenset({"schema", "roster", "grace_min", "days", "about"})
SIMULATED = frozenset(
    {
        "seed", "date", "utc_offset_h", "flareups", "flareups_per_day", "turnout_every_min", "hoax_chance",
        "background", "doubles",
    }
)  # fmt: skip
RECORDED = frozenset({"start", "days", "incidents", "turnout", "arrivals", "truth", "seed"})
TRUTH = frozenset({"flareups", "others"})
OTHER_KINDS = ("serious", "hoax", "exercise", "silence", "doubled")
MINUTES_A_DAY = 1440
SIZE_MAX = 1_000_000


@dataclass(frozen=True)
class Scenario:
    """The days to evaluate, their roster, and the grace after the end of a flare-up."""

    roster: Roster
    cases: tuple[Case, ...]
    grace_ms: int


def load_scenario(path: Path, default_roster: Roster) -> Scenario:
    """Read and check a scenario and the files that it names. Raises ScenarioError."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror or error}") from None
    except orjson.JSONDecodeError as error:
        raise ScenarioError(f"{path}: not JSON: {error}") from None
    content = mapping(content, str(path), FIELDS)
    if content.get("schema") != SCHEMA:
        raise ScenarioError(f"{path}, schema: must be {SCHEMA!r}")
    roster = _roster(content.get("roster"), path, default_roster)
    grace = number(content, "grace_min", GRACE_MS / MINUTE_MS, 0, 7 * MINUTES_A_DAY, str(path))
    days = content.get("days")
    if not isinstance(days, list) or not days:
        raise ScenarioError(f"{path}, days: must be a list of at least one day")
    cases = tuple(_case(day, roster, path.parent, f"{path} day {count}") for count, day in enumerate(days, 1))
    return Scenario(roster, cases, round(grace * MINUTE_MS))


def _roster(name: Any, path: Path, default: Roster) -> Roster:
    if name is None:
        return default
    try:
        return load_roster(path.parent / str(name))
    except RosterError as error:
        raise ScenarioError(f"{path}, roster: {error}") from None


def _case(day: Any, roster: Roster, folder: Path, where: str) -> Case:
    if isinstance(day, dict) and not day.keys().isdisjoint(("incidents", "turnout", "truth")):
        return _recorded(mapping(day, where, RECORDED), roster, folder, where)
    return _simulated(mapping(day, where, SIMULATED), roster, where)


def _simulated(day: JsonObject, roster: Roster, where: str) -> SimulatedCase:
    base = Plan(seed(day, where), _date(day, where))
    plan = replace(
        base,
        offset_min=round(number(day, "utc_offset_h", base.offset_min / 60, -12, 14, where) * 60),
        per_day=number(day, "flareups_per_day", base.per_day, 0, 1000, where),
        turnout_every_min=whole(day, "turnout_every_min", base.turnout_every_min, 0, MINUTES_A_DAY, where),
        hoax_chance=number(day, "hoax_chance", base.hoax_chance, 0, 1, where),
        background=number(day, "background", base.background, 0, 1000, where),
        doubles=number(day, "doubles", base.doubles, 0, 1, where),
    )
    if not plan.background:
        raise ScenarioError(f"{where}, background: must be greater than 0")
    staged = day.get("flareups", [])
    if staged == "chance":
        return SimulatedCase(plan)
    if not isinstance(staged, list):
        raise ScenarioError(f'{where}, flareups: must be a list or "chance"')
    try:
        specs = [parse_spec(item, plan.start_ms, roster, f"{where} flareup {n}") for n, item in enumerate(staged, 1)]
    except FlareUpSpecError as error:
        raise ScenarioError(str(error)) from None
    return SimulatedCase(replace(plan, flareups=tuple(specs)))


def _date(day: JsonObject, where: str) -> date:
    given = day.get("date", DEFAULT_DATE.isoformat())
    try:
        on = date.fromisoformat(given)
    except (TypeError, ValueError):
        raise ScenarioError(f"{where}, date: {given!r} is not a date YYYY-MM-DD") from None
    if not 1970 < on.year < 2200:
        raise ScenarioError(f"{where}, date: must be from 1971 to 2199")
    return on


def _recorded(day: JsonObject, roster: Roster, folder: Path, where: str) -> RecordedCase:
    if not isinstance(day.get("truth"), dict):
        raise ScenarioError(f"{where}, truth: must be an object with flareups")
    lines: dict[str, Path | tuple[bytes, ...]] = {
        topic: _lines(day[topic], folder, f"{where}, {topic}") for topic in ("incidents", "turnout") if topic in day
    }
    case = RecordedCase(_truth(day, roster, where), lines, _arrivals(day.get("arrivals"), folder, where), where)
    try:
        case.load(roster)  # report errors now, not after minutes of tuning
    except CaseError as error:
        raise ScenarioError(str(error)) from None
    return case


def _truth(day: JsonObject, roster: Roster, where: str) -> Truth:
    truth = mapping(day["truth"], f"{where}, truth", TRUTH)
    start_ms, days = moment(day, "start", where), whole(day, "days", 1, 1, 366, where)
    within = start_ms, start_ms + days * DAY_MS + TAIL_MS
    flareups = enumerate(items(truth, "flareups", f"{where}, truth"), 1)
    others = enumerate(items(truth, "others", f"{where}, truth"), 1)
    return Truth(
        None if day.get("seed") is None else seed(day, where),
        start_ms,
        tuple(roster),
        tuple(_flareup(item, n, roster, within, f"{where} flareup {n}") for n, item in flareups),
        tuple(_other(item, roster, within, f"{where} other {n}") for n, item in others),
        days,
    )


def _lines(value: Any, folder: Path, where: str) -> Path | tuple[bytes, ...]:
    if isinstance(value, list):
        return tuple(orjson.dumps(item) for item in value)
    if isinstance(value, str) and (folder / value).is_file():
        return folder / value
    raise ScenarioError(f"{where}: must be a list of messages or a file of JSON lines beside the scenario")


def _arrivals(value: Any, folder: Path, where: str) -> Path | None:
    if value is None:
        return None
    if isinstance(value, str) and (folder / value).is_file():
        return folder / value
    raise ScenarioError(
        f'{where}, arrivals: must be the name of a JSON file {{"incidents": [...]}} beside the scenario'
    )


def _flareup(item: Any, count: int, roster: Roster, within: tuple[int, int], where: str) -> FlareUp:
    item = mapping(item, where)
    if text(item, "regency", None, where) not in roster:
        raise ScenarioError(f"{where}, regency: {item.get('regency')!r} is not in the roster")
    size = whole(item, "size", 0, 0, SIZE_MAX, where)
    onset_ms, end_ms = span(item, *within, where)
    return FlareUp(
        str(item.get("id", f"f{count}")),
        item["regency"],
        str(item.get("kind", "unknown")),
        onset_ms,
        end_ms,
        size,
        whole(item, "reported", size, 0, SIZE_MAX, where),
        str(item.get("band", "given")),
        text(item, "spread_of", None, where),
    )


def _other(item: Any, roster: Roster, within: tuple[int, int], where: str) -> OtherEvent:
    item = mapping(item, where)
    if item.get("kind") not in OTHER_KINDS:
        raise ScenarioError(f"{where}, kind: must be one of {', '.join(OTHER_KINDS)}")
    regency = text(item, "regency", None, where)
    if item["kind"] == "serious" and regency not in roster:
        raise ScenarioError(f"{where}, regency: {regency!r} is not in the roster")
    return OtherEvent(item["kind"], regency, *span(item, *within, where), str(item.get("note", "")))
