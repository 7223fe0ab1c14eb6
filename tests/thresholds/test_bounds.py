"""Bounds against SciPy, closed forms and printed tables; their guarantees by exact sums and simulation."""

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.bounds import (
    clopper_pearson,
    distribution_bound,
    false_rejects,
    quantile_interval,
    quantile_ranks,
    rank_false_reject_bound,
)


@pytest.mark.parametrize("trials", [1, 7, 59, 180])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_clopper_pearson_is_scipys_exact_interval(trials, confidence):
    for successes in {0, 1, trials // 3, trials - 1, trials}:
        reference = stats.binomtest(successes, trials).proportion_ci(confidence, method="exact")
        assert clopper_pearson(successes, trials, confidence) == pytest.approx(
            (reference.low, reference.high), abs=1e-12
        )


@pytest.mark.parametrize("trials", [5, 30, 180])
def test_clopper_pearson_covers_every_truth_exactly_computed(trials):
    bounds = np.array([clopper_pearson(k, trials, 0.95) for k in range(trials + 1)])
    for truth in np.linspace(0.001, 0.999, 97):
        inside = (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])
        assert stats.binom.pmf(np.arange(trials + 1), trials, truth)[inside].sum() >= 0.95


@pytest.mark.parametrize(
    ("successes", "trials", "confidence"), [(-1, 5, 0.9), (6, 5, 0.9), (0, 0, 0.9), (1, 5, 1.0)]
)
def test_clopper_pearson_refuses_what_is_no_proportion(successes, trials, confidence):
    with pytest.raises(ValueError, match="not"):
        clopper_pearson(successes, trials, confidence)


@pytest.mark.parametrize("n", [20, 59, 115, 500])
@pytest.mark.parametrize("probability", [0.5, 0.95, 0.99])
def test_order_statistics_cover_the_quantile_exactly_and_no_narrower_ones_do(n, probability):
    lower, upper = quantile_ranks(n, probability, 0.95)
    if lower is not None:
        assert stats.binom.cdf(lower - 1, n, probability) <= 0.025 < stats.binom.cdf(lower, n, probability)
    if upper is not None:
        assert stats.binom.sf(upper - 1, n, probability) <= 0.025 < stats.binom.sf(upper - 2, n, probability)
    else:
        assert stats.binom.sf(n - 1, n, probability) > 0.025


def test_a_quantile_beyond_the_sample_has_no_upper_bound():
    assert quantile_interval(np.arange(20.0), 0.95)[1] is None
    assert quantile_interval(np.arange(3.0), 0.01)[0] is None


def test_order_statistic_bound_agrees_with_the_printed_95_95_table():
    assert rank_false_reject_bound(59, 59) <= 0.05 < rank_false_reject_bound(58, 58)
    assert rank_false_reject_bound(93, 92) <= 0.05 < rank_false_reject_bound(92, 91)


def test_order_statistic_bound_needs_a_rank_of_the_sample():
    with pytest.raises(ValueError, match="rank 0"):
        rank_false_reject_bound(5, 0)


def test_distribution_bound_holds_for_thresholds_chosen_from_the_same_scores():
    random = np.random.default_rng(5)
    broken = 0
    for _ in range(2000):
        scores = np.sort(random.random(60))
        # The most dangerous choice there is: where the empirical rate is farthest below the true one.
        empirical = 1 - np.arange(60) / 60
        worst = np.argmax((1 - scores) - empirical)
        found = false_rejects(scores, scores[worst], 0.95)
        broken += 1 - scores[worst] > found["bound"]
    assert broken / 2000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_distribution_bound_is_the_closed_form():
    assert distribution_bound(200, 0.9) == pytest.approx(np.sqrt(np.log(10) / 400))


def test_a_score_equal_to_the_threshold_is_a_false_reject():
    assert false_rejects(np.array([1.0, 2.0, 3.0]), 3.0)["rejected"] == 1
    assert false_rejects(np.array([1.0, 2.0, 3.0]), np.nextafter(3.0, 4.0))["rejected"] == 0
