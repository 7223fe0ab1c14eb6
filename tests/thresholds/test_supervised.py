"""The search over midpoints against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.thresholds.supervised import Weights, _best_of_weighted, best_midpoint

VALUES = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=15)
WEIGHTS = st.builds(Weights, st.integers(1, 9).map(float), st.integers(1, 9).map(float))


def brute_force(normals, defects, weights):
    """Every midpoint, one after the other; the first of the best."""
    values = np.unique([*normals, *defects])
    best = None
    for midpoint in (values[:-1] + values[1:]) / 2:
        gain = weights.normal * sum(x < midpoint for x in normals)
        gain += weights.defect * sum(x >= midpoint for x in defects)
        if best is None or gain > best[1]:
            best = (midpoint, gain)
    return best


@settings(max_examples=200, deadline=None)
@given(VALUES, VALUES, WEIGHTS)
def test_best_midpoint_is_the_brute_force_one(normals, defects, weights):
    expected = brute_force(normals, defects, weights)
    if expected is None:
        with pytest.raises(ValueError, match="equal"):
            best_midpoint(np.array(normals), np.array(defects), weights)
    else:
        assert best_midpoint(np.array(normals), np.array(defects), weights) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(VALUES, VALUES, WEIGHTS, st.integers(0, 1000))
def test_a_resample_by_counts_is_the_brute_force_on_the_resampled_scores(normals, defects, weights, seed):
    random = np.random.default_rng(seed)
    values = np.unique([*normals, *defects])
    good, bad = (random.integers(0, 3, size=values.size) for _ in range(2))
    if good.sum() + bad.sum() == 0:
        return
    expected = brute_force(np.repeat(values, good), np.repeat(values, bad), weights)
    threshold, gain = _best_of_weighted(values, good[None, :], bad[None, :], weights)
    if expected is None:
        assert np.isnan(threshold[0])
    else:
        assert (threshold[0], gain[0]) == pytest.approx(expected)


def test_neighbouring_floats_still_separate():
    lower = 1.0
    upper = np.nextafter(1.0, 2.0)
    threshold, gain = best_midpoint(np.array([lower]), np.array([upper]))
    assert lower < threshold <= upper
    assert gain == 2


def test_gains_that_differ_by_rounding_alone_are_equal():
    """4 x 0.1 + 2 x 0.3 is above 0.1 + 3 x 0.3 by the last bit: the lower midpoint is taken all the same."""
    normals, defects = np.array([0.0, 2.0, 2.1, 2.2]), np.array([1.0, 3.0, 4.0])
    assert 4 * 0.1 + 2 * 0.3 > 0.1 + 3 * 0.3
    assert best_midpoint(normals, defects, Weights(normal=0.1, defect=0.3))[0] == 0.5
