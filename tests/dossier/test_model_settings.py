from __future__ import annotations

import pytest

from sealproof.dossier.model_settings import SECTIONS, settings_in_force
from sealproof.models.registry import detector_names
from sealproof.models.settings import TrainSettings


def names(**changes: object) -> set[str]:
    settings = TrainSettings.model_validate(changes).model_dump(mode="json")
    return {name for name, _ in settings_in_force(settings)}


def test_every_detector_has_its_sections_and_each_section_a_detector() -> None:
    assert set(SECTIONS) == set(detector_names())
    sections = {name for name, value in TrainSettings().model_dump().items() if isinstance(value, dict)}
    assert {name for of_detector in SECTIONS.values() for name in of_detector} == sections


def test_of_a_feature_detector_no_setting_of_a_network_is_printed() -> None:
    found = names(detector="padim")
    assert {"padim.features", "backbone.blocks", "backbone.side"} <= found
    assert not found & {"epochs", "filters", "augment", "backbone.layers", "patchcore.coreset"}


def test_with_an_own_encoder_the_settings_of_its_training_are() -> None:
    found = names(detector="patchcore", backbone={"source": "own-encoder"})
    assert {"epochs", "filters", "backbone.layers", "patchcore.coreset"} <= found
    assert not found & {"backbone.blocks", "backbone.side", "padim.features"}


def test_guided_padim_looks_at_mirrored_copies() -> None:
    assert {"augment", "guided_padim.weight"} <= names(detector="guided-padim")


def test_of_the_autoencoder_every_own_key_and_no_section() -> None:
    own = {name for name, value in TrainSettings().model_dump().items() if not isinstance(value, dict)}
    assert names() == own


def test_values_are_text_and_nothing_is_dropped() -> None:
    settings = TrainSettings(roi_weight={"inside": 2}).model_dump(mode="json")  # type: ignore[arg-type]
    found = dict(settings_in_force(settings))
    assert found["filters"] == "32, 64, 96, 128"
    assert found["roi_weight"] == "box 0.25, 0.25, 0.75, 0.75, inside 2.0, outside 1.0"
    assert dict(settings_in_force(settings | {"roi_weight": None}))["roi_weight"] == "none"


def test_an_unknown_detector_is_an_error() -> None:
    with pytest.raises(KeyError):
        settings_in_force({"detector": "oracle"})
