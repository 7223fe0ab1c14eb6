import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis as reference_distance
from sklearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ledoit_wolf_shrinkage

from sealproof.evidence.errors import DefinitionError
from sealproof.scores import covariance as module
from sealproof.scores.covariance import fit_gaussian, mahalanobis, oas_shrinkage

SHAPES = [(60, 8), (40, 40), (12, 70), (300, 1)]


def points_of(shape):
    random = np.random.default_rng(shape)
    return random.normal(size=shape) @ random.normal(size=(shape[1], shape[1])) + 3


@pytest.mark.parametrize("shape", SHAPES)
def test_shrinkage_against_scikit_learn(shape):
    centred = points_of(shape) - points_of(shape).mean(axis=0)
    expected = ledoit_wolf_shrinkage(centred, assume_centered=True)
    assert module.ledoit_wolf_shrinkage(centred) == pytest.approx(expected, rel=1e-9)
    assert oas_shrinkage(centred) == pytest.approx(
        OAS(assume_centered=True).fit(centred).shrinkage_, rel=1e-9
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "estimator"), [("ledoit-wolf", LedoitWolf), ("oas", OAS)])
def test_distances_against_scipy_with_more_and_with_fewer_patches_than_features(shape, name, estimator):
    points, new = points_of(shape), points_of(shape)[:5] * 1.7 - 1
    fitted, expected = fit_gaussian(points, name, "here"), estimator().fit(points)
    found = mahalanobis(new - fitted.mean, fitted.whitening, fitted.residual)
    np.testing.assert_allclose(
        found, [reference_distance(x, expected.location_, expected.precision_) for x in new], rtol=1e-7
    )
    assert fitted.whitening.shape[1] <= min(shape)


def test_a_feature_that_never_varied_counts_with_the_shrunk_variance():
    points = np.column_stack([points_of((60, 3)), np.full(60, 2.0)])
    fitted, expected = fit_gaussian(points, "ledoit-wolf", "here"), LedoitWolf().fit(points)
    new = points[:1] + np.array([0, 0, 0, 5])
    np.testing.assert_allclose(
        mahalanobis(new - fitted.mean, fitted.whitening, fitted.residual),
        reference_distance(new[0], expected.location_, expected.precision_),
        rtol=1e-9,
    )
    with pytest.raises(DefinitionError, match="singular") as caught:
        fit_gaussian(points, "plain", "here")
    assert "of which 1 do not vary" in caught.value.why


def test_plain_is_the_maximum_likelihood_covariance():
    points = points_of((60, 8))
    fitted, expected = fit_gaussian(points, "plain", "here"), EmpiricalCovariance().fit(points)
    np.testing.assert_allclose(fitted.whitening @ fitted.whitening.T, expected.precision_, rtol=1e-8)


def test_columns_of_zeros_change_nothing():
    fitted = fit_gaussian(points_of((12, 70)), "oas", "here")
    new = points_of((12, 70))[:4] * 2 - fitted.mean
    padded = np.column_stack([fitted.whitening, np.zeros((70, 3))])
    np.testing.assert_allclose(
        mahalanobis(new, padded, fitted.residual),
        mahalanobis(new, fitted.whitening, fitted.residual),
        rtol=1e-12,
    )
