import numpy as np
import pytest

from sealproof.quality.schema import validate_measured

WRONG = {
    "a split that does not exist": ("split", "holdout"),
    "an unknown mode": ("mode", "cmyk"),
    "brightness above 1": ("brightness", 1.5),
    "negative sharpness": ("sharpness", -1.0),
    "a saturated share above 1": ("saturated", 1.1),
    "a readable image without brightness": ("brightness", np.nan),
    "a readable image with a problem": ("problem", "broken"),
    "a readable image without a hash": ("perceptual_hash", ""),
    "a hash that is none": ("pixels_sha256", "xyz"),
    "an unreadable image with measures": ("readable", False),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_frame_that_breaks_the_contract_is_refused(sound, case):
    frame = sound[0].frame.copy()
    column, value = WRONG[case]
    frame.loc[0, column] = value
    with pytest.raises(ValueError, match="breaks its contract"):
        validate_measured(frame)


def test_one_image_twice_is_refused(sound):
    frame = sound[0].frame.copy()
    frame.loc[1, "image_id"] = frame.loc[0, "image_id"]
    with pytest.raises(ValueError, match="breaks its contract"):
        validate_measured(frame)


def test_a_sound_frame_passes_unchanged(sound):
    assert validate_measured(sound[0].frame).equals(sound[0].frame)
