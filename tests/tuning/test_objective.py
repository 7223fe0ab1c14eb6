import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.metrics import roc_auc_score

from sealproof.evaluation.ranking import delong
from sealproof.tuning.objective import Area, area_with_error, goes_on, mean_area, table_area


def draw(seed, normals=30, defects=20):
    random = np.random.default_rng(seed)
    return np.round(random.normal(0, 1, normals), 1), np.round(random.normal(1, 1, defects), 1)


@pytest.mark.parametrize("seed", range(3))
def test_area_and_error_agree_with_others(seed):
    """scikit-learn's area; the error behind the logit bounds of `evaluation.ranking.delong`."""
    normals, defects = draw(seed)
    labels = np.repeat([0, 1], [len(normals), len(defects)])
    found = area_with_error(normals, defects)
    assert found.value == pytest.approx(roc_auc_score(labels, np.concatenate([normals, defects])))
    bounds = delong(labels, np.concatenate([normals, defects]))
    half = (special.logit(bounds.high) - special.logit(bounds.low)) / 2
    assert found.standard_error == pytest.approx(half / 1.959964 * found.value * (1 - found.value), rel=1e-5)


@pytest.mark.parametrize("paired", [False, True])
def test_the_error_is_the_spread_over_data_sets(paired):
    """400 data sets: the mean error lies within 12 % of the standard deviation of the area; seen as pairs or not."""
    random = np.random.default_rng(5)
    areas, errors = [], []
    for _ in range(400):
        normals = random.normal(0, 1, 40)
        defects = (normals if paired else random.normal(0, 1, 40)) + random.exponential(0.8, 40)
        found = area_with_error(normals, defects, paired=paired)
        areas.append(found.value)
        errors.append(found.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.12)
    if paired:  # taken for independent, the error would be far off
        assert area_with_error(normals, defects).standard_error > 1.3 * errors[-1]


def test_where_there_is_no_error():
    assert area_with_error([0.0, 1.0], [2.0, 3.0]) == Area(1.0, None)
    assert area_with_error([0.0], [0.0, 1.0]) == Area(0.75, None)
    assert mean_area([Area(1.0, None), Area(0.8, 0.1)]) == Area(0.9, None)


@pytest.mark.parametrize(
    ("normals", "defects"), [([], [1.0]), ([1.0], []), ([1.0, np.nan], [1.0]), ([1.0], [np.inf])]
)
def test_what_cannot_be_compared_is_refused(normals, defects):
    with pytest.raises(ValueError, match=r"cannot be compared|not finite"):
        area_with_error(normals, defects)


def test_pairs_are_of_equal_number():
    with pytest.raises(ValueError, match="2 normals and 1 defects"):
        area_with_error([1.0, 2.0], [1.0], paired=True)


def test_the_table_is_read_by_split_whatever_its_order():
    table = pd.DataFrame(
        {
            "image_id": list("abcdef"),
            "split": ["train", "calibration", "tuning"] * 2,
            "mse": [9.0, 1, 2, 9, 3, 1],
        }
    )
    assert table_area(table.sample(frac=1, random_state=1), "mse", paired=False).value == 0.375


def test_equal_values_go_on_together():
    assert goes_on(1.0, [1.0] * 10, 3)
    assert not goes_on(0.9, [1.0] * 10, 3)
