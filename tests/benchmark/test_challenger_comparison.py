import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score
from tests.benchmark.challenger_project import SOURCE, artifact, challenger_file, write_lock

from sealproof.benchmark.challenger import load_challenger
from sealproof.benchmark.challenger_comparison import compare, development_scores
from sealproof.benchmark.challenger_result import records_folder
from sealproof.benchmark.champion import champion_on_record
from sealproof.benchmark.statistics import compare_on_calibration
from sealproof.evidence.errors import DataError, EvidenceAlteredError
from sealproof.evidence.hashing import sha256_file
from sealproof.repetition.detector import Images, train_and_score
from sealproof.settings import load_settings
from sealproof.thresholds.conformal import conformal
from sealproof.thresholds.result import Basis

OTHER = {"train": {"epochs": 1, "latent": 4}, "threshold": {"score": "mse"}}
ELSEWHERE = {"roi": {"patch_height": 32}, "train": {"epochs": 1}, "threshold": {"score": "mse"}}


@pytest.fixture
def root(champion_copy):
    return champion_copy


def result_of(root, content):
    settings = load_settings(root)
    return compare(
        champion_on_record(settings), load_challenger(challenger_file(root, content), settings)
    ).result


def test_every_figure_follows_from_the_scores_of_both(root):
    found = result_of(root, OTHER)
    settings = load_settings(root)
    params = load_challenger(challenger_file(root, OTHER), settings).params
    images = Images.of(settings.workspace, ("train", "calibration", "tuning"))
    own = train_and_score(images, ("calibration", "tuning"), params, seed=params.seed).scored.images
    tables = (pd.read_parquet(artifact(root, "score/scores.parquet")).assign(score=lambda t: t["4-ms-ssim"]),
              own.assign(score=own["mse"]))  # fmt: skip
    both = [
        tuple(table.loc[table["split"] == split, "score"].to_numpy() for split in ("calibration", "tuning"))
        for table in tables
    ]
    areas = [roc_auc_score([0] * 12 + [1] * 8, np.concatenate(scores)) for scores in both]
    assert [found.champion_auroc, found.challenger_auroc] == pytest.approx(areas)
    test = compare_on_calibration(*both)
    assert (found.difference, found.low, found.high) == (test.difference, test.low, test.high)
    assert found.p_value == test.p_value
    assert (found.images.normals, found.images.defects, found.confidence) == (12, 8, 0.95)
    for side, (normals, defects) in zip((found.champion, found.challenger), both, strict=True):
        basis = Basis(minimum_normals=8)
        limit = conformal(normals, false_reject_rate=found.false_reject_rate, basis=basis).threshold
        assert side.threshold == limit
        assert side.detected is None if limit is None else side.detected.rate == (defects >= limit).mean()
        assert (side.undecided.normals, side.undecided.defects) == (0, 0)
    assert (found.champion.detector, found.champion.score) == ("attention-autoencoder", "4-ms-ssim")
    assert found.challenger.score == "mse"
    assert found.challenger.model_sha256 != found.champion.model_sha256
    assert found.challenger.model_bytes < found.champion.model_bytes
    assert found.remarks == ()
    assert not list(records_folder(settings.workspace).iterdir())


def test_the_champion_against_itself_is_the_same_detector(root):
    found = result_of(root, {})
    assert found.challenger == found.champion
    assert (found.difference, found.low, found.p_value) == (0.0, None, 1.0)
    assert found.outcome == "no difference shown"


@pytest.mark.parametrize("content", [OTHER, ELSEWHERE], ids=["same regions", "other regions"])
def test_no_test_image_and_no_label_of_one_has_a_part_in_it(root, content):
    """Patches, scores and labels of the test split are destroyed, its images deleted: not a byte changes."""
    before = result_of(root, content).model_dump_json()
    manifest = pd.read_parquet(artifact(root, "ingest/manifest.parquet"))
    test = (manifest["split"] == "test").to_numpy()
    patches = np.load(artifact(root, "roi/patches.npy"))
    patches[test] = 65535 - patches[test]
    np.save(artifact(root, "roi/patches.npy"), patches)
    for name in manifest.loc[test, "path"]:
        (root / "data" / "toy" / name).unlink()
    scores = pd.read_parquet(artifact(root, "score/scores.parquet"))
    scores.loc[scores["split"] == "test", ["4-ms-ssim", "mse"]] = np.nan
    scores.to_parquet(artifact(root, "score/scores.parquet"), index=False)
    manifest.loc[test, "label"] = 1
    manifest.to_parquet(artifact(root, "ingest/manifest.parquet"), index=False)
    write_lock(root)
    artifact(root, "ingest/sealed_labels.parquet").write_bytes(b"nobody reads this")
    assert result_of(root, content).model_dump_json() == before


def test_undecided_images_count_against_who_leaves_them(root):
    """The challenger's region leaves one held-out normal and two defects, which are narrower than the others."""
    manifest = pd.read_parquet(artifact(root, "ingest/manifest.parquet"))
    narrow = [
        *manifest.index[manifest["split"] == "calibration"][:1],
        *manifest.index[manifest["split"] == "tuning"][:2],
    ]
    for place in narrow:
        path = root / "data" / "toy" / manifest.loc[place, "path"]
        with Image.open(path) as image:
            image.crop((0, 0, 20, 16)).save(path)
        manifest.loc[place, "sha256"] = sha256_file(path)
    manifest.to_parquet(artifact(root, "ingest/manifest.parquet"), index=False)
    write_lock(root)
    region = {"name": "all", "x0": 0, "y0": 0, "x1": 32, "y1": 16}
    roi = {"method": "fixed", "options": {"regions": [region]}, "patch_height": 16, "patch_width": 32}
    found = result_of(root, OTHER | {"roi": roi})
    assert (found.images.normals, found.images.defects) == (12, 8)
    assert (found.challenger.undecided.normals, found.challenger.undecided.defects) == (1, 2)
    assert (found.champion.undecided.normals, found.champion.undecided.defects) == (0, 0)
    assert found.challenger_auroc <= 11 / 12 * 6 / 8  # every pair of an undecided image is lost


def test_other_regions_are_cut_from_the_images_of_the_manifest_alone(root):
    manifest = pd.read_parquet(artifact(root, "ingest/manifest.parquet"))
    path = root / "data" / "toy" / manifest.loc[manifest["split"] == "tuning", "path"].iloc[0]
    content = path.read_bytes()
    path.write_bytes(content + b" ")
    with pytest.raises(EvidenceAlteredError, match="1 images are not those"):
        result_of(root, ELSEWHERE)
    path.unlink()
    with pytest.raises(DataError, match="1 images are missing"):
        result_of(root, ELSEWHERE)
    assert result_of(root, OTHER).images.defects == 8


def test_remarks_name_what_favours_one_and_what_changed(root):
    (root / SOURCE / "padim.py").write_text("two")
    found = result_of(root, OTHER | {"train": OTHER["train"] | {"keep": "best"}})
    assert found.remarks[0].startswith("the challenger kept the epoch")
    assert found.remarks[1].endswith(SOURCE)


def test_a_decided_image_without_a_finite_score_is_an_error():
    manifest = pd.DataFrame({"image_id": ["a", "b"], "split": ["calibration", "tuning"]})
    table = pd.DataFrame({"image_id": ["a", "b"], "decided": True, "mse": [1.0, np.nan]})
    with pytest.raises(DataError, match="says nothing about 1 images") as caught:
        development_scores(table, manifest, "mse")
    assert caught.value.where == "b"
