"""Equation 6 against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.thresholds.result import Basis
from sealproof.thresholds.supervised_accuracy import supervised_accuracy

QUICK = Basis(resamples=50, minimum_normals=8)


def test_scores_far_outside_the_unit_interval_are_searched():
    result = supervised_accuracy(np.linspace(100, 120, 40), np.linspace(150, 200, 10))
    assert result.threshold == 135
    assert result.details["accuracy"] == 1
    assert result.promised_false_reject_rate is None
    assert result.n == 50


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
