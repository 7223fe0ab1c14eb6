"""The declared envelope and the settings of the challenges."""

import pytest
import yaml
from pydantic import ValidationError
from tests.qualification.build import ROOT

from sealproof.challenges.disturbances import DISTURBANCES
from sealproof.challenges.settings import AcquisitionSettings, ChallengeSettings


def test_every_field_of_the_envelope_is_a_disturbance():
    assert set(AcquisitionSettings.model_fields) == set(DISTURBANCES)


@pytest.mark.parametrize("product", ["elpv-mono", "elpv-poly", "seal-sim", "ssi"])
def test_demonstration_products_declare_every_disturbance_as_an_assumption(product):
    text = (ROOT / "products" / product / "inspection.yaml").read_text()
    assert "assumptions of the demonstration" in text
    assert set(AcquisitionSettings(**yaml.safe_load(text)["acquisition"]).limits()) == set(DISTURBANCES)


def test_what_is_not_declared_has_no_limit():
    assert AcquisitionSettings().limits() == {}
    assert AcquisitionSettings(tilt=1).limits() == {"tilt": 1.0}


@pytest.mark.parametrize(
    "content",
    [
        {"shift": 0},
        {"tilt": 60},
        {"brightness": 0.9},
        {"noise": -0.1},
        {"jpeg": 100},
        {"jpeg": 0},
        {"haze": 1},
    ],
)
def test_an_impossible_limit_is_refused(content):
    with pytest.raises(ValidationError):
        AcquisitionSettings(**content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"severities": [1.0, 0.5]}, "do not rise"),
        ({"severities": [1.0, 1.0]}, "do not rise"),
        ({"severities": [0.5, 2.0]}, "declared limit itself"),
        ({"severities": []}, "at least 1"),
        ({"severities": [0.0, 1.0]}, "greater than 0"),
        ({"repeat_batch_sizes": [4]}, "at least 2"),
        ({"images": 0}, "greater than 0"),
    ],
)
def test_settings_that_prove_nothing_are_refused(content, message):
    with pytest.raises(ValidationError, match=message):
        ChallengeSettings(**content)
