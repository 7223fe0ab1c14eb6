"""One-sided tolerance limits of normal scores: printed factors, and the content they hold."""

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.result import Basis
from sealproof.thresholds.tolerance_normal import tolerance_factor, tolerance_normal

#: ISO 16269-6 and Odeh and Owen (1980), one-sided, mean and deviation unknown: n -> 95/95 factor.
PRINTED = {10: 2.911, 30: 2.220, 50: 2.065, 100: 1.927}


@pytest.mark.parametrize(("n", "factor"), PRINTED.items())
def test_factors_are_those_of_the_printed_table(n, factor):
    assert round(tolerance_factor(n, 0.95, 0.95), 3) == factor


@pytest.mark.parametrize(("content", "confidence"), [(0.95, 0.95), (0.99, 0.9)])
def test_the_content_is_held_with_the_confidence(content, confidence):
    random = np.random.default_rng(1)
    samples = random.normal(size=(20_000, 30))
    limits = samples.mean(axis=1) + tolerance_factor(30, content, confidence) * samples.std(axis=1, ddof=1)
    held = np.mean(stats.norm.cdf(limits) >= content)
    assert held == pytest.approx(confidence, abs=3 * np.sqrt(confidence * (1 - confidence) / 20_000))


def test_threshold_is_mean_plus_the_factor_times_the_deviation():
    scores = np.random.default_rng(2).normal(3, 0.5, size=200)
    result = tolerance_normal(scores)
    assert result.threshold == pytest.approx(
        np.mean(scores) + tolerance_factor(200, 0.95, 0.95) * np.std(scores, ddof=1)
    )
    assert result.low < result.threshold < result.high
    assert result.promised_false_reject_rate == pytest.approx(0.05)
    assert result.promise_confidence == 0.95
    assert result.promise.startswith("With 95 % confidence at most 5 % of new normal parts are rejected, if")


def test_scores_that_are_not_normal_have_no_valid_limit():
    result = tolerance_normal(np.random.default_rng(3).lognormal(size=300), basis=Basis(resamples=50))
    assert result.threshold is None
    assert result.reason_code == "assumption-not-met"
    assert result.details["estimate"] > 0


@pytest.mark.parametrize("scores", [[], [1.0], [2.0] * 30])
def test_no_deviation_no_limit(scores):
    result = tolerance_normal(scores)
    assert result.threshold is None
    assert "estimate" not in result.details


@pytest.mark.parametrize("changes", [{"content": 1}, {"content": 0}, {"confidence": 1}, {"n": 1}])
def test_numbers_out_of_range_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes)) if "n" not in changes else "2 scores"):
        tolerance_factor(**({"n": 10, "content": 0.95, "confidence": 0.95} | changes))
