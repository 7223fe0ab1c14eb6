"""Seeded defects have the size, the place and the contrast that are stated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sealproof.challenges.seeding import KINDS, PIECES, Placement, draw_placement, seed_defect, size_series

GREY = np.full((160, 200), 0.5, np.float32)
PLACE = Placement(80.3, 100.6, 0.7, (0.3, -0.4, 0.2))
STRAIGHT = Placement(80.3, 100.6, 0.7, (0.0,) * (PIECES - 1))


def share(image, kind, contrast=0.6):
    """Share of each pixel that is covered."""
    change = (GREY - image) / GREY if KINDS[kind][0] else (image - GREY) / (1 - GREY)
    return change / contrast


def draw(kind, size, place=PLACE, contrast=0.6, width=3.0):
    return seed_defect(GREY, kind, size, place, contrast=contrast, width=width)


@pytest.mark.parametrize("size", [2.0, 7.5, 20.0, 64.0])
def test_a_blob_has_the_area_of_its_disc(size):
    covered = share(draw("dark-blob", size), "dark-blob")
    assert covered.sum() == pytest.approx(np.pi * size**2 / 4, rel=0.15 if size == 2 else 0.02)
    rows, columns = np.indices(GREY.shape) + 0.5
    assert (covered * rows).sum() / covered.sum() == pytest.approx(PLACE.row, abs=0.05)
    assert (covered * columns).sum() / covered.sum() == pytest.approx(PLACE.column, abs=0.05)


@pytest.mark.parametrize("size", [12.0, 40.0, 90.0])
def test_a_scratch_has_its_length_and_its_width(size):
    covered = share(draw("bright-scratch", size), "bright-scratch")
    rows, columns = np.indices(GREY.shape) + 0.5
    along = (columns - PLACE.column) * np.cos(0.7) + (rows - PLACE.row) * np.sin(0.7)
    inside = covered > 0.5
    assert np.ptp(along[inside]) == pytest.approx(size, abs=1.5)
    # a stadium: a straight line of width 3 with round ends, `size` long in all
    assert covered.sum() == pytest.approx(3 * (size - 3) + np.pi * 1.5**2, rel=0.03)


def test_a_crack_is_as_long_as_stated_but_bends():
    bent, straight = share(draw("crack", 60.0), "crack"), share(draw("crack", 60.0, STRAIGHT), "crack")
    assert bent.sum() == pytest.approx(straight.sum(), rel=0.03)
    assert np.abs(bent - straight).max() > 0.9
    rows, columns = np.nonzero(bent > 0.5)
    assert np.hypot(np.ptp(rows), np.ptp(columns)) < 60


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_contrast_is_the_share_of_the_light(kind):
    image = draw(kind, 30.0, contrast=0.4)
    strongest = image.min() if KINDS[kind][0] else image.max()
    assert strongest == pytest.approx(0.5 * 0.6 if KINDS[kind][0] else 1 - 0.5 * 0.6, abs=1e-6)
    assert (image > 0.5).any() != KINDS[kind][0]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_edges_are_smooth(kind):
    change = np.abs(share(draw(kind, 30.0), kind))
    steps = np.abs(np.diff(change, axis=0)).max(), np.abs(np.diff(change, axis=1)).max()
    assert max(steps) <= 1.0
    assert ((change > 0.05) & (change < 0.95)).sum() >= 30


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_larger_defects_contain_smaller_ones_of_the_same_place(kind):
    small, large = (share(draw(kind, size, STRAIGHT), kind) for size in (10.0, 24.0))
    assert (large >= small - 1e-5).all()


@settings(max_examples=25, deadline=None)
@given(
    image=arrays(np.float32, (12, 15), elements=st.sampled_from([0.0, 1e-30, 0.25, 0.7, 1.0])),
    kind=st.sampled_from(sorted(KINDS)),
    size=st.floats(1, 40),
    row=st.floats(-30, 40),
    column=st.floats(-30, 40),
    contrast=st.floats(0.01, 1),
)
def test_values_stay_in_range_and_nothing_else_changes(image, kind, size, row, column, contrast):
    before = image.copy()
    place = Placement(row, column, 1.0, (0.5, 0.5, -1.0))
    drawn = seed_defect(image, kind, size, place, contrast=contrast, width=2.0)
    assert np.array_equal(image, before)
    assert drawn.dtype == np.float32
    assert ((drawn >= 0) & (drawn <= 1)).all()
    assert (drawn <= image + 1e-6).all() if KINDS[kind][0] else (drawn >= image - 1e-6).all()
    rows, columns = np.indices(image.shape) + 0.5
    far = np.hypot(rows - row, columns - column) > size / 2 + 2
    assert np.array_equal(drawn[far], image[far])


@pytest.mark.parametrize(
    "wrong", [{"kind": "hole"}, {"size": 0.0}, {"size": float("nan")}, {"contrast": 1.5}, {"width": -1.0}]
)
def test_impossible_defects_are_refused(wrong):
    with pytest.raises(ValueError, match=r"defect type|out of range"):
        draw(**({"kind": "crack", "size": 5.0} | wrong))


def test_places_keep_the_defect_inside_the_box():
    random = np.random.default_rng(1)
    places = [draw_placement(random, (10, 20, 110, 60), 12.0) for _ in range(300)]
    rows, columns = [place.row for place in places], [place.column for place in places]
    assert 32 <= min(rows) < max(rows) <= 48
    assert 22 <= min(columns) < max(columns) <= 98
    assert max(columns) - min(columns) > 70


def test_a_defect_too_large_for_its_box_is_put_in_the_middle():
    place = draw_placement(np.random.default_rng(1), (10, 20, 110, 60), 30.0)
    assert place.row == 40


def test_sizes_are_a_geometric_series():
    sizes = np.array(size_series(6.0, 150.0, 8))
    assert np.allclose(sizes[1:] / sizes[:-1], 25 ** (1 / 7), rtol=2e-3)
