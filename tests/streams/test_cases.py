"""Small inputs as publishers send them, through admission and the fold: tests/cases/ and what is right about each."""

from pathlib import Path

import pytest

from schemas.roster import Roster
from schemas.topics import Topic
from streams.admission import ClockMode, Gate
from streams.risk.incidents import Incidents
from streams.risk.record import is_confirmed
from streams.risk.regency import RegencyState
from streams.risk.station import figure_of
from streams.rules import Rules
from streams.table import RiskTable
from tests.streams.ledgers import MINUTE_MS, PALEMBANG, RULES, Outputs, run, tick

CASES = Path(__file__).resolve().parents[1] / "cases"
#: The cases that hold JSON lines, each of which is admitted.
ADMITTED = (
    "one-number.incidents.jsonl",
    "confirmed-by-origin.incidents.jsonl",
    "swallowed.incidents.jsonl",
    "ids-of-the-world.incidents.jsonl",
    "villages.turnout.jsonl",
    "spellings.turnout.jsonl",
    "conflict.turnout.jsonl",
)
STEP_MS = Rules(RULES).step_ms


class Played:
    """A case with the packaged roster, ruleset and sources file, one message after another by the event clock."""

    def __init__(self, name: str, lines: int | None = None) -> None:
        """Of the file only the first `lines`."""
        self.table = RiskTable(0, 1, Roster.default(), RULES)
        topic = Topic(name.split(".")[1])
        accept = Gate(Roster.default(), ClockMode.EVENT).acceptor(topic)
        self.frames, self.outputs, self.now_ms = 0, Outputs(), 0
        for line in (CASES / name).read_bytes().splitlines()[:lines]:
            regency, entry, _, _ = accept(line, (), self.now_ms, 2**42)
            self.now_ms = max(self.now_ms, entry[1])
            self._fold((regency, [entry]))
            self.let_pass(STEP_MS)

    def let_pass(self, milliseconds: int) -> None:
        """A tick so much later."""
        self.now_ms += milliseconds
        self._fold(tick(self.now_ms))

    def _fold(self, frame: tuple[str, list]) -> None:
        written = run([frame], self.table, first_offset=self.frames)
        self.frames += 1
        self.outputs.escalations += written.escalations
        self.outputs.rows |= written.rows
        for outcome, count in written.outcomes.items():
            self.outputs.outcomes[outcome] = self.outputs.outcomes.get(outcome, 0) + count

    @property
    def state(self) -> RegencyState:
        return next(state for state in self.table if state.regency.code == PALEMBANG)

    @property
    def incidents(self) -> Incidents:
        return self.state.incidents

    @property
    def row(self) -> dict:
        return self.outputs.row(PALEMBANG)

    @property
    def changes(self) -> list[dict]:
        return self.outputs.changes(PALEMBANG)

    def told(self) -> list[tuple[str, str, bool]]:
        """Change, level, and whether it is unverified, of each escalation."""
        return [(item["change"], item["level"], item["unverified"]) for item in self.changes]


@pytest.mark.parametrize("name", ADMITTED)
def test_every_line_of_a_case_is_admitted_and_ends_as_one_outcome(name):
    played = Played(name)
    played.outputs.check()
    lines = (CASES / name).read_bytes().splitlines()
    assert sum(count for (kind, _), count in played.outputs.outcomes.items() if kind in "it") == len(lines)


@pytest.mark.parametrize("lines", [2, 3, 4])
def test_a_number_that_two_agencies_use_is_two_incidents_and_neither_confirms_the_other(lines):
    played = Played("one-number.incidents.jsonl", lines)
    assert played.told() == [("raised", "siaga", True)]
    assert played.row["windows"]["1h"]["incidents"] == 2
    assert not any(is_confirmed(record) for record in played.incidents.records.values())


def test_the_clash_outlives_everything_that_the_clerk_says_of_his_own_number():
    played = Played("one-number.incidents.jsonl")
    clash = played.incidents.records["polda 000317"]
    assert (clash.kind.category, clash.kind.severity, clash.stands) == ("clash", 5, True)
    [raised] = played.changes
    assert [
        (item["origin"], item["incident_id"], item["severity"], item["agencies"]) for item in raised["evidence"]
    ] == [("polda", "000317", 5, ["polda"])]
    clerks = played.incidents.records["kpu 000317"]
    assert (clerks.kind.category, clerks.kind.severity, clerks.revision) == ("logistics", 1, 3)
    assert played.row["windows"]["1h"] == {"incidents": 2, "weight": 17}
    assert played.row["excluded"] == {"late": 0, "exercise": 0, "duplicate": 0, "surplus": 0, "id_reused": 0}


def test_a_second_system_of_the_agency_leaves_an_attack_unverified():
    played = Played("confirmed-by-origin.incidents.jsonl", 2)
    assert played.told() == [("raised", "waspada", True)]
    assert played.row["windows"]["1h"]["incidents"] == 1 and played.row["confidence"]["sources"] == 1


def test_a_second_agency_under_the_origins_number_confirms_it():
    played = Played("confirmed-by-origin.incidents.jsonl", 3)
    assert played.told() == [("raised", "waspada", True), ("raised", "siaga", False)]
    [item] = played.changes[-1]["evidence"]
    assert (item["sources"], item["agencies"]) == (["bawaslu", "kpu", "kpu-palembang"], ["bawaslu", "kpu"])
    assert played.row["windows"]["1h"]["incidents"] == 1


def test_when_the_second_agency_takes_it_back_it_stands_and_is_unverified_again():
    played = Played("confirmed-by-origin.incidents.jsonl")
    assert played.row["windows"]["1h"]["incidents"] == 1
    assert len(played.changes) == 2  # `amend_every` has not passed
    played.let_pass(round(RULES.ladder.amend_every.value) * MINUTE_MS)
    assert played.told()[2:] == [("amended", "siaga", True)]
    [item] = played.changes[-1]["evidence"]
    assert (item["sources"], item["agencies"]) == (["kpu", "kpu-palembang"], ["kpu"])


def test_neither_a_drill_nor_a_strangers_retraction_swallows_a_death():
    played = Played("swallowed.incidents.jsonl")
    assert played.row["windows"]["1h"] == {"incidents": 2, "weight": 32}
    assert played.row["excluded"] == {"late": 0, "exercise": 1, "duplicate": 0, "surplus": 0, "id_reused": 0}
    assert {key: record.stands for key, record in played.incidents.records.items()} == {
        "polda first": True, "polda second": True, "media-palembang second": False,
    }  # fmt: skip


def test_ids_of_every_shape_are_incidents():
    played = Played("ids-of-the-world.incidents.jsonl")
    assert set(played.incidents.records) == {
        "polda urn:uuid:5d1c52f0-8a54-4e0e-9f5b-2c7c6a1f0e11", "polda ~desk@3|{17}",
    }  # fmt: skip
    assert played.row["windows"]["1h"]["incidents"] == 2


def test_one_station_number_in_three_villages_is_three_stations():
    turnout = Played("villages.turnout.jsonl").row["turnout"]
    assert (turnout["stations_reported"], turnout["voted"], turnout["corrected"]) == (3, 303, 0)


def test_six_spellings_of_a_station_are_one_station():
    turnout = Played("spellings.turnout.jsonl").row["turnout"]
    assert (turnout["stations_reported"], turnout["voted"], turnout["corrected"]) == (1, 40, 0)


def test_two_counts_of_one_moment_contradict_each_other_and_both_are_kept():
    played = Played("conflict.turnout.jsonl")
    turnout = played.row["turnout"]
    assert (turnout["conflicting"], turnout["voted"], turnout["corrected"]) == (1, 120, 0)
    station = played.state.turnout.held(" TPS 007")
    assert [(one.source, one.voted) for one in (figure_of(station), *station.others)] == [
        ("kpu", 120),
        ("bawaslu", 150),
    ]
