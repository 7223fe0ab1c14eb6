"""How often anomaly maps point at the defect, on test images with a ground-truth mask.

Masks are brought onto the patches by the geometry of the regions of interest, so map and mask lie pixel on
pixel. What the detector does not look at (a defect outside every region, an undecided image) counts as not
pointed at. Images are read one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track

from sealproof.datasets.images import confined, read_image
from sealproof.evaluation.intervals import proportion
from sealproof.evaluation.localisation_measures import (
    PRO_LIMIT,
    Mask,
    PixelCounts,
    points_at,
    widened,
)
from sealproof.evidence.errors import DataError, EvidenceAlteredError
from sealproof.roi.region import Region
from sealproof.roi.resample import extract

#: Pixels of a patch by which the maximum of a map may lie beside the defect.
TOLERANCE = 1
#: Share of a patch pixel that the mask has to cover.
COVERED = 0.5
NO_MASKS = "no masks: not evaluable"
_GEOMETRY = ["patch", "name", "x0", "y0", "x1", "y1", "confidence", "decided", "tilt", "row"]


@dataclass
class Found:
    """Sums over the images seen so far."""

    pixels: PixelCounts
    masked: int = 0
    pointed: int = 0
    undecided: int = 0
    outside: int = 0
    normal: int = 0
    chance: float = 0.0


def localisation(
    labels: pd.DataFrame,
    shapes: Mapping[str, tuple[int, int]],
    root: Path,
    regions: pd.DataFrame,
    maps: NDArray[np.float16],
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Everything that is said about localisation, as JSON types: localisation.json.

    Args:
        labels: the opened labels: image_id, label, mask_path.
        shapes: image_id -> (height, width) of the image, pixels.
        root: the data root.
        regions: regions.parquet.
        maps: maps.npy, (rows, H, W), may be memory-mapped.
        confidence: of the bounds of the pointing rate, two-sided.

    Raises:
        DataError: a mask cannot be read, its path leaves the data folder, it has not the size of its image, or
            it marks nothing.
        EvidenceAlteredError: a map has pixels that are not a number.
    """
    test = labels.sort_values("image_id")
    defective = test[test["label"] == 1]
    with_mask = defective[defective["mask_path"] != ""]
    found = Found(PixelCounts())
    if len(with_mask):
        groups = {str(name): part for name, part in regions.groupby("image_id", sort=True)}
        chosen = pd.concat([with_mask, test[test["label"] == 0]]).sort_values("image_id")
        columns = zip(chosen["image_id"], chosen["mask_path"], chosen["label"], strict=True)
        for image_id, mask_path, label in track(list(columns), description="localisation"):
            rows = groups.get(image_id, regions.iloc[:0])[_GEOMETRY].sort_values("patch")
            mask = _mask(root, mask_path, shapes[image_id]) if label == 1 else None
            _add(found, image_id, rows, mask, maps)
    return _summary(found, len(defective), len(defective) - len(with_mask), maps.shape[1:], confidence)


def _mask(root: Path, mask_path: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Mask of an image, (H, W), 0 or 1: above half of its largest value is defect."""
    mask = read_image(confined(root, mask_path))
    why = ""
    if mask.shape != shape:
        why = f"it has {mask.shape[1]} x {mask.shape[0]} pixels, its image {shape[1]} x {shape[0]}"
    elif not mask.any():
        why = "it marks no pixel, though the image is labelled defective"
    if why:
        raise DataError(
            "a mask does not fit its image",
            where=mask_path,
            why=why,
            mend="correct the mask, or take it away, and run `dvc repro`",
        )
    return np.asarray(mask > mask.max() / 2, dtype=np.float32)


def patch_masks(mask: NDArray[np.float32], regions: list[Region], height: int, width: int) -> Mask:
    """The mask on the pixels of the patches.

    A patch pixel belongs to the defect when at least `COVERED` of it is marked; where a defect is too thin for
    that everywhere in a patch, the pixels that are marked most belong to it, so that none is lost.

    Returns:
        (regions, height, width).

    Example:
        >>> mask = np.zeros((4, 4), np.float32)
        >>> mask[0, 0] = 1
        >>> patch_masks(mask, [Region("frame", 0, 0, 4, 4, 1.0, True)], 2, 2).tolist()
        [[[True, False], [False, False]]]
    """
    shares = extract(mask, regions, height, width)
    highest = shares.max(axis=(1, 2), keepdims=True)
    # 1e-6: sums of areas that are equal on paper
    found: Mask = (shares >= np.minimum(COVERED, highest) - 1e-6) & (shares > 1e-6)
    return found


def _add(
    found: Found,
    image_id: str,
    rows: pd.DataFrame,
    mask: NDArray[np.float32] | None,
    maps: NDArray[np.float16],
) -> None:
    """Count one image; without a mask it is normal."""
    decided = len(rows) > 0 and bool(rows["decided"].all())
    found.masked += mask is not None
    if not decided:
        found.undecided += mask is not None
        return
    anomaly = np.asarray(maps[rows["row"].to_numpy(dtype=np.int64)])
    if not np.isfinite(anomaly).all():
        raise EvidenceAlteredError(
            "an anomaly map has pixels that are not a number",
            where=f"maps.npy, image {image_id}",
            why="the stage score writes finite maps",
            mend="delete the artefacts of the stage score and run `dvc repro`",
        )
    marked = np.zeros(anomaly.shape, dtype=bool)
    if mask is None:
        found.normal += 1
    else:
        marked = patch_masks(mask, _regions(rows), *anomaly.shape[1:])
        found.outside += not marked.any()
        found.pointed += points_at(anomaly, marked, TOLERANCE)
        found.chance += float(widened(marked, TOLERANCE).mean())
    for one, where in zip(anomaly, marked, strict=True):
        found.pixels.add(one, where)


def _regions(rows: pd.DataFrame) -> list[Region]:
    columns = (
        rows[name].tolist() for name in ("name", "x0", "y0", "x1", "y1", "confidence", "decided", "tilt")
    )
    return [Region(*values) for values in zip(*columns, strict=True)]


def _summary(
    found: Found, defective: int, without: int, shape: tuple[int, ...], confidence: float
) -> dict[str, Any]:
    pointing = proportion(found.pointed, found.masked, confidence, NO_MASKS)
    looked_at = found.masked - found.undecided
    chance = found.chance / looked_at if looked_at else None
    better = None if pointing.low is None or chance is None else pointing.low > chance
    reason = "" if found.masked else NO_MASKS
    auroc = found.pixels.auroc() if found.masked else None
    overlap = found.pixels.per_region_overlap() if found.masked else None
    if found.masked and (auroc is None or overlap is None):
        reason = "no defect of a decided image lies in a region of interest"
    return {
        "reason": reason,
        "confidence": confidence,
        "defective": defective,
        "with_mask": found.masked,
        "without_mask": without,
        "undecided": found.undecided,
        "outside": found.outside,
        "normal": found.normal,
        "tolerance_px": TOLERANCE,
        "covered": COVERED,
        "patch_height": int(shape[0]),
        "patch_width": int(shape[1]),
        "pointing": {
            "value": pointing.value,
            "low": pointing.low,
            "high": pointing.high,
            "hits": found.pointed,
        },
        "chance": chance,
        "better_than_chance": better,
        "pixel_auroc": auroc,
        "pro": overlap,
        "pro_limit": PRO_LIMIT,
        "regions": found.pixels.regions,
    }
