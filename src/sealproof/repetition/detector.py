"""One detector more: trained on some rows and used to score some others, all in memory.

The same functions as in the stages `train` and `score`, with the same settings; only the rows and the seed differ.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from sealproof.evidence.workspace import Workspace
from sealproof.inference.run import Scored, score_all
from sealproof.models.data import Patches, open_patches
from sealproof.models.detector import Fitted
from sealproof.models.registry import detector_class
from sealproof.models.training_data import training_data
from sealproof.settings import Params


@dataclass(frozen=True)
class Images:
    """What detectors are trained on and what they score.

    Attributes:
        manifest: image_id, split and label; a row an image.
        regions: image_id, patch, decided and row; a row a patch, sorted by image_id and patch.
        patches: (rows, height, width) uint16, usually a memory map.
    """

    manifest: pd.DataFrame
    regions: pd.DataFrame
    patches: Patches

    @classmethod
    def of(cls, workspace: Workspace, splits: Collection[str]) -> Images:
        """The images of some splits, as `ingest` and `roi` left them; rows of other splits are not kept.

        Raises:
            EvidenceMissingError, EvidenceAlteredError: the patches are missing or no patches.
        """
        manifest = _table(workspace.artifacts("ingest") / "manifest.parquet", ["image_id", "split", "label"])
        regions = _table(
            workspace.artifacts("roi") / "regions.parquet", ["image_id", "patch", "decided", "row"]
        )
        kept = manifest[manifest["split"].isin(splits)].sort_values("image_id", ignore_index=True)
        regions = regions[regions["image_id"].isin(kept["image_id"])].reset_index(drop=True)
        return cls(kept, regions, open_patches(workspace.artifacts("roi") / "patches.npy"))

    def in_splits(self, splits: pd.Series[str]) -> Images:
        """The same images with other splits: `splits` is indexed like the rows of the manifest."""
        return Images(self.manifest.assign(split=splits), self.regions, self.patches)


@dataclass(frozen=True)
class Detector:
    """A detector that was trained anew, and what it makes of the images."""

    fitted: Fitted
    scored: Scored

    @property
    def kept_epoch(self) -> int | None:
        """The epoch whose weights were kept; None where the detector is fitted in one pass."""
        found = self.fitted.facts.get("kept_epoch")
        return None if found is None else int(found)

    @property
    def calibration_loss(self) -> float | None:
        """Loss of the kept epoch on held-out normals; None likewise."""
        found = self.fitted.facts.get("calibration_loss")
        return None if found is None else float(found)


def train_and_score(images: Images, scored: Collection[str], params: Params, *, seed: int) -> Detector:
    """Train on split `train`, choose the epoch on `calibration`, fit the feature distance on `train`; then score.

    Args:
        images: with the splits that the images have for this one detector.
        scored: splits that are scored besides `train`, whose features the distance is fitted on.
        params: sections `compute`, `train` and `score`; its seed is not used.
        seed: of everything that is drawn: weights, batches, features.

    Raises:
        DataError: a split has no usable normal, or the feature distance cannot be fitted.
        DefinitionError: training diverged, or the device does not exist.
    """
    kind = detector_class(params.train.detector)
    fitted = kind.fit(
        training_data(images.patches, images.manifest, images.regions, defects=kind.needs_defects),
        params.train,
        seed=seed,
        device=params.compute.device,
        threads=params.compute.threads,
    )
    wanted = images.manifest.loc[images.manifest["split"].isin({"train", *scored}), ["image_id", "split"]]
    rows = images.regions.merge(wanted, on="image_id", validate="many_to_one")
    before = torch.get_num_threads()
    torch.set_num_threads(params.compute.threads)
    try:
        found = score_all(
            fitted.detector.to(fitted.device),
            images.patches,
            rows,
            params.score,
            seed=seed,
            maps=None,
            device=fitted.device,
        )
    finally:
        torch.set_num_threads(before)
    return Detector(fitted, found)


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    return pd.read_parquet(path, columns=columns)
