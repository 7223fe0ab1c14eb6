"""Normal theory: closed forms against leaving one out, and the coverage of the exact interval."""

import math

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.normal_theory import expected_false_reject_rate, jackknife, normal_theory_interval


def testjackknife_is_the_threshold_with_one_score_left_out():
    scores = np.random.default_rng(4).normal(size=30)
    expected = [np.mean(x) + 2 * np.std(x, ddof=1) for x in (np.delete(scores, i) for i in range(30))]
    assert jackknife(scores, 2.0) == pytest.approx(expected, rel=1e-10)


def test_normal_theory_interval_covers_as_promised():
    random = np.random.default_rng(6)
    inside = 0
    for _ in range(1500):
        scores = random.normal(size=25)
        low, high = normal_theory_interval(scores.mean(), scores.std(ddof=1), 25, 2.0, 0.9)
        inside += low <= 2.0 <= high
    assert abs(inside / 1500 - 0.9) <= 3.5 * math.sqrt(0.09 / 1500)


@pytest.mark.parametrize("n", [2, 10, 115])
def test_expected_rate_is_the_mean_over_the_distribution_of_mean_and_deviation(n):
    """The rate given mean and s, integrated over both: no Student's t."""
    chi = stats.chi(n - 1, scale=1 / math.sqrt(n - 1))
    # A new score minus the mean is normal with variance 1 + 1/n, independent of s.
    expected = chi.expect(lambda s: stats.norm.sf(2 * s / math.sqrt(1 + 1 / n)))
    assert expected_false_reject_rate(n, 2.0) == pytest.approx(expected, rel=1e-6)


def test_one_score_has_no_deviation():
    with pytest.raises(ValueError, match="2 scores"):
        expected_false_reject_rate(1, 2.0)
