"""Digits of rarity against the exact negative binomial tail, summed term by term."""

from math import exp, inf, lgamma, log, log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.surprise import digits, seen_at

EXPECTED = st.floats(0.05, 50)
SHAPE = st.floats(2, 500)


def exact_tail(seen: int, expected: float, shape: float) -> float:
    """P(X >= seen) of the gamma-Poisson mixture, by its terms."""
    below = 0.0
    for count in range(seen):
        below += exp(
            lgamma(count + shape) - lgamma(shape) - lgamma(count + 1)
            + shape * log(shape / (shape + expected)) + count * log(expected / (shape + expected))
        )  # fmt: skip
    return 1 - below


@given(st.integers(1, 40), EXPECTED, SHAPE)
def test_it_never_claims_more_rarity_than_there_is(seen, expected, shape):
    tail = exact_tail(seen, expected, shape)
    if tail > 1e-9:  # beyond that the sum of the terms has no digits left
        assert digits(seen, expected, shape) <= -log10(tail) + 1e-6


@pytest.mark.parametrize(("seen", "expected"), [(5, 1), (8, 1), (12, 2), (20, 8)])
def test_it_misses_less_than_a_digit(seen, expected):
    truth = -log10(exact_tail(seen, expected, 40))
    assert truth - 1 < digits(seen, expected, 40) < truth


def test_small_places_do_not_alarm_at_one_report_and_large_ones_do_at_twelve():
    assert digits(1, 0.2, 40) < 1  # one ordinary report in Pagar Alam
    assert digits(12, 1.7, 40) > 4  # twelve in Palembang


@given(st.floats(0, 100), st.floats(0.01, 10), EXPECTED, SHAPE)
def test_more_reports_are_never_less_surprising(seen, more, expected, shape):
    assert digits(seen + more, expected, shape) >= digits(seen, expected, shape) - 1e-12


@given(st.floats(0.01, 20), EXPECTED, SHAPE)
def test_the_inverse_is_close_and_on_the_low_side(wanted, expected, shape):
    seen = seen_at(wanted, expected, shape)
    if seen < inf:
        assert digits(seen, expected, shape) <= wanted + 1e-9
        assert digits(seen * 1.0001 + 1e-3, expected, shape) >= wanted


def test_a_large_shape_is_the_poisson():
    seen, expected = 9.0, 2.0
    poisson = (seen * log(seen / expected) - seen + expected) / log(10)
    assert digits(seen, expected, 1e9) == pytest.approx(poisson, rel=1e-6)
