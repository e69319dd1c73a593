"""Exact intervals of rates against published tables."""

import pytest

from apps.evaluation.intervals import garwood


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        # Garwood (1936), as tabulated in Johnson, Kotz, Kemp, Univariate Discrete Distributions; 95 % two-sided.
        (0, 0.0, 3.689),
        (1, 0.0253, 5.572),
        (2, 0.242, 7.225),
        (5, 1.623, 11.668),
        (10, 4.795, 18.390),
        (20, 12.217, 30.888),
        (50, 37.111, 65.919),
        (100, 81.364, 121.627),
    ],
)
def test_the_interval_of_a_count_is_the_tables(count, low, high):
    found = garwood(count, 1)
    assert found == pytest.approx((low, high), abs=6e-4)


def test_a_rate_may_exceed_one_event_per_unit():
    low, high = garwood(150, 100)
    assert 1 < low < 1.5 < high


def test_the_interval_of_many_events_is_near_the_normal_one():
    low, high = garwood(4000, 1)
    assert low == pytest.approx(4000 - 1.96 * 4000**0.5, abs=3)
    assert high == pytest.approx(4000 + 1.96 * 4000**0.5, abs=3)


def test_no_exposure_has_no_interval():
    assert garwood(0, 0) is None
