"""What every method has in common: order and scale of the scores, the boundary, and that alpha is monotone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.thresholds.methods import all_methods
from sealproof.thresholds.result import Basis, is_rejected
from sealproof.thresholds.settings import METHOD_NAMES, ThresholdSettings
from sealproof.thresholds.tables import estimate

QUICK = Basis(resamples=20)
BASE = ThresholdSettings(require_normality=False, normality_minimum=20)
SAMPLES = st.tuples(st.integers(0, 2**16), st.integers(60, 90), st.integers(30, 50), st.booleans())


def drawn(sample):
    """Normals and defects of a seeded shape; some with ties."""
    seed, n, m, rounded = sample
    random = np.random.default_rng(seed)
    normals, defects = random.gamma(4, 0.25, size=n), random.gamma(4, 0.6, size=m)
    return (normals.round(1) + 0.05, defects.round(1) + 0.05) if rounded else (normals, defects)


def thresholds(normals, defects, changed=BASE):
    return {name: estimate(result) for name, result in all_methods(normals, defects, changed, QUICK).items()}


@settings(max_examples=8, deadline=None)
@given(SAMPLES, st.floats(0.01, 100))
def test_scaling_scales_and_permuting_changes_nothing(sample, factor):
    normals, defects = drawn(sample)
    one = all_methods(normals, defects, BASE, QUICK)
    random = np.random.default_rng(sample[0])
    other = all_methods(random.permutation(normals), random.permutation(defects), BASE, QUICK)
    assert list(one) == list(METHOD_NAMES)
    for name, result in one.items():
        assert other[name].as_json() == result.as_json()
    scaled = thresholds(normals * factor, defects * factor)
    for name, found in thresholds(normals, defects).items():
        if found is None:
            assert scaled[name] is None
        else:
            assert scaled[name] == pytest.approx(found * factor, rel=1e-5), name


@settings(max_examples=8, deadline=None)
@given(SAMPLES)
def test_a_score_equal_to_the_threshold_is_rejected_and_the_one_below_is_not(sample):
    for name, found in thresholds(*drawn(sample)).items():
        if found is not None:
            assert is_rejected([found, np.nextafter(found, -np.inf)], found).tolist() == [True, False], name


def tolerant(alpha):
    """Settings that let a share `alpha` of normal parts be rejected, or care less for false rejects."""
    return ThresholdSettings.model_validate(
        {
            "require_normality": False,
            "normality_minimum": 20,
            "sigmas": 3 - 8 * alpha,
            "percentile": 100 * (1 - alpha),
            "conformal": {"false_reject_rate": alpha},
            "tolerance": {"content": 1 - alpha, "confidence": 0.9},
            "evt": {"false_reject_rate": alpha / 4},
            "cost": {"false_positive": 0.2 / alpha},
            "recall_bound": {"recall": 0.7 + alpha},
        }
    )


@settings(max_examples=10, deadline=None)
@given(SAMPLES, st.floats(0.05, 0.15), st.floats(0.001, 0.05))
def test_raising_alpha_never_raises_the_threshold(sample, alpha, more):
    normals, defects = drawn(sample)
    one, looser = (thresholds(normals, defects, tolerant(rate)) for rate in (alpha, alpha + more))
    for name, found in one.items():
        if found is not None and looser[name] is not None:
            assert looser[name] <= found * (1 + 1e-12), name
