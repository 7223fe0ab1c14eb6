"""The empirical percentile, its exact interval, and the rate it really gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sealproof.thresholds.percentile import percentile
from sealproof.thresholds.result import Basis

SCORES = arrays(np.float64, st.integers(25, 80), elements=st.floats(0, 10, width=32), unique=True)


@pytest.mark.parametrize("percent", [50, 90, 95, 97.3])
def test_threshold_is_numpys_linear_percentile(percent):
    scores = np.random.default_rng(1).gamma(2, size=115)
    assert percentile(scores, percent=percent).threshold == pytest.approx(
        np.percentile(scores, percent), rel=1e-15
    )


@pytest.mark.parametrize("distribution", [stats.norm(), stats.lognorm(1), stats.t(3)])
def test_interval_covers_the_true_quantile_whatever_the_distribution(distribution):
    random = np.random.default_rng(2)
    truth = distribution.ppf(0.95)
    results = [percentile(distribution.rvs(115, random_state=random)) for _ in range(600)]
    inside = np.mean([result.low <= truth <= result.high for result in results])
    assert inside >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 600)


def test_observed_rate_lies_in_the_stated_bracket_whose_upper_end_is_promised():
    random = np.random.default_rng(3)
    results = [percentile(random.random(39)) for _ in range(3000)]
    low, high = results[0].details["expected_false_reject_rate"]
    observed = np.mean([1 - result.threshold for result in results])
    assert low < observed < high
    assert results[0].promised_false_reject_rate == high
    assert observed > 1.2 * results[0].details["nominal_false_reject_rate"]


@pytest.mark.parametrize("n", [20, 41])
def test_the_promise_is_kept_with_ties(n):
    random = np.random.default_rng(5)
    rates = []
    for _ in range(700):
        result = percentile(random.poisson(3, size=n).astype(float))
        if result.eligible:
            rates.append(stats.poisson(3).sf(np.ceil(result.threshold) - 1))
    allowance = 3 * np.std(rates) / np.sqrt(len(rates))
    assert np.mean(rates) <= result.promised_false_reject_rate + allowance


def test_a_threshold_that_is_a_calibration_score_does_not_reject_it():
    result = percentile(np.arange(101.0))
    assert result.threshold == np.nextafter(95.0, 96)
    assert result.details["calibration_false_rejects"]["rejected"] == 5


def test_bound_of_the_rate_holds():
    random = np.random.default_rng(4)
    results = [percentile(random.random(115)) for _ in range(2000)]
    broken = np.mean([1 - result.threshold > result.details["false_reject_rate_bound"] for result in results])
    assert broken <= 0.05


@pytest.mark.parametrize(("n", "eligible"), [(98, False), (99, True)])
def test_the_sample_must_reach_the_percentile(n, eligible):
    result = percentile(np.arange(float(n)), percent=99)
    assert result.eligible is eligible
    assert result.reason_code == ("valid" if eligible else "promise-out-of-reach")
    assert eligible or "99 can" in result.reason


def test_too_small_a_sample_names_every_reason():
    result = percentile([1.0, 2.0])
    assert result.details["reason_codes"] == ["too-few-normals", "promise-out-of-reach"]


@pytest.mark.parametrize("percent", [0, 100, -1])
def test_percent_is_checked(percent):
    with pytest.raises(ValueError, match="percent"):
        percentile(np.arange(30.0), percent=percent)


def test_training_calibration_is_named_as_an_assumption_that_fails():
    result = percentile(np.arange(30.0), basis=Basis("training"))
    assert result.calibration == "training"
    assert result.assumptions[0].holds is False


def test_ties_are_reported():
    tied = percentile(np.repeat(np.arange(20.0), 2))
    assert [test.holds for test in tied.assumptions if "tied" in test.name] == [False]


@settings(max_examples=40, deadline=None)
@given(SCORES, st.floats(0.01, 100), st.floats(50, 90), st.floats(0, 9))
def test_scaling_permutation_monotonicity(scores, factor, percent, more):
    one = percentile(scores, percent=percent)
    assert percentile(scores[::-1], percent=percent).as_json() == one.as_json()
    assert percentile(scores * factor, percent=percent).threshold == pytest.approx(
        one.threshold * factor, rel=1e-9
    )
    higher = percentile(scores, percent=percent + more)
    assert not higher.eligible or higher.threshold >= one.threshold
