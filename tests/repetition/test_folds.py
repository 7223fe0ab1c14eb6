import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sealproof.evidence.errors import DefinitionError
from sealproof.repetition.folds import assign_folds, no_scores
from sealproof.repetition.settings import CrossFitSettings


def normals(train, calibration, undecided=0):
    splits = ["train"] * train + ["calibration"] * calibration
    names = [f"n{place:03d}" for place in range(len(splits))]
    decided = [place >= undecided for place in range(len(splits))]
    return pd.DataFrame({"image_id": names, "split": splits, "decided": decided})


@settings(max_examples=30, deadline=None)
@given(
    folds=st.integers(2, 7),
    train=st.integers(7, 40),
    calibration=st.integers(7, 20),
    undecided=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_image_has_one_fold_and_every_fold_its_share_of_each_split(
    folds, train, calibration, undecided, seed
):
    images = normals(train + undecided, calibration, undecided)
    found = assign_folds(images, folds, seed)
    assert sorted(found.index) == sorted(images["image_id"])
    assert found.index.is_monotonic_increasing
    table = images.assign(fold=images["image_id"].map(found))
    for split, count in (("train", train), ("calibration", calibration)):
        sizes = table[(table["split"] == split) & table["decided"]].groupby("fold").size()
        assert set(sizes.index) == set(range(1, folds + 1))
        assert set(sizes) <= {count // folds, -(-count // folds)}
    whole = table[table["decided"]].groupby("fold").size()
    assert whole.max() - whole.min() <= 1


def test_the_seed_alone_decides():
    images = normals(30, 12)
    found = assign_folds(images, 3, seed=4)
    shuffled = images.sample(frac=1, random_state=2)
    pd.testing.assert_series_equal(assign_folds(shuffled, 3, seed=4), found)
    assert not assign_folds(images, 3, seed=5).equals(found)


@pytest.mark.parametrize(
    ("images", "folds", "reason"),
    [
        (normals(20, 20), 1, "2 at least"),
        (normals(20, 3), 4, "split 'calibration' has 3"),
        (normals(3, 2), 4, "split 'train' has 3 and split 'calibration' has 2"),
        (normals(6, 6, undecided=4), 3, "split 'train' has 2"),
    ],
)
def test_too_many_folds_are_refused_with_every_reason(images, folds, reason):
    with pytest.raises(DefinitionError) as caught:
        assign_folds(images, folds, seed=1)
    assert reason in caught.value.why
    assert "cross_fit.folds" in caught.value.where


def test_one_fold_is_no_setting():
    assert CrossFitSettings().folds == 0
    with pytest.raises(ValidationError, match="one fold leaves no normal"):
        CrossFitSettings(folds=1)
    with pytest.raises(ValidationError):
        CrossFitSettings(folds=-2)


def test_the_empty_table_has_the_keys_and_kinds_of_a_filled_one_and_no_score(tmp_path):
    no_scores().to_parquet(tmp_path / "a.parquet", index=False)
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert list(table) == ["image_id", "fold", "split", "decided"]
    assert len(table) == 0
    assert [str(kind) for kind in table.dtypes[["fold", "decided"]]] == ["int64", "bool"]


def test_a_stage_without_folds_loads_neither_the_network_library_nor_scipy():
    code = "import pipeline.cross_fit, sys; print({'torch', 'scipy', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
