"""Laws of the posteriors: what no data, much data and scattered data tell."""

from math import exp, log
from random import Random

import pytest

from apps.calibration.posteriors import SAME, Ratio, dispersion_of, factor_of, ratio_of, shares_of
from tests.apps.calibration.recorded import poisson

SPREAD = log(1.7)


def test_no_reports_expected_leave_the_rate_as_it_is():
    factor = factor_of(0, 0, SPREAD, 0.3, Ratio(0.1, 0.5), 1.0)
    assert factor.value == 1
    assert factor.low < 0.5 and factor.high > 1.7


def test_many_reports_of_days_alike_are_the_rate():
    factor = factor_of(25_000, 10_000, SPREAD, 0.0, SAME, 1.0)
    assert factor.value == pytest.approx(2.5, rel=0.001)
    assert 2.46 < factor.low < 2.5 < factor.high < 2.54


def test_many_reports_of_campaign_days_move_the_rate_no_further_than_the_ratio_is_known():
    own = 0.3
    factor = factor_of(250_000, 100_000, SPREAD, own, Ratio(0.1, 0.2), 1.0)
    shape, most = 1 / SPREAD**2, 1 / own**2
    assert factor.value == pytest.approx((shape + 2.5 * most) / (shape + most), rel=0.001)
    assert factor.high / factor.low > exp(2 * 1.6 * 0.2)


def test_a_rate_lies_between_what_it_was_and_what_was_counted_and_more_reports_bring_it_nearer():
    values = [factor_of(2 * n, n, SPREAD, 0.3, SAME, 1.0).value for n in (1, 10, 100, 1000)]
    assert 1 < values[0] < values[1] < values[2] < values[3] < 2


def test_dispersed_reports_tell_less():
    poisson_like, dispersed = (factor_of(40, 20, SPREAD, 0.3, SAME, d) for d in (1.0, 4.0))
    assert 1 < dispersed.value < poisson_like.value
    assert dispersed.high / dispersed.low > poisson_like.high / poisson_like.low


def test_without_reports_the_ratio_is_what_is_known_beforehand():
    ratio = ratio_of([(0, 0)] * 5, 0.11, 0.5, 0.6, 1.0)
    assert (ratio.value, ratio.sd) == (pytest.approx(0.11), pytest.approx(0.5))


def test_the_ratio_follows_the_common_level_of_the_categories():
    for level in (0.05, 0.25):
        ratio = ratio_of(
            [(level * expected, expected) for expected in (4000, 3000, 2000, 1500, 1000)], 0.11, 0.5, 0.6, 1
        )
        assert ratio.value == pytest.approx(level, rel=0.35)
        assert ratio.posterior.low < level < ratio.posterior.high


def test_one_category_far_from_the_others_hardly_moves_the_ratio():
    alike = [(100.0, 1000.0)] * 8
    assert (
        ratio_of([*alike, (5000, 1000)], 0.11, 0.5, 0.6, 1.0).value < 1.7 * ratio_of(alike, 0.11, 0.5, 0.6, 1.0).value
    )


def test_shares_without_reports_are_those_beforehand_and_with_many_those_counted():
    before = [0.5, 0.3, 0.2, 0.0]
    assert [item.value for item in shares_of([0, 0, 0, 0], before, 20)] == pytest.approx(before)
    found = shares_of([7000, 2000, 1000, 0], before, 20)
    assert [item.value for item in found] == pytest.approx([0.7, 0.2, 0.1, 0.0], abs=0.002)
    assert sum(item.value for item in found) == pytest.approx(1)
    assert all(item.low <= item.value <= item.high for item in found)


def test_shares_weigh_those_beforehand_like_so_many_reports():
    assert shares_of([20, 0], [0.0, 1.0], 20)[0].value == 0.5


def test_dispersion_is_1_of_poisson_counts_and_more_of_mixed_ones():
    rng = Random(7)
    even = [([float(poisson(rng, 20)) for _ in range(14)], [1.0] * 14) for _ in range(30)]
    mixed = [([float(poisson(rng, 20 * rng.gammavariate(4, 1 / 4))) for _ in range(14)], [1.0] * 14) for _ in range(30)]
    assert 1 <= dispersion_of(even) < 1.2
    assert dispersion_of(mixed) > 2.5


def test_one_flare_up_is_no_dispersion():
    calm = [4.0, 5.0, 3.0, 4.0, 5.0, 4.0, 3.0, 5.0] * 4
    assert dispersion_of([([*calm, 60.0], [1.0] * 33)]) < 2


def test_counts_too_small_to_scatter_tell_no_dispersion():
    assert dispersion_of([([0.0, 0.0, 1.0], [1.0] * 3), ([], [])]) == 1
