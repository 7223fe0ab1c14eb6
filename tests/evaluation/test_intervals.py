"""Bounds of derived rates: exact references and guarantees by simulation, with fixed class sizes as in a test set."""

import numpy as np
import pytest
from scipy import stats

from sealproof.evaluation.counts import ConfusionCounts, rates
from sealproof.evaluation.intervals import RATES, f1_of, proportion, rate_estimates


def test_recall_specificity_accuracy_precision_are_exact_intervals():
    counts = ConfusionCounts(tp=150, fp=12, tn=168, fn=30)
    found = rate_estimates(counts, 0.95)
    for name, successes, trials in (
        ("recall", 150, 180),
        ("specificity", 168, 180),
        ("accuracy", 318, 360),
        ("precision", 150, 162),
    ):
        reference = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
        estimate = found[name]
        assert (estimate.low, estimate.high) == pytest.approx((reference.low, reference.high), abs=1e-12)
        assert estimate.value == successes / trials
    assert list(found) == list(RATES)


def test_zero_failures_of_59_prove_95_percent_at_one_sided_95():
    assert proportion(59, 59, 0.90, "").low == pytest.approx(0.05 ** (1 / 59))


@pytest.mark.parametrize(("recall", "specificity"), [(0.83, 0.95), (1.0, 1.0), (0.5, 0.5), (0.99, 0.2)])
def test_every_bound_keeps_its_promise(recall, specificity):
    """80 defective and 120 normal images, known recall and specificity: at least 95 % of the intervals cover."""
    random = np.random.default_rng(5)
    positives, negatives, runs = 80, 120, 1000
    caught = recall * positives
    truth = {
        "recall": recall,
        "specificity": specificity,
        "accuracy": (caught + specificity * negatives) / 200,
        "balanced_accuracy": (recall + specificity) / 2,
        "precision": caught / (caught + (1 - specificity) * negatives),
        "f1": f1_of(recall, specificity, positives, negatives),
    }
    missed = dict.fromkeys(truth, 0)
    for tp, tn in zip(
        random.binomial(positives, recall, runs), random.binomial(negatives, specificity, runs), strict=True
    ):
        counts = ConfusionCounts(int(tp), int(negatives - tn), int(tn), int(positives - tp))
        for name, estimate in rate_estimates(counts, 0.95).items():
            missed[name] += not estimate.low - 1e-12 <= truth[name] <= estimate.high + 1e-12
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert {name: count / runs for name, count in missed.items() if count / runs > allowed} == {}


def test_bounds_hold_the_value_and_never_shrink_to_a_point():
    for counts in (ConfusionCounts(20, 0, 20, 0), ConfusionCounts(0, 20, 0, 20), ConfusionCounts(7, 3, 9, 1)):
        for name, estimate in rate_estimates(counts).items():
            if estimate.value is not None:
                assert estimate.low <= estimate.value <= estimate.high, name
                assert estimate.low < estimate.high, name


def test_more_images_of_the_same_rates_narrow_every_bound():
    small, large = (rate_estimates(ConfusionCounts(8 * k, 1 * k, 9 * k, 2 * k)) for k in (1, 20))
    for name in RATES:
        assert large[name].high - large[name].low < small[name].high - small[name].low


def test_what_cannot_be_evaluated_says_why():
    found = rate_estimates(ConfusionCounts(0, 0, 5, 0))
    assert found["recall"].value is None
    assert found["recall"].low is None
    assert found["recall"].reason == "there is no defective image"
    assert found["precision"].reason == "no image was rejected"
    assert found["balanced_accuracy"].reason
    assert "reason" in found["recall"].as_json()
    assert "reason" not in found["specificity"].as_json()
    empty = rate_estimates(ConfusionCounts(0, 0, 0, 0))
    assert all(estimate.value is None and estimate.reason for estimate in empty.values())


def test_no_defect_caught_is_an_f1_of_zero_with_an_upper_bound():
    estimate = rate_estimates(ConfusionCounts(0, 0, 20, 20))["f1"]
    assert estimate.value == 0
    assert estimate.low == 0
    assert 0 < estimate.high < 0.5


def test_undecided_images_must_be_counted_first():
    with pytest.raises(ValueError, match="undecided"):
        rate_estimates(ConfusionCounts(1, 1, 1, 1, undecided_defective=1))


def test_f1_from_rates_is_f1_from_counts():
    counts = ConfusionCounts(tp=17, fp=4, tn=26, fn=3)
    derived = rates(counts)
    assert f1_of(derived["recall"], derived["specificity"], 20, 30) == pytest.approx(derived["f1"])
