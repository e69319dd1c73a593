"""Operating points: the curve by world, and the choice for the worst of them."""

from dataclasses import dataclass

import pytest

from apps.evaluation import operating_points as module
from apps.evaluation.experiment import EvaluatedDay
from apps.evaluation.operating_points import (
    OperatingPoint,
    choice_line,
    choose,
    curve_json,
    curve_rows,
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
    return OperatingPoint(f"siaga at {points}", points, scores)


POINTS = [
    point(40, one=score(4, 4), two=score(6, 4)),
    point(50, one=score(1, 3), two=score(3, 2)),
    point(60, one=score(0, 2), two=score(3, 1)),
]


def test_the_choice_keeps_the_rate_in_the_worst_world_and_detects_most_there():
    assert choose(POINTS, 6).points == 40
    assert choose(POINTS, 5).points == 50  # the first keeps it in one world only
    assert choose(POINTS, 3).points == 50  # the rate itself is within; the third detects less
    assert choice_line(POINTS, 3) == "at most 3 false¹ (worst of one, two): siaga at 50, 3.00 in two"


def test_where_no_threshold_keeps_the_rate_the_line_says_so():
    assert choose(POINTS, 2.9) is None
    line = choice_line(POINTS, 2.9)
    assert line.startswith("none of the thresholds 40 to 60 has at most 2.9 false¹ (worst of one, two)")
    assert "3.00 in two" in line


def test_nothing_is_chosen_by_the_test_world():
    points = [point(40, one=score(0, 4), hidden=score(9, 0)), point(50, one=score(0, 3), hidden=score(0, 4))]
    assert choose(points, 1).points == 40
    alone = [point(40, hidden=score(9, 0)), point(50, hidden=score(0, 4))]
    assert choose(alone, 1).points == 50


def test_the_points_are_the_variants_by_ascending_threshold():
    rulesets = variants(Ruleset.default(), curve=True)
    truth = Truth(1, 0, ("16.01",), (FLAREUP,))
    raises = {name: [Raise("16.01", HOUR_MS)] if name == SHIPPED else [] for name in rulesets}
    found = operating_points({"one": [EvaluatedDay(truth, {}, raises, {})]}, rulesets)
    assert [item.points for item in found] == sorted(item.points for item in found)
    assert len(found) == len(rulesets) > 1
    assert [item.name for item in found if item.scores["one"].detected] == ["siaga at 50, as shipped"]


def test_the_curve_has_a_row_for_each_threshold_and_a_column_for_each_world():
    assert curve_rows(POINTS).splitlines() == [
        "| false¹: detected, median | one | two |",
        "|---|---|---|",
        "| siaga at 40 | 4.00: 100 %, 20 min | 6.00: 100 %, 20 min |",
        "| siaga at 50 | 1.00: 75 %, 20 min | 3.00: 50 %, 20 min |",
        "| siaga at 60 | 0.00: 50 %, 20 min | 3.00: 25 %, 20 min |",
    ]
    assert [item["false_per_100_regency_days"] for item in curve_json(POINTS, "two")] == [6.0, 3.0, 3.0]
    nothing = curve_json([point(40, one=DetectorScore())], "one")[0]
    assert (nothing["detection_rate"], nothing["delay_median_min"]) == (None, None)
