import hashlib
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from sealproof.datasets.contract import Manifest, SealedManifest, validate
from sealproof.datasets.manifest import Origin, build_manifest, read_manifest, write_manifest
from sealproof.datasets.sample import Sample
from sealproof.datasets.sealing import seal
from sealproof.datasets.settings import SplitSettings
from sealproof.datasets.splits import assign_splits
from sealproof.evidence.errors import DataError, EvidenceAlteredError, EvidenceMissingError, OutputError

ORIGIN = Origin("test images", "none", simulated=True)


@pytest.fixture
def folder(tmp_path, put):
    put(tmp_path / "b.png", number=1)
    put(tmp_path / "a.bmp", number=2)
    put(tmp_path / "mask.png", number=3)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


def test_one_row_an_image_hashed_and_probed(folder):
    time = datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    samples = [
        Sample("b.png", 0, groups={"setup": "12"}, captured_at=time),
        Sample("a.bmp", 1, "crack", mask_path="mask.png", size_mm=0.5),
        Sample("broken.png", None, excluded_reason="graders disagreed"),
    ]
    table = build_manifest(samples, folder, ORIGIN)
    assert table["image_id"].tolist() == ["a", "b", "broken"]
    row = table.set_index("image_id").loc["b"]
    assert row["sha256"] == hashlib.sha256((folder / "b.png").read_bytes()).hexdigest()
    assert (row["width"], row["height"], row["mode"]) == (16, 12, "grey8")
    assert row["group_setup"] == "12"
    assert row["captured_at"] == pd.Timestamp(time)
    broken = table.set_index("image_id").loc["broken"]
    assert (broken["width"], broken["height"], broken["mode"]) == (0, 0, "unreadable")
    assert broken["split"] == "excluded"
    assert broken["label"] is pd.NA
    assert len(broken["sha256"]) == 64
    assert table.set_index("image_id").loc["a", "group_setup"] == "", "a subgroup that is not known is empty"


def test_a_data_set_without_subgroups_has_no_subgroup_columns(folder):
    table = build_manifest([Sample("b.png", 0)], folder, ORIGIN)
    assert not [name for name in table.columns if name.startswith("group_")]


def test_everything_that_is_wrong_with_the_list_comes_in_one_message(folder, put):
    put(folder / "b.jpg", number=4)
    samples = [Sample("b.png", 0), Sample("b.jpg", 0), Sample("gone.png", 0), Sample("a.bmp", None)]
    with pytest.raises(DataError) as caught:
        build_manifest([*samples, Sample("mask.png", 1, mask_path="nomask.png")], folder, ORIGIN)
    for part in ("b: 2 files share this name", "gone.png: the file does not exist", "a.bmp: has no label"):
        assert part in caught.value.why
    assert "nomask.png: the file does not exist" in caught.value.why


def test_no_image_at_all(tmp_path):
    with pytest.raises(DataError) as caught:
        build_manifest([], tmp_path, ORIGIN)
    assert "no image" in caught.value.why


@pytest.mark.parametrize("path", ["../a.png", "/a.png", "link.png"])
def test_a_path_that_leaves_the_folder(folder, path, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "x.png"
    outside.write_bytes((folder / "b.png").read_bytes())
    (folder / "link.png").symlink_to(outside)
    with pytest.raises(DataError, match="leaves the data folder"):
        build_manifest([Sample(path, 0)], folder, ORIGIN)


def sealed_manifest(unsplit, **options):
    return seal(assign_splits(unsplit(**options), SplitSettings(), 3).frame)[0]


def test_what_is_written_is_what_is_read(tmp_path, unsplit):
    table = sealed_manifest(unsplit, excluded=4, unreadable=2)
    write_manifest(tmp_path / "m.parquet", table)
    pd.testing.assert_frame_equal(read_manifest(tmp_path / "m.parquet"), table)


def test_the_same_manifest_gives_the_same_bytes(tmp_path, unsplit):
    for name in ("one", "two"):
        write_manifest(tmp_path / name, sealed_manifest(unsplit))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_manifest_that_still_tells_test_labels_is_not_written(tmp_path, unsplit):
    open_table = assign_splits(unsplit(), SplitSettings(), 3).frame
    with pytest.raises(DataError) as caught:
        write_manifest(tmp_path / "m.parquet", open_table)
    assert "a test row carries no label" in caught.value.why
    assert not (tmp_path / "m.parquet").exists()


def test_an_unwritable_place_is_named(tmp_path, unsplit):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        write_manifest(tmp_path / "file" / "m.parquet", sealed_manifest(unsplit))


def spoil(column, value, where=0):
    def change(table):
        table[column] = table[column].astype(object)
        table.loc[where, column] = value
        return table

    return change


def retype(column, kind):
    return lambda table: table.astype({column: kind})


BREACHES = {
    "doubled id": spoil("image_id", "images/00001"),
    "path upwards": spoil("path", "../a.png"),
    "path from the root": spoil("path", "/a.png"),
    "path with backslash": spoil("path", "a\\b.png"),
    "short hash": spoil("sha256", "abc"),
    "unknown mode": spoil("mode", "cmyk"),
    "unknown split": spoil("split", "validation"),
    "label 2": lambda table: table.assign(label=table["label"].where(table.index != 0, 2)),
    "negative width": lambda table: table.assign(width=-1),
    "size of an unreadable image": spoil("mode", "unreadable"),
    "exclusion without a reason": lambda table: table.assign(excluded=True),
    "reason without exclusion": lambda table: table.assign(excluded_reason="why not"),
    "defect type of a normal": lambda table: table.assign(defect_type="crack"),
    "defect in training": lambda table: table.assign(label=pd.Series(1, index=table.index, dtype="Int64")),
    "split without subset": lambda table: table.assign(subset=""),
    "unsorted": lambda table: table.iloc[::-1].reset_index(drop=True),
    "missing column": lambda table: table.drop(columns="licence"),
    "extra column": lambda table: table.assign(verdict="fine"),
    "label as float": retype("label", "float64"),
    "naive time": lambda table: table.assign(captured_at=table["captured_at"].dt.tz_localize(None)),
    "negative size": lambda table: table.assign(size_mm=-1.0),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_every_breach_of_the_contract_is_found(unsplit, breach):
    good = sealed_manifest(unsplit)
    validate(good)
    bad = BREACHES[breach](good.copy())
    for column in ("image_id", "path", "sha256", "mode", "split"):
        if column in bad and breach != "label as float":
            bad[column] = bad[column].astype("str")
    with pytest.raises(DataError, match="breaks its contract"):
        validate(bad)


def test_all_breaches_are_told_at_once(unsplit):
    bad = sealed_manifest(unsplit).assign(width=-1, excluded_reason="x")
    with pytest.raises(DataError) as caught:
        validate(bad)
    assert "width" in caught.value.why
    assert "excluded" in caught.value.why


def test_sealed_is_stricter_than_unsealed(unsplit):
    open_table = assign_splits(unsplit(), SplitSettings(), 3).frame
    validate(open_table, Manifest)
    with pytest.raises(DataError):
        validate(open_table, SealedManifest)


def test_reading_tells_missing_from_altered(tmp_path, unsplit):
    path = tmp_path / "m.parquet"
    with pytest.raises(EvidenceMissingError):
        read_manifest(path)
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(EvidenceAlteredError):
        read_manifest(path)
    sealed_manifest(unsplit).assign(width=np.int64(-1)).to_parquet(path)
    with pytest.raises(EvidenceAlteredError) as caught:
        read_manifest(path)
    assert "width" in caught.value.why
