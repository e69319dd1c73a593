"""`siaga evaluate` over several worlds: the table, the JSON, the picture, and the choice of a threshold."""

import json
import re
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from agents.policy import load_ruleset
from apps.cli import evaluate as evaluate_module
from apps.cli.evaluate import command
from apps.evaluation import evaluation_days, operating_points, ruleset_variants, world_report
from apps.evaluation.cases import SimulatedCase
from apps.simulation.day import Plan
from apps.simulation.flareups import FlareUpSpec
from schemas.ruleset import Ruleset
from schemas.vocabulary import HOUR_MS

ROSTER = "regency,name,stations,registered\n16.01,Hulu,600,240000\n16.02,Hilir,300,120000\n"


@dataclass(frozen=True)
class StubWorld:
    split: str


@pytest.fixture
def evaluate(monkeypatch, tmp_path):
    """Run the command on two worlds: one with an obvious flare-up, one without any."""
    worlds = {"lively": StubWorld("training"), "calm": StubWorld("validation")}
    monkeypatch.setattr(ruleset_variants, "FACTORS", (0.5, 0.8, 1.2))
    monkeypatch.setattr(evaluation_days, "WORLDS", worlds)
    monkeypatch.setattr(world_report, "WORLDS", worlds)
    spec = FlareUpSpec("16.01", Plan(11).start_ms + 10 * HOUR_MS, "clash", size=60, duration_min=60)

    def cases(names, seed, days, *_):
        staged = {"lively": (spec,), "calm": ()}
        return {
            name: [
                SimulatedCase(Plan(seed + day, flareups=staged[name], hoax_chance=0.0, turnout_every_min=0))
                for day in range(days)
            ]
            for name in names
        }

    monkeypatch.setattr(evaluation_days, "world_cases", cases)
    roster = tmp_path / "roster.csv"
    roster.write_text(ROSTER)
    common = ["--world", "all", "--days", "1", "--processes", "1", "--roster", str(roster)]
    return lambda *arguments: CliRunner().invoke(command, [*common, *arguments])


def test_worlds_are_side_by_side_with_their_flare_ups_and_raises_in_the_json(evaluate, tmp_path):
    result = evaluate("--json", str(tmp_path / "figures.json"))
    assert result.exit_code == 0, result.output
    assert "| lively | training | 100.0 % " in result.output
    assert "| calm | validation | - " in result.output
    assert "worst: " in result.output and "lively with 100.0 % detected" in result.output
    found = json.loads((tmp_path / "figures.json").read_text())
    assert set(found) == {"lively", "calm"}
    (flareup,) = found["lively"]["each_flareup"]
    assert (flareup["id"], flareup["regency"], flareup["size"]) == ("f1", "16.01", 60)
    assert flareup["onset"] < flareup["end"]
    assert (flareup["detected"], flareup["already"]) == (True, False)
    assert flareup["delay_min"] == found["lively"]["delay_median_min"]
    first = found["lively"]["each_raise"][0]
    assert (first["regency"], first["verdict"], first["of"]) == ("16.01", "true", "f1")
    assert flareup["onset"] < first["at"]
    assert found["calm"]["each_flareup"] == []
    assert found["calm"]["detection_rate"] is None


def test_the_curve_and_the_choice_follow_the_table(evaluate):
    result = evaluate("--curve", "--false-per-100", "100")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "| false¹: detected, median | lively | calm |" in lines
    assert sum(line.startswith("| points × ") for line in lines) > 3
    point = Ruleset.default().operating_point.false_per_100.value
    kept = f"the ruleset is chosen for at most {point:g} false¹: kept, 0.00 in "
    assert any(line.startswith(kept) for line in lines)
    chosen = next(line for line in lines if line.startswith("at most 100 false¹ (worst of lively, calm): points × "))
    assert sum(line.startswith("| lively | training |") for line in lines[lines.index(chosen) :]) == 1


def test_the_odds_of_each_world_are_in_the_report_and_in_the_json(evaluate, tmp_path):
    result = evaluate("--json", str(tmp_path / "figures.json"))
    assert "| odds of raises | real | 0-0.2 |" in result.output
    odds = {world: item["odds"] for world, item in json.loads((tmp_path / "figures.json").read_text()).items()}
    raises = odds["lively"]["raises"]
    assert raises["count"] > 0 and raises["real"] > 0 and 0 <= raises["brier"] <= 1
    assert sum(item["count"] for item in raises["bins"]) == raises["count"]
    assert sum(item["count"] for item in odds["lively"]["raises_by_level"].values()) == raises["count"]
    assert odds["calm"]["raises"]["real"] == 0
    assert {"amendments", "raises", "raises_by_level"} == set(odds["calm"])


def test_the_chosen_ruleset_is_written_and_workers_take_it(evaluate, tmp_path):
    path = tmp_path / "chosen.toml"
    result = evaluate("--false-per-100", "1", "--write-ruleset", str(path))
    assert result.exit_code == 0, result.output
    written, packaged = load_ruleset(path), Ruleset.default()
    assert f"written: {path}, ruleset {written.id}, for SIAGA_RULES" in result.output
    assert (written.name, written.operating_point.false_per_100.value) == ("sumsel-pilkada-2024-false-1", 1)
    assert "the worst of lively, calm" in written.operating_point.false_per_100.reason
    line = next(line for line in result.output.splitlines() if line.startswith("at most 1 false"))
    factor = float(re.search(r"points × ([\d.]+)", line)[1])
    assert written.surprise.points_per_digit.value == pytest.approx(factor * packaged.surprise.points_per_digit.value)


def test_nothing_is_written_where_no_point_keeps_the_rate(evaluate, tmp_path, monkeypatch):
    path = tmp_path / "chosen.toml"
    monkeypatch.setattr(evaluate_module, "choose", lambda points, most: None)
    monkeypatch.setattr(operating_points, "choose", lambda points, most: None)
    result = evaluate("--false-per-100", "1", "--write-ruleset", str(path))
    assert result.exit_code == 1 and "--write-ruleset: there is no such point" in result.output
    assert not path.exists()


def test_the_picture_of_worlds_is_a_png(evaluate, tmp_path):
    pytest.importorskip("matplotlib", reason="the optional extra `lab` is not installed")
    result = evaluate("--plot", str(tmp_path / "curve.png"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--world", "absent"], "'absent' is not one of"),
        (["--world", "bawaslu", "--scenario", "a.json"], "--scenario, --world: only one"),
        (["--world", "all", "--tune-on", "bawaslu"], "--tune-on: --world all scores no baselines"),
        (["--world", "all", "--live"], "--live: takes one world, not all"),
        (["--write-ruleset", "a.toml"], "--write-ruleset: needs --false-per-100"),
        (["--false-per-100", "1", "--write-ruleset", "absent/a.toml"], "--write-ruleset: absent/a.toml cannot be"),
        (["--false-per-100", "-1"], "--false-per-100: must be from 0 to 100"),
        (["--tune-on", "absent.json"], "absent.json: No such file"),
    ],
)
def test_flags_that_contradict_each_other_are_named(arguments, line):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert line in result.output
