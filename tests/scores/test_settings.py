import pytest

from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.models.registry import detector_names
from sealproof.scores.settings import ALL_SCORES, SCORE_NAMES, ScoreSettings, standard_scores


def test_every_detector_has_standard_scores_among_all():
    for detector in detector_names():
        names = standard_scores(detector)
        assert names
        assert set(names) <= set(ALL_SCORES)
    assert standard_scores("attention-autoencoder") == SCORE_NAMES
    with pytest.raises(DefinitionError) as caught:
        standard_scores("oracle")
    assert "patchcore" in caught.value.why


def test_layers_are_numbers_and_the_bottleneck_is_zero():
    for layer, expected in {2: (2,), "bottleneck": (0,), "all": (1, 2, 3, 4)}.items():
        settings = strict.parse(ScoreSettings, {"mahalanobis": {"layer": layer}}, "params.yaml")
        assert settings.mahalanobis.layers == expected


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"names": ["mse", "best"]}, "names"),
        ({"names": []}, "names"),
        ({"names": ["mse", "mse"]}, "names"),
        ({"preset": "best"}, "preset"),
        ({"pooling": {"fraction": 0}}, "pooling.fraction"),
        ({"pooling": {"fraction": 1.1}}, "pooling.fraction"),
        ({"pooling": {"smoothing": -1}}, "pooling.smoothing"),
        ({"mahalanobis": {"layer": 0}}, "mahalanobis.layer"),
        ({"mahalanobis": {"layer": 5}}, "mahalanobis.layer"),
        ({"mahalanobis": {"layer": "top"}}, "mahalanobis.layer"),
        ({"mahalanobis": {"reduction": "best"}}, "mahalanobis.reduction"),
        ({"mahalanobis": {"explained": 0}}, "mahalanobis.explained"),
        ({"k_means": {"clusters": 0}}, "k_means.clusters"),
        ({"k_means": {"covariance": "oas"}}, "k_means.covariance"),
    ],
)
def test_an_impossible_setting_is_refused_by_its_key(content, key):
    with pytest.raises(DefinitionError) as caught:
        strict.parse(ScoreSettings, content, "params.yaml")
    assert key in caught.value.why


def test_defaults_and_lists_from_yaml():
    assert ScoreSettings().names is None
    found = strict.parse(ScoreSettings, {"names": ["4-ms-ssim-peak", "mse"]}, "params.yaml")
    assert found.names == ("4-ms-ssim-peak", "mse")
