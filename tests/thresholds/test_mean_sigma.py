"""Equations 3 to 5: closed forms, an independent bootstrap, and when the promise does not follow."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sealproof.thresholds.mean_sigma import mean_sigma
from sealproof.thresholds.result import Basis

SCORES = arrays(np.float64, st.integers(20, 60), elements=st.floats(0.0625, 10, width=32), unique=True)


def test_threshold_is_mean_plus_k_sample_deviations():
    scores = np.random.default_rng(1).gamma(3, size=115)
    result = mean_sigma(scores, sigmas=2.5, require_normality=False, normality_minimum=100)
    assert result.threshold == pytest.approx(np.mean(scores) + 2.5 * np.std(scores, ddof=1), rel=1e-14)
    assert result.details["nominal_false_reject_rate"] == pytest.approx(1 - stats.norm.cdf(2.5))
    assert result.promised_false_reject_rate > result.details["nominal_false_reject_rate"]
    assert result.n == 115
    assert result.calibration == "held-out"


def test_interval_agrees_with_scipys_bca_bootstrap():
    scores = np.random.default_rng(2).gamma(3, size=80)

    def statistic(x, axis):
        return x.mean(axis=axis) + 2 * x.std(axis=axis, ddof=1)

    reference = stats.bootstrap(
        (scores,), statistic, n_resamples=8000, method="BCa", rng=np.random.default_rng(3)
    ).confidence_interval
    result = mean_sigma(scores, require_normality=False, normality_minimum=20, basis=Basis(resamples=8000))
    width = reference.high - reference.low
    assert result.low == pytest.approx(reference.low, abs=0.04 * width)
    assert result.high == pytest.approx(reference.high, abs=0.06 * width)


def test_bootstrap_interval_covers_the_threshold_of_normal_scores():
    random = np.random.default_rng(7)
    inside = 0
    for seed in range(300):
        result = mean_sigma(
            random.normal(size=115),
            require_normality=False,
            normality_minimum=100,
            basis=Basis(resamples=400, seed=seed),
        )
        inside += result.low <= 2.0 <= result.high
    assert 0.89 <= inside / 300 <= 0.99


def test_the_promised_rate_of_normal_scores_is_the_simulated_one():
    random = np.random.default_rng(8)
    samples = random.normal(size=(20_000, 20))
    thresholds = samples.mean(axis=1) + 2 * samples.std(axis=1, ddof=1)
    result = mean_sigma(random.normal(size=20), normality_minimum=20)
    assert stats.norm.sf(thresholds).mean() == pytest.approx(result.promised_false_reject_rate, rel=0.02)
    assert "if their scores are normally distributed" in result.promise
    assert result.promise_confidence is None


def test_a_skewed_distribution_breaks_the_promise_and_is_not_eligible():
    scores = np.random.default_rng(9).lognormal(size=400)
    result = mean_sigma(scores)
    assert stats.lognorm(1).sf(result.details["estimate"]) > 1.3 * result.promised_false_reject_rate
    assert result.assumptions[0].holds is False
    assert result.threshold is None
    assert result.reason_code == "assumption-not-met"
    assert result.promise == ""
    assert result.details["estimate_low"] < result.details["estimate"] < result.details["estimate_high"]


def test_normality_need_not_be_required_but_its_failure_is_told():
    result = mean_sigma(np.random.default_rng(9).lognormal(size=400), require_normality=False)
    assert result.eligible
    assert result.reason_code == "assumption-not-met"
    assert "does not follow" in result.reason
    assert result.promise.endswith("The test says that they are not.")
    kept = mean_sigma(np.random.default_rng(9).normal(size=200))
    assert kept.eligible
    assert kept.reason_code == "valid"


def test_too_few_normals_for_the_normality_test_are_named():
    result = mean_sigma(np.random.default_rng(9).normal(size=199))
    assert result.reason == "a normality test on 199 normals finds too few departures, 200 normals are needed"
    assert result.details["estimate"] > 0


@pytest.mark.parametrize(
    ("scores", "codes"),
    [
        ([1.0, 2.0], ["too-few-normals"]),
        ([], ["too-few-normals"]),
        ([3.0] * 30, ["constant-scores"]),
        ([3.0] * 3, ["too-few-normals", "constant-scores"]),
    ],
)
def test_no_valid_threshold_is_a_result(scores, codes):
    result = mean_sigma(scores)
    assert result.threshold is None
    assert result.low is None
    assert result.high is None
    assert not result.eligible
    assert result.reason_code == codes[0]
    assert result.details["reason_codes"] == codes


@pytest.mark.parametrize("scores", [[[1.0, 2.0]], [1.0, math.nan], [1.0, math.inf]])
def test_scores_that_are_none_are_refused(scores):
    with pytest.raises(ValueError, match="scores"):
        mean_sigma(scores)


def test_sigmas_must_be_positive():
    with pytest.raises(ValueError, match="sigmas"):
        mean_sigma(np.arange(30.0), sigmas=0)


@settings(max_examples=25, deadline=None)
@given(SCORES, st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_scaling_scales_and_order_changes_nothing(scores, factor, random):
    basis = Basis(resamples=50)
    shuffled = list(scores)
    random.shuffle(shuffled)
    one, same, scaled = (
        mean_sigma(x, require_normality=False, normality_minimum=20, basis=basis)
        for x in (scores, shuffled, scores * factor)
    )
    assert one.as_json() == same.as_json()
    assert scaled.threshold == pytest.approx(one.threshold * factor, rel=1e-9)
    assert scaled.low == pytest.approx(one.low * factor, rel=1e-6)
