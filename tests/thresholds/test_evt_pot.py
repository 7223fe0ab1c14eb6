"""Extreme value theory: when it may be used, what it gives, and what it says when it may not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sealproof.thresholds.evt_pot import evt_pot, split_tail
from sealproof.thresholds.generalised_pareto import excess_quantile, fit
from sealproof.thresholds.result import Basis
from sealproof.thresholds.settings import EvtSettings
from sealproof.thresholds.tail_level import forward_stop

QUICK = Basis(resamples=99)


def test_the_papers_382_normals_held_out_share_is_too_small_and_says_so_with_figures():
    result = evt_pot(np.random.default_rng(1).gamma(3, size=115), basis=QUICK)
    assert result.threshold is None
    assert result.reason_code == "too-few-exceedances"
    assert "34 of 115" in result.reason
    assert "60 are needed" in result.reason
    assert "200 normals" in result.reason
    assert result.details["exceedances"] == 34
    assert result.details["candidates"] == []
    assert result.details["estimate"] > 0
    assert 0 < result.details["fit_p_value"] <= 1


def test_threshold_is_the_quantile_of_the_fitted_tail():
    scores = np.random.default_rng(2).lognormal(size=600)
    result = evt_pot(scores, settings=EvtSettings(level="fraction"), basis=QUICK)
    level, excesses = split_tail(np.sort(scores), 0.15)
    c, _, scale = stats.genpareto.fit(excesses, floc=0)
    expected = level + stats.genpareto(c, scale=scale).isf(0.01 * 600 / excesses.size)
    assert result.eligible
    assert result.threshold == pytest.approx(expected, rel=1e-3)
    assert result.low < result.threshold < result.high
    assert result.details["nominal_false_reject_rate"] == 0.01
    assert result.promised_false_reject_rate == result.details["expected_false_reject_rate"] > 0.01
    assert result.promise.startswith("On average")
    assert result.promise_confidence is None


def test_the_level_is_chosen_by_the_stated_p_values():
    scores = np.sort(np.random.default_rng(12).lognormal(size=600))
    details = evt_pot(scores, basis=QUICK).details
    candidates = details["candidates"]
    assert [found["exceedances"] for found in candidates] == [180, 150, 120, 90, 60]
    p_values = [found["p_value"] for found in candidates]
    rejected = forward_stop(p_values, details["false_discovery_rate"])
    assert details["candidates_rejected"] == rejected
    chosen = candidates[rejected]
    assert details["level"] == chosen["level"] == scores[600 - chosen["exceedances"] - 1]
    assert details["anderson_darling"] == pytest.approx(chosen["anderson_darling"])


def test_the_expected_rate_is_that_of_repeated_thresholds():
    """Draw tail and level anew from the fitted model, by SciPy; the mean true rate is the promise."""
    random = np.random.default_rng(21)
    scores = np.sort(stats.genpareto(0.1).rvs(220, random_state=random))
    result = evt_pot(scores, settings=EvtSettings(candidates=[0.3]), basis=Basis(resamples=600))
    shape, scale, k = result.details["shape"], result.details["scale"], result.details["exceedances"]
    model = stats.genpareto(shape, scale=scale)
    rates = []
    for _ in range(600):
        refitted = fit(model.rvs(k, random_state=random))
        reach = float(excess_quantile(refitted, 0.01 * 220 / k))
        rates.append(random.beta(k + 1, 220 - k) * model.sf(reach))
    error = np.std(rates) / np.sqrt(600)
    assert np.mean(rates) == pytest.approx(result.promised_false_reject_rate, abs=5 * error)


def test_a_wide_interval_is_not_eligible():
    scores = np.random.default_rng(6).standard_t(2, size=250)
    wide = evt_pot(scores, settings=EvtSettings(maximum_relative_width=0.1), basis=QUICK)
    assert wide.reason_code == "interval-too-wide"
    assert "0.1 is allowed" in wide.reason
    assert wide.details["relative_width"] > 0.1
    low, high, estimate = (wide.details[key] for key in ("estimate_low", "estimate_high", "estimate"))
    assert wide.details["relative_width"] == pytest.approx((high - low) / (estimate - np.median(scores)))


def test_no_level_that_fits_is_not_eligible():
    random = np.random.default_rng(8)
    humps = [place + 0.01 * random.normal(size=50) for place in (4, 5, 7, 12, 20, 33)]
    result = evt_pot(np.concatenate([random.normal(size=900), *humps]), basis=QUICK)
    assert result.reason_code == "poor-tail-fit"
    assert "all 6 candidate levels are rejected" in result.reason
    assert [test.holds for test in result.assumptions if "Anderson" in test.name] == [False]


def test_known_tails_are_recovered():
    random = np.random.default_rng(3)
    for distribution in (stats.norm(), stats.expon(), stats.t(5)):
        result = evt_pot(distribution.rvs(4000, random_state=random), basis=QUICK)
        assert distribution.sf(result.details["estimate"]) == pytest.approx(0.01, rel=0.35)


def test_a_tail_that_does_not_fit_is_not_eligible():
    random = np.random.default_rng(4)
    scores = np.concatenate(
        [random.normal(size=300), 10 + 0.01 * random.normal(size=20), 4 + 0.01 * random.normal(size=20)]
    )
    result = evt_pot(
        scores, settings=EvtSettings(level="fraction", minimum_exceedances=30), basis=Basis(resamples=299)
    )
    assert result.reason_code == "poor-tail-fit"
    assert result.threshold is None
    assert [test.holds for test in result.assumptions if "Anderson" in test.name] == [False]


@pytest.mark.parametrize("scores", [[], [1.0] * 50, list(range(10)), [0.0] * 95 + [1.0] * 5])
def test_what_cannot_be_fitted_gives_no_threshold(scores):
    result = evt_pot(scores, basis=QUICK)
    assert result.threshold is None
    assert "too-few-exceedances" in result.details["reason_codes"]
    assert "shape" not in result.details


def test_ties_at_the_level_are_not_exceedances():
    level, excesses = split_tail(np.array([0.0, 1, 2, 2, 2, 3, 4]), 0.5)
    assert level == 2
    assert excesses.tolist() == [1, 2]


def test_settings_refuse_a_quantile_outside_the_tail():
    with pytest.raises(ValueError, match="tail"):
        EvtSettings(tail_fraction=0.05, false_reject_rate=0.05)


def test_rules_of_eligibility_are_parameters():
    scores = np.random.default_rng(5).gamma(3, size=115)
    assert evt_pot(scores, settings=EvtSettings(minimum_exceedances=15), basis=QUICK).eligible


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_scaling_scales_and_order_changes_nothing(seed, factor):
    scores = np.random.default_rng(seed).gamma(2, size=230)
    one = evt_pot(scores, basis=QUICK)
    assert evt_pot(scores[::-1], basis=QUICK).as_json() == one.as_json()
    scaled = evt_pot(scores * factor, basis=QUICK)
    assert scaled.details["estimate"] == pytest.approx(one.details["estimate"] * factor, rel=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(0.002, 0.1), st.floats(0, 0.04))
def test_a_higher_rate_never_raises_the_estimate(seed, rate, more):
    scores = np.random.default_rng(seed).gamma(2, size=230)
    estimates = [
        evt_pot(scores, settings=EvtSettings(false_reject_rate=r), basis=Basis(resamples=9)).details[
            "estimate"
        ]
        for r in (rate, rate + more)
    ]
    assert estimates[1] <= estimates[0]
