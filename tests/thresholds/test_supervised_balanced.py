"""Balanced accuracy against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from sealproof.thresholds.result import Basis
from sealproof.thresholds.supervised_balanced import supervised_balanced

QUICK = Basis(resamples=50)


@pytest.mark.parametrize("seed", range(4))
def test_no_midpoint_has_a_higher_balanced_accuracy(seed):
    random = np.random.default_rng(seed)
    normals, defects = random.normal(size=60).round(1), random.normal(1.2, size=20).round(1)
    labels = np.r_[np.zeros(60), np.ones(20)]
    scores = np.r_[normals, defects]
    values = np.unique(scores)
    midpoints = (values[:-1] + values[1:]) / 2
    found = [balanced_accuracy_score(labels, scores >= midpoint) for midpoint in midpoints]
    result = supervised_balanced(normals, defects, basis=QUICK)
    assert result.details["balanced_accuracy"] == pytest.approx(max(found))
    best = [point for point, value in zip(midpoints, found, strict=True) if value >= max(found) - 1e-12]
    assert result.threshold == pytest.approx(best[0])


def test_it_does_not_depend_on_the_share_of_defects():
    random = np.random.default_rng(5)
    normals, defects = random.normal(size=60), random.normal(1.5, size=12)
    once = supervised_balanced(normals, defects, basis=QUICK)
    assert supervised_balanced(normals, np.tile(defects, 7), basis=QUICK).threshold == once.threshold


def test_no_better_than_one_verdict_for_all_is_not_valid():
    result = supervised_balanced(np.arange(40.0) + 1, [0.0, 0.5], basis=QUICK)
    assert result.reason_code == "no-better-than-one-verdict"
    assert result.details["estimate"] is not None
    assert result.promise == ""


def test_without_defects_there_is_no_threshold():
    assert supervised_balanced(np.arange(40.0), []).reason_code == "no-defects"
