import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.roi import synthetic

from sealproof.roi.propose import propose
from sealproof.roi.settings import RoiSettings, SobelTransitionOptions
from sealproof.roi.transitions import find_transitions

WINDOW = {"above": 10, "below": 10}


def regions(image, minimum=0.0, **options):
    return propose(image, RoiSettings(method="sobel_transition", options=options, minimum_confidence=minimum))


def found(image, **options):
    """Position of the one transition: the middle of its window."""
    (region,) = regions(image, **WINDOW, **options)
    return (region.y0 + region.y1) / 2


@settings(max_examples=25, deadline=None)
@given(position=st.floats(15, 105), contrast=st.floats(0.02, 0.6), noise=st.floats(0, 0.01))
def test_an_edge_is_found_to_a_fraction_of_a_pixel(position, contrast, noise):
    image = synthetic.noisy(synthetic.edge(position, low=0.2, high=0.2 + contrast), noise)
    assert abs(found(image) - position) < 0.3


@pytest.mark.parametrize("position", [40.0, 40.25, 40.5, 40.9])
@pytest.mark.parametrize(("feature", "turned"), [("rising", False), ("falling", True), ("edge", True)])
def test_without_noise_the_position_is_exact_to_a_twentieth(position, feature, turned):
    image = synthetic.edge(position)
    assert abs(found(1 - image if turned else image, feature=feature) - position) < 0.05


@pytest.mark.parametrize("slope", [-0.03, 0.01, 0.03])
def test_tilt_is_measured_and_the_patch_follows_it(slope):
    image = synthetic.noisy(synthetic.edge(60.3, slope=slope), 0.005)
    options = {"tilt_limit": 2.5, "level": True, "horizontal": (0.5, 1.0)} | WINDOW
    (region,) = regions(image, **options)
    assert abs(region.tilt - slope) < 0.001
    assert abs((region.y0 + region.y1) / 2 - (60.3 + slope * synthetic.WIDTH / 4)) < 0.3


def test_a_tilt_lowers_confidence_less_when_it_is_looked_for():
    image = synthetic.noisy(synthetic.edge(60, slope=0.04, high=0.33), 0.01)
    level, tilted = regions(image, **WINDOW)[0], regions(image, tilt_limit=3, **WINDOW)[0]
    assert tilted.confidence > level.confidence
    assert (
        tilted.tilt == 0
    )  # found along the tilt, yet the patch stays a rectangle unless `level` is asked for


def test_low_contrast_in_noise_is_found_with_less_confidence():
    clear = regions(synthetic.noisy(synthetic.edge(50.4), 0.01), **WINDOW)[0]
    faint = regions(synthetic.noisy(synthetic.edge(50.4, high=0.32), 0.01), **WINDOW)[0]
    assert abs((faint.y0 + faint.y1) / 2 - 50.4) < 1
    assert 0 < faint.confidence < clear.confidence
    assert clear.confidence > 0.8


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_flat_image_has_confidence_zero_and_is_undecided_even_without_a_limit(value):
    for region in regions(np.full((60, 80), value, np.float32), minimum=0.0, count=3):
        assert region.confidence == 0
        assert not region.decided
        assert (region.x0, region.y0, region.x1, region.y1) == (0, 0, 80, 60)


def test_noise_alone_is_never_confident():
    """The tallest of many like peaks stands out little."""
    flat = np.full((synthetic.HEIGHT, synthetic.WIDTH), 0.5, np.float32)
    images = [synthetic.noisy(flat, 0.05, seed) for seed in range(200)]
    confidences = np.array([regions(image, **WINDOW)[0].confidence for image in images])
    assert (confidences < 0.5).all()
    assert (confidences > 0.25).mean() < 0.05


def test_an_image_with_nan_never_passes():
    image = synthetic.edge(60)
    image[70, 70] = np.nan
    (region,) = regions(image, **WINDOW)
    assert region.confidence == 0
    assert not region.decided


def test_two_equal_edges_are_no_choice():
    image = synthetic.edge(40, low=0.2, high=0.4) + synthetic.edge(80, low=0.0, high=0.2)
    (region,) = regions(image, minimum=0.05, **WINDOW)
    assert region.confidence < 0.05
    assert not region.decided


def test_bars_are_found_and_confidence_is_by_bar():
    image = synthetic.noisy(synthetic.bars([20.3, 60.0, 99.6]), 0.01)
    options = {"feature": "dark_line", "scale": 2.5, "count": 3, "above": 8, "below": 8}
    three = regions(image, **options)
    assert [region.name for region in three] == ["transition-1", "transition-2", "transition-3"]
    middles = [(region.y0 + region.y1) / 2 for region in three]
    np.testing.assert_allclose(middles, [20.3, 60.0, 99.6], atol=0.3)
    assert all(region.confidence > 0.8 for region in three)
    inverse = regions(1 - image, **options | {"feature": "bright_line"})
    np.testing.assert_allclose([region.y0 for region in inverse], [region.y0 for region in three], atol=1e-3)


def test_spacing_keeps_a_stronger_stray_line_out():
    image = synthetic.bars([20, 60, 100]) - 0.3 * (1 - synthetic.bars([35.0], depth=1.0) / 0.7)
    options = {"feature": "dark_line", "scale": 2.5, "count": 3, "above": 8, "below": 8}
    free = [(region.y0 + region.y1) / 2 for region in regions(image, **options)]
    held = [(region.y0 + region.y1) / 2 for region in regions(image, spacing=(35, 45), **options)]
    assert any(abs(position - 35) < 1 for position in free)
    np.testing.assert_allclose(held, [20, 60, 100], atol=0.3)


def test_strips_lie_between_the_bars_with_the_smaller_confidence():
    image = synthetic.noisy(synthetic.bars([20, 60, 100]), 0.01)
    options = {"feature": "dark_line", "scale": 2.5, "count": 3}
    three = regions(image, above=8, below=8, **options)
    strips = regions(image, between=True, outer=True, inset=4, **options)
    np.testing.assert_allclose([strip.y0 for strip in strips], [0, 24, 64, 104], atol=0.3)
    np.testing.assert_allclose([strip.y1 for strip in strips], [16, 56, 96, 120], atol=0.3)
    assert strips[1].confidence == min(three[0].confidence, three[1].confidence)
    assert [strip.name for strip in regions(image, between=True, **options)] == ["strip-1", "strip-2"]


def test_a_window_that_leaves_the_image_is_undecided():
    image = synthetic.edge(8)
    assert not regions(image, above=10, below=10)[0].decided
    assert regions(image, above=5, below=10)[0].decided
    tilted = synthetic.edge(12, slope=0.05)
    assert not regions(tilted, above=10, below=10, tilt_limit=4, level=True)[0].decided


def test_search_keeps_to_its_range():
    image = synthetic.edge(30) + synthetic.edge(90, low=0.0, high=0.1)
    assert abs(found(image) - 30) < 0.3
    assert abs(found(image, search=(0.6, 0.9)) - 90) < 0.3
    assert regions(image, search=(0.4, 0.6), minimum=0.3, **WINDOW)[0].confidence < 0.3


def test_the_sub_pixel_position_is_that_of_the_parabola():
    rows = np.arange(40)
    top = 17.3
    response = np.maximum(0, 1 - (rows + 0.5 - top) ** 2 / 30)
    (transition,) = find_transitions(response, SobelTransitionOptions(contrast=0.25))
    assert transition.position == pytest.approx(top, abs=1e-12)
    assert transition.confidence == pytest.approx(response.max() / (response.max() + 0.25))


def test_confidence_is_the_stated_formula():
    response = np.zeros(60)
    response[[10, 30, 50]] = [0.4, 1.0, 0.1]
    (transition,) = find_transitions(response, SobelTransitionOptions(contrast=0.25))
    assert transition.position == 30.5
    assert transition.confidence == pytest.approx((1 - 0.4 / 1.0) * 1.0 / (1.0 + 0.25))
    first, second = find_transitions(response, SobelTransitionOptions(contrast=0.25, count=2))
    assert first.confidence == pytest.approx((1 - 0.1 / 0.4) * 0.4 / (0.4 + 0.25))
    assert second.confidence == pytest.approx((1 - 0.1 / 1.0) * 1.0 / (1.0 + 0.25))
    assert find_transitions(response, SobelTransitionOptions(count=4)) == []


def test_an_image_of_one_or_two_rows_is_undecided():
    for shape in ((1, 40), (2, 40), (40, 2)):
        assert not regions(np.random.default_rng(0).random(shape, np.float32), **WINDOW)[0].decided
