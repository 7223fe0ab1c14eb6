"""The score bound against its printed examples, a search for the likelihood, and an enumeration of its coverage."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import optimize, stats

from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evaluation.noninferiority import (
    HumanInspection,
    compare,
    difference_low,
    noninferiority_json,
    restricted_proportions,
)

HUMAN = {"defective": 200, "found": 180, "normal": 300, "accepted": 285, "margin": 0.05, "source": "study 7"}


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0528, 0.3382),
        ((9, 10), (3, 10), 0.1700, 0.8406),
        ((6, 7), (2, 7), 0.0342, 0.8534),
        ((5, 56), (0, 29), -0.0326, 0.1933),
        ((0, 10), (0, 20), -0.1658, 0.2844),
        ((0, 10), (0, 10), -0.2879, 0.2879),
        ((10, 10), (0, 20), 0.7156, 1.0),
        ((10, 10), (0, 10), 0.6636, 1.0),
    ],
)
def test_the_printed_intervals(first, second, low, high):
    """Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, Miettinen and Nurminen, two-sided 95 %."""
    assert difference_low(*first, *second, 0.975) == pytest.approx(low, abs=5e-5)
    assert -difference_low(*second, *first, 0.975) == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(
    "case", [(129, 180, 150, 200), (180, 180, 195, 200), (3, 40, 30, 35), (29, 30, 0, 10)]
)
@pytest.mark.parametrize("difference", [-0.3, -0.02, 0.0, 0.1])
def test_the_proportions_have_the_greatest_likelihood(case, difference):
    x, m, y, n = case

    def against(p):
        q = p + difference
        pairs = ((x, q), (m - x, 1 - q), (y, p), (n - y, 1 - p))
        return -sum(k * math.log(max(share, 1e-300)) for k, share in pairs)

    low, high = max(0.0, -difference), min(1.0, 1 - difference)
    best = optimize.minimize_scalar(against, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    first, second = restricted_proportions(x, m, y, n, difference)
    assert first - second == pytest.approx(difference, abs=1e-9)
    assert against(second) <= best.fun + 1e-6


def test_coverage_by_enumeration():
    """All outcomes of 30 and 25 parts: right on average; in the worst corner the large-sample bound gives way."""
    m, n = 30, 25
    low = np.array([[difference_low(x, m, y, n, 0.95) for y in range(n + 1)] for x in range(m + 1)])
    covered = []
    for p in (0.5, 0.7, 0.85, 0.95, 0.98):
        for q in (0.5, 0.7, 0.85, 0.95, 0.98):
            weights = np.outer(stats.binom.pmf(range(m + 1), m, p), stats.binom.pmf(range(n + 1), n, q))
            covered.append(weights[low <= p - q + 1e-12].sum())
    assert np.mean(covered) >= 0.945
    assert min(covered) >= 0.89
    assert (np.diff(low, axis=0) > 0).all(), "one part more that is right raises the bound"


def test_the_margin_decides():
    counts = ConfusionCounts(tp=180, fp=15, tn=285, fn=20)
    found = compare(counts, HumanInspection(**HUMAN), 0.95)
    assert found["recall"].difference == 0
    assert -0.06 < found["recall"].low < -0.04
    assert found["recall"].shown is (found["recall"].low > -0.05)
    wide = compare(counts, HumanInspection(**HUMAN | {"margin": 0.2}), 0.95)
    assert [item.shown for item in wide.values()] == [True, True]
    narrow = compare(counts, HumanInspection(**HUMAN | {"margin": 0.001}), 0.95)
    assert [item.shown for item in narrow.values()] == [False, False]


def test_undecided_counts_against_the_detector():
    worse = ConfusionCounts(tp=90, fp=0, tn=100, fn=0, undecided_defective=10)
    found = noninferiority_json(worse, HumanInspection(**HUMAN), 0.95)
    assert found["recall"]["machine"] == {"right": 90, "units": 100, "share": 0.9}


@pytest.mark.parametrize(
    ("human", "reason"),
    [(None, "not provided"), (HumanInspection(not_applicable="nothing is replaced"), "nothing is replaced")],
)
def test_what_is_not_given_is_not_compared(human, reason):
    found = noninferiority_json(ConfusionCounts(9, 1, 9, 1), human, 0.95)
    assert found["recall"]["shown"] is None
    assert found["recall"]["human"] is None
    assert reason in found["recall"]["reason"]


def test_a_missing_class_is_not_compared():
    found = compare(ConfusionCounts(9, 0, 0, 0), HumanInspection(**HUMAN), 0.95)
    assert (found["specificity"].shown, found["specificity"].reason) == (None, "there is no such test image")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"found": 201}, "found 201 is more than defective 200"),
        ({"accepted": 301}, "accepted 301 is more than normal 300"),
        ({"source": None}, "missing: source"),
        ({"margin": 0}, "greater than 0"),
        ({"margin": 1}, "less than 1"),
        ({"defective": 0}, "greater than 0"),
        ({"not_applicable": "none"}, "not both"),
        ({"missed": 3}, "Extra inputs"),
    ],
)
def test_figures_that_cannot_be(change, words):
    with pytest.raises(ValidationError, match=words):
        HumanInspection(**HUMAN | change)


def test_nothing_at_all_is_no_inspection():
    with pytest.raises(ValidationError, match="missing"):
        HumanInspection()


@pytest.mark.parametrize(
    "call", [(5, 4, 1, 2, 0.9), (1, 0, 1, 2, 0.9), (1, 2, -1, 2, 0.9), (1, 2, 1, 2, 0.5)]
)
def test_counts_out_of_range(call):
    with pytest.raises(ValueError, match=r"proportion|confidence"):
        difference_low(*call)
