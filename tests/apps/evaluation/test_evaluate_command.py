"""`siaga evaluate`: figures, table, picture, errors of one line."""

import json
import sys

import pytest
from click.testing import CliRunner

from apps.cli.evaluate import command
from apps.evaluation.listing import listing
from apps.evaluation.plot import Line, draw, trade_off
from apps.evaluation.report import DetectorResult, as_json, curve_table, goals
from apps.evaluation.scoring import Detection, DetectorScore, JudgedRaise, Raise
from apps.simulation.truth import FlareUp

ROSTER = "regency,name,stations,registered\n16.01,Hulu,600,240000\n16.02,Hilir,300,120000\n"
DETECTORS = {"siaga", "fixed_count", "ears_c1", "ears_c2", "ears_c3", "poisson_cusum", "farrington"}
FIGURES = {"detection_rate", "delay_median_min", "delay_p90_min", "false_per_100_regency_days"}


@pytest.fixture
def roster_file(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER)
    return str(path)


def score(delays, false=0, regency_days=100):
    flareup = FlareUp("f1", "16.01", "clash", 0, 1, 10, 10, "medium")
    return DetectorScore(
        [Detection(flareup, delay) for delay in delays], [Raise("16.02", 0)] * false, [], regency_days, [false]
    )


def test_a_scenario_is_scored_for_every_detector(roster_file, tmp_path):
    spec = {"regency": "16.01", "onset": "10:00", "size": 60, "duration_min": 60}
    scenario, figures = tmp_path / "scenario.json", tmp_path / "figures.json"
    days = [{"seed": seed, "flareups": [spec], "hoax_chance": 0, "turnout_every_min": 0} for seed in (1, 2)]
    scenario.write_text(json.dumps({"schema": "siaga.scenario/1", "days": days}))
    arguments = ["--scenario", str(scenario), "--train-days", "3", "--json", str(figures), "--processes", "1"]
    result = CliRunner().invoke(command, [*arguments, "--roster", roster_file])
    assert result.exit_code == 0, result.output
    found = json.loads(figures.read_text())
    assert set(found) == DETECTORS
    assert all(set(item) >= FIGURES for item in found.values())
    assert found["siaga"]["detection_rate"] == 1.0  # sixty incidents in an hour are obvious
    assert 0 < found["siaga"]["delay_median_min"] < 60
    assert found["siaga"]["regency_days"] == 4
    assert "| siaga | 100.0 %" in result.output
    assert all(len(item["each_flareup"]) == 2 for item in found.values())
    assert len(found["siaga"]["each_raise"]) >= 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--days", "0"], "must be at least 1"),
        (["--scenario", "absent.json"], "absent.json: No such file or directory"),
        (["--roster", "absent.csv"], "absent.csv"),
        (["--json", "absent/figures.json"], "--json: absent/figures.json cannot be written"),
        (["--turnout-every", "3"], "--turnout-every"),
    ],
)
def test_an_invalid_flag_is_one_line_and_exit_status_2(arguments, line, tmp_path):
    with CliRunner().isolated_filesystem(tmp_path):
        result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert line in result.output and len(result.output.splitlines()) == 1


def test_plot_without_matplotlib_fails_at_once(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = CliRunner().invoke(command, ["--plot", str(tmp_path / "curve.png")])
    assert result.exit_code == 2
    assert "drawing needs matplotlib: pip install 'siaga[lab]'" in result.output


def test_the_picture_is_a_png(tmp_path):
    pytest.importorskip("matplotlib", reason="the optional extra `lab` is not installed")
    results = {
        "siaga": DetectorResult(score([10.0, 20.0, None]), ""),
        "ears_c1": DetectorResult(score([None, None], 3), ""),
    }
    draw(tmp_path / "curve.png", results, {"siaga": [score([10.0, None], 1)], "ears_c1": []}, 100)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_both_panels_hold_every_figure_that_is_drawn():
    pytest.importorskip("matplotlib", reason="the optional extra `lab` is not installed")
    slow = score([90.0, 110.0], 150)
    figure = trade_off([Line("siaga", ("#000000", "o"), [score([70.0, 80.0], 30)], slow)], "", 200)
    for axes, highest in zip(figure.axes, (100, 100.0), strict=True):
        assert axes.get_ylim()[1] >= highest
        assert axes.get_xlim()[1] >= 150
    assert figure.axes[1].get_ylim()[0] == 0


def test_undefined_figures_are_null_not_zero():
    found = as_json({"siaga": DetectorResult(score([]), ""), "ears_c1": DetectorResult(score([None, None]), "")})
    assert found["siaga"]["detection_rate"] is None
    assert found["ears_c1"]["detection_rate"] == 0.0
    assert found["ears_c1"]["delay_median_min"] is None


def test_more_false_raises_than_regency_days_have_a_rate_and_an_interval_above_100():
    item = as_json({"siaga": DetectorResult(score([None], false=150), "")})["siaga"]
    low, high = item["false_ci95"]
    assert 100 < low < item["false_per_100_regency_days"] == 150 < high


def test_every_flare_up_and_raise_is_listed_with_what_became_of_it():
    flareup = FlareUp("f1", "16.01", "clash", 1_000, 61_000, 12, 9, "medium")
    found = listing(
        DetectorScore(
            [Detection(flareup, 10.04, False, 7), Detection(flareup, None, None)],
            judged=[JudgedRaise(Raise("16.02", 2_000), "false", "hoax", 7)],
        )
    )
    first, second = found["each_flareup"]
    assert first == {
        "day": 7, "id": "f1", "regency": "16.01", "onset": "1970-01-01T00:00:01+00:00",
        "end": "1970-01-01T00:01:01+00:00", "size": 12, "reported": 9, "band": "medium", "kind": "clash",
        "detected": True, "delay_min": 10.0, "already": False,
    }  # fmt: skip
    assert (second["day"], second["detected"], second["delay_min"], second["already"]) == (None, False, None, None)
    assert found["each_raise"] == [
        {"day": 7, "regency": "16.02", "at": "1970-01-01T00:00:02+00:00", "verdict": "false", "of": "hoax"}
    ]


def test_each_goal_is_printed_with_its_figure_met_or_missed():
    results = {
        "siaga": DetectorResult(score([10.0] * 19 + [None]), ""),
        "ears_c1": DetectorResult(score([19.0] * 20), ""),
    }
    met, also_met, missed = goals(results)
    assert met.startswith("met: detection at least 95 %: 0.95")
    assert also_met.startswith("met: at most 1 false")
    assert missed.startswith("MISSED: median delay") and "ears_c1, 19.0 min" in missed


def test_delays_are_compared_on_the_flare_ups_that_both_detect():
    found = as_json(
        {
            "siaga": DetectorResult(score([10.0, 90.0, 20.0]), ""),
            "ears_c1": DetectorResult(score([30.0, None, 40.0]), ""),
        }
    )
    same = {"flareups": 2, "delay_median_min": 35.0, "siaga_delay_median_min": 15.0}
    assert found["ears_c1"]["on_same_flareups"] == same


def test_the_best_baseline_is_the_one_that_detects_most():
    fast_but_insensitive = DetectorResult(score([1.0] + [None] * 9), "")
    most_sensitive = DetectorResult(score([40.0] * 9 + [None]), "")
    line = goals(
        {"siaga": DetectorResult(score([20.0] * 10), ""), "ears_c1": fast_but_insensitive, "farrington": most_sensitive}
    )[2]
    assert line.startswith("met") and "farrington, 40.0 min" in line


def test_the_curve_table_has_the_best_within_each_budget():
    strict, lax = score([30.0, None, None, None]), score([10.0, 20.0, 40.0, None], 1)
    table = curve_table(
        {"siaga": DetectorResult(strict, ""), "ears_c1": DetectorResult(score([None], 9), "")}, {"siaga": [lax]}
    )
    assert table.splitlines()[2:] == [
        "| siaga | 25 %, 30 min | 25 %, 30 min | 75 %, 20 min | 75 %, 20 min | 75 %, 20 min |",
        "| ears_c1 | - | - | - | - | - |",
    ]
