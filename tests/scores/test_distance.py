import time

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import OAS, LedoitWolf

from sealproof.evidence.errors import DataError, DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.scores.distance import (
    ClusterDistance,
    draw_features,
    fit_distance,
    load_distance,
    needed_features,
    save_distance,
)
from sealproof.scores.settings import KMeansSettings, MahalanobisSettings

ESTIMATORS = {"ledoit-wolf": LedoitWolf, "oas": OAS}


@pytest.fixture
def points():
    generator = np.random.default_rng(5)
    return generator.normal(size=(60, 80)) @ generator.normal(size=(80, 80))  # fewer images than features


@pytest.mark.parametrize("name", ESTIMATORS)
def test_against_scipy_at_each_patch_position(points, name):
    positions = np.repeat([0, 2], 30)
    fitted = fit_distance(points, positions, np.arange(80), MahalanobisSettings(covariance=name))
    found = fitted.distance(points, positions)
    for position in (0, 2):
        chosen = positions == position
        reference = ESTIMATORS[name]().fit(points[chosen])
        expected = [mahalanobis(x, reference.location_, reference.precision_) for x in points[chosen]]
        np.testing.assert_allclose(found[chosen], expected, rtol=1e-8)


def test_shrinkage_tells_training_images_apart_where_the_plain_covariance_cannot(points):
    """Errata 6: with a pseudo-inverse every training image has the distance (n - 1) / sqrt(n)."""
    centred = points - points.mean(axis=0)
    plain = np.sqrt(np.einsum("ni,ij,nj->n", centred, np.linalg.pinv(np.cov(points.T)), centred))
    np.testing.assert_allclose(plain, 59 / np.sqrt(60), rtol=1e-6)
    fitted = fit_distance(points, np.zeros(60, int), np.arange(80), MahalanobisSettings())
    assert fitted.distance(points, np.zeros(60, int)).std() > 0.1
    assert 0 < fitted.shrinkages[0] < 1


def test_plain_covariance_is_used_when_there_are_enough_patches_and_refused_when_singular(points):
    plain = MahalanobisSettings(covariance="plain")
    few = points[:, :20]  # 60 patches, 20 features
    fitted = fit_distance(few, np.zeros(60, int), np.arange(20), plain)
    inverse = np.linalg.inv(np.cov(few.T, bias=True))
    expected = [mahalanobis(x, few.mean(axis=0), inverse) for x in few]
    np.testing.assert_allclose(fitted.distance(few, np.zeros(60, int)), expected, rtol=1e-8)
    assert fitted.shrinkages.tolist() == [0]
    for singular in (points, points[:, :60], np.column_stack([few, few[:, 0]])):
        with pytest.raises(DefinitionError, match="singular") as caught:
            fit_distance(singular, np.zeros(60, int), np.arange(singular.shape[1]), plain)
        assert f"60 training patches for {singular.shape[1]} features" in caught.value.why


def test_round_trip_is_exact_and_the_bytes_are_the_same(points, tmp_path):
    positions = np.zeros(60, int)
    fitted = fit_distance(points, positions, draw_features(500, 80, 1), MahalanobisSettings())
    save_distance(fitted, tmp_path / "a.npz")
    save_distance(fitted, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = load_distance(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded.distance(points, positions), fitted.distance(points, positions))


def test_what_is_no_fit_is_refused(points, tmp_path):
    with pytest.raises(EvidenceMissingError):
        load_distance(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("text")
    np.savez(tmp_path / "other.npz", selected=np.arange(3))
    np.savez(tmp_path / "code.npz", **{key: np.array([print], dtype=object) for key in ("selected", "means")})
    fitted = fit_distance(points, np.zeros(60, int), np.arange(80), MahalanobisSettings())
    save_distance(fitted, tmp_path / "good.npz")
    content = dict(np.load(tmp_path / "good.npz"))
    np.savez(tmp_path / "mixed.npz", **content | {"means": content["means"][:, :-1]})
    (tmp_path / "empty.npz").write_text("")
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.ones(3))
    for name in ("text", "other", "code", "mixed", "empty", "array"):
        with pytest.raises(EvidenceAlteredError):
            load_distance(tmp_path / f"{name}.npz")


KINDS = [
    MahalanobisSettings(reduction="pca"),
    MahalanobisSettings(reduction="variance", features=9),
    MahalanobisSettings(reduction="attention", features=9),
    MahalanobisSettings(reduction="none", covariance="oas"),
    KMeansSettings(clusters=3),
    KMeansSettings(clusters=3, reduction="pca"),
]


@pytest.mark.parametrize("settings", KINDS)
def test_every_kind_is_fitted_saved_and_loaded_in_the_same_way(points, settings, tmp_path):
    positions, picked = np.repeat([1, 4], 30), np.arange(0, 160, 2)
    fitted = fit_distance(points, positions, picked, settings, seed=3)
    features = points[:, np.isin(picked, fitted.selected)]
    expected = fitted.distance(features, positions)
    for name in "ab":
        save_distance(fit_distance(points, positions, picked, settings, seed=3), tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = load_distance(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded.distance(features, positions), expected)
    assert loaded.counts.tolist() == [30, 30]
    assert isinstance(loaded, ClusterDistance) == isinstance(settings, KMeansSettings)
    turned = loaded.distance(features[::-1], positions[::-1])[::-1]  # neither order nor batch matter
    np.testing.assert_allclose(turned, expected, rtol=1e-9)
    np.testing.assert_allclose(loaded.distance(features[5:6], positions[5:6]), expected[5:6], rtol=1e-9)


@pytest.mark.parametrize("settings", [KINDS[0], KINDS[5]])
def test_a_part_that_does_not_fit_the_others_is_named(points, settings, tmp_path):
    save_distance(fit_distance(points, np.zeros(60, int), np.arange(80), settings), tmp_path / "good.npz")
    content = dict(np.load(tmp_path / "good.npz"))
    for key, value in content.items():
        for wrong in (
            value[..., :-1] if value.shape[-1] > 1 else value[..., None],
            value * np.float64("nan"),
        ):
            np.savez(tmp_path / "wrong.npz", **content | {key: wrong})
            with pytest.raises(EvidenceAlteredError) as caught:
                load_distance(tmp_path / "wrong.npz")
            assert ": " in caught.value.why
        np.savez(tmp_path / "less.npz", **{name: part for name, part in content.items() if name != key})
        with pytest.raises(EvidenceAlteredError) as caught:
            load_distance(tmp_path / "less.npz")
        assert f"{key}: " in caught.value.why


def test_independent_components_are_whitened_principal_ones_to_a_distance():
    """Both distances do not change under rotation, so ICA cannot add anything to PCA here."""
    random = np.random.default_rng(2)
    sources = random.laplace(size=(400, 3)) @ random.normal(size=(3, 12))
    settings = {"covariance": "plain", "explained": 1.0}
    positions, every = np.zeros(400, int), np.arange(12)
    distances = [
        fit_distance(sources, positions, every, MahalanobisSettings(reduction=name, **settings), 1).distance(
            sources, positions
        )
        for name in ("pca", "ica")
    ]
    np.testing.assert_allclose(distances[0], distances[1], rtol=1e-6)


def test_random_drop_draws_from_what_it_is_given_and_the_draw_is_the_announced_one(points):
    settings = MahalanobisSettings(features=7)
    needed = needed_features(80, settings, seed=5)
    directly = fit_distance(points, np.zeros(60, int), np.arange(80), settings, seed=5)
    drawn = fit_distance(points[:, needed], np.zeros(60, int), needed, settings, seed=5)
    assert directly.selected.tolist() == drawn.selected.tolist() == needed.tolist()
    np.testing.assert_array_equal(directly.whitenings, drawn.whitenings)


def test_two_thousand_patches_in_well_under_a_second():
    random = np.random.default_rng(4)
    for count in (300, 600):  # fewer, and more training patches than features
        training, new = random.normal(size=(count, 500)), random.normal(size=(2000, 500))
        fitted = fit_distance(training, np.zeros(count, int), np.arange(500), MahalanobisSettings())
        start = time.perf_counter()
        fitted.distance(new, np.zeros(2000, int))
        assert time.perf_counter() - start < 0.5


def test_wrong_arguments_and_too_little_data(points):
    fitted = fit_distance(points, np.zeros(60, int), np.arange(80), MahalanobisSettings())
    with pytest.raises(ValueError, match="80"):
        fitted.distance(points[:, :5], np.zeros(60, int))
    with pytest.raises(ValueError, match=r"\[7\]"):
        fitted.distance(points, np.full(60, 7))
    for few in (points[:1], np.ones((9, 80))):
        with pytest.raises(DataError, match="covariance"):
            fit_distance(few, np.zeros(len(few), int), np.arange(80), MahalanobisSettings())


def test_draw_is_a_sorted_sample_without_replacement():
    drawn = draw_features(10_000, 500, 7)
    assert len(set(drawn.tolist())) == 500
    assert (np.diff(drawn) > 0).all()
    assert not np.array_equal(drawn, draw_features(10_000, 500, 8))


def test_standardised_features_are_divided_by_their_spread_before_the_shrinkage():
    random = np.random.default_rng(12)
    points = random.normal(size=(60, 80)) * np.geomspace(0.01, 100, 80)
    scale = points.std(axis=0) + 0.1 * points.std(axis=0).mean()
    where, settings = np.zeros(60, int), MahalanobisSettings(features=80, standardised=True)
    fitted = fit_distance(points, where, np.arange(80), settings)
    plain = fit_distance(points / scale, where, np.arange(80), MahalanobisSettings(features=80))
    new = random.normal(size=(20, 80)) * np.geomspace(0.01, 100, 80)
    expected = plain.distance(new / scale, np.zeros(20, int))
    np.testing.assert_allclose(fitted.distance(new, np.zeros(20, int)), expected, rtol=1e-9)
    assert not np.allclose(
        fit_distance(points, where, np.arange(80), MahalanobisSettings(features=80)).distance(
            new, np.zeros(20, int)
        ),
        expected,
    )


def test_scales_that_cannot_divide_are_refused(tmp_path):
    points = np.random.default_rng(3).normal(size=(30, 4))
    fitted = fit_distance(points, np.zeros(30, int), np.arange(4), MahalanobisSettings(features=4))
    fitted.scales[0, 2] = 0.0
    save_distance(fitted, tmp_path / "distance.npz")
    with pytest.raises(EvidenceAlteredError, match="scales: not above 0"):
        load_distance(tmp_path / "distance.npz")
