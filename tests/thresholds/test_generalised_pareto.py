"""The generalised Pareto distribution against SciPy, and its goodness-of-fit test by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sealproof.thresholds import generalised_pareto
from sealproof.thresholds.generalised_pareto import (
    Tail,
    anderson_darling,
    bootstrap_fit,
    excess_quantile,
    fit,
    log_likelihood,
    log_survival,
    simulate,
)
from sealproof.thresholds.resampling import generator

SHAPES = [-0.4, -0.1, 0.0, 1e-14, 0.3, 0.9]


def tail(shape, scale=2.0):
    return Tail(np.array(shape), np.array(scale))


@pytest.mark.parametrize("shape", SHAPES)
def test_survival_likelihood_and_quantile_are_scipys(shape):
    reference = stats.genpareto(shape, scale=2.0)
    y = reference.rvs(200, random_state=1)
    assert log_survival(y, tail(shape)) == pytest.approx(reference.logsf(y), rel=1e-9)
    assert float(log_likelihood(y, tail(shape))) == pytest.approx(reference.logpdf(y).sum(), rel=1e-9)
    for ratio in (0.5, 0.1, 0.001):
        assert float(excess_quantile(tail(shape), ratio)) == pytest.approx(reference.isf(ratio), rel=1e-9)


def test_an_excess_beyond_a_bounded_tail_is_impossible():
    assert log_survival(np.array([5.0]), tail(-0.5, 2.0))[0] == -np.inf
    assert float(log_likelihood(np.array([1.0, 5.0]), tail(-0.5, 2.0))) == -np.inf


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [15, 57, 400])
def test_fit_reaches_the_likelihood_of_scipys_optimiser(shape, size):
    y = stats.genpareto(shape, scale=2.0).rvs(size, random_state=size)
    found = fit(y)
    c, _, scale = stats.genpareto.fit(y, floc=0)
    if c > -0.99:  # SciPy may run into the unbounded likelihood below shape -1
        assert float(log_likelihood(y, found)) >= stats.genpareto(c, scale=scale).logpdf(y).sum() - 1e-6
        assert float(found.shape) == pytest.approx(c, abs=2e-3)
        assert float(found.scale) == pytest.approx(scale, rel=2e-3)


def test_fit_recovers_a_known_tail():
    y = stats.genpareto(0.25, scale=3.0).rvs(40_000, random_state=5)
    found = fit(y)
    assert float(found.shape) == pytest.approx(0.25, abs=0.02)
    assert float(found.scale) == pytest.approx(3.0, rel=0.02)


def test_rows_are_fitted_independently_of_each_other():
    rows = stats.genpareto(0.2).rvs((5, 40), random_state=6)
    together = fit(rows)
    for index, row in enumerate(rows):
        alone = fit(row)
        assert together.shape[index] == alone.shape
        assert together.scale[index] == alone.scale


@pytest.mark.parametrize("excesses", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, np.nan], [1.0, np.inf]])
def test_fit_refuses_what_is_no_tail(excesses):
    with pytest.raises(ValueError, match="excesses"):
        fit(excesses)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-6, 1e6))
def test_scaling_the_excesses_scales_the_scale_alone(seed, factor):
    y = np.random.default_rng(seed).lognormal(size=30)
    one, scaled = fit(y), fit(y * factor)
    assert float(scaled.shape) == pytest.approx(float(one.shape), abs=1e-6)
    assert float(scaled.scale) == pytest.approx(float(one.scale) * factor, rel=1e-6)


def test_anderson_darling_is_its_integral():
    """A^2 = k times the integral of (F_k - F)^2 / (F (1 - F)) dF, summed here over the pieces between the points."""
    y = np.sort(stats.genpareto(0.2, scale=2.0).rvs(25, random_state=8))
    u = np.concatenate([[0.0], stats.genpareto(0.2, scale=2.0).cdf(y), [1.0]])
    total = 0.0
    for i in range(26):
        grid = (
            np.linspace(u[i], u[i + 1], 200_001)[1:-1]
            if i in (0, 25)
            else np.linspace(u[i], u[i + 1], 20_001)
        )
        values = (i / 25 - grid) ** 2 / (grid * (1 - grid))
        total += np.trapezoid(values, grid)
    assert float(anderson_darling(y, tail(0.2))) == pytest.approx(25 * total, rel=2e-3)


def test_p_values_of_true_tails_are_uniform():
    random = np.random.default_rng(9)
    p_values = []
    for index in range(150):
        y = simulate(random, tail(0.1), 1, 40)[0]
        p_values.append(bootstrap_fit(y, fit(y), generator(index), 99).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) < 0.05) <= 0.11


def test_a_tail_with_two_humps_is_rejected():
    y = np.concatenate([np.linspace(0.1, 0.2, 30), np.linspace(5.0, 5.1, 30)])
    test = bootstrap_fit(y, fit(y), generator(1), 199)
    assert test.p_value < 0.02
    assert test.statistic > 1
    assert test.refitted.shape.shape == (199,)


def test_p_value_is_never_zero_and_draws_less_for_large_tails(monkeypatch):
    monkeypatch.setattr(generalised_pareto, "_MOST_DRAWN", 10_000)
    y = stats.genpareto(0.1).rvs(300, random_state=3)
    p_value = bootstrap_fit(y, fit(y), generator(1), 1000).p_value
    assert p_value >= 1 / 100
    assert round(p_value * 100) == pytest.approx(p_value * 100)  # 99 resamples
