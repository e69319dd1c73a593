"""Laws of the baselines, and each compared with a computation by hand."""

import math

import pytest

from apps.evaluation.alarms import trace
from apps.evaluation.baselines import UNDEFINED, EarsC1, EarsC2, EarsC3, Farrington, FixedCount, PoissonCusum
from apps.evaluation.incident_counts import CountedIncident
from apps.simulation.truth import Truth
from schemas.vocabulary import DAY_MS, HOUR_MS, MINUTE_MS

REGENCY = "16.71"


def every_baseline(step_min, constant):
    reference = {REGENCY: [[constant] * 60] * 5}
    return [
        EarsC1(step_min),
        EarsC2(step_min),
        EarsC3(step_min),
        PoissonCusum(step_min),
        Farrington(step_min, reference),
    ]


@pytest.mark.parametrize("constant", [0, 1, 3, 12])
@pytest.mark.parametrize("step_min", [15, 30, 60])
def test_only_the_fixed_count_alarms_on_a_constant_series(constant, step_min):
    for baseline in every_baseline(step_min, constant):
        for length in range(1, 60):
            assert baseline.statistic(REGENCY, [constant] * length) <= 0


def test_a_step_up_raises_every_statistic_above_zero():
    counts = [2] * 20 + [12]
    for baseline in [FixedCount(60), *every_baseline(60, 2)]:
        assert baseline.statistic(REGENCY, counts) > 0


def test_the_statistic_is_undefined_without_enough_history():
    assert EarsC1(60).statistic(REGENCY, [0] * 6 + [9]) == UNDEFINED
    assert EarsC2(60).statistic(REGENCY, [0] * 8 + [9]) == UNDEFINED
    assert EarsC3(60).statistic(REGENCY, [0] * 10 + [9]) == UNDEFINED
    assert PoissonCusum(60).statistic(REGENCY, [0] * 8 + [9]) == UNDEFINED
    assert Farrington(60, {}).statistic(REGENCY, [9] * 20) == UNDEFINED


def test_ears_c1_by_hand():
    # mean 2, sample variance ((-1)^2 + 1^2 + (-2)^2 + 2^2) / 6 = 10/6
    counts = [1, 3, 0, 4, 2, 2, 2, 7]
    assert EarsC1(60).statistic(REGENCY, counts) == pytest.approx((7 - 2) / math.sqrt(10 / 6))


def test_ears_c2_leaves_the_last_two_steps_out_of_its_baseline():
    counts = [1, 3, 0, 4, 2, 2, 2, 50, 50, 7]
    assert EarsC2(60).statistic(REGENCY, counts) == pytest.approx((7 - 2) / math.sqrt(10 / 6))


def test_ears_c3_by_hand():
    # Constant baseline: sigma is the floor of 0.5, so C2 of (2, 3, 4) above a mean of 2 is (0, 2, 4); less 1 each: 0 +
    # 1 + 3.
    assert EarsC3(60).statistic(REGENCY, [2] * 9 + [2, 3, 4]) == pytest.approx(4.0)


def test_poisson_cusum_by_hand():
    # Expected 2 per step throughout (the guard steps keep the jump out): gain = y ln 2 - 2.
    gains = [4 * math.log(2) - 2, 1 * math.log(2) - 2, 6 * math.log(2) - 2]
    total = max(0.0, max(0.0, gains[0]) + gains[1]) + gains[2]
    assert PoissonCusum(60).statistic(REGENCY, [2] * 9 + [4, 1, 6]) == pytest.approx(total)


def test_farrington_threshold_is_the_upper_limit_of_the_paper():
    """A count exactly at mu (1 + 2/3 z sqrt(tau)/mu)^(3/2) has the statistic z."""
    days = [[2, 4, 3, 5, 4, 3], [3, 5, 4, 2, 6, 3], [4, 4, 3, 5, 3, 4]]
    values = [day[index] for day in days for index in (3, 4, 5)]
    mean = sum(values) / 9
    variance = sum((value - mean) ** 2 for value in values) / 8
    tau = max(1.0, variance / mean) * mean * (1 + 1 / 9)
    z = 2.58
    limit = mean * (1 + 2 / 3 * z * math.sqrt(tau) / mean) ** 1.5
    farrington = Farrington(60, {REGENCY: days})
    assert farrington.statistic(REGENCY, [2, 2, 2, 2, limit]) == pytest.approx(z)


def test_farrington_is_undefined_below_five_reports_in_four_steps():
    farrington = Farrington(60, {REGENCY: [[0] * 10] * 5})
    assert farrington.statistic(REGENCY, [0, 0, 0, 0, 4]) == UNDEFINED
    assert farrington.statistic(REGENCY, [0, 0, 0, 1, 4]) > 0


@pytest.mark.parametrize("step_min", [15, 30, 60])
def test_a_burst_scores_the_same_on_every_day_of_a_recording(step_min):
    """The reference differs by hour, so a comparison with the wrong hour would show."""
    per_hour = 60 // step_min
    farrington = Farrington(step_min, {REGENCY: [[hour for hour in range(27) for _ in range(per_hour)]] * 5})

    def scores(burst_ms, day, days):
        seen = [
            CountedIncident(at, at)
            for at in range(burst_ms + day * DAY_MS, burst_ms + day * DAY_MS + HOUR_MS, MINUTE_MS)
        ]
        points = trace(farrington, step_min, Truth(None, 0, (REGENCY,), days=days), {REGENCY: seen})[REGENCY]
        return [(point.end_ms - day * DAY_MS, point.value) for point in points]

    for hour in (0, 1, 10, 20):
        alone = scores(hour * HOUR_MS, 0, 1)
        assert alone and alone == scores(hour * HOUR_MS, 0, 2) == scores(hour * HOUR_MS, 1, 2)
    tail = scores(24 * HOUR_MS, 0, 1)
    assert tail and tail == scores(24 * HOUR_MS, 1, 2)
