"""Assumption tests against SciPy and by what they must detect."""

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.assumptions import (
    exchangeability,
    held_out,
    normality,
    same_detector,
    same_distribution,
    ties,
)
from sealproof.thresholds.result import Basis


def test_normality_is_scipys_shapiro_wilk():
    scores = np.sort(np.random.default_rng(1).gamma(4, size=60))
    reference = stats.shapiro(scores)
    found = normality(scores)
    assert found.statistic == pytest.approx(reference.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(reference.pvalue, rel=1e-6)


def test_normality_rejects_true_normals_at_its_level_only():
    random = np.random.default_rng(2)
    rejected = np.mean([not normality(np.sort(random.normal(size=60))).holds for _ in range(800)])
    assert abs(rejected - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / 800)


def test_normality_of_many_scores_is_tested_on_a_thinned_sample():
    random = np.random.default_rng(3)
    assert normality(np.sort(random.normal(size=20_000))).holds
    assert normality(np.sort(random.lognormal(size=20_000))).holds is False


@pytest.mark.parametrize("scores", [[], [1.0, 2.0], [1.0] * 20])
def test_normality_that_cannot_be_tested_is_not_a_pass(scores):
    assert normality(np.array(scores)).holds is None


def test_ties_are_counted():
    assert ties(np.array([1.0, 1.0, 1.0, 2.0])).statistic == 0.75
    assert ties(np.array([])).statistic == 0


def test_same_distribution_is_scipys_kolmogorov_smirnov():
    random = np.random.default_rng(4)
    one, other = random.normal(size=50), random.normal(0.8, size=60)
    reference = stats.ks_2samp(one, other)
    found = same_distribution(one, other)
    assert (found.statistic, found.p_value) == pytest.approx((reference.statistic, reference.pvalue))
    assert found.holds is False
    assert same_distribution(one, np.array([])).holds is None


def test_calibration_on_training_scores_fails_the_assumption():
    assert held_out(Basis()).holds
    assert held_out(Basis("training")).holds is False


def test_held_out_of_training_holds_for_cross_fitting_as_well():
    assert held_out(Basis("cross-fit")).holds


def test_drift_is_scipys_spearman_with_a_permutation_p_value():
    random = np.random.default_rng(5)
    times = random.permutation(40).astype(float)
    scores = np.sort(times * 0.02 + random.normal(size=40))
    found = exchangeability(scores, times, Basis(resamples=4000))
    reference = stats.spearmanr(scores, times)
    assert found.statistic == pytest.approx(reference.statistic)
    assert found.p_value == pytest.approx(reference.pvalue, abs=0.03)


def test_drift_of_few_scores_has_the_exact_p_value():
    """All 24 orders of four scores; 2 of them are as far from 0 as the order itself."""
    found = exchangeability(np.arange(4.0), np.arange(4.0), Basis(resamples=20_000))
    assert found.p_value == pytest.approx(2 / 24, abs=0.01)


def test_drift_is_found_in_true_normals_at_its_level_only():
    random = np.random.default_rng(6)
    times = np.arange(40.0)
    found = [
        exchangeability(random.normal(size=40), times, Basis(resamples=199, seed=seed)).holds
        for seed in range(800)
    ]
    assert abs(1 - np.mean(found) - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / 800)


def test_drift_needs_times_and_leaves_unknown_ones_out():
    scores = np.arange(30.0)
    unknown = exchangeability(scores, None, Basis())
    assert unknown.holds is None
    assert "no times of capture" in unknown.meaning
    assert exchangeability(scores, np.zeros(30), Basis()).holds is None
    assert exchangeability(np.array([]), np.array([]), Basis()).holds is None
    some = exchangeability(scores, np.r_[np.arange(20.0), np.full(10, np.nan)], Basis(resamples=99))
    assert some.holds is False
    assert "10 normals without a time left out" in some.meaning
    with pytest.raises(ValueError, match="30 scores, but 29 times"):
        exchangeability(scores, np.zeros(29), Basis())


def test_same_detector_is_scipys_wilcoxon():
    random = np.random.default_rng(7)
    own = random.normal(size=60)
    other = own + random.normal(0.2, 0.5, size=60)
    reference = stats.wilcoxon(own, other, method="approx")
    found = same_detector(own, other)
    assert found.statistic == pytest.approx(reference.statistic)
    assert found.p_value == pytest.approx(reference.pvalue)
    assert same_detector(own, own).holds
    assert same_detector(np.array([]), np.array([])).holds is None
    assert same_detector(own, own + 1).holds is False
