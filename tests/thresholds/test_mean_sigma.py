"""Equations 3 to 5: closed forms, an independent bootstrap, and when the promise does not follow."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sealproof.thresholds.mean_sigma import _jackknife, mean_sigma, normal_theory_interval
from sealproof.thresholds.result import Basis

SCORES = arrays(np.float64, st.integers(20, 60), elements=st.floats(0.0625, 10, width=32), unique=True)


def test_threshold_is_mean_plus_k_sample_deviations():
    scores = np.random.default_rng(1).gamma(3, size=115)
    result = mean_sigma(scores, sigmas=2.5)
    assert result.threshold == pytest.approx(np.mean(scores) + 2.5 * np.std(scores, ddof=1), rel=1e-14)
    assert result.promised_false_reject_rate == pytest.approx(1 - stats.norm.cdf(2.5))
    assert result.n == 115
    assert result.calibration == "held-out"


def test_interval_agrees_with_scipys_bca_bootstrap():
    scores = np.random.default_rng(2).gamma(3, size=80)

    def statistic(x, axis):
        return x.mean(axis=axis) + 2 * x.std(axis=axis, ddof=1)

    reference = stats.bootstrap(
        (scores,), statistic, n_resamples=8000, method="BCa", rng=np.random.default_rng(3)
    ).confidence_interval
    result = mean_sigma(scores, basis=Basis(resamples=8000))
    width = reference.high - reference.low
    assert result.low == pytest.approx(reference.low, abs=0.04 * width)
    assert result.high == pytest.approx(reference.high, abs=0.06 * width)


def test_jackknife_is_the_threshold_with_one_score_left_out():
    scores = np.random.default_rng(4).normal(size=30)
    expected = [np.mean(x) + 2 * np.std(x, ddof=1) for x in (np.delete(scores, i) for i in range(30))]
    assert _jackknife(scores, 2.0) == pytest.approx(expected, rel=1e-10)


def test_normal_theory_interval_covers_as_promised():
    random = np.random.default_rng(6)
    inside = 0
    for _ in range(1500):
        scores = random.normal(size=25)
        low, high = normal_theory_interval(scores.mean(), scores.std(ddof=1), 25, 2.0, 0.9)
        inside += low <= 2.0 <= high
    assert abs(inside / 1500 - 0.9) <= 3.5 * math.sqrt(0.09 / 1500)


def test_bootstrap_interval_covers_the_threshold_of_normal_scores():
    random = np.random.default_rng(7)
    inside = 0
    for seed in range(300):
        result = mean_sigma(random.normal(size=115), basis=Basis(resamples=400, seed=seed))
        inside += result.low <= 2.0 <= result.high
    assert 0.89 <= inside / 300 <= 0.99


def test_expected_rate_of_normal_scores_is_the_simulated_one():
    random = np.random.default_rng(8)
    samples = random.normal(size=(20_000, 20))
    thresholds = samples.mean(axis=1) + 2 * samples.std(axis=1, ddof=1)
    expected = mean_sigma(random.normal(size=20)).details["normal_theory_expected_false_reject_rate"]
    assert stats.norm.sf(thresholds).mean() == pytest.approx(expected, rel=0.02)


def test_a_skewed_distribution_breaks_the_promise_and_the_test_says_so():
    scores = np.random.default_rng(9).lognormal(size=400)
    result = mean_sigma(scores)
    assert stats.lognorm(1).sf(result.threshold) > 1.3 * result.promised_false_reject_rate
    assert result.assumptions[0].holds is False
    assert result.reason_code == "assumption-not-met"
    assert "does not follow" in result.reason
    assert result.eligible


def test_normality_can_be_required():
    result = mean_sigma(np.random.default_rng(9).lognormal(size=400), require_normality=True)
    assert result.threshold is None
    assert result.details["estimate"] > 0
    kept = mean_sigma(np.random.default_rng(9).normal(size=100), require_normality=True)
    assert kept.eligible
    assert kept.reason_code == "valid"


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
    one, same, scaled = (mean_sigma(x, basis=basis) for x in (scores, shuffled, scores * factor))
    assert one.as_json() == same.as_json()
    assert scaled.threshold == pytest.approx(one.threshold * factor, rel=1e-9)
    assert scaled.low == pytest.approx(one.low * factor, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(SCORES, st.floats(0.1, 3), st.floats(0.01, 2))
def test_more_sigmas_never_lower_the_threshold(scores, sigmas, more):
    basis = Basis(resamples=20)
    assert (
        mean_sigma(scores, sigmas=sigmas + more, basis=basis).threshold
        >= mean_sigma(scores, sigmas=sigmas, basis=basis).threshold
    )
