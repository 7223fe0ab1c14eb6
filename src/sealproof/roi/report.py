"""What stage `roi` puts on record and shows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.table import Table

from sealproof.evidence.records import Recorder
from sealproof.roi.resample import RESAMPLING
from sealproof.roi.settings import RoiSettings

_SPLITS = ("train", "calibration", "tuning", "test")


def by_image(regions: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """One row an image: image_id, split, decided (all of its regions), confidence (the smallest of them).

    Example:
        >>> regions = pd.DataFrame({"image_id": ["a", "a"], "decided": [True, False], "confidence": [0.9, 0.1]})
        >>> by_image(regions, pd.DataFrame({"image_id": ["a"], "split": ["test"]})).to_dict("records")
        [{'image_id': 'a', 'decided': False, 'confidence': 0.1, 'split': 'test'}]
    """
    images = regions.groupby("image_id", sort=True).agg(
        decided=("decided", "all"), confidence=("confidence", "min")
    )
    return images.reset_index().merge(
        splits[["image_id", "split"]], on="image_id", how="left", validate="1:1"
    )


def record_regions(
    recorder: Recorder, regions: pd.DataFrame, images: pd.DataFrame, settings: RoiSettings, artefact: Path
) -> None:
    """Record counts, undecided images a split, confidence, and how patches are made.

    Args:
        recorder: of stage roi.
        regions: as `find_regions` returns them.
        images: as `by_image` returns them.
        settings: of the regions.
        artefact: regions.parquet as written.
    """

    def add(name: str, value: object, unit: str, definition: str, pointer: str = "") -> None:
        recorder.add(name, value, unit=unit, definition=definition, artefact=artefact, pointer=pointer)

    add("images", len(images), "images", "images that are not excluded", "column image_id")
    add("patches", int((regions["row"] >= 0).sum()), "patches", "patches of decided regions", "column row")
    undecided = images[~images["decided"]]
    meaning = "images of which at least one region is not confident, or leaves the image"
    add("undecided", len(undecided), "images", meaning, "column decided")
    for split in _SPLITS:
        count = int((undecided["split"] == split).sum())
        add(f"undecided.{split}", count, "images", f"{meaning}; split {split}", "column decided")
    for name, share in (("minimum", 0.0), ("percentile-5", 0.05), ("median", 0.5)):
        value = float(images["confidence"].quantile(share))
        text = f"{name} over all images of the confidence of an image's least confident region"
        add(f"confidence.{name}", value, "1", text, "column confidence")
    limit = "smallest confidence with which a region counts as found"
    add("confidence.limit", settings.minimum_confidence, "1", limit)
    add("method", settings.method, "1", "mask function of Equation 1 that finds the regions")
    add("patch-height", settings.patch_height, "px", "height of a patch as the model sees it")
    add("patch-width", settings.patch_width, "px", "width of a patch as the model sees it")
    if settings.illumination == "flattened":
        text = (
            "standard deviation of the low-pass that each patch is divided by, as a share of its shorter side"
        )
        add("illumination-scale", settings.illumination_scale, "1", text)
    add(
        "illumination",
        settings.illumination,
        "1",
        "kept, or flattened: patches divided by their own low-pass",
    )
    add("resampling", RESAMPLING, "1", "how a region becomes a patch of that size")


def region_table(images: pd.DataFrame) -> Table:
    """Images, undecided ones and confidence a split."""
    table = Table("split", "images", "undecided", "smallest confidence", title="regions of interest")
    for split, part in images.groupby("split", sort=True):
        undecided = int((~part["decided"]).sum())
        table.add_row(str(split), str(len(part)), str(undecided), f"{part['confidence'].min():.3f}")
    return table
