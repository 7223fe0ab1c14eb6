"""The work of stage `roi`: regions and patches of every image of a manifest, one image in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import track

from sealproof.datasets.images import confined, read_image
from sealproof.evidence.errors import DataError
from sealproof.roi.patches import cut
from sealproof.roi.propose import propose
from sealproof.roi.region import Region
from sealproof.roi.settings import RoiSettings
from sealproof.roi.storage import PatchWriter

#: Columns of regions.parquet; `tilt` is what `extract` needs besides the contract.
COLUMNS = ("image_id", "patch", "name", "x0", "y0", "x1", "y1", "confidence", "decided", "row", "tilt")
_TYPES: Mapping[str, Any] = {"patch": "int64", "row": "int64", "decided": bool} | dict.fromkeys(
    ("x0", "y0", "x1", "y1", "confidence", "tilt"), "float64"
)


def find_regions(manifest: pd.DataFrame, root: Path, settings: RoiSettings, patches: Path) -> pd.DataFrame:
    """Find the regions of every image that is not excluded, and store the patches of the decided regions.

    An image is undecided when any of its regions is, though the patches of its other regions are stored.

    Args:
        manifest: columns image_id, path and excluded.
        root: the data root that `path` is relative to.
        settings: mask function, confidence limit and patch size.
        patches: the `.npy` file to write: uint16 (rows, patch_height, patch_width).

    Returns:
        One row a region with `COLUMNS`, sorted by image_id and patch; `row` is -1 where undecided.

    Raises:
        DataError: an image cannot be read, or no image at all has a confident region.
    """
    images = manifest[~manifest["excluded"].astype(bool)].sort_values("image_id")
    rows: list[dict[str, Any]] = []
    with PatchWriter(patches, settings.patch_height, settings.patch_width) as writer:
        pairs = list(zip(images["image_id"], images["path"], strict=True))
        for image_id, path in track(pairs, description="regions of interest"):
            image = read_image(confined(root, path))
            regions = propose(image, settings)
            for number, region in enumerate(regions):
                rows.append(_row(image_id, number, region, writer.rows))
                if region.decided:
                    writer.append(cut(image, [region], settings))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(_TYPES)
    _refuse_nothing(table, settings)
    return table


def _row(image_id: str, number: int, region: Region, next_row: int) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "patch": number,
        "name": region.name,
        "x0": region.x0,
        "y0": region.y0,
        "x1": region.x1,
        "y1": region.y1,
        "confidence": region.confidence,
        "decided": region.decided,
        "row": next_row if region.decided else -1,
        "tilt": region.tilt,
    }


def _refuse_nothing(table: pd.DataFrame, settings: RoiSettings) -> None:
    if (table["row"] >= 0).any():
        return
    best = table["confidence"].max() if len(table) else float("nan")
    raise DataError(
        "no image has a confident region of interest",
        where=f"inspection.yaml, key `roi` (method {settings.method})",
        why=f"{table['image_id'].nunique()} images were tried; the largest confidence is {best:.3f}, the limit "
        f"{settings.minimum_confidence:g}; a region that leaves its image is undecided, too",
        mend="choose the feature, the search range and the window to fit the images, or method full_frame",
    )
