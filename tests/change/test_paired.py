from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.change.build import random_scores

from sealproof.change.paired import delong_paired, mcnemar_exact

COUNTS = st.integers(0, 60)


@given(COUNTS, COUNTS)
def test_mcnemar_is_the_two_sided_sign_test(lost, gained):
    n, few = lost + gained, min(lost, gained)
    tail = sum(comb(n, k) for k in range(few + 1)) / 2**n
    assert mcnemar_exact(lost, gained) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)
    assert mcnemar_exact(lost, gained) == mcnemar_exact(gained, lost)


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 3)


def test_mcnemar_keeps_its_level():
    """Known truth: both releases are right equally often, on images on which they differ."""
    random = np.random.default_rng(1)
    small = np.array([mcnemar_exact(30 - gained, gained) <= 0.05 for gained in range(31)])
    rejected = small[random.binomial(30, 0.5, size=20_000)].mean()
    assert 0.01 < rejected <= 0.05


def brute_force(labels, old, new):
    """Areas and p-value from all pairs of a defect and a normal part, with covariances term by term."""
    areas, placed = [], []
    for scores in (old, new):
        bad, good = scores[labels == 1], scores[labels == 0]
        wins = (bad[:, None] > good) + 0.5 * (bad[:, None] == good)
        areas.append(wins.mean())
        placed.append((wins.mean(axis=1), wins.mean(axis=0)))
    variance = 0.0
    for part in (0, 1):
        difference = placed[0][part] - placed[1][part]
        variance += difference.var(ddof=1) / difference.size
    z = abs(areas[0] - areas[1]) / np.sqrt(variance)
    return areas[0], areas[1], 2 * (1 - stats.norm.cdf(z))


@pytest.mark.parametrize("seed", range(5))
def test_delong_agrees_with_all_pairs(seed):
    labels, old, new = random_scores(seed)
    found = delong_paired(labels, np.round(old, 1), np.round(new, 1))
    assert found == pytest.approx(brute_force(labels, np.round(old, 1), np.round(new, 1)), abs=1e-12)


def test_delong_does_not_depend_on_the_scale_of_a_score():
    labels, old, new = random_scores(3)
    assert delong_paired(labels, old, np.exp(new)) == pytest.approx(delong_paired(labels, old, new))
    assert delong_paired(labels, new, old)[2] == pytest.approx(delong_paired(labels, old, new)[2])


def test_delong_keeps_its_level_about():
    """Known truth: both scores are equally good; the test is asymptotic, 60 images a class."""
    found = [delong_paired(*random_scores(seed, 120))[2] for seed in range(600)]
    rejected = np.mean(np.array(found) <= 0.05)
    assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    assert rejected > 0.015, "a test that never rejects says nothing"


def test_delong_sees_a_difference_that_is_there():
    labels, old, _ = random_scores(0, 200)
    assert delong_paired(labels, old + 3 * labels, old)[2] < 0.001


def test_equal_scores_differ_in_nothing_and_perfect_ones_have_no_variance():
    labels, old, _ = random_scores(0)
    assert delong_paired(labels, old, old)[2] == 1.0
    assert delong_paired([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1]) == (1.0, 0.0, None)


def test_undecided_images_at_the_ends_of_the_scale_are_allowed():
    assert delong_paired([0, 0, 1, 1], [np.inf, 1, 2, 3], [0, 1, -np.inf, 3])[:2] == (0.5, 0.5)


@pytest.mark.parametrize(
    ("labels", "old", "told"),
    [
        ([0, 1, 1], [1, 2, 3], "fewer than two"),
        ([0, 0, 1, 1], [1, np.nan, 2, 3], "NaN"),
        ([0, 1], [1, 2, 3], "shape"),
    ],
)
def test_what_cannot_be_compared_is_refused(labels, old, told):
    with pytest.raises(ValueError, match=told):
        delong_paired(labels, old, old)
