"""A toy project of one patch an image, small enough to train a detector in a blink."""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.qualification.build import ROOT

from sealproof.commands.repeatability import repeatability
from sealproof.evidence.files import write_json
from sealproof.models.report import training_facts
from sealproof.models.storage import save_detector
from sealproof.models.training_data import training_data
from sealproof.repetition.detector import Images, train_and_score
from sealproof.repetition.seeds import threshold_in_force
from sealproof.settings import load_settings

SPLITS = {"train": 24, "calibration": 12, "tuning": 8, "test": 20}


def pictures(count, seed=7):
    """Smooth random patches of 16 x 32 pixels, as `patches.npy` stores them."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:16, 0:32]
    phase, angle, level = random.random((3, count, 1, 1))
    wave = np.sin(6 * phase + 0.3 * (rows * angle + columns * (1 - angle)))
    return np.round(65535 * (0.3 + 0.3 * level + 0.2 * wave)).astype(np.uint16)


def write_project(tmp_path):
    """A project with manifest, regions and patches; the last training image is undecided."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["product"] = "toy"
    params["train"] |= {"filters": [4, 4, 8, 8], "latent": 6, "epochs": 2, "batch_size": 8, "shift": 0}
    params["compute"] = {"threads": 1, "device": "cpu"}
    params["score"]["mahalanobis"]["features"] = 8
    params["threshold"] |= {"method": "percentile", "minimum_normals": 8, "bootstrap": 20, "percentile": 75.0}
    params["threshold"]["score"] = "4-ms-ssim"
    params["train"]["principal_components"] = 0  # two trainings that learn next to nothing have to differ
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "products" / "toy").mkdir(parents=True)
    shutil.copy(ROOT / "products" / "elpv-mono" / "inspection.yaml", tmp_path / "products" / "toy")
    splits = [split for split, count in SPLITS.items() for _ in range(count)]
    ids = [f"image{place:02d}" for place in np.random.default_rng(1).permutation(len(splits))]
    labels = [{"tuning": 1, "test": None}.get(split, 0) for split in splits]
    manifest = pd.DataFrame({"image_id": ids, "split": splits, "label": pd.array(labels, dtype="Int64")})
    manifest = manifest.sort_values("image_id", ignore_index=True)
    regions = manifest[["image_id"]].assign(patch=0, decided=True, row=range(len(splits)))
    last = manifest.loc[manifest["split"] == "train", "image_id"].iloc[-1]
    regions.loc[regions["image_id"] == last, ["decided", "row"]] = [False, -1]
    stored = pictures(len(splits))
    stored[(manifest["label"] == 1).fillna(value=False).to_numpy(), 4:12, 8:16] //= 3
    artifacts = tmp_path / "artifacts" / "toy"
    for stage in ("ingest", "roi", "train", "score", "threshold"):
        (artifacts / stage).mkdir(parents=True)
    manifest.to_parquet(artifacts / "ingest" / "manifest.parquet", index=False)
    regions.to_parquet(artifacts / "roi" / "regions.parquet", index=False)
    np.save(artifacts / "roi" / "patches.npy", stored)


def release(settings):
    """Train the detector of a project, score with it and compute its threshold."""
    params, place = settings.params, settings.workspace.artifacts
    images = Images.of(settings.workspace, tuple(SPLITS))
    detector = train_and_score(images, ("calibration", "tuning", "test"), params, seed=params.seed)
    data = training_data(images.patches, images.manifest, images.regions)
    save_detector(
        detector.fitted.detector,
        place("train"),
        training_facts(detector.fitted, data, images.regions, params.seed),
    )
    detector.scored.images.to_parquet(place("score") / "scores.parquet", index=False)
    force = threshold_in_force(detector.scored.images, params, params.seed, images)
    write_json(place("threshold") / "thresholds.json", {"in_force": force})


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """Three projects, made once and copied: the images, a released detector, and one with a study of two seeds."""
    root = tmp_path_factory.mktemp("repetition")
    (root / "images").mkdir()
    write_project(root / "images")
    shutil.copytree(root / "images", root / "released")
    release(load_settings(root / "released"))
    shutil.copytree(root / "released", root / "written")
    repeatability(seeds=2, root=root / "written")
    return root


@pytest.fixture
def project(templates, tmp_path):
    """Root of a project whose images are ready to be trained on."""
    return shutil.copytree(templates / "images", tmp_path / "project")


@pytest.fixture
def settings(project):
    """Its settings."""
    return load_settings(project)


@pytest.fixture
def released(templates, tmp_path):
    """Settings of a project whose detector is trained, scored and has a threshold."""
    return load_settings(shutil.copytree(templates / "released", tmp_path / "released"))


@pytest.fixture
def written(templates, tmp_path):
    """The same with a study of two seeds, as the command writes it."""
    return load_settings(shutil.copytree(templates / "written", tmp_path / "written"))
