"""The second implementations against the pipeline's, on scores that every method can use."""

import numpy as np
import pytest

from sealproof.qualification.reference_limits import references
from sealproof.thresholds.methods import all_methods
from sealproof.thresholds.result import Basis
from sealproof.thresholds.settings import CostSettings, ThresholdSettings


def samples(seed, ties):
    random = np.random.default_rng(seed)
    normals, defects = random.normal(0, 1, 230), random.normal(1.5, 1, 60)
    return (normals.round(1), defects.round(1)) if ties else (normals, defects)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_both_computations_agree_for_every_method(seed, ties):
    normals, defects = samples(seed, ties)
    settings = ThresholdSettings()
    found = all_methods(normals, defects, settings, Basis(resamples=20))
    expected = references(normals, defects, settings)
    assert set(expected) == set(found) - {"evt_pot"}
    for method, value in expected.items():
        result = found[method]
        stated = result.threshold if result.eligible else result.details["estimate"]
        assert stated == pytest.approx(value, rel=1e-10), method


def test_no_cost_without_a_prevalence():
    settings = ThresholdSettings(cost=CostSettings(prevalence=None))
    assert "cost" not in references(*samples(0, ties=False), settings)


def test_tuned_thresholds_need_defects():
    found = references(samples(0, ties=False)[0], np.empty(0), ThresholdSettings())
    assert {name for name, value in found.items() if value is None} == {
        "supervised_accuracy",
        "supervised_balanced",
        "cost",
        "recall_bound",
    }
