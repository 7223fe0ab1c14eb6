"""Equation 6 against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.thresholds.result import Basis
from sealproof.thresholds.supervised_accuracy import _best_of_weighted, best_midpoint, supervised_accuracy

VALUES = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=15)
QUICK = Basis(resamples=50, minimum_normals=8)


def brute_force(normals, defects):
    """Every midpoint of Equation 6, one after the other; the first of the best."""
    values = np.unique([*normals, *defects])
    best = None
    for midpoint in (values[:-1] + values[1:]) / 2:
        right = sum(x < midpoint for x in normals) + sum(x >= midpoint for x in defects)
        accuracy = right / (len(normals) + len(defects))
        if best is None or accuracy > best[1]:
            best = (midpoint, accuracy)
    return best


@settings(max_examples=300, deadline=None)
@given(VALUES, VALUES)
def test_best_midpoint_is_the_brute_force_one(normals, defects):
    expected = brute_force(normals, defects)
    if expected is None:
        with pytest.raises(ValueError, match="equal"):
            best_midpoint(np.array(normals), np.array(defects))
    else:
        assert best_midpoint(np.array(normals), np.array(defects)) == pytest.approx(expected)


@settings(max_examples=150, deadline=None)
@given(VALUES, VALUES, st.integers(0, 1000))
def test_a_resample_by_counts_is_the_brute_force_on_the_resampled_scores(normals, defects, seed):
    random = np.random.default_rng(seed)
    values = np.unique([*normals, *defects])
    good, bad = (random.integers(0, 3, size=values.size) for _ in range(2))
    if good.sum() + bad.sum() == 0:
        return
    expected = brute_force(np.repeat(values, good), np.repeat(values, bad))
    threshold, accuracy = _best_of_weighted(values, good[None, :], bad[None, :])
    if expected is None:
        assert np.isnan(threshold[0])
    else:
        assert (threshold[0], accuracy[0]) == pytest.approx(expected)


def test_scores_far_outside_the_unit_interval_are_searched():
    result = supervised_accuracy(np.linspace(100, 120, 40), np.linspace(150, 200, 10))
    assert result.threshold == 135
    assert result.details["accuracy"] == 1
    assert result.promised_false_reject_rate is None
    assert result.n == 50


def test_neighbouring_floats_still_separate():
    lower = 1.0
    upper = np.nextafter(1.0, 2.0)
    threshold, accuracy = best_midpoint(np.array([lower]), np.array([upper]))
    assert lower < threshold <= upper
    assert accuracy == 1


def test_without_defects_there_is_no_threshold():
    result = supervised_accuracy(np.arange(40.0), [])
    assert result.threshold is None
    assert result.reason_code == "no-defects"


def test_every_broken_rule_is_named():
    result = supervised_accuracy([], [])
    assert result.details["reason_codes"] == ["too-few-normals", "no-defects"]


def test_a_threshold_no_better_than_one_verdict_for_all_is_not_valid():
    result = supervised_accuracy(np.arange(40.0), [0.5, 1.5])
    assert result.threshold is None
    assert result.reason_code == "no-better-than-majority"
    assert result.details["estimate"] is not None


def test_interval_covers_the_best_threshold_of_the_population():
    """Two normal distributions of equal weight: the most accurate threshold lies half way."""
    random = np.random.default_rng(3)
    inside = 0
    for seed in range(120):
        result = supervised_accuracy(
            random.normal(size=60), 2 + random.normal(size=60), basis=Basis(resamples=200, seed=seed)
        )
        inside += result.low <= 1.0 <= result.high
    assert inside / 120 >= 0.88


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_scaling_scales_and_order_changes_nothing(seed, factor):
    random = np.random.default_rng(seed)
    normals, defects = random.normal(size=30), 1.5 + random.normal(size=20)
    one = supervised_accuracy(normals, defects, basis=QUICK)
    assert supervised_accuracy(normals[::-1], defects[::-1], basis=QUICK).as_json() == one.as_json()
    scaled = supervised_accuracy(normals * factor, defects * factor, basis=QUICK)
    assert scaled.eligible is one.eligible
    if one.eligible:
        assert scaled.threshold == pytest.approx(one.threshold * factor, rel=1e-9)
