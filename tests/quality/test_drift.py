import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.quality.conftest import made_up

from sealproof.quality.drift import MINIMUM, comparisons, drift, drift_tests, holm, mixture

SPLITS = ["train"] * 120 + ["calibration"] * 50 + ["tuning"] * 40 + ["test"] * 80
CLASS = np.array([0] * 170 + [1] * 40 + [0] * 40 + [1] * 40)


def simulated(seed, *, shift=0.0, split="test", level=0.01):
    """Defects are darker, less contrasty and sharper than normals; one split may be shifted by some deviations."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(3, len(SPLITS))) + 2.0 * CLASS
    z[:, np.array(SPLITS) == split] += shift
    squeezed = 1 / (1 + np.exp(-z))
    measures = {"brightness": squeezed[0], "contrast": squeezed[1] / 2, "sharpness": squeezed[2]}
    return made_up(SPLITS, (40, 40), level, contract=False, **measures)


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(values, level):
    rejected = set()
    for step, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        if values[index] * (len(values) - step) >= level:
            break
        rejected.add(index)
    assert {i for i, p in enumerate(holm(values)) if p < level} == rejected


def test_the_statistic_is_the_largest_distance_of_the_distribution_functions():
    data = simulated(1)
    first = {test.first: test for test in drift_tests(data) if test.measure == "brightness"}
    for pair in comparisons(data):
        a, b = (np.sort(side["brightness"]) for side in (pair.rows, pair.reference))
        grid = np.concatenate([a, b])
        distance = np.abs(
            np.searchsorted(a, grid, "right") / len(a) - np.searchsorted(b, grid, "right") / len(b)
        )
        assert first[pair.first].statistic == pytest.approx(distance.max(), abs=1e-12)
        assert first[pair.first].sizes == (len(a), len(b))


def test_false_alarms_stay_below_the_level():
    """Nothing drifts, though classes differ by two deviations: any of six tests fires in at most the level's share."""
    level, runs = 0.1, 150
    alarms = sum(bool(drift(simulated(seed, level=level))) for seed in range(runs))
    assert alarms / runs <= level + 3 * np.sqrt(level * (1 - level) / runs)


@pytest.mark.parametrize("split", ["test", "calibration"])
def test_a_shift_is_found(split):
    found = drift(simulated(3, shift=1.5, split=split))
    assert {f.where for f in found} == {(split,)}
    assert len(found) == 3
    assert all(f.severity == "warning" and f.evaluated for f in found)


def test_the_mixture_has_the_ratio_of_the_test_split():
    rng = np.random.default_rng(4)
    normals, defects = (pd.DataFrame({"sha256": [rng.bytes(32).hex() for _ in range(n)]}) for n in (300, 42))
    for normal, defective, expected in (
        (180, 180, (42, 42)),
        (90, 10, (300, 33)),
        (5, 0, (300, 0)),
        (0, 5, (0, 42)),
    ):
        found = mixture(normals, defects, normal, defective)["sha256"]
        assert (found.isin(normals["sha256"]).sum(), found.isin(defects["sha256"]).sum()) == expected
    chosen = mixture(normals, defects, 1, 1)["sha256"].head(42)
    assert chosen.tolist() == sorted(normals["sha256"])[:42]
    assert mixture(normals, defects.head(0), 1, 1).empty
    assert mixture(normals, defects, 0, 0).empty


def test_too_few_images_are_not_a_pass():
    splits = ["train"] * 50 + ["calibration"] * (MINIMUM - 1) + ["test"] * 50
    found = drift(made_up(splits, (25, 25), brightness=np.linspace(0, 1, len(splits))))
    assert [f.evaluated for f in found] == [False, False]
    assert "9 and 50 images" in found[0].observed
    assert "50 and 0 images" in found[1].observed


def test_a_sound_data_set_gives_no_finding(sound):
    assert drift(sound[0]) == []
    assert len(drift_tests(sound[0])) == 6
