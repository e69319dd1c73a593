"""Quantiles agree with published tables and with the distributions' own symmetry."""

import pytest

from apps.calibration.quantiles import beta_quantile, gamma_quantile


@pytest.mark.parametrize(
    ("share", "freedom", "value"),
    # Chi squared, Abramowitz and Stegun table 26.8: gamma of shape freedom / 2 and mean freedom.
    [(0.05, 1, 0.00393214), (0.95, 1, 3.84146), (0.05, 10, 3.94030), (0.95, 10, 18.3070), (0.95, 100, 124.342)],
)
def test_gamma_quantiles_are_those_of_chi_squared(share: float, freedom: int, value: float):
    assert gamma_quantile(share, freedom / 2, freedom) == pytest.approx(value, rel=2e-5)


def test_a_gamma_of_shape_1_is_the_exponential():
    assert gamma_quantile(0.5, 1, 3.0) == pytest.approx(3 * 0.693147, rel=1e-5)


def test_a_gamma_of_a_great_shape_is_its_mean():
    assert gamma_quantile(0.05, 1e5, 2.0) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(
    ("share", "alpha", "beta", "value"),
    # Clopper and Pearson's limits of k in n are beta quantiles: 5 in 10, and 0 and 10 in 10; the uniform; an arcsine.
    [
        (0.025, 5, 6, 0.187086),
        (0.975, 6, 5, 0.812914),
        (0.975, 1, 10, 0.308497),
        (0.3, 1, 1, 0.3),
        (0.5, 0.5, 0.5, 0.5),
    ],
)
def test_beta_quantiles_are_those_of_exact_binomial_limits(share: float, alpha: float, beta: float, value: float):
    assert beta_quantile(share, alpha, beta) == pytest.approx(value, rel=1e-5)


def test_beta_quantiles_of_the_mirrored_variable_are_mirrored():
    for alpha, beta in ((0.1, 25.0), (3.0, 9.0), (200.0, 300.0)):
        assert beta_quantile(0.95, alpha, beta) == pytest.approx(1 - beta_quantile(0.05, beta, alpha), abs=2e-7)
