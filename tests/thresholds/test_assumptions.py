"""Assumption tests against SciPy and by what they must detect."""

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.assumptions import held_out, normality, same_distribution, ties
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
