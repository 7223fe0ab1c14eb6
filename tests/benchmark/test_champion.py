import numpy as np
import pandas as pd
import pytest
from tests.benchmark.challenger_project import SOURCE, artifact, edit_yaml, write_lock

from sealproof.benchmark.champion import champion_on_record
from sealproof.evidence.errors import (
    DataError,
    DefinitionError,
    EvidenceAlteredError,
    EvidenceMissingError,
)
from sealproof.evidence.hashing import sha256_file
from sealproof.settings import load_settings


@pytest.fixture
def root(champion_copy):
    return champion_copy


def champion(root):
    return champion_on_record(load_settings(root))


def rewrite(path, change):
    """Change the table of a Parquet file."""
    table = pd.read_parquet(path)
    change(table)
    table.to_parquet(path, index=False)


def test_the_champion_is_what_lies_on_record_without_the_test_split(root):
    found = champion(root)
    assert found.score == "4-ms-ssim"
    assert found.detector.names == ("4-ms-ssim",)
    weights = artifact(root, "train/model.safetensors")
    assert (found.model_sha256, found.model_bytes) == (sha256_file(weights), weights.stat().st_size)
    assert found.changed_code == ()
    assert set(found.images.manifest["split"]) == {"train", "calibration", "tuning"}
    assert set(found.table["split"]) == {"train", "calibration", "tuning"}


@pytest.mark.parametrize(
    "name",
    [
        "ingest/manifest.parquet",
        "roi/patches.npy",
        "train/model.json",
        "score/scores.parquet",
        "threshold/thresholds.json",
    ],
)
def test_a_pipeline_that_was_not_run_is_missing_evidence(root, name):
    artifact(root, name).unlink()
    with pytest.raises(EvidenceMissingError, match="no champion") as caught:
        champion(root)
    assert f"artifacts/toy/{name}" in caught.value.where


def test_results_of_no_known_run_are_missing_evidence(root):
    lock = root / "dvc.lock"
    text = lock.read_text()
    lock.write_text(text.replace("artifacts/toy", "artifacts/other"))
    with pytest.raises(EvidenceMissingError, match="not known") as caught:
        champion(root)
    assert "ingest, roi, train, score, threshold of product toy" in caught.value.why
    lock.unlink()
    with pytest.raises(EvidenceMissingError, match="not known"):
        champion(root)


@pytest.mark.parametrize(
    ("file", "section", "changes", "named"),
    [
        ("params.yaml", "train", {"epochs": 9}, "params.yaml, `train`"),
        ("params.yaml", "threshold", {"score": "mse"}, "params.yaml, `threshold`"),
        ("products/toy/inspection.yaml", "roi", {"patch_height": 32}, "products/toy/inspection.yaml, `roi`"),
        ("products/toy/inspection.yaml", "split", {"calibration_fraction": 0.4}, "inspection.yaml, `split`"),
    ],
)
def test_settings_that_changed_since_are_named(root, file, section, changes, named):
    edit_yaml(root / file, section, **changes)
    with pytest.raises(DefinitionError, match="do not describe the champion") as caught:
        champion(root)
    assert caught.value.where.endswith(named)


@pytest.mark.parametrize("name", ["train/model.safetensors", "score/scores.parquet", "roi/patches.npy"])
def test_results_that_are_others_than_were_written_are_altered(root, name):
    path = artifact(root, name)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(EvidenceAlteredError, match="not those that the pipeline wrote") as caught:
        champion(root)
    assert caught.value.where == f"artifacts/toy/{name.split('/')[0]}"


def test_weights_that_are_not_those_of_their_description_are_altered(root):
    path = artifact(root, "train/model.safetensors")
    path.write_bytes(path.read_bytes() + b" ")
    write_lock(root)
    with pytest.raises(EvidenceAlteredError, match="weights"):
        champion(root)


def test_a_stage_that_ran_again_alone_leaves_a_stale_champion(root):
    rewrite(artifact(root, "ingest/manifest.parquet"), lambda table: table.insert(0, "note", ""))
    with pytest.raises(EvidenceMissingError, match="from other results") as caught:
        champion(root)
    assert caught.value.where == "artifacts/toy/ingest/manifest.parquet"


def test_changed_sources_are_named_and_no_hindrance(root):
    (root / SOURCE / "new.py").write_text("two")
    assert champion(root).changed_code == (SOURCE,)


def test_scores_of_other_splits_than_the_manifest_are_altered(root):
    def move(table):
        table.loc[table.index[table["split"] == "tuning"][0], "split"] = "calibration"

    rewrite(artifact(root, "score/scores.parquet"), move)
    write_lock(root)
    with pytest.raises(EvidenceAlteredError, match="disagree about the splits"):
        champion(root)


@pytest.mark.parametrize(("split", "label"), [("tuning", 0), ("tuning", None), ("calibration", 1)])
def test_images_that_are_not_what_their_split_says_are_refused(root, split, label):
    def relabel(table):
        table.loc[table.index[table["split"] == split][0], "label"] = label

    rewrite(artifact(root, "ingest/manifest.parquet"), relabel)
    write_lock(root)
    with pytest.raises(DataError) as caught:
        champion(root)
    assert caught.value.why.startswith("1 images are not known to be what their split says")


def test_one_defect_is_too_few(root):
    def drop(table):
        spare = table.index[table["split"] == "tuning"][1:]
        table.loc[spare, "split"] = "test"
        table.loc[spare, [name for name in ("label",) if name in table]] = np.nan

    for name in ("ingest/manifest.parquet", "score/scores.parquet"):
        rewrite(artifact(root, name), drop)
    write_lock(root)
    with pytest.raises(DataError, match="cannot be compared") as caught:
        champion(root)
    assert caught.value.why == "two images of each are needed, there are 1 in tuning"


@pytest.mark.parametrize(
    ("section", "changes", "what"),
    [
        ("train", {"detector": "cpcae"}, "the detector cpcae is fitted to the training defects"),
        ("train", {"detector": "rag-padim"}, "the detector rag-padim"),
        ("train", {"detector": "guided-padim"}, "the detector guided-padim"),
        ("score", {"names": ["4-ms-ssim", "decision"]}, "the score decision"),
    ],
)
def test_a_champion_that_saw_the_defects_is_refused(root, section, changes, what):
    edit_yaml(root / "params.yaml", section, **changes)
    score = changes.get("detector", "decision")
    edit_yaml(root / "params.yaml", "threshold", score=score)
    with pytest.raises(DefinitionError, match="the champion cannot be compared") as caught:
        champion(root)
    assert what in caught.value.why
