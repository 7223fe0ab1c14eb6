"""The bound of recall against exact tests, printed sample sizes and simulation."""

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.recall_bound import recall_bound, recall_rank
from sealproof.thresholds.result import Basis

NORMALS = np.arange(40.0)


@pytest.mark.parametrize("m", [29, 42, 60, 300])
@pytest.mark.parametrize("recall", [0.8, 0.9])
def test_it_is_the_highest_threshold_whose_exact_lower_bound_reaches_the_target(m, recall):
    defects = np.sort(np.random.default_rng(m).normal(size=m))
    result = recall_bound(NORMALS, defects, recall=recall)
    bounds = {
        score: stats.binomtest(int((defects >= score).sum()), m, alternative="greater")
        .proportion_ci(0.95, method="exact")
        .low
        for score in defects
    }
    assert result.threshold == max(score for score, low in bounds.items() if low >= recall)
    assert result.details["recall_bound"] == pytest.approx(bounds[result.threshold], rel=1e-9)


def test_it_takes_29_defects_without_a_miss_to_hold_90_percent():
    assert recall_bound(NORMALS, np.arange(29.0)).threshold == 0
    result = recall_bound(NORMALS, np.arange(28.0))
    assert result.threshold is None
    assert result.reason_code == "promise-out-of-reach"
    assert "29 can, without a miss" in result.reason


SHAPES = {
    "normal": stats.norm(),
    "lognormal": stats.lognorm(1),
    "two groups": stats.beta(0.3, 0.3),
    "ties": stats.poisson(4),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("m", [29, 46, 100])
def test_the_recall_is_held_with_the_confidence_whatever_the_shape(shape, m):
    random = np.random.default_rng(m)
    ranked = np.sort(SHAPES[shape].rvs(size=(3000, m), random_state=random).astype(float), axis=1)
    threshold = ranked[:, recall_rank(m, 0.9, 0.95) - 1]
    missed = SHAPES[shape].cdf(np.nextafter(threshold, -np.inf))
    assert np.mean(missed > 0.1 + 1e-9) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 3000)


def test_it_promises_recall_and_no_false_reject_rate():
    result = recall_bound(NORMALS, np.arange(30.0, 90.0))
    assert result.promised_false_reject_rate is None
    assert result.promise_confidence == 0.95
    assert "at least 90 % of new defective parts are rejected" in result.promise
    assert result.assumptions[-1].holds is None
    assert result.n == 60
    assert result.details["calibration_false_rejects"]["normals"] == 40


def test_confidence_is_that_of_all_bounds():
    defects = np.arange(40.0)
    strict = recall_bound(NORMALS, defects, basis=Basis(confidence=0.99))
    assert strict.threshold is None
    assert recall_bound(NORMALS, defects, basis=Basis(confidence=0.9)).eligible


def test_without_defects_every_broken_rule_is_named():
    result = recall_bound([], [])
    assert result.details["reason_codes"] == ["too-few-normals", "no-defects", "promise-out-of-reach"]


@pytest.mark.parametrize("recall", [0, 1])
def test_recall_is_checked(recall):
    with pytest.raises(ValueError, match="recall"):
        recall_bound(NORMALS, NORMALS, recall=recall)
