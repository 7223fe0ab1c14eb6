"""Tolerance limits from order statistics: printed sample sizes, and the content they hold for every shape."""

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.bounds import rank_false_reject_bound
from sealproof.thresholds.tolerance_order import sample_size, tolerance_order, tolerance_rank


@pytest.mark.parametrize(("n", "from_above"), [(59, 1), (92, 1), (93, 2), (124, 3), (153, 4)])
def test_ranks_are_those_of_the_printed_table(n, from_above):
    """95/95: the largest of 59, the second largest of 93, the third of 124, the fourth of 153."""
    assert tolerance_rank(n, 0.95, 0.95) == n + 1 - from_above
    fewer = tolerance_rank(n - 1, 0.95, 0.95)
    assert n == 92 or fewer is None or n - fewer < from_above


@pytest.mark.parametrize("n", [20, 59, 115, 382])
@pytest.mark.parametrize(("content", "confidence"), [(0.95, 0.95), (0.9, 0.99), (0.8, 0.6)])
def test_rank_is_the_smallest_whose_beta_bound_holds(n, content, confidence):
    """The share above the r-th smallest is Beta(n + 1 - r, r): no binomial distribution."""
    held = [r for r in range(1, n + 1) if rank_false_reject_bound(n, r, confidence) <= 1 - content]
    assert tolerance_rank(n, content, confidence) == (held[0] if held else None)


SHAPES = {
    "normal": stats.norm(),
    "lognormal": stats.lognorm(1),
    "heavy tail": stats.t(2),
    "ties": stats.poisson(3),
    "many ties": stats.randint(0, 4),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [60, 93])
def test_the_content_is_held_with_the_confidence_whatever_the_shape(shape, n):
    random = np.random.default_rng(n)
    ranks = np.sort(SHAPES[shape].rvs(size=(3000, n), random_state=random).astype(float), axis=1)
    kth = ranks[:, tolerance_rank(n, 0.95, 0.95) - 1]
    rejected = SHAPES[shape].sf(kth)  # above the k-th smallest = at or above the threshold
    assert np.mean(rejected > 0.05 + 1e-9) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 3000)


def test_threshold_lies_just_above_its_order_statistic_and_inside_its_interval():
    scores = np.random.default_rng(4).gamma(2, size=115)
    result = tolerance_order(scores)
    kth = np.sort(scores)[tolerance_rank(115, 0.95, 0.95) - 1]
    assert result.threshold == np.nextafter(kth, 99)
    assert result.low <= result.threshold <= result.high
    assert result.promise == "With 95 % confidence at most 5 % of new normal parts are rejected."
    assert result.promise_confidence == 0.95
    assert result.details["false_reject_rate_bound"] <= 0.05


def test_too_few_scores_say_how_many_are_needed():
    result = tolerance_order(np.arange(58.0))
    assert result.threshold is None
    assert result.reason_code == "promise-out-of-reach"
    assert "59 can" in result.reason
    assert tolerance_order(np.arange(59.0)).eligible


@pytest.mark.parametrize(
    ("content", "confidence", "n"), [(0.95, 0.95, 59), (0.99, 0.95, 299), (0.9, 0.9, 22)]
)
def test_sample_size_is_the_smallest_that_suffices(content, confidence, n):
    assert sample_size(content, confidence) == n
    assert tolerance_rank(n, content, confidence) == n
    assert tolerance_rank(n - 1, content, confidence) is None


@pytest.mark.parametrize("name", ["content", "confidence"])
def test_shares_are_checked(name):
    with pytest.raises(ValueError, match=name):
        tolerance_order(np.arange(60.0), **{name: 1.0})
