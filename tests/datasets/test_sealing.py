import pandas as pd
import pytest

from sealproof.datasets.sealing import open_sealed_labels, seal, write_sealed_labels
from sealproof.datasets.settings import SplitSettings
from sealproof.datasets.splits import assign_splits
from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError


@pytest.fixture
def divided(unsplit):
    table = unsplit()
    defects = table["label"] == 1
    table.loc[defects, "mask_path"] = "masks/" + table.loc[defects, "image_id"].str.slice(7) + ".png"
    table.loc[defects, "size_mm"] = 0.5
    return assign_splits(table, SplitSettings(), 3).frame


def test_test_rows_tell_nothing_and_the_others_everything(divided):
    manifest, _ = seal(divided)
    test = manifest["split"] == "test"
    assert manifest.loc[test, "label"].isna().all()
    assert (manifest.loc[test, "defect_type"] == "").all()
    assert (manifest.loc[test, "mask_path"] == "").all()
    assert manifest.loc[test, "size_mm"].isna().all()
    pd.testing.assert_frame_equal(manifest[~test], divided[~test])
    kept = [name for name in divided.columns if name not in ("label", "defect_type", "mask_path", "size_mm")]
    pd.testing.assert_frame_equal(manifest[kept], divided[kept])


def test_the_sealed_labels_put_back_give_the_whole(divided, tmp_path):
    manifest, sealed = seal(divided)
    write_sealed_labels(tmp_path / "sealed.parquet", sealed)
    opened = open_sealed_labels(tmp_path / "sealed.parquet").set_index("image_id")
    whole = manifest.set_index("image_id")
    for column in opened.columns:
        whole.loc[opened.index, column] = opened[column]
    pd.testing.assert_frame_equal(whole.reset_index(), divided, check_like=True)


def test_sealing_leaves_its_input_alone(divided):
    before = divided.copy()
    seal(divided)
    pd.testing.assert_frame_equal(divided, before)


def test_the_same_labels_give_the_same_bytes(divided, tmp_path):
    for name in ("one", "two"):
        write_sealed_labels(tmp_path / name, seal(divided)[1])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_labels_that_are_missing_or_altered_do_not_open(divided, tmp_path):
    path = tmp_path / "sealed.parquet"
    with pytest.raises(EvidenceMissingError):
        open_sealed_labels(path)
    _, sealed = seal(divided)
    sealed.assign(label=pd.Series([7] * len(sealed), dtype="Int64")).to_parquet(path)
    with pytest.raises(EvidenceAlteredError):
        open_sealed_labels(path)
    sealed.drop(columns="mask_path").to_parquet(path)
    with pytest.raises(EvidenceAlteredError):
        open_sealed_labels(path)
