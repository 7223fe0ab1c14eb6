"""The second implementations against SciPy, NumPy and scikit-learn: three ways to one number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from sealproof.qualification import reference

SCORES = st.lists(st.integers(-50, 50).map(lambda x: x / 8), min_size=2, max_size=60).map(np.array)


@given(n=st.integers(1, 200), share=st.floats(0, 1), p=st.floats(0.001, 0.999))
def test_binomial_tail(n, share, p):
    k = round(share * n)
    assert reference.binomial_at_most(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), abs=1e-10)


@settings(max_examples=40)
@given(n=st.integers(1, 300), share=st.floats(0, 1), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_exact_bounds(n, share, confidence):
    k = round(share * n)
    expected = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
    assert reference.exact_bounds(k, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("found", "of", "low"), [(180, 180, 0.9835), (179, 180, 0.9739), (177, 180, 0.9575), (299, 299, 0.9900)]
)
def test_printed_one_sided_examples(found, of, low):
    assert round(reference.exact_bounds(found, of, 0.90)[0], 4) == low


@pytest.mark.parametrize(("rejected", "of", "high"), [(0, 180, 0.0165), (3, 300, 0.0256)])
def test_printed_false_reject_examples(rejected, of, high):
    assert round(reference.exact_bounds(rejected, of, 0.90)[1], 4) == high


@given(SCORES)
def test_thresholds(scores):
    assert reference.mean_sigma(scores, 2.0) == pytest.approx(scores.mean() + 2 * scores.std(ddof=1))
    for percent in (5.0, 50.0, 95.0, 99.0):
        assert reference.percentile(scores, percent) == pytest.approx(np.percentile(scores, percent))


@given(SCORES, SCORES)
def test_auc_is_that_of_scikit_learn(normals, defects):
    labels = np.repeat([0, 1], [len(normals), len(defects)])
    expected = roc_auc_score(labels, np.concatenate([normals, defects]))
    assert reference.average_rank_auc(normals, defects) == pytest.approx(expected)


def test_most_accurate_is_the_lowest_of_equals():
    assert reference.most_accurate(np.array([0.0, 1.0, 5.0]), np.array([3.0, 6.0])) == (2.0, 0.8)
