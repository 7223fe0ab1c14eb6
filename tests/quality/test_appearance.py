import numpy as np
import pytest
from tests.quality.conftest import limited, picture

from sealproof.quality import appearance

ALL = (
    appearance.too_small,
    appearance.mixed_size,
    appearance.mixed_mode,
    appearance.blank,
    appearance.brightness,
    appearance.sharpness,
    appearance.saturated,
)


@pytest.mark.parametrize("check", ALL)
def test_sound_images_give_no_finding(sound, check):
    assert check(sound[0]) == []


def test_images_below_the_smallest_side(folder):
    folder.fill()
    folder.add("narrow.png", "train", image=picture(1)[:, :31])
    folder.add("just.png", "train", image=picture(2)[:32, :32])
    (found,) = appearance.too_small(folder.examine())
    assert found.severity == "error"
    assert found.where == ("narrow (31 x 64)",)


@pytest.mark.parametrize(("strict", "severity"), [(True, "error"), (False, "warning")])
def test_mixed_sizes(folder, strict, severity):
    folder.fill()
    folder.add("other.png", "test", 0, image=picture(1, 80))
    (found,) = appearance.mixed_size(folder.examine(same_size=strict))
    assert found.severity == severity
    assert found.where == ("other (80 x 80)",)
    assert found.observed == "64 x 64: 12, 80 x 80: 1"


@pytest.mark.parametrize(("strict", "severity"), [(True, "error"), (False, "warning")])
def test_mixed_modes(folder, strict, severity):
    folder.fill()
    folder.add("deep.png", "test", 0, image=picture(1).astype(np.uint16) * 257)
    folder.add("colour.png", "test", 0, image=np.dstack([picture(2), picture(3), picture(4)]))
    (found,) = appearance.mixed_mode(folder.examine(same_mode=strict))
    assert found.severity == severity
    assert found.where == ("colour (rgb8)", "deep (grey16)")


def test_excluded_images_may_look_as_they_like(folder):
    folder.fill()
    folder.add("other.png", "unused", 0, image=np.zeros((20, 20), np.uint8), excluded_reason="a test pattern")
    data = folder.examine()
    assert [check(data) for check in ALL] == [[]] * len(ALL)


def test_blank_images_are_errors_and_have_no_second_finding(folder):
    folder.fill()
    folder.add("black.png", "train", image=np.zeros((64, 64), np.uint8))
    folder.add("grey.png", "test", 0, image=np.full((64, 64), 77, np.uint8))
    folder.add("white.png", "train", image=np.full((64, 64), 255, np.uint8))
    data = folder.examine(sharpness_minimum=1e-6)
    (found,) = appearance.blank(data)
    assert found.severity == "error"
    assert found.where == ("black.png: all black", "grey.png: one grey value, 0.302", "white.png: all white")
    assert [check(data) for check in ALL[4:]] == [[], [], []]


def test_a_dim_but_structured_image_is_not_blank(folder):
    folder.fill()
    folder.add("dim.png", "train", image=(picture(1) // 40).astype(np.uint8))
    assert appearance.blank(folder.examine()) == []


def test_brightness_sharpness_and_saturation_out_of_range(folder):
    folder.fill()
    folder.add("dark.png", "train", image=(picture(1) // 20).astype(np.uint8))
    half = picture(2)
    half[:16] = 255
    folder.add("glare.png", "train", image=half)
    data = folder.examine(brightness={"low": 0.1, "high": 0.9}, sharpness_minimum=1e-4, saturated_maximum=0.2)
    names = [[f.where[0].split()[0] for f in check(data)] for check in ALL[4:]]
    assert names == [["dark"], ["dark"], ["glare"]]
    assert all(f.severity == "warning" for check in ALL[4:] for f in check(data))


def test_the_limits_themselves_are_allowed(sound):
    data = sound[0]
    value = data.frame["brightness"]
    exact = {"low": float(value.min()), "high": float(value.max())}
    assert appearance.brightness(limited(data, brightness=exact)) == []
    inside = {"low": float(np.nextafter(value.min(), 1)), "high": float(value.max())}
    (found,) = appearance.brightness(limited(data, brightness=inside))
    assert found.where[0].startswith(data.frame["image_id"][value.idxmin()])
