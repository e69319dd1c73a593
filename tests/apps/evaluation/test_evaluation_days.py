"""Which days are scored, and which the baselines are tuned on."""

import json

import pytest

from apps.evaluation import evaluation_days
from apps.evaluation.evaluation_days import ALL, held_out_days, scenario_days, tuning_days
from apps.evaluation.experiment import HELD_OUT_SEED, REFERENCE_DAYS, REFERENCE_SEED, TRAINING_SEED
from apps.evaluation.scenario import ScenarioError
from schemas.roster import Roster

ROSTER = Roster.parse("regency,name,stations,registered\n16.01,Hulu,600,240000\n16.02,Hilir,300,120000\n")


@pytest.fixture(autouse=True)
def two_worlds(monkeypatch):
    monkeypatch.setattr(evaluation_days, "WORLDS", {"bawaslu": None, "other": None})


def scenario(folder, seeds, **fields):
    path = folder / "days.json"
    days = [{"seed": seed, "flareups": "chance"} for seed in seeds]
    path.write_text(json.dumps({"schema": "siaga.scenario/1", "days": days, **fields}))
    return path


def plans(cases):
    return [(case.plan.world, case.plan.seed) for case in cases]


def test_all_is_every_world_with_the_same_seeds():
    held_out = held_out_days(ALL, 2, 1, 0, 1.0, ROSTER)
    first = HELD_OUT_SEED + 1000
    assert {world: plans(cases) for world, cases in held_out.cases.items()} == {
        world: [(world, first), (world, first + 1)] for world in ("bawaslu", "other")
    }


def test_baselines_are_tuned_in_the_world_that_is_scored():
    found = tuning_days(None, held_out_days("other", 1, 0, 0, 1.0, ROSTER), 2, 0)
    assert plans(found.training) == [("other", TRAINING_SEED), ("other", TRAINING_SEED + 1)]
    assert plans(found.reference) == [("other", REFERENCE_SEED + day) for day in range(REFERENCE_DAYS)]


def test_baselines_of_a_scenario_are_tuned_on_the_built_in_days_or_where_one_says(tmp_path):
    held_out = scenario_days(scenario(tmp_path, [1]), ROSTER)
    assert {world for world, _ in plans(tuning_days(None, held_out, 2, 0).training)} == {"bawaslu"}
    assert {world for world, _ in plans(tuning_days("other", held_out, 2, 0).training)} == {"other"}


def test_a_file_to_tune_on_gives_its_first_days_as_reference_and_no_day_twice(tmp_path):
    held_out = held_out_days("bawaslu", 1, 0, 0, 1.0, ROSTER)
    found = tuning_days(str(scenario(tmp_path, range(100, 112))), held_out, 40, 0)
    assert [case.plan.seed for case in found.reference] == list(range(100, 100 + REFERENCE_DAYS))
    assert [case.plan.seed for case in found.training] == list(range(100 + REFERENCE_DAYS, 112))
    few = tuning_days(str(scenario(tmp_path, [1, 2, 3])), held_out, 40, 0)
    assert [[case.plan.seed for case in cases] for cases in (few.reference, few.training)] == [[1], [2, 3]]


def test_a_file_to_tune_on_has_two_days_and_the_same_regencies(tmp_path):
    held_out = held_out_days("bawaslu", 1, 0, 0, 1.0, ROSTER)
    with pytest.raises(ScenarioError, match="days: must be at least two"):
        tuning_days(str(scenario(tmp_path, [1])), held_out, 40, 0)
    (tmp_path / "roster.csv").write_text("regency,name,stations,registered\n16.03,Kota,40,16000\n")
    with pytest.raises(ScenarioError, match="roster: must have the regencies"):
        tuning_days(str(scenario(tmp_path, [1, 2], roster="roster.csv")), held_out, 40, 0)
    with pytest.raises(ScenarioError, match="absent: No such file"):
        tuning_days("absent", held_out, 40, 0)
