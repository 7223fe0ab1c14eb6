"""Spread over seeds and the paired test, against SciPy, the paired test of two releases, and a simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats
from sklearn.metrics import roc_auc_score

from sealproof.benchmark.statistics import compare_on_calibration, paired_areas, placements, spread
from sealproof.change.paired import delong_paired


def test_the_interval_is_that_of_scipy():
    values = [0.91, 0.94, 0.90, 0.93]
    found = spread(values, 0.9)
    expected = stats.t.interval(0.9, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    assert (found.smallest, found.largest) == (0.90, 0.94)


def test_one_seed_has_no_interval():
    found = spread([0.9])
    assert (found.mean, found.low, found.high) == (0.9, None, None)


@pytest.mark.parametrize("values", [[], [float("nan")], [0.5, float("inf")]])
def test_a_spread_of_nothing_is_refused(values):
    with pytest.raises(ValueError, match="finite"):
        spread(values)


_SCORES = some.lists(some.integers(0, 6), min_size=2, max_size=12)


@given(_SCORES, _SCORES)
@settings(max_examples=40, deadline=None)
def test_placements_give_the_area_with_ties(bad, good):
    found = placements(bad, good)
    area = roc_auc_score([1] * len(bad) + [0] * len(good), bad + good)
    assert sum(found.defective) / (2 * len(bad) * len(good)) == pytest.approx(area)
    assert sum(found.normal) / (2 * len(bad) * len(good)) == pytest.approx(area)


@pytest.mark.parametrize("seed", range(5))
def test_the_paired_test_is_that_of_two_releases(seed):
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [40, 30])
    shared = labels + random.normal(size=70)
    one, two = shared + random.normal(size=70), np.round(shared + 0.5 * random.normal(size=70), 1)
    first, second, p_value = delong_paired(labels, one, two)
    pair = [placements(scores[labels == 1], scores[labels == 0]) for scores in (one, two)]
    found = paired_areas(*pair)
    assert (found.first, found.second, found.p_value) == pytest.approx((first, second, p_value))
    assert (found.low <= 0 <= found.high) == (found.p_value >= 0.05)


def test_equal_scores_differ_by_nothing_and_a_constant_lead_has_no_test():
    one = placements([3.0, 4.0], [1.0, 2.0])
    assert paired_areas(one, one).p_value == 1.0
    worst = placements([1.0, 2.0], [3.0, 4.0])
    found = paired_areas(worst, one)
    assert (found.difference, found.low, found.p_value) == (1.0, None, None)


@pytest.mark.parametrize(
    ("bad", "good"), [([], [1.0]), ([1.0], []), ([float("nan")], [1.0])], ids=["none", "none", "nan"]
)
def test_placements_of_nothing_are_refused(bad, good):
    with pytest.raises(ValueError, match="both classes"):
        placements(bad, good)


def test_other_images_cannot_be_paired():
    with pytest.raises(ValueError, match="the same images"):
        paired_areas(placements([1, 2, 3], [1, 2]), placements([1, 2], [1, 2]))


def test_a_challenger_on_development_images():
    random = np.random.default_rng(3)
    normals, defects = random.normal(size=60), random.normal(1.0, 1.0, 42)
    noise = (normals + random.normal(size=60), defects + random.normal(size=42))
    found = compare_on_calibration(noise, (normals, defects))
    labels = np.repeat([0, 1], [60, 42])
    expected = delong_paired(labels, np.concatenate(noise), np.concatenate([normals, defects]))
    assert (found.first, found.second, found.p_value) == pytest.approx(expected)


def test_the_paired_test_keeps_its_level():
    """300 pairs of equally good scores of the same images: about 5 % are called different at 0.05."""
    random = np.random.default_rng(11)
    wrong = 0
    for _ in range(300):
        shared = np.concatenate([random.normal(size=60), random.normal(1.2, 1.0, 60)])
        one, two = (shared + 0.7 * random.normal(size=120) for _ in range(2))
        found = paired_areas(placements(one[60:], one[:60]), placements(two[60:], two[:60]))
        wrong += found.p_value < 0.05
    assert wrong <= stats.binom.ppf(0.999, 300, 0.05)
