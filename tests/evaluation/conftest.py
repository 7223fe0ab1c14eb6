"""A small project as the stages before the evaluation leave it: images, manifest, seal, regions, scores, weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sealproof.datasets.manifest import typed, write_manifest
from sealproof.datasets.sealing import seal, write_sealed_labels
from sealproof.evaluation.cases import assemble_cases
from sealproof.evaluation.evaluate import evaluate
from sealproof.evaluation.settings import EvaluateSettings

ROOT = Path(__file__).parents[2]
SIZES = {"train": 60, "calibration": 50, "tuning": 14, "test": 60, "unused": 2}
SCORES = ("mse", "4-ms-ssim")
SIDE = 16


def facts(seed=1):
    """One row an image with everything that is known of it, test labels included."""
    random = np.random.default_rng(seed)
    rows = []
    for split, size in SIZES.items():
        for index in range(size):
            label = int(split == "tuning" or (split == "test" and index % 2))
            decided = not (split in {"calibration", "test"} and index >= size - 3)
            rows.append(
                {
                    "image_id": f"set/{split}-{index:03d}",
                    "split": split,
                    "label": label,
                    "decided": decided,
                    "defect_type": ("crack", "finger")[index % 4 // 2] if label else "",
                    "group_setup": ("12", "20")[index % 5 == 0] if split != "unused" else "23",
                    "mse": 0.01 + 0.002 * random.normal() + 0.004 * label if decided else np.nan,
                    "4-ms-ssim": 0.06 * np.exp(0.45 * random.normal() + 1.0 * label) if decided else np.nan,
                }
            )
    return pd.DataFrame(rows).sort_values("image_id", ignore_index=True)


def as_manifest(rows):
    frame = rows[["image_id", "label", "defect_type", "split", "group_setup"]].assign(
        path=rows["image_id"] + ".png",
        sha256=[f"{index:064x}" for index in range(len(rows))],
        width=40,
        height=32,
        mode="grey8",
        subset=rows["split"].map({"test": "test", "unused": ""}).fillna("partial-10"),
        captured_at=None,
        mask_path="",
        size_mm=np.nan,
        excluded=False,
        excluded_reason="",
        source="drawn for a test",
        licence="CC0-1.0",
        simulated=True,
    )
    return typed(frame)


@pytest.fixture(scope="session")
def rows():
    return facts()


@pytest.fixture
def manifest(rows):
    return seal(as_manifest(rows))[0]


@pytest.fixture
def labels(rows):
    return seal(as_manifest(rows))[1]


@pytest.fixture
def scores(rows):
    return rows[["image_id", "split", "decided", *SCORES]].copy()


@pytest.fixture
def thresholds():
    """thresholds.json, cut down to what the evaluation reads."""

    def method(threshold, calibration, promised=0.05):
        return {
            "threshold": threshold,
            "calibration": calibration,
            "eligible": threshold is not None,
            "promised_false_reject_rate": promised,
            "promise": "" if threshold is None else "At most so many of new normal parts are rejected.",
            "promise_confidence": None,
            "details": {"estimate": 0.15} if threshold is None else {},
        }

    def setting(rejected, missed, low, high):
        return {
            "false_reject_rate": rejected,
            "missed_defect_rate": missed,
            "accept_below": low,
            "reject_from": high,
            "reason": "" if low and high else "too few normals",
            "share_undecided": {"calibration": None, "tuning": None},
        }

    def both(calibration):
        return {
            "4-ms-ssim": {"percentile": method(0.1, calibration), "evt_pot": method(None, calibration, 0.01)},
            "mse": {"percentile": method(0.0135, calibration), "evt_pot": method(0.016, calibration, 0.01)},
        }

    return {
        "in_force": {
            "score": "4-ms-ssim",
            "method": "percentile",
            "calibration": "held-out",
            "threshold": 0.1,
            "accept_below": None,
        },
        "scores": both("held-out"),
        "training_scores": both("training"),
        "three_way": {
            "4-ms-ssim": [setting(0.05, 0.1, 0.07, 0.12), setting(0.01, 0.1, 0.07, None)],
            "mse": [setting(0.05, 0.1, 0.01, 0.014)],
        },
    }


@pytest.fixture
def evaluation(labels, scores, manifest, thresholds):
    cases = assemble_cases(labels, scores, manifest)
    return evaluate(cases, thresholds, manifest, EvaluateSettings(bootstrap=200), 7)


@pytest.fixture
def undecided_evaluation(labels, scores, manifest, thresholds):
    """The same when the method in force has no valid threshold."""
    thresholds["in_force"] |= {"method": "evt_pot", "threshold": None}
    cases = assemble_cases(labels, scores, manifest)
    return evaluate(cases, thresholds, manifest, EvaluateSettings(bootstrap=200), 7)


@pytest.fixture
def project(tmp_path, rows):
    """The project on disk, ready for the stages threshold and evaluate."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    definition = tmp_path / "products" / "elpv-mono"
    definition.mkdir(parents=True)
    shutil.copy(ROOT / "products" / "elpv-mono" / "inspection.yaml", definition)
    shutil.copy(ROOT / "products" / "elpv-mono" / "acceptance.yaml", definition)
    artifacts = tmp_path / "artifacts" / "elpv-mono"
    sealed_manifest, sealed = seal(as_manifest(rows))
    write_manifest(artifacts / "ingest" / "manifest.parquet", sealed_manifest)
    write_sealed_labels(artifacts / "ingest" / "sealed_labels.parquet", sealed)
    counts = rows.loc[rows["split"] == "test", "label"].map({0: "normal", 1: "defective"}).value_counts()
    summary = {"splits": {"test": counts.to_dict()}}
    (artifacts / "ingest" / "split_summary.json").write_text(json.dumps(summary))
    _write_images(tmp_path / "data" / "elpv-mono", rows)
    for stage in ("roi", "score", "train"):
        (artifacts / stage).mkdir()
    rows[["image_id", "split", "decided", *SCORES]].to_parquet(
        artifacts / "score" / "scores.parquet", index=False
    )
    _write_what_is_not_asked_for(tmp_path, artifacts)
    regions, maps = regions_of(rows)
    regions.to_parquet(artifacts / "roi" / "regions.parquet", index=False)
    np.save(artifacts / "score" / "maps.npy", maps)
    (artifacts / "train" / "model.safetensors").write_bytes(b"weights")
    seeded_defects(rows).to_parquet(artifacts / "challenge" / "seeded.parquet", index=False)
    return tmp_path


def seeded_defects(rows):
    """seeded.parquet: blobs in the held-out normals, which raise the scores with their size."""
    normals = rows[(rows["split"] == "calibration") & rows["decided"]].head(20)
    parts = [
        normals[["image_id", "decided"]].assign(
            defect="dark-blob",
            size_px=size,
            size_mm=np.nan,
            contrast=0.6,
            **{name: normals[name] * (1 + size / 8) for name in SCORES},
        )
        for size in (2.0, 4.0, 8.0, 16.0)
    ]
    return pd.concat(parts, ignore_index=True)


def _write_what_is_not_asked_for(root, artifacts):
    """No folds and no declared disturbance; the simulation studies as they are committed."""
    shutil.copytree(ROOT / "protocols" / "data", root / "protocols" / "data")
    for stage in ("cross_fit", "challenge"):
        (artifacts / stage).mkdir()
    scored = dict.fromkeys(SCORES, np.empty(0))
    texts = dict.fromkeys(("image_id", "split"), np.empty(0, dtype=str))
    crossed = pd.DataFrame(
        {**texts, "fold": np.empty(0, dtype=int), "decided": np.empty(0, dtype=bool), **scored}
    )
    crossed[["image_id", "fold", "split", "decided", *SCORES]].to_parquet(
        artifacts / "cross_fit" / "scores.parquet"
    )
    pd.DataFrame({"image_id": np.empty(0, dtype=str)}).to_parquet(
        artifacts / "challenge" / "disturbed.parquet"
    )
    content = {"declared": False, "severities": [], "envelope": {}, "images": {"test": 60, "disturbed": 0}}
    (artifacts / "challenge" / "challenge.json").write_text(json.dumps({"disturbed": content}))


def _write_images(folder, rows):
    (folder / "set").mkdir(parents=True)
    random = np.random.default_rng(2)
    for image_id in rows["image_id"]:
        pixels = random.integers(60, 200, (32, 40), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{image_id}.png")


def regions_of(rows):
    """Two patches an image; an undecided image has none in the maps."""
    random = np.random.default_rng(3)
    regions, maps = [], []
    for row in rows.itertuples():
        for patch, left in enumerate((2.0, 20.0)):
            index = -1
            if row.decided:
                index = len(maps)
                maps.append(random.random((SIDE, SIDE)).astype(np.float16) * (1 + 4 * row.label))
            regions.append(
                {
                    "image_id": row.image_id,
                    "patch": patch,
                    "name": f"strip {patch}",
                    "x0": left,
                    "y0": 4.0,
                    "x1": left + 18,
                    "y1": 28.0,
                    "confidence": float(row.decided),
                    "decided": row.decided,
                    "row": index,
                }
            )
    return pd.DataFrame(regions), np.stack(maps)
