import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.quality.conftest import limited, made_up, with_manifest

from sealproof.quality.neighbours import nearest, time_neighbours


def timed(splits, seconds, limit=60):
    times = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(
        pd.Series(seconds, dtype="Float64"), unit="s"
    )
    return limited(
        with_manifest(made_up(splits), captured_at=times.dt.as_unit("us")), neighbour_seconds=limit
    )


def test_images_far_apart_give_no_finding(sound):
    assert time_neighbours(sound[0]) == []
    assert time_neighbours(timed(["train", "calibration", "test"], [0, 61, 122])) == []


@pytest.mark.parametrize("side", ["train", "calibration", "tuning"])
def test_a_neighbour_on_the_training_side_is_a_warning(side):
    (found,) = time_neighbours(timed([side, "test", "test"], [1000, 1060, 1061]))
    assert found.severity == "warning"
    assert found.where == ("00001 ~ 00000: 60 s",)
    assert "1 of 2 test images" in found.what
    assert "test split" in found.what


def test_neighbours_between_training_and_calibration_are_told_apart():
    (found,) = time_neighbours(timed(["train", "calibration", "test"], [0, 5, 500]))
    assert found.where == ("00001 ~ 00000: 5 s",)
    assert "thresholds" in found.what


def test_unused_images_are_no_neighbours():
    assert time_neighbours(timed(["train", "unused", "excluded", "test"], [0, 500, 500, 501])) == []


def test_unknown_times_are_not_a_pass():
    (found,) = time_neighbours(timed(["train", "test"], [None, None]))
    assert not found.evaluated
    assert found.observed == "the time of capture of 2 of 2 images is not known"
    some = time_neighbours(timed(["train", "test", "test"], [0, 1, None]))
    assert [f.evaluated for f in some] == [False, True]


TIMES = st.lists(st.integers(0, 200), min_size=1, max_size=15)


@given(TIMES, TIMES)
def test_the_nearest_is_that_of_a_double_loop(rows, others):
    def frame(prefix, values):
        times = pd.to_datetime(pd.Series(values, dtype="int64"), unit="s", utc=True)
        return pd.DataFrame(
            {"image_id": [f"{prefix}{i:02d}" for i in range(len(values))], "captured_at": times}
        )

    found = nearest(frame("a", rows), frame("b", others))
    assert found["seconds"].tolist() == [min(abs(time - other) for other in others) for time in rows]
    for time, name, seconds in zip(rows, found["nearest"], found["seconds"], strict=True):
        assert abs(time - others[int(name[1:])]) == seconds


def test_nothing_is_nearest_to_nothing():
    empty = pd.DataFrame({"image_id": [], "captured_at": pd.to_datetime([], utc=True)})
    one = pd.DataFrame({"image_id": ["a"], "captured_at": pd.to_datetime(["2026-01-01"], utc=True)})
    assert nearest(empty, one).empty
    assert nearest(one, empty).empty
    assert nearest(one, one)["seconds"].to_numpy() == np.array([0.0])
