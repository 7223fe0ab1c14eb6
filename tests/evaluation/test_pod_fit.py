"""Goodness of fit against SciPy and its own level; groups; the size proven without a curve."""

import itertools
import math

import numpy as np
import pytest
from scipy import special, stats

from sealproof.evaluation.pod import PodCurve, fit_pod
from sealproof.evaluation.pod_fit import GROUPS, SizeGroup, goodness_of_fit, group_by_size, proven_size

SIZES = np.repeat(np.geomspace(3, 150, 8), 60)


def group(size, hits, n=60):
    return SizeGroup(size, size, n, hits, 0.0, 1.0)


def test_recurring_sizes_are_groups_of_their_own():
    hits = np.arange(SIZES.size) % 3 == 0
    groups = group_by_size(SIZES, hits)
    assert [g.n for g in groups] == [60] * 8
    assert [g.smallest for g in groups] == sorted(set(SIZES))
    assert all(g.smallest == g.largest == pytest.approx(g.middle) for g in groups)
    reference = stats.binomtest(groups[0].hits, 60).proportion_ci(method="exact")
    assert (groups[0].low, groups[0].high) == pytest.approx((reference.low, reference.high))


@pytest.mark.parametrize(("n", "groups"), [(4, 1), (12, 2), (45, GROUPS), (200, GROUPS)])
def test_single_sizes_are_gathered(n, groups):
    sizes = np.random.default_rng(1).permutation(np.geomspace(1, 10, n))
    found = group_by_size(sizes, sizes > 5)
    assert len(found) == groups
    assert sum(g.n for g in found) == n
    assert sum(g.hits for g in found) == (sizes > 5).sum()
    assert all(a.largest < b.smallest for a, b in itertools.pairwise(found))


def test_deviance_is_that_of_the_log_likelihoods():
    random = np.random.default_rng(2)
    hits = random.random(SIZES.size) < special.expit(-6 + 2 * np.log(SIZES))
    curve, _ = fit_pod(SIZES, hits)
    saturated = 0.0
    for size in set(SIZES):
        k, n = hits[size == SIZES].sum(), 60
        saturated += special.xlogy(k, k / n) + special.xlogy(n - k, 1 - k / n)
    fit = goodness_of_fit(curve, SIZES, hits)
    assert fit.deviance == pytest.approx(2 * (saturated - curve.log_likelihood), rel=1e-8)
    assert fit.degrees_of_freedom == 6
    assert fit.p_value == pytest.approx(stats.chi2.sf(fit.deviance, 6))


def test_level_of_the_test_and_its_power():
    """True curves are called poor in about 5 % of data sets, curves with a ceiling of 60 % nearly always."""
    random, poor = np.random.default_rng(3), {1.0: 0, 0.6: 0}
    for ceiling in poor:
        for _ in range(150):
            hits = random.random(SIZES.size) < ceiling * special.expit(-12 + 4 * np.log(SIZES))
            poor[ceiling] += goodness_of_fit(fit_pod(SIZES, hits)[0], SIZES, hits).adequate is False
    assert poor[1.0] <= 150 * 0.05 + 3 * math.sqrt(150 * 0.05 * 0.95)
    assert poor[0.6] >= 140


def test_false_calls_do_not_make_a_fit_poor_when_they_are_known():
    hits = np.random.default_rng(4).random(SIZES.size) < 0.1 + 0.9 * special.expit(-12 + 4 * np.log(SIZES))
    known, unknown = (fit_pod(SIZES, hits, false_call_rate=rate)[0] for rate in (0.1, 0.0))
    assert goodness_of_fit(known, SIZES, hits).adequate is True
    assert goodness_of_fit(unknown, SIZES, hits).adequate is False


def test_no_p_value_without_degrees_of_freedom():
    curve = PodCurve(0.0, 1.0, ((np.eye(2), math.inf),), 1, 2, 0.0)
    fit = goodness_of_fit(curve, [1] * 10 + [2] * 10, [0, 1] * 10)
    assert (fit.p_value, fit.adequate) == (None, None)


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ((10, 59, 60, 60), 2.0),  # 59 of 60: lower bound 0.923
        ((10, 58, 60, 60), 4.0),  # 58 of 60: lower bound 0.898
        ((60, 10, 60, 60), 4.0),  # a size that fails ends it, whatever smaller ones do
        ((60, 60, 60, 58), None),
    ],
)
def test_proven_size_goes_down_from_the_largest(hits, expected):
    groups = [group(size, k) for size, k in zip((1.0, 2.0, 4.0, 8.0), hits, strict=True)]
    assert proven_size(groups) == expected
    for item in groups:
        low = stats.beta.ppf(0.05, item.hits, item.n - item.hits + 1)
        assert (low >= 0.9) == (item.hits >= 59)


def test_gathered_sizes_prove_nothing():
    assert proven_size([SizeGroup(1.0, 2.0, 100, 100, 0.9, 1.0)]) is None
