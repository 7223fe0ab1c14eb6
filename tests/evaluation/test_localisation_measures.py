"""Pointing game, pixel AUROC and PRO against brute force, scikit-learn and SciPy."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import roc_auc_score, roc_curve

from sealproof.evaluation.localisation_measures import PixelCounts, points_at, widened


def pictures(seed=1, ties=False, count=12, signal=0.8):
    random = np.random.default_rng(seed)
    maps, masks = [], []
    for number in range(count):
        mask = ndimage.binary_dilation(random.random((24, 30)) > 0.996, iterations=2) & (number % 3 > 0)
        values = random.normal(size=(24, 30)) + signal * mask
        maps.append((np.round(values) if ties else values).astype(np.float16))
        masks.append(mask)
    return maps, masks


def counted(maps, masks):
    counts = PixelCounts()
    for anomaly, mask in zip(maps, masks, strict=True):
        counts.add(anomaly, mask)
    return counts


@pytest.mark.parametrize("ties", [False, True])
def test_pixel_auroc_is_that_of_scikit_learn(ties):
    maps, masks = pictures(ties=ties)
    expected = roc_auc_score(np.concatenate(masks).ravel(), np.concatenate(maps).ravel().astype(float))
    assert counted(maps, masks).auroc() == pytest.approx(expected, abs=1e-12)


def pro_by_brute_force(maps, masks, limit):
    """Every threshold in turn; regions by scipy.ndimage; the area by a fine sum."""
    thresholds = np.unique(np.concatenate(maps))[::-1].astype(float)
    normal = np.concatenate([m[~k] for m, k in zip(maps, masks, strict=True)]).astype(float)
    regions = []
    for anomaly, mask in zip(maps, masks, strict=True):
        labels, number = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [anomaly[labels == label].astype(float) for label in range(1, number + 1)]
    wrong = np.array([0.0, *((normal >= t).mean() for t in thresholds)])
    overlap = np.array([0.0, *(np.mean([(r >= t).mean() for r in regions]) for t in thresholds)])
    grid = np.linspace(0, limit, 300_001)
    return np.interp(grid, wrong, overlap).mean(), len(regions)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("limit", [0.3, 0.1, 1.0])
def test_pro_is_that_of_brute_force(ties, limit):
    maps, masks = pictures(2, ties, count=5)
    expected, regions = pro_by_brute_force(maps, masks, limit)
    counts = counted(maps, masks)
    assert counts.regions == regions > 5
    assert counts.per_region_overlap(limit) == pytest.approx(expected, abs=2e-4)


def test_pro_of_one_region_an_image_is_the_roc_curve():
    """Regions of one size: the mean overlap is the true-positive rate, so scikit-learn's curve applies."""
    random = np.random.default_rng(3)
    masks = [np.zeros((20, 20), bool) for _ in range(6)]
    for mask in masks:
        mask[4:9, 4:9] = True
    maps = [(random.normal(size=(20, 20)) + mask).astype(np.float16) for mask in masks]
    x, y, _ = roc_curve(np.ravel(masks), np.ravel(maps).astype(float), drop_intermediate=False)
    inside = x <= 0.3
    area = np.trapezoid(np.append(y[inside], np.interp(0.3, x, y)), np.append(x[inside], 0.3)) / 0.3
    assert counted(maps, masks).per_region_overlap() == pytest.approx(area, abs=1e-9)


def test_chance_and_perfection():
    maps, masks = pictures(4, signal=0.0, count=60)
    assert counted(maps, masks).per_region_overlap() == pytest.approx(0.15, abs=0.03)
    assert counted(maps, masks).auroc() == pytest.approx(0.5, abs=0.03)
    assert counted([m.astype(np.float16) for m in masks], masks).per_region_overlap() == pytest.approx(1.0)


def test_order_of_float16_values_is_kept_and_zeros_are_one():
    values = np.array([[-np.inf, -2, -1e-7, -0.0, 0.0, 1e-7, 1, 65504]], np.float16)
    mask = np.zeros((1, 8), bool)
    mask[0, 4] = True
    counts = counted([values], [mask])
    assert counts.auroc() == pytest.approx((3 + 0.5) / 7)


def test_measures_do_not_depend_on_the_order_of_images():
    maps, masks = pictures(5)
    one, other = counted(maps, masks), counted(maps[::-1], masks[::-1])
    assert (one.auroc(), one.per_region_overlap()) == pytest.approx(
        (other.auroc(), other.per_region_overlap())
    )


@pytest.mark.parametrize("value", [True, False])
def test_one_class_alone_is_not_evaluable(value):
    counts = counted([np.ones((4, 4), np.float16)], [np.full((4, 4), value)])
    assert counts.auroc() is None
    assert counts.per_region_overlap() is None


def test_a_map_with_nan_is_refused():
    with pytest.raises(ValueError, match="not a number"):
        counted([np.full((4, 4), np.nan, np.float16)], [np.zeros((4, 4), bool)])


@pytest.mark.parametrize("tolerance", [0, 1, 2, 3])
def test_widening_is_the_euclidean_distance(tolerance):
    mask = np.random.default_rng(6).random((2, 15, 18)) > 0.97
    expected = np.stack([ndimage.distance_transform_edt(~part) <= tolerance for part in mask])
    assert np.array_equal(widened(mask, tolerance), expected)


def test_pointing_looks_at_all_patches_of_an_image():
    anomaly = np.zeros((2, 6, 6), np.float16)
    anomaly[1, 3, 3], anomaly[0, 2, 2] = 2, 1
    mask = np.zeros((2, 6, 6), bool)
    mask[0, 2, 2] = True
    assert not points_at(anomaly, mask, 1)
    mask[1, 3, 4] = True
    assert points_at(anomaly, mask, 1)
    assert not points_at(anomaly, mask, 0)
