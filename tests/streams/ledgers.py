"""Ledgers for the fold's tests: entries by hand, random ledgers by Hypothesis, and a run that collects all outputs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from unittest.mock import patch

import orjson
from hypothesis import strategies as st

from schemas.escalation import LEVELS_AFTER, Escalation
from schemas.ledger import TICK_KEY, Entry, incident_key
from schemas.province import ProvinceRow
from schemas.risk import RiskRow
from schemas.roster import Regency, Roster
from schemas.ruleset import Ruleset
from schemas.stations import station_key
from schemas.vocabulary import Category
from streams.messages import row
from streams.risk.record import Record
from streams.risk.regency import RegencyState
from streams.rules import Rules
from streams.table import Drained, RiskTable

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
WIB_MS = 7 * HOUR_MS  # local time minus UTC
EIGHT_MS = 1_732_669_200_000  # 27 November 2024, 08:00 in Palembang

PALEMBANG, OKI, PAGAR_ALAM = "16.71", "16.02", "16.72"
ROSTER = Roster(
    {
        OKI: Regency(OKI, "Ogan Komering Ilir", 1229, 577_241, (PALEMBANG,)),
        PALEMBANG: Regency(PALEMBANG, "Palembang", 2264, 1_241_196, (OKI,), 60.0),
        PAGAR_ALAM: Regency(PAGAR_ALAM, "Pagar Alam", 247, 107_916),
    }
)
RULES = Ruleset.default()
COMPILED = Rules(RULES)

Frame = tuple[str, list[Entry]]


def incident(
    event: object,
    at_ms: int,
    category: str = "intimidation",
    severity: int = 2,
    *,
    source: str = "bawaslu",
    status: str = "reported",
    revision: int = 1,
    incident: object = None,
    origin: str | None = None,
    place: str | None = None,
    occurred_ms: int | None = None,
    reported_ms: int | None = None,
    exercise: bool = False,
    agency: str | None = None,
) -> Entry:
    """A ledger entry of an incident; without `incident` each event is an incident of its own, of its source's
    numbering. `place`: the station key.
    """
    occurred, reported = at_ms if occurred_ms is None else occurred_ms, at_ms if reported_ms is None else reported_ms
    subject = incident_key(origin or source, f"i-{event if incident is None else incident}")
    named = (category, severity, status, occurred, reported, source, exercise, agency or source)
    return ["i", at_ms, f"e-{event}", subject, revision, place, *named]


def turnout(
    event: object,
    at_ms: int,
    station: str,
    voted: int,
    *,
    registered: int = 500,
    as_of_ms: int | None = None,
    revision: int = 1,
    exercise: bool = False,
    source: str = "kpu",
    agency: str | None = None,
    rank: int = 1,
    village: str = "",
) -> Entry:
    as_of, key = at_ms if as_of_ms is None else as_of_ms, station_key(village, station)
    return ["t", at_ms, f"t-{event}", key, registered, voted, as_of, revision, source, exercise, agency or source, rank]


def join(at_ms: int, first: str, second: str, is_undone: bool = False) -> Entry:
    """A ledger entry that joins two incidents, named by their keys, or undoes that."""
    return ["j", at_ms, first, second, is_undone, "operator", "same_place_and_time"]


def notice(at_ms: int, source: str, level: str = "normal", share: int | None = None, sole_agency: str = "") -> Entry:
    """A ledger entry with which a regency notifies a neighbour or its province."""
    return ["n", at_ms, source, level, "normal", "", "live", share, sole_agency]


def tick(at_ms: int) -> Frame:
    return TICK_KEY.decode(), [["k", at_ms]]


@dataclass
class Outputs:
    """All outputs of a run."""

    escalations: list[bytes] = field(default_factory=list)
    notices: list[tuple[str, Entry]] = field(default_factory=list)
    rows: dict[str, bytes] = field(default_factory=dict)
    provinces: dict[str, bytes] = field(default_factory=dict)
    state: dict[bytes, bytes] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, drained: Drained) -> None:
        self.escalations += [value for _, value in drained.escalations]
        self.notices += drained.notices
        self.rows |= dict(drained.rows)
        self.provinces |= dict(drained.provinces)
        for key, value in drained.state:
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        for kind, outcomes in drained.outcomes.items():
            for outcome, count in outcomes.items():
                self.outcomes[kind, outcome] = self.outcomes.get((kind, outcome), 0) + count

    def check(self) -> None:
        """Every output is what its model says."""
        for value in self.rows.values():
            RiskRow.model_validate_json(value)
        for value in self.provinces.values():
            ProvinceRow.model_validate_json(value)
        for value in self.escalations:
            escalation = Escalation.model_validate_json(value)
            assert escalation.level in LEVELS_AFTER[escalation.change]

    def row(self, regency: str) -> dict:
        return orjson.loads(self.rows[regency])

    def changes(self, regency: str | None = None) -> list[dict]:
        escalations = [orjson.loads(value) for value in self.escalations]
        return [item for item in escalations if regency in (None, item["regency"])]


def fresh(
    rules: Ruleset | Rules = COMPILED,
    roster: Roster = ROSTER,
    table: type[RiskTable] = RiskTable,
    state: type[RegencyState] = RegencyState,
) -> RiskTable:
    """An empty table of the only partition."""
    with patch("streams.table.RegencyState", state):
        return table(0, 1, roster, rules)


def run(
    frames: Iterable[Frame], table: RiskTable | None = None, drain_every: int = 1, first_offset: int = 0
) -> Outputs:
    """Apply these frames alone: notices are collected, not delivered."""
    table = fresh() if table is None else table
    outputs = Outputs()
    for number, (key, entries) in enumerate(frames):
        table.apply(first_offset + number, key.encode(), entries)
        if (number + 1) % drain_every == 0:
            outputs.take(table.drain())
    outputs.take(table.drain())
    return outputs


def restored(state: dict[bytes, bytes], rules: Ruleset | Rules = COMPILED) -> RiskTable:
    """A table from its state records."""
    table = fresh(rules)
    for key, value in state.items():
        table.restore(key, value)
    table.restored()
    return table


def palembang(table: RiskTable) -> RegencyState:
    return next(state for state in table if state.regency.code == PALEMBANG)


def folded(*told: Entry) -> tuple[RegencyState, Outputs]:
    """Palembang after these entries, one in a frame, and what was written."""
    table = fresh()
    outputs = run([tick(EIGHT_MS), *((PALEMBANG, [entry]) for entry in told)], table)
    return palembang(table), outputs


def known(state: RegencyState) -> dict[str, Record]:
    """What is known of each incident, without the place of its record in the state."""
    return {key: record._replace(segment=0) for key, record in state.incidents.records.items()}


def rows(table: RiskTable) -> dict[str, dict]:
    """The row of each regency as of now."""
    return {state.regency.code: row(state, table.partition) for state in table}


# Times are drawn now close together, now far apart, so that windows, holds and retention all come into play.
_STEPS_MS = st.sampled_from([0, 1, 900, 15_000, 70_000, 11 * MINUTE_MS, 50 * MINUTE_MS, 7 * HOUR_MS, 26 * HOUR_MS])
_AGES_MS = st.sampled_from([-3 * MINUTE_MS, 0, 0, 0, MINUTE_MS, 59 * MINUTE_MS, 7 * HOUR_MS, 25 * HOUR_MS])
_CATEGORIES = st.sampled_from([category.value for category in Category])
_SOURCES = st.sampled_from(["bawaslu", "kpu", "polri"])
_STRANGERS = {"polri": "?polri", "kpu-palembang": "?kpu-palembang"}  # as if the sources file did not name them
_STATUSES = st.sampled_from(["reported", "reported", "reported", "verified", "resolved", "retracted"])


@st.composite
def entries(draw: st.DrawFn, number: int, at_ms: int) -> Entry:
    """One incident or turnout entry; ids and revisions repeat on purpose."""
    choice = draw(st.integers(0, 11))
    if choice == 0:
        keys = [f"{source} i-{incident}" for source in ("bawaslu", "kpu", "polri") for incident in range(4)]
        return join(at_ms, draw(st.sampled_from(keys)), draw(st.sampled_from(keys)), draw(st.integers(0, 2)) == 0)
    if choice < 3:
        source = draw(st.sampled_from(["kpu", "kpu", "kpu-palembang", "bawaslu"]))
        event = draw(st.one_of(st.just(number), st.integers(0, 5)))
        registered = draw(st.sampled_from([1, 300, 500]))
        age = draw(st.sampled_from([0, 0, MINUTE_MS]))
        return turnout(
            event, at_ms, f"TPS {draw(st.integers(0, 3))}", draw(st.integers(0, 600)), registered=registered,
            as_of_ms=at_ms - age, revision=draw(st.integers(1, 2)), exercise=draw(st.integers(0, 9)) == 0,
            source=source, agency=_STRANGERS.get(source), rank=draw(st.sampled_from([1, 1, 2, 1000])),
        )  # fmt: skip
    source = draw(_SOURCES)
    return incident(
        draw(st.one_of(st.just(number), st.just(number), st.integers(0, number))), at_ms, draw(_CATEGORIES),
        draw(st.integers(1, 5)), source=source, agency=_STRANGERS.get(source), status=draw(_STATUSES),
        revision=draw(st.integers(1, 4)),
        incident=draw(st.one_of(st.just(number), st.integers(0, 8))), occurred_ms=at_ms - draw(_AGES_MS),
        origin=draw(st.sampled_from([None, None, "bawaslu", "kpu"])),
        place=draw(st.sampled_from([None, None, "16.71.01.1001 TPS 001", "16.71.01.1001 TPS 002", " TPS 001"])),
        exercise=draw(st.integers(0, 9)) == 0,
    )  # fmt: skip


@st.composite
def _paces(draw: st.DrawFn, at_ms: int) -> Frame:
    """Counts of a member for its province, or the pace of a province for a member; some of them late."""
    at_ms -= draw(st.sampled_from([0, 0, 20 * MINUTE_MS, 2 * HOUR_MS]))
    recent = draw(st.dictionaries(_CATEGORIES, st.sampled_from([1, 700, 5_000, 90_000]), max_size=4))
    past = draw(st.lists(st.sampled_from([0, 1000, 50_000]), min_size=4, max_size=4))
    if draw(st.booleans()):
        agencies = st.dictionaries(st.sampled_from(["kpu", "?polri", "*"]), st.integers(1, 90_000), min_size=1)
        recent = {category: draw(agencies) for category in recent}
        return "16", [["c", at_ms, draw(st.sampled_from([OKI, PALEMBANG, PAGAR_ALAM])), recent, past]]
    return PALEMBANG, [["p", at_ms, "16", draw(st.sampled_from([247, 23_000])), recent, past]]


@st.composite
def ledgers(draw: st.DrawFn, most: int = 40) -> list[Frame]:
    """A ledger of the only partition: frames of the three regencies, ticks, and notices to a neighbour and the
    province.
    """
    at_ms, number, frames = EIGHT_MS, 0, [tick(EIGHT_MS)]
    for _ in range(draw(st.integers(1, most))):
        at_ms += draw(_STEPS_MS)
        kind = draw(st.integers(0, 11))
        if kind > 9:
            frames.append(draw(_paces(at_ms)))
        elif kind < 3:
            frames.append(tick(at_ms))
        elif kind == 3:
            level = draw(st.sampled_from(["normal", "waspada", "siaga", "awas"]))
            share = draw(st.sampled_from([None, 100, 7000]))
            agency = draw(st.sampled_from(["", "kpu", "bawaslu", "?polri", "*"]))
            target = draw(st.sampled_from([PALEMBANG, "16"]))
            frames.append((target, [notice(at_ms, OKI, level, share, agency if level != "normal" else "")]))
        else:
            regency = draw(st.sampled_from([PALEMBANG, PALEMBANG, PAGAR_ALAM, OKI]))
            size = draw(st.integers(1, 6))
            frames.append((regency, [draw(entries(number + index, at_ms)) for index in range(size)]))
            number += size
    return frames
