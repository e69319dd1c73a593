"""Operating points: the curve by world, and the choice for the worst of them."""

from dataclasses import dataclass

import pytest

from apps.evaluation import operating_points as module
from apps.evaluation.experiment import EvaluatedDay
from apps.evaluation.operating_points import (
    OperatingPoint,
    choice_basis,
    choice_line,
    choose,
    curve_json,
    curve_rows,
    declared_line,
    operating_points,
)
from apps.evaluation.ruleset_variants import SHIPPED, variants
from apps.evaluation.scoring import Detection, DetectorScore, Raise
from apps.simulation.truth import FlareUp, Truth
from schemas.ruleset import Ruleset
from schemas.vocabulary import HOUR_MS

FLAREUP = FlareUp("f1", "16.01", "clash", HOUR_MS, 2 * HOUR_MS, 10, 10, "medium")


@dataclass(frozen=True)
class StubWorld:
    split: str


@pytest.fixture(autouse=True)
def stub_worlds(monkeypatch):
    splits = {"one": "training", "two": "validation", "hidden": "test"}
    monkeypatch.setattr(module, "WORLDS", {world: StubWorld(split) for world, split in splits.items()})


def score(false, detected):
    """Of four flare-ups so many are detected; exposure 100 regency-days."""
    delays = [20.0] * detected + [None] * (4 - detected)
    return DetectorScore([Detection(FLAREUP, delay) for delay in delays], [Raise("16.02", 0)] * false, regency_days=100)


def point(points, **scores):
    return OperatingPoint(SHIPPED if points == 16 else f"{points}", f"{points} a digit", points, scores)


POINTS = [
    point(13, one=score(0, 2), two=score(3, 1)),
    point(16, one=score(1, 3), two=score(3, 2)),
    point(20, one=score(4, 4), two=score(6, 4)),
]


def test_the_choice_keeps_the_rate_in_the_worst_world_and_detects_most_there():
    assert choose(POINTS, 6).points == 20
    assert choose(POINTS, 5).points == 16  # the last keeps it in one world only
    assert choose(POINTS, 3).points == 16  # the rate itself is within; the first detects less
    assert choice_line(POINTS, 3) == "at most 3 false¹ (worst of one, two): 16 a digit, 3.00 in two"
    assert choice_basis(POINTS, POINTS[1], 7).startswith("3.00 false in two, the worst of one, two (7 days each")


def test_of_points_that_detect_as_much_the_sooner_is_chosen():
    alike = [point(13, one=score(0, 3)), point(16, one=score(1, 3)), point(20, one=score(9, 3))]
    assert choose(alike, 1).points == 16


def test_whether_the_ruleset_keeps_the_point_that_it_names_is_said():
    assert declared_line(POINTS, 3).endswith("at most 3 false¹: kept, 3.00 in two (worst of one, two)")
    assert declared_line(POINTS, 2.9).endswith("at most 2.9 false¹: NOT kept, 3.00 in two (worst of one, two)")


def test_where_no_point_keeps_the_rate_the_line_says_so():
    assert choose(POINTS, 2.9) is None
    line = choice_line(POINTS, 2.9)
    assert line.startswith("none of 13 to 20 points per digit has at most 2.9 false¹ (worst of one, two)")
    assert "3.00 in two" in line


def test_nothing_is_chosen_by_the_test_world():
    points = [point(13, one=score(0, 3), hidden=score(0, 4)), point(16, one=score(0, 4), hidden=score(9, 0))]
    assert choose(points, 1).points == 16
    alone = [point(13, hidden=score(0, 4)), point(16, hidden=score(9, 0))]
    assert choose(alone, 1).points == 13


def test_the_points_are_the_variants_from_few_to_many():
    rulesets = variants(Ruleset.default(), curve=True)
    truth = Truth(1, 0, ("16.01",), (FLAREUP,))
    raises = {name: [Raise("16.01", HOUR_MS)] if name == SHIPPED else [] for name in rulesets}
    found = operating_points({"one": [EvaluatedDay(truth, {}, raises, {})]}, rulesets)
    assert [item.points for item in found] == sorted(item.points for item in found)
    assert len(found) == len(rulesets) > 1
    assert [item.name for item in found if item.scores["one"].detected] == ["points × 1, as shipped"]


def test_each_variant_is_a_ruleset_that_workers_take():
    for ruleset in variants(Ruleset.default(), curve=True).values():
        assert Ruleset.model_validate(ruleset.model_dump()) == ruleset
    plain = Ruleset.packaged("rolling-sum-60min")
    assert variants(plain, curve=True) == {SHIPPED: plain}


def test_the_curve_has_a_row_for_each_point_and_a_column_for_each_world():
    assert curve_rows(POINTS).splitlines() == [
        "| false¹: detected, median | one | two |",
        "|---|---|---|",
        "| 13 a digit | 0.00: 50 %, 20 min | 3.00: 25 %, 20 min |",
        "| 16 a digit | 1.00: 75 %, 20 min | 3.00: 50 %, 20 min |",
        "| 20 a digit | 4.00: 100 %, 20 min | 6.00: 100 %, 20 min |",
    ]
    assert [item["false_per_100_regency_days"] for item in curve_json(POINTS, "two")] == [3.0, 3.0, 6.0]
    assert [item["points_per_digit"] for item in curve_json(POINTS, "two")] == [13, 16, 20]
    nothing = curve_json([point(13, one=DetectorScore())], "one")[0]
    assert (nothing["detection_rate"], nothing["delay_median_min"]) == (None, None)
