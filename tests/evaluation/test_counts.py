"""All rates derive from one matrix: against scikit-learn, and against the rows of the paper that cannot be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from sealproof.evaluation.counts import ConfusionCounts, assert_derived, count_verdicts, explainable, rates

COUNT = st.integers(0, 40)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["accept", "reject"])), min_size=1, max_size=60))
def test_rates_are_scikit_learns(pairs):
    labels = np.array([label for label, _ in pairs])
    predicted = np.array([verdict == "reject" for _, verdict in pairs]).astype(int)
    counts = count_verdicts(labels, [verdict for _, verdict in pairs])
    tn, fp, fn, tp = metrics.confusion_matrix(labels, predicted, labels=[0, 1]).ravel()
    assert (counts.tn, counts.fp, counts.fn, counts.tp) == (tn, fp, fn, tp)
    found = rates(counts)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    if labels.any():
        assert found["recall"] == pytest.approx(metrics.recall_score(labels, predicted))
        assert found["f1"] == pytest.approx(metrics.f1_score(labels, predicted, zero_division=0))
    if predicted.any():
        assert found["precision"] == pytest.approx(metrics.precision_score(labels, predicted))
    if 0 < labels.sum() < labels.size:
        assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    if not labels.all():
        assert found["specificity"] == pytest.approx(metrics.recall_score(labels, predicted, pos_label=0))


def test_what_has_no_denominator_is_none_not_nan():
    assert rates(ConfusionCounts(0, 0, 5, 0)) == {
        "recall": None,
        "specificity": 1.0,
        "accuracy": 1.0,
        "balanced_accuracy": None,
        "precision": None,
        "f1": None,
    }
    assert set(rates(ConfusionCounts(0, 0, 0, 0)).values()) == {None}


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_conservative_counting_never_flatters(tp, fp, tn, fn, undecided_normal, undecided_defective):
    counts = ConfusionCounts(tp, fp, tn, fn, undecided_normal, undecided_defective)
    strict, decided = rates(counts.conservative()), rates(counts.decided_only())
    assert counts.conservative().total == counts.total
    assert counts.conservative().defective == counts.defective
    for name in ("recall", "specificity", "accuracy", "precision", "f1", "balanced_accuracy"):
        if strict[name] is not None and decided[name] is not None:
            assert strict[name] <= decided[name] + 1e-12


def test_undecided_images_have_no_silent_place_in_a_rate():
    with pytest.raises(ValueError, match="undecided"):
        rates(ConfusionCounts(1, 1, 1, 1, undecided_normal=1))


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="negative"):
        ConfusionCounts(-1, 0, 0, 0)


@pytest.mark.parametrize(
    ("labels", "verdicts"),
    [
        ([0, 2], ["accept", "accept"]),
        ([0, 1], ["accept", "maybe"]),
        ([0], ["accept", "accept"]),
        ([[0]], [["accept"]]),
    ],
)
def test_unknown_labels_and_verdicts_are_refused(labels, verdicts):
    with pytest.raises(ValueError, match="labels"):
        count_verdicts(labels, verdicts)


def test_stated_rates_must_be_the_derived_ones():
    counts = ConfusionCounts(tp=8, fp=1, tn=9, fn=2)
    assert_derived(counts, rates(counts))
    with pytest.raises(ValueError, match=r"recall: 0.81 .*precision: None"):
        assert_derived(counts, {"recall": 0.81, "specificity": 0.9, "precision": None})
    with pytest.raises(ValueError, match="precision"):
        assert_derived(ConfusionCounts(0, 0, 1, 1), {"precision": 0.0})


@pytest.mark.parametrize(
    ("stated", "possible"),
    [
        # Errata 3: the rows of Table 2 as printed cannot be, the shifted ones can.
        ({"precision": 1.000, "recall": 0.748, "f1": 0.664}, False),
        ({"accuracy": 0.664, "precision": 0.598, "recall": 1.000, "f1": 0.748}, True),
        ({"accuracy": 0.500, "precision": 0.500, "recall": 1.000, "f1": 0.667}, True),
        # Errata 4: Table 4, LR.
        ({"accuracy": 0.956, "precision": 0.717, "recall": 0.819}, False),
    ],
)
def test_rows_of_the_paper_on_180_and_180_images(stated, possible):
    assert bool(explainable(stated, normal=180, defective=180)) is possible


def test_explainable_finds_the_matrix_it_came_from():
    counts = ConfusionCounts(tp=17, fp=4, tn=26, fn=3)
    stated = {name: round(value, 3) for name, value in rates(counts).items()}
    assert explainable(stated, normal=30, defective=20) == [counts]
