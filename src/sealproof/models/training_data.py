"""Which patches a detector may learn from, out of the manifest and the regions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sealproof.evidence.errors import DataError
from sealproof.models.data import Patches, Rows, normal_rows
from sealproof.models.detector import PatchSet, TrainingData

#: Splits of known normals, and of known defects, that are there before the test set is opened.
NORMALS, HELD_OUT, DEFECTS = "train", "calibration", "tuning"


def training_data(
    patches: Patches, manifest: pd.DataFrame, regions: pd.DataFrame, *, defects: bool = False
) -> TrainingData:
    """Patches of the training and held-out normals, and of the training defects where they are needed.

    Args:
        patches: (R, height, width) uint16, usually a memory map.
        manifest: image_id, split and label.
        regions: image_id, patch, decided and row.
        defects: the detector cannot be fitted without training defects.

    Raises:
        DataError: an image of a normal split is not known to be normal, one of split `tuning` not known to be
            defective, or a split that is needed has no usable patch.
    """
    return TrainingData(
        normals=patch_set(patches, regions, normal_rows(manifest, regions, NORMALS)),
        held_out=patch_set(patches, regions, normal_rows(manifest, regions, HELD_OUT)),
        defects=patch_set(patches, regions, defect_rows(manifest, regions)) if defects else None,
    )


def patch_set(patches: Patches, regions: pd.DataFrame, rows: Rows) -> PatchSet:
    """Rows of `patches` with the region that each shows.

    Example:
        >>> regions = pd.DataFrame({"patch": [0, 1], "row": [4, 2]})
        >>> patch_set(np.zeros((5, 16, 16), np.uint16), regions, np.array([2, 4])).positions.tolist()
        [1, 0]
    """
    stored = regions[regions["row"] >= 0]
    position = pd.Series(stored["patch"].to_numpy(np.int64), index=stored["row"].to_numpy(np.int64))
    return PatchSet(patches, rows, position.reindex(rows.tolist()).to_numpy(np.int64))


def defect_rows(manifest: pd.DataFrame, regions: pd.DataFrame) -> Rows:
    """Rows of the decided training defects, sorted.

    Raises:
        DataError: an image of the split is not known to be defective, or no patch of the split is left.
    """
    images = manifest[manifest["split"] == DEFECTS]
    strange = images.loc[~(images["label"] == 1).fillna(value=False).astype(bool), "image_id"]
    undecided = regions.loc[~regions["decided"].astype(bool), "image_id"]
    usable = regions["image_id"].isin(images["image_id"]) & ~regions["image_id"].isin(undecided)
    rows: Rows = np.sort(regions.loc[usable, "row"].to_numpy(np.int64))
    if len(strange) or len(rows) == 0:
        raise DataError(
            "this detector cannot be fitted without training defects",
            where=f"ingest/manifest.parquet, split {DEFECTS!r}",
            why=f"{len(images)} images, {len(strange)} of them not known to be defective, {len(rows)} usable patches",
            mend="add labelled defects to the training subset (inspection.yaml, key `split.subsets`), or choose a "
            "detector that learns from normals alone",
        )
    return rows
