"""Predictive values by counting parts of a made-up field, and how often their bounds hold."""

import numpy as np
import pytest
from scipy import stats

from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evaluation.predictive import bayes, predictive_values


def test_by_counting_parts():
    """A field of 1,000,000 parts, 1 % defective, recall 0.9, specificity 0.95: whole numbers."""
    found = predictive_values(ConfusionCounts(tp=90, fp=5, tn=95, fn=10), 0.01)
    caught, false_alarms, passed, missed = 9_000, 49_500, 940_500, 1_000
    assert found["positive"].value == pytest.approx(caught / (caught + false_alarms))
    assert found["negative"].value == pytest.approx(passed / (passed + missed))


def test_the_bounds_are_the_corners_of_the_exact_rectangle():
    counts, each = ConfusionCounts(tp=18, fp=2, tn=28, fn=2), 0.95**0.5
    recall = stats.binomtest(18, 20).proportion_ci(each, "exact")
    specificity = stats.binomtest(28, 30).proportion_ci(each, "exact")
    found = predictive_values(counts, 0.2)
    corners = [
        [
            r * 0.2 / (r * 0.2 + (1 - s) * 0.8)
            for r in (recall.low, recall.high)
            for s in (specificity.low, specificity.high)
        ],
        [
            s * 0.8 / (s * 0.8 + (1 - r) * 0.2)
            for r in (recall.low, recall.high)
            for s in (specificity.low, specificity.high)
        ],
    ]
    for estimate, values in zip(found.values(), corners, strict=True):
        assert estimate.low == pytest.approx(min(values), abs=1e-12)
        assert estimate.high == pytest.approx(max(values), abs=1e-12)
        assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize(("recall", "specificity"), [(0.9, 0.9), (0.6, 0.99), (0.98, 0.7)])
def test_the_bounds_hold_at_least_as_often_as_they_say(recall, specificity):
    """Every outcome of 25 defective and 30 normal parts, weighted by its probability."""
    true = dict(zip(("positive", "negative"), bayes(recall, specificity, 0.1), strict=True))
    weights = np.outer(stats.binom.pmf(range(26), 25, recall), stats.binom.pmf(range(31), 30, specificity))
    held = dict.fromkeys(true, 0.0)
    for tp in range(26):
        for tn in range(31):
            if weights[tp, tn] < 1e-9:
                continue
            found = predictive_values(ConfusionCounts(tp, 30 - tn, tn, 25 - tp), 0.1, 0.9)
            for name, value in true.items():
                held[name] += weights[tp, tn] * (found[name].low <= value <= found[name].high)
    assert min(held.values()) >= 0.9 - 1e-6


def test_what_cannot_be_evaluated_says_why():
    nothing_rejected = predictive_values(ConfusionCounts(tp=0, fp=0, tn=9, fn=9), 0.1)
    assert nothing_rejected["positive"].value is None
    assert nothing_rejected["positive"].reason == "no part would be rejected"
    assert nothing_rejected["negative"].value == pytest.approx(0.9)
    one_class = predictive_values(ConfusionCounts(tp=9, fp=0, tn=0, fn=0), 0.1)
    assert one_class["negative"].reason == "one of the two classes is missing"
    assert predictive_values(ConfusionCounts(9, 1, 9, 1), 0.1, reason="none")["positive"].reason == "none"
    with pytest.raises(ValueError, match="prevalence 1"):
        predictive_values(ConfusionCounts(9, 1, 9, 1), 1)
    with pytest.raises(ValueError, match="undecided"):
        predictive_values(ConfusionCounts(9, 1, 9, 1, undecided_normal=1), 0.1)
