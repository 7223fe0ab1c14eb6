"""Which preset of the SSIM family separates better: `published` or `fixed-range`, on development images alone.

The trained detector scores normals that took no part in training (split `calibration`, and unused ones) and defects
(split `tuning`, and unused ones); the most anomalous patch of an image decides. Test images and excluded ones are not
read. For every score: AUROC under each preset with DeLong's bounds, and the difference with the bounds of a stratified
bootstrap over images, both presets on the same ones. Also how much a score of normals moves with the brightest pixel
of its patch: Spearman's correlation with the maximum. Run with:

    python benchmarks/preset.py --product elpv-mono
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from scipy import stats

from sealproof.evaluation.ranking import areas, delong
from sealproof.models.data import as_tensor, open_patches
from sealproof.models.storage import load_detector
from sealproof.scores.patches import RECONSTRUCTION_SCORES, reconstruction_scores
from sealproof.scores.variants import PRESET_NAMES

NAMES = tuple(name for name in RECONSTRUCTION_SCORES if "ssim" in name)
HELD_OUT = {0: ("calibration", "unused"), 1: ("tuning", "unused")}
RESAMPLES = 4000
BATCH = 64


def development_patches(manifest: pd.DataFrame, regions: pd.DataFrame) -> pd.DataFrame:
    """Rows of patches that may be looked at: image_id, label, row."""
    usable = regions[regions["decided"]].merge(manifest[["image_id", "split", "label"]], on="image_id")
    allowed = [
        (usable["label"] == label) & usable["split"].isin(splits) for label, splits in HELD_OUT.items()
    ]
    return usable[np.logical_or(*(part.fillna(value=False) for part in allowed))].sort_values("row")


def scores_of(artifacts: Path, rows: np.ndarray) -> dict[str, pd.DataFrame]:
    """Preset -> scores of the patches, and the largest value of each."""
    detector, patches = load_detector(artifacts / "train"), open_patches(artifacts / "roi" / "patches.npy")
    found: dict[str, list[pd.DataFrame]] = {preset: [] for preset in PRESET_NAMES}
    for start in range(0, len(rows), BATCH):
        batch = as_tensor(patches[rows[start : start + BATCH]])
        image, made = batch[:, 0], detector.reconstruct(batch)[:, 0]
        for preset in PRESET_NAMES:
            values, _ = reconstruction_scores(image, made, NAMES, preset)
            table = pd.DataFrame({name: value.numpy() for name, value in values.items()})
            found[preset].append(table.assign(brightest=image.amax(dim=(1, 2)).numpy()))
    return {preset: pd.concat(parts, ignore_index=True) for preset, parts in found.items()}


def difference(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """AUROC of `second` less that of `first`, and 95 % bounds: stratified bootstrap, percentiles."""
    random = np.random.default_rng(20261121)
    wins = [
        np.sign(score[labels == 1][:, None] - score[labels == 0][None]) / 2 + 0.5 for score in (first, second)
    ]
    change = wins[1] - wins[0]
    defects, normals = change.shape
    drawn_defects = random.multinomial(defects, np.full(defects, 1 / defects), RESAMPLES) / defects
    drawn_normals = random.multinomial(normals, np.full(normals, 1 / normals), RESAMPLES) / normals
    resampled = np.einsum("rd,dn,rn->r", drawn_defects, change, drawn_normals, optimize=True)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(change.mean()), float(low), float(high)


def main() -> None:
    """Print one row a score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--product", default="elpv-mono")
    parser.add_argument("--artifacts", type=Path, help="folder with ingest, roi and train of another run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    artifacts = options.artifacts or Path(__file__).resolve().parents[1] / "artifacts" / options.product
    looked_at = development_patches(
        pd.read_parquet(artifacts / "ingest" / "manifest.parquet"),
        pd.read_parquet(artifacts / "roi" / "regions.parquet"),
    )
    by_patch = scores_of(artifacts, looked_at["row"].to_numpy())
    images = looked_at["image_id"].to_numpy()
    labels = looked_at.groupby("image_id")["label"].first().to_numpy(dtype=np.int64)
    of_images = {preset: table.groupby(images).max() for preset, table in by_patch.items()}
    table = Table("score", *PRESET_NAMES, "difference", "with the maximum")
    for name in NAMES:
        published, fixed = (of_images[preset][name].to_numpy() for preset in PRESET_NAMES)
        cells = []
        for values in (published, fixed):
            bounds = delong(labels, values)
            cells.append(f"{areas(labels, values)[0]:.3f} [{bounds.low:.3f}, {bounds.high:.3f}]")
        change, low, high = difference(labels, published, fixed)
        moved = [
            stats.spearmanr(values[labels == 0], of_images["published"]["brightest"].to_numpy()[labels == 0])[
                0
            ]
            for values in (published, fixed)
        ]
        table.add_row(
            name, *cells, f"{change:+.3f} [{low:+.3f}, {high:+.3f}]", f"{moved[0]:+.2f} / {moved[1]:+.2f}"
        )
    counts = f"{(labels == 0).sum()} normals that took no part in training, {(labels == 1).sum()} defects"
    Console(width=130).print(f"{options.product}: AUROC, {counts}; bounds of 95 %", table)


if __name__ == "__main__":
    main()
