"""Calibration on a simulated campaign helps: what is expected of the election day comes nearer to the truth."""

from math import log
from statistics import fmean

import pytest

from apps.calibration.calibrated import calibrated
from apps.evaluation.calibrated import SUFFIX, estimates_before, with_calibrated
from apps.evaluation.cases import RecordedCase, SimulatedCase
from apps.evaluation.experiment import evaluate_day
from apps.evaluation.worlds import main
from apps.simulation.day import Plan
from apps.simulation.truth import Truth
from apps.simulation.worlds import bulletins, clusters, nature, shifts
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.vocabulary import MINUTE_MS

ROSTER, BASE = Roster.default(), Ruleset.default()
TICK_MS = 10 * MINUTE_MS
SEEDS, DAYS = range(8), 14
WORLDS = {"clusters": clusters, "bulletins": bulletins, "shifts": shifts}
USUAL = [category for category, rule in BASE.categories.items() if rule.base_rate.value > 1]


def rate_error(ruleset: Ruleset, true: dict[str, float]) -> float:
    """How far the expected counts are off: mean square of the logarithm, over what occurs every day."""
    return fmean(log(ruleset.categories[name].base_rate.value / (1000 * true[name])) ** 2 for name in USUAL)


def mix_error(ruleset: Ruleset, true: dict[str, list[float]]) -> float:
    """Total variation of the severities, on average."""
    return fmean(
        sum(
            abs(expected - share)
            for expected, share in zip(
                ruleset.mixes[ruleset.categories[name].mix].shares, [*true[name], 0.0, 0.0], strict=True
            )
        )
        / 2
        for name in USUAL
    )


@pytest.mark.parametrize("world", WORLDS)
def test_expected_counts_and_severities_come_nearer_to_the_truth(world: str):
    rates_before, rates_after, mixes_before, mixes_after = [], [], [], []
    for seed in SEEDS:
        plan = Plan(seed, world=world, turnout_every_min=0)
        new = calibrated(BASE, estimates_before(plan, ROSTER, BASE, DAYS))
        true, mixes = nature.rates(plan, world), WORLDS[world].severities(seed)
        rates_before.append(rate_error(BASE, true))
        rates_after.append(rate_error(new, true))
        mixes_before.append(mix_error(BASE, mixes))
        mixes_after.append(mix_error(new, mixes))
    assert fmean(rates_after) < 0.6 * fmean(rates_before)
    assert fmean(mixes_after) < 0.6 * fmean(mixes_before)


def test_where_the_rulesets_rates_are_true_calibration_costs_less_than_it_brings_elsewhere():
    errors = []
    true = {name: BASE.categories[name].base_rate.value / 1000 for name in USUAL}
    for seed in SEEDS:
        plan = Plan(seed, turnout_every_min=0)
        errors.append(rate_error(calibrated(BASE, estimates_before(plan, ROSTER, BASE, DAYS)), true))
    assert fmean(errors) < 0.12  # rates off by 0.4 to 2.5 have 0.28


def test_a_day_is_evaluated_under_each_ruleset_as_it_is_and_calibrated():
    case = SimulatedCase(Plan(3, world="shifts", turnout_every_min=0))
    found = with_calibrated(case, ROSTER, {"mine": BASE}, 5)
    assert list(found) == ["mine", "mine" + SUFFIX]
    assert found["mine"] is BASE and found["mine" + SUFFIX].name.endswith("-calibrated-20241126")
    assert set(evaluate_day(case, ROSTER, {"mine": BASE}, TICK_MS, 3).raises) == {"mine", "mine" + SUFFIX}


def test_recorded_days_have_no_campaign_before_them():
    case = RecordedCase(Truth(None, 0, ("16.01",)), {})
    assert list(with_calibrated(case, ROSTER, {"mine": BASE}, 5)) == ["mine"]


def test_the_rows_of_the_comparison_name_both(capsys: pytest.CaptureFixture[str]):
    assert (
        main(["--days", "1", "--worlds", "shifts", "--calibrate-days", "3", "--processes", "1", "--tick-min", "10"])
        == 0
    )
    printed = capsys.readouterr().out
    assert "| packaged | shifts" in printed and f"| packaged{SUFFIX} | shifts" in printed


def test_a_negative_number_of_days_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--calibrate-days", "-1"])
    assert "--calibrate-days: must not be negative" in capsys.readouterr().err
