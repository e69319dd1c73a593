"""Rulesets on several worlds: which days, which scores, which rows."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.evaluation import world_report, worlds
from apps.evaluation.cases import Arrival
from apps.evaluation.experiment import EvaluatedDay
from apps.evaluation.scoring import Detection, DetectorScore, Raise
from apps.evaluation.world_report import world_figures, world_table, worst_line
from apps.evaluation.worlds import evaluate_worlds, main, score_worlds, world_cases
from apps.simulation.truth import FlareUp, OtherEvent, Truth
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.vocabulary import HOUR_MS, MINUTE_MS

RULESETS = Path(__file__).resolve().parents[3] / "schemas" / "rulesets"
ROSTER = Roster.parse("regency,name,stations,registered\n16.01,Hulu,600,240000\n16.02,Hilir,300,120000\n")


@dataclass(frozen=True)
class StubWorld:
    name: str
    split: str
    about: str = ""


STUBS = {
    "bawaslu": StubWorld("bawaslu", "training"),
    "other": StubWorld("other", "validation"),
    "hidden": StubWorld("hidden", "test"),
}


@pytest.fixture(autouse=True)
def stub_worlds(monkeypatch):
    monkeypatch.setattr(worlds, "WORLDS", STUBS)
    monkeypatch.setattr(world_report, "WORLDS", STUBS)


@dataclass(frozen=True)
class QuietCase:
    """A day without messages."""

    seed: int

    def load(self, roster):
        return Truth(self.seed, 0, tuple(roster)), [Arrival(0, "incidents", b"{}")]


def in_order(items, length, label):
    return items


def score(delays, false=0, *, minutes=60, reported=10, regency_days=100, hoaxes=(0, 0)):
    flareup = FlareUp("f1", "16.01", "clash", 0, minutes * MINUTE_MS, 10, reported, "medium")
    return DetectorScore(
        [Detection(flareup, delay) for delay in delays],
        [Raise("16.02", 0)] * false,
        regency_days=regency_days,
        hoaxes=hoaxes[0],
        hoaxes_raised=hoaxes[1],
    )


def test_every_world_has_the_same_seeds_and_plans_of_its_own():
    cases = world_cases(("bawaslu", "other"), 7, 2)
    plans = {world: [case.plan for case in days] for world, days in cases.items()}
    assert [plan.seed for plan in plans["bawaslu"]] == [plan.seed for plan in plans["other"]] == [7, 8]
    assert {plan.world for plan in plans["other"]} == {"other"}
    assert all(plan.turnout_every_min == 0 for plan in plans["other"])


def test_days_are_given_back_to_their_world():
    cases = {"bawaslu": [QuietCase(1), QuietCase(2)], "other": [QuietCase(3)]}
    found = evaluate_worlds(cases, ROSTER, {"a": Ruleset.default()}, 1, in_order)
    seeds = {world: [day.truth.seed for day in days] for world, days in found.items()}
    assert seeds == {"bawaslu": [1, 2], "other": [3]}


def test_each_ruleset_is_scored_by_its_own_raises():
    flareup = FlareUp("f1", "16.01", "clash", HOUR_MS, 2 * HOUR_MS, 10, 10, "medium")
    truth = Truth(1, 0, ("16.01", "16.02"), (flareup,))
    raises = {"a": [Raise("16.01", HOUR_MS + 60_000)], "b": [Raise("16.02", HOUR_MS)]}
    evaluated = {"other": [EvaluatedDay(truth, {}, raises, {})]}
    first, second = (score_worlds(evaluated, name)["other"] for name in ("a", "b"))
    assert (first.detected, len(first.false)) == (1, 0)
    assert (second.detected, len(second.false)) == (0, 1)


def test_a_row_has_the_figures_of_its_world():
    slow = score([30.0, 90.0, None], false=2, minutes=151, reported=4, hoaxes=(3, 1))
    table = world_table(world_figures({"other": slow}))
    _, _, row = table.splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:2] == ["other", "validation"]
    assert cells[2].startswith("66.7 % [")
    assert cells[3] == "0/0"  # four reports each
    assert cells[4].startswith("60")
    assert cells[5] == "84"
    assert cells[6] == "2/3, 60"
    assert cells[7].startswith("2.00 [0.24, 7.22")
    assert cells[8] == "1 of 3"
    assert len(cells) == table.splitlines()[0].strip("|").count("|") + 1


def test_a_flare_up_of_150_minutes_is_not_slow():
    figures = world_figures({"other": score([30.0], minutes=150)})
    assert figures["other"]["slow"] == "0/0"
    assert figures["other"]["slow_delay_median_min"] is None


def test_the_worst_world_is_named_by_false_rate_and_by_detection():
    figures = world_figures(
        {"bawaslu": score([1.0, 2.0], false=1), "other": score([1.0, None], false=0), "hidden": score([], false=0)}
    )
    assert worst_line(figures) == "worst: bawaslu with 1.00 false¹; other with 50.0 % detected"


def test_the_program_prints_a_row_for_each_ruleset_and_world_but_not_the_test_world(monkeypatch, capsys):
    monkeypatch.setattr(worlds, "world_cases", lambda names, seed, *_: {name: [QuietCase(seed)] for name in names})
    one, two = (str(RULESETS / name) for name in ("sumsel-pilkada-2024.toml", "rolling-sum-60min.toml"))
    assert main(["--days", "1", "--processes", "1", "--rules", one, two]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in printed if line.startswith("| /")] == [
        [f"| {file}", world] for file in (one, two) for world in ("bawaslu", "other")
    ]
    assert [line.split(":")[0] for line in printed if ": worst:" in line] == [one, two]
    assert main(["--days", "1", "--processes", "1", "--worlds", "hidden"]) == 0
    assert "| packaged | hidden | test |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--worlds", "absent"], "--worlds: no world absent"),
        (["--days", "0"], "--days: must be at least 1"),
        (["--rules", "absent.toml"], "absent.toml: No such file"),
    ],
)
def test_a_wrong_argument_is_named(arguments, line, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert line in capsys.readouterr().err


def test_a_hoax_is_counted_once_however_often_it_raised():
    hoax = OtherEvent("hoax", "16.02", HOUR_MS, 2 * HOUR_MS)
    quiet = OtherEvent("hoax", "16.01", HOUR_MS, 2 * HOUR_MS)
    truth = Truth(1, 0, ("16.01", "16.02"), (), (hoax, quiet))
    raises = {"a": [Raise("16.02", HOUR_MS + 1), Raise("16.02", HOUR_MS + 2)]}
    found = score_worlds({"other": [EvaluatedDay(truth, {}, raises, {})]}, "a")["other"]
    assert (found.hoaxes, found.hoaxes_raised, len(found.false)) == (2, 1, 2)
