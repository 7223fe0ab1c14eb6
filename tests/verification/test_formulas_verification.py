"""The verifier's statistics against SciPy, scikit-learn, closed forms, and the other code path."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from sealproof.evaluation.ranking import area_estimates, delong
from sealproof.thresholds.bounds import quantile_interval
from sealproof.verification.formulas import (
    area_under_roc,
    average_precision,
    close,
    delong_bounds,
    exact_bounds,
    joint_bounds,
    order_bounds,
    quantile,
    rank_bound,
)
from sealproof.verification.resampling import area_rows


def scored(seed, n=60, ties=False):
    random = np.random.default_rng(seed)
    labels = np.r_[np.zeros(n // 2, int), np.ones(n - n // 2, int)]
    scores = random.normal(labels * 1.2, 1.0)
    return labels, np.round(scores, 1) if ties else scores


@given(whole=st.integers(1, 400), share=st.floats(0, 1), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_exact_bounds_are_those_of_scipy(whole, share, confidence):
    part = round(share * whole)
    expected = stats.binomtest(part, whole).proportion_ci(confidence, method="exact")
    assert exact_bounds(part, whole, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_quantile_is_that_of_numpy(values, share):
    assert quantile(np.sort(values), share) == pytest.approx(
        float(np.quantile(values, share)), rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize(("n", "share"), [(100, 0.5), (115, 0.95), (20, 0.95), (21, 0.9)])
def test_order_bounds_agree_with_the_other_code_path(n, share):
    values = np.sort(np.random.default_rng(n).normal(size=n))
    assert order_bounds(values, share, 0.95) == quantile_interval(values, share, 0.95)


def test_rank_bound_of_the_maximum_has_a_closed_form():
    assert rank_bound(59, 59, 0.95) == pytest.approx(1 - 0.05 ** (1 / 59))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_areas_are_those_of_scikit_learn(seed, ties):
    labels, scores = scored(seed, ties=ties)
    assert area_under_roc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores))


@pytest.mark.parametrize("ties", [False, True])
def test_bootstrap_bounds_are_those_of_the_pipeline(ties):
    labels, scores = scored(7, ties=ties)
    scores[3] = np.inf  # an undecided normal image
    expected = area_estimates(labels, scores, confidence=0.95, resamples=300, seed=11)
    found = area_rows(labels, scores, confidence=0.95, resamples=300, seed=11)
    for name, row in found.items():
        assert row["value"] == pytest.approx(expected[name].value, rel=1e-12)
        assert row["low"] == pytest.approx(expected[name].low, rel=1e-12)
        assert row["high"] == pytest.approx(expected[name].high, rel=1e-12)


def test_bootstrap_of_perfect_separation_bounds_auroc_exactly():
    labels = np.r_[np.zeros(30, int), np.ones(20, int)]
    found = area_rows(labels, labels * 1.0, confidence=0.95, resamples=50, seed=1)
    assert found["auroc"] == {"value": 1.0, "low": pytest.approx(0.025 ** (1 / 20)), "high": 1.0}
    assert found["auprc"] == {"value": 1.0, "low": None, "high": None}


def test_areas_need_both_classes():
    found = area_rows(np.zeros(5, int), np.arange(5.0), confidence=0.95, resamples=10, seed=1)
    assert found["auroc"]["value"] is None


def test_delong_agrees_with_the_other_code_path():
    labels, scores = scored(3, ties=True)
    expected = delong(labels, scores, 0.95)
    assert delong_bounds(labels, scores, 0.95) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert delong_bounds(np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0]), 0.95) is None


def test_joint_bounds_hold_the_values():
    found = joint_bounds(8, 10, 9, 10, 0.95)
    assert found["balanced_accuracy"][0] < 0.85 < found["balanced_accuracy"][1]
    assert found["f1"][0] < 2 * 8 / (2 * 8 + 1 + 2) < found["f1"][1]


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (0.1 + 0.2, 0.3, True),
        (1, True, False),
        (None, 0, False),
        ("a", "a", True),
        ([1.0], [1.0, 2.0], False),
        (1.0, 1.0001, False),
    ],
)
def test_close(one, two, same):
    assert close(one, two) is same
