"""Areas and curves against scikit-learn, DeLong against its definition, bounds by simulation."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from sealproof.evaluation.ranking import _bootstrap, _Ordered, area_estimates, areas, curves, delong
from sealproof.thresholds.bounds import clopper_pearson
from sealproof.thresholds.resampling import generator

CASES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6).map(float)), min_size=2, max_size=40)


@settings(max_examples=200, deadline=None)
@given(CASES)
def test_areas_and_curves_are_scikit_learns_with_ties(cases):
    labels, scores = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    assume(0 < labels.sum() < labels.size)
    auroc, auprc = areas(labels, scores)
    assert auroc == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert auprc == pytest.approx(metrics.average_precision_score(labels, scores))
    fpr, tpr, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)
    found = curves(labels, scores)
    assert found.false_positive_rate == pytest.approx(fpr[1:])
    assert found.recall == pytest.approx(tpr[1:])
    assert found.thresholds == pytest.approx(thresholds[1:])
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    assert found.precision == pytest.approx(precision[:-1][::-1])
    assert found.recall == pytest.approx(recall[:-1][::-1])


@settings(max_examples=50, deadline=None)
@given(CASES, st.randoms(use_true_random=False))
def test_order_and_any_rising_transformation_change_nothing(cases, random):
    labels, scores = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    assume(0 < labels.sum() < labels.size)
    shuffled = list(range(len(cases)))
    random.shuffle(shuffled)
    one = area_estimates(labels, scores, resamples=30)
    assert area_estimates(labels[shuffled], np.exp(scores[shuffled]), resamples=30) == one


def test_infinite_scores_rank_first_and_last():
    assert areas([0, 1, 1, 0], [1.0, 2.0, -np.inf, np.inf])[0] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([0, 0], [1.0, 2.0]),
        ([1, 1], [1.0, 2.0]),
        ([0, 1], [1.0, np.nan]),
        ([0, 1], [1.0]),
        ([0, 2], [1.0, 2.0]),
    ],
)
def test_curves_refuse_what_has_none(labels, scores):
    with pytest.raises(ValueError, match=r"labels|NaN"):
        curves(labels, scores)


def test_a_resample_by_weights_is_a_resample_of_rows():
    """The same draws, once as weights and once as repeated rows judged by scikit-learn."""
    random = np.random.default_rng(1)
    labels = np.array([0] * 15 + [1] * 10)
    scores = np.round(random.normal(size=25) + labels, 1)
    ordered = _Ordered.of(labels, scores)
    auroc, auprc = _bootstrap(ordered, 20, 5)
    draws = generator(5, "areas")
    weights = np.zeros((20, 25), dtype=int)
    for label in (1, 0):
        members = np.flatnonzero(ordered.labels == label)
        weights[:, members] = draws.multinomial(
            members.size, np.full(members.size, 1 / members.size), size=20
        )
    for row in range(20):
        repeated = np.repeat(np.arange(25), weights[row])
        truth, values = ordered.labels[repeated], ordered.scores[repeated]
        assert auroc[row] == pytest.approx(metrics.roc_auc_score(truth, values))
        assert auprc[row] == pytest.approx(metrics.average_precision_score(truth, values))


def test_bounds_cover_the_true_auroc():
    """Normal scores one deviation apart: AUROC is Phi(1 / sqrt(2))."""
    random = np.random.default_rng(2)
    truth = stats.norm.cdf(1 / np.sqrt(2))
    labels = np.array([0] * 60 + [1] * 60)
    covered = {"bootstrap": 0, "delong": 0}
    for seed in range(250):
        scores = random.normal(size=120) + labels
        estimate = area_estimates(labels, scores, resamples=300, seed=seed)["auroc"]
        covered["bootstrap"] += estimate.low <= truth <= estimate.high
        check = delong(labels, scores)
        covered["delong"] += check.low <= truth <= check.high
    assert covered["bootstrap"] / 250 >= 0.90
    assert covered["delong"] / 250 >= 0.91


def test_perfect_separation_keeps_an_honest_lower_bound():
    found = area_estimates([0] * 30 + [1] * 40, list(range(70)))
    assert found["auroc"].value == 1
    assert (found["auroc"].low, found["auroc"].high) == clopper_pearson(30, 30, 0.95)
    assert found["auprc"].value == 1
    assert found["auprc"].low is None
    assert "bounds nothing" in found["auprc"].reason


def test_a_missing_class_is_not_evaluable():
    found = area_estimates([1, 1], [1.0, 2.0])
    assert all(estimate.value is None and "class" in estimate.reason for estimate in found.values())
    assert delong([1, 1], [1.0, 2.0]).value is None


def test_delong_variance_is_that_of_the_placement_values():
    random = np.random.default_rng(3)
    labels = np.array([0] * 40 + [1] * 25)
    scores = np.round(random.normal(size=65) + labels, 1)
    good, bad = scores[labels == 0], scores[labels == 1]
    wins = (bad[:, None] > good[None, :]) + 0.5 * (bad[:, None] == good[None, :])
    value = wins.mean()
    error = np.sqrt(wins.mean(axis=1).var(ddof=1) / 25 + wins.mean(axis=0).var(ddof=1) / 40)
    logit = np.log(value / (1 - value))
    step = stats.norm.ppf(0.975) * error / (value * (1 - value))
    found = delong(labels, scores)
    assert found.value == pytest.approx(value)
    assert found.low == pytest.approx(1 / (1 + np.exp(-(logit - step))))
    assert found.high == pytest.approx(1 / (1 + np.exp(-(logit + step))))


@pytest.mark.parametrize("scores", [[0.0, 1.0, 2.0, 3.0], [3.0, 2.0, 1.0, 0.0]])
def test_delong_has_no_bounds_at_the_ends(scores):
    found = delong([0, 0, 1, 1], scores)
    assert found.low is None
    assert found.reason


def test_bootstrap_and_delong_agree_on_ordinary_data():
    random = np.random.default_rng(4)
    labels = np.array([0, 1] * 180)
    scores = random.normal(size=360) + 1.8 * labels
    one, other = area_estimates(labels, scores)["auroc"], delong(labels, scores)
    assert one.value == pytest.approx(other.value, abs=1e-12)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.012)


def test_blocks_do_not_change_the_draws_of_a_seed(monkeypatch):
    labels, scores = np.array([0, 1] * 30), np.random.default_rng(5).normal(size=60)
    whole = area_estimates(labels, scores, resamples=50)
    assert area_estimates(labels, scores, resamples=50) == whole
    monkeypatch.setattr("sealproof.evaluation.ranking.BLOCK", 60 * 7)
    blocked = area_estimates(labels, scores, resamples=50)
    assert blocked["auroc"].value == whole["auroc"].value
    assert blocked["auroc"].low == pytest.approx(whole["auroc"].low, abs=0.1)
