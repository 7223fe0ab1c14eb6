import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from sealproof.evidence.errors import DataError
from sealproof.scores.clusters import fit_clusters
from sealproof.scores.reduction import FeatureReduction

EVERY = FeatureReduction(np.arange(6))


@pytest.fixture
def points():
    random = np.random.default_rng(9)
    found = random.normal(size=(90, 6)) * [1, 100, 1, 1, 0.01, 0] + 8 * random.integers(0, 3, (90, 1))
    found[:, 5] = 4.0
    return found


def test_against_scikit_learn_and_scipy(points):
    positions = np.zeros(90, int)
    fitted = fit_clusters(points, positions, EVERY, 4, seed=2)
    spread = points.std(axis=0)
    standard = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)
    model = KMeans(4, n_init=10, random_state=2).fit(standard)
    expected = cdist(standard, model.cluster_centers_).min(axis=1) / np.sqrt(6)
    np.testing.assert_allclose(fitted.distance(points, positions), expected, rtol=1e-9)


def test_each_position_has_its_own_centres(points):
    positions = np.tile([0, 3], 45)
    together = fit_clusters(points, positions, EVERY, 3, seed=2)
    for position in (0, 3):
        chosen = positions == position
        alone = fit_clusters(points[chosen], positions[chosen], EVERY, 3, seed=2)
        np.testing.assert_array_equal(
            together.distance(points, positions)[chosen], alone.distance(points[chosen], positions[chosen])
        )
    assert together.counts.tolist() == [45, 45]


def test_a_centre_is_at_distance_zero_and_a_feature_that_did_not_vary_counts_as_it_is(points):
    fitted = fit_clusters(points, np.zeros(90, int), EVERY, 1, seed=2)
    centre = fitted.centres[0, 0] * fitted.deviations[0] + fitted.means[0]
    features = np.stack([centre, centre + np.array([0, 0, 0, 0, 0, 2])])
    np.testing.assert_allclose(fitted.distance(features, np.zeros(2, int)), [0, 2 / 6**0.5], atol=1e-9)


def test_one_cluster_is_the_standardised_distance_from_the_mean(points):
    positions = np.zeros(90, int)
    fitted = fit_clusters(points[:, :5], positions, FeatureReduction(np.arange(5)), 1, seed=2)
    z = (points[:, :5] - points[:, :5].mean(axis=0)) / points[:, :5].std(axis=0)
    np.testing.assert_allclose(
        fitted.distance(points[:, :5], positions), np.sqrt((z**2).mean(axis=1)), rtol=1e-9
    )


def test_too_few_different_patches_and_wrong_arguments_are_refused(points):
    with pytest.raises(DataError) as caught:
        fit_clusters(np.repeat(points[:2], 9, axis=0), np.zeros(18, int), EVERY, 3, seed=2)
    assert "2 different training patches for 3 centres" in caught.value.why
    fitted = fit_clusters(points, np.zeros(90, int), EVERY, 3, seed=2)
    with pytest.raises(ValueError, match="6"):
        fitted.distance(points[:, :2], np.zeros(90, int))
    with pytest.raises(ValueError, match=r"\[7\]"):
        fitted.distance(points, np.full(90, 7))
    with pytest.raises(ValueError, match="finite"):
        fitted.distance(points * np.nan, np.zeros(90, int))
