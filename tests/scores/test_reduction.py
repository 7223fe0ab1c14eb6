import numpy as np
import pytest
from sklearn.decomposition import PCA

from sealproof.evidence.errors import DefinitionError
from sealproof.scores import reduction as module
from sealproof.scores.reduction import FeatureReduction, fit_reduction, principal_components
from sealproof.scores.settings import FeatureSettings


def features_of(rows, columns, seed=0):
    random = np.random.default_rng([rows, columns, seed])
    return random.normal(size=(rows, columns)) * np.linspace(3, 0.1, columns) + random.normal(size=columns)


@pytest.mark.parametrize("shape", [(80, 12), (20, 50)])
@pytest.mark.parametrize("explained", [0.5, 0.95, 1.0])
def test_principal_components_against_scikit_learn(shape, explained):
    features = features_of(*shape)
    centre, components = principal_components(features, explained, 1000)
    reference = PCA(explained if explained < 1 else min(shape[0] - 1, shape[1]), svd_solver="full").fit(
        features
    )
    assert components.shape[1] == reference.n_components_
    np.testing.assert_allclose(centre, reference.mean_, rtol=1e-12)
    np.testing.assert_allclose(np.abs(components.T), np.abs(reference.components_), atol=1e-9)
    assert (components.max(axis=0) == np.abs(components).max(axis=0)).all()  # the sign is settled


def test_the_number_of_components_is_bounded_and_constant_features_give_one():
    assert principal_components(features_of(80, 12), 0.95, 3)[1].shape == (12, 3)
    assert principal_components(np.ones((5, 4)), 0.95, 3)[1].shape == (4, 1)


def test_independent_components_find_the_sources_and_are_the_same_again():
    random = np.random.default_rng(0)
    sources = np.sign(random.normal(size=(2000, 3))) * random.random((2000, 3)) ** 0.2
    settings = FeatureSettings(reduction="ica", explained=0.999)
    mixed = sources @ random.normal(size=(3, 10))
    fitted = fit_reduction(mixed, settings, seed=1)
    found = fitted.apply(mixed)
    np.testing.assert_allclose(np.cov(found.T, bias=True), np.eye(3), atol=1e-6)
    correlation = np.abs(np.corrcoef(found.T, sources.T)[:3, 3:])
    assert (correlation.max(axis=0) > 0.99).all()
    np.testing.assert_array_equal(fitted.projection, fit_reduction(mixed, settings, seed=1).projection)


def test_independent_components_that_are_not_found_are_refused(monkeypatch):
    monkeypatch.setattr(module, "_ICA_STEPS", 1)
    with pytest.raises(DefinitionError) as caught:
        fit_reduction(features_of(60, 20), FeatureSettings(reduction="ica"), seed=1)
    assert "did not converge in 1 steps on 60 patches" in caught.value.why


@pytest.mark.parametrize(
    ("name", "rank"),
    [("variance", lambda each: each.var(axis=0)), ("attention", lambda each: (each**2).mean(axis=0))],
)
def test_ranking_takes_the_largest_and_the_first_of_equals(name, rank):
    features = features_of(30, 15)
    features[:, 9] = features[:, 2]
    settings = FeatureSettings(reduction=name, features=6)
    expected = sorted(sorted(range(15), key=lambda at: (-rank(features)[at], at))[:6])
    fitted = fit_reduction(features, settings, seed=1)
    assert fitted.selected.tolist() == expected
    np.testing.assert_array_equal(fitted.apply(features[:, expected]), features[:, expected])


def test_all_stay_and_none_are_lost_when_few_are_there():
    features = features_of(30, 4)
    for name in ("none", "random", "variance", "attention"):
        fitted = fit_reduction(features, FeatureSettings(reduction=name, features=9), seed=1)
        assert fitted.selected.tolist() == [0, 1, 2, 3]
        assert fitted.size == 4


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((0, 3)), np.full((3, 3), np.inf)])
def test_what_are_no_features_is_refused(wrong):
    with pytest.raises(ValueError, match="finite features"):
        fit_reduction(wrong, FeatureSettings(), seed=1)
    with pytest.raises(ValueError, match="feature"):
        FeatureReduction(np.arange(3)).apply(np.full((2, 3), np.nan))
