"""The images that settings are tuned on: training normals, a share of them held out, and defects to tell from them.

The patches of these images are copied; no other patch is at hand. So neither the test split nor the held-out normals
that thresholds are computed from (split `calibration`) can have a part in what is chosen.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.challenges.seeded_settings import SeededSettings
from sealproof.challenges.seeding import KINDS, draw_placement, seed_defect, size_series
from sealproof.evidence.errors import DataError
from sealproof.evidence.hashing import sha256_bytes, sha256_json
from sealproof.evidence.strict import StrictModel
from sealproof.models.data import VALUE_SCALE, Patches
from sealproof.repetition.detector import Images
from sealproof.thresholds.resampling import generator
from sealproof.tuning.space import SearchSpace

ObjectiveKind = Literal["training-defects", "seeded-defects"]
#: Splits that are read; all others are dropped with the rows of the manifest.
READ_SPLITS = ("train", "tuning")
#: Fewer training normals than this cannot be divided.
FEWEST_NORMALS = 8


class Group(StrictModel):
    """Images of one kind: how many, how many patches, and the SHA-256 of their ids and patches in order of the ids."""

    images: int
    patches: int
    sha256: str = ""


@dataclass(frozen=True)
class TuningImages:
    """What every trial is trained and judged on.

    Attributes:
        images: split `train` is trained on; `calibration` holds the held-out normals, `tuning` the defects.
        objective: where the defects come from.
        groups: kind of image -> count and hash.
    """

    images: Images
    objective: ObjectiveKind
    groups: dict[str, Group]

    @property
    def paired(self) -> bool:
        """Whether each defect lies in a copy of a held-out normal."""
        return self.objective == "seeded-defects"

    @property
    def patch_size(self) -> tuple[int, int]:
        """Height and width of a patch in pixels."""
        return int(self.images.patches.shape[1]), int(self.images.patches.shape[2])


def tuning_images(images: Images, space: SearchSpace, seeded: SeededSettings, seed: int) -> TuningImages:
    """Hold out a share of the training normals, and put the defects beside them.

    Args:
        images: splits `train` and `tuning`; rows of other splits are dropped.
        space: share that is held out, and how many training defects are enough.
        seeded: how defects are drawn where there are too few.
        seed: draws which normals are held out, and the defects.

    Raises:
        DataError: too few training normals, or one that is not known to be normal.
    """
    manifest = images.manifest[images.manifest["split"].isin(READ_SPLITS)]
    undecided = set(images.regions.loc[~images.regions["decided"].astype(bool), "image_id"])
    manifest = manifest[~manifest["image_id"].isin(undecided)].sort_values("image_id", ignore_index=True)
    normal = manifest["split"] == "train"
    _check_normals(manifest[normal])
    held_out = _draw(manifest.loc[normal, "image_id"], space.held_out_share, seed)
    split = manifest["split"].mask(manifest["image_id"].isin(held_out), "calibration")
    manifest = manifest.assign(split=split)[["image_id", "split", "label"]]
    defects = manifest["split"] == "tuning"
    enough = int(defects.sum()) >= space.minimum_defects
    kept = _copy(images, manifest if enough else manifest[~defects])
    if not enough:
        kept = _with_seeded(kept, seeded, seed)
    names = {"train": "training normals", "calibration": "held-out normals", "tuning": "defects"}
    return TuningImages(
        kept,
        "training-defects" if enough else "seeded-defects",
        {name: _group(kept, split) for split, name in names.items()},
    )


def _check_normals(normals: pd.DataFrame) -> None:
    strange = normals.loc[~(normals["label"] == 0).fillna(value=False).astype(bool), "image_id"]
    if len(strange) == 0 and len(normals) >= FEWEST_NORMALS:
        return
    raise DataError(
        "the training normals cannot be tuned on",
        where="ingest/manifest.parquet and roi/regions.parquet, split `train`",
        why=(
            f"{len(strange)} of them are not known to be normal: {', '.join(strange.astype(str)[:5])}"
            if len(strange)
            else f"{len(normals)} have their regions found; {FEWEST_NORMALS} are needed to hold some of them out"
        ),
        mend="correct the labels or add normal images, and run `dvc repro`",
    )


def _draw(ids: pd.Series[str], share: float, seed: int) -> set[str]:
    """The held-out images: `share` of them, 2 at least, and 2 at least are left."""
    count = min(max(2, round(share * len(ids))), len(ids) - 2)
    names = ids.to_numpy(dtype=object)
    drawn = generator(seed, "tuning", "held-out").permutation(len(names))[:count]
    return {str(name) for name in names[drawn]}


def _copy(images: Images, manifest: pd.DataFrame) -> Images:
    """Images of the manifest alone, their patches copied in the order of image and patch."""
    regions = images.regions[images.regions["image_id"].isin(manifest["image_id"])]
    regions = regions.sort_values(["image_id", "patch"], ignore_index=True)
    patches = images.patches[regions["row"].to_numpy(dtype=np.int64)]
    return Images(manifest.reset_index(drop=True), regions.assign(row=np.arange(len(regions))), patches)


def _with_seeded(images: Images, settings: SeededSettings, seed: int) -> Images:
    """The images, and for each held-out normal a copy with one defect in one of its patches."""
    held_out = images.manifest.loc[images.manifest["split"] == "calibration", "image_id"].astype(str)
    rows = images.regions[images.regions["image_id"].isin(held_out)]
    drawn = images.patches[rows["row"].to_numpy(dtype=np.int64)].copy()
    copies = rows.assign(
        image_id=_seeded_name(rows["image_id"]), row=len(images.patches) + np.arange(len(rows))
    )
    side = min(drawn.shape[1:])
    sizes = size_series(max(settings.smallest * side, 1.0), max(settings.largest * side, 2.0), settings.sizes)
    cases = list(itertools.product(KINDS, sizes))
    order = generator(seed, "tuning", "cases").permutation(len(cases))
    for place, name in enumerate(sorted(held_out)):
        own = np.flatnonzero((rows["image_id"] == name).to_numpy())
        random = generator(seed, "tuning", "seeded", name)
        chosen = int(own[random.integers(len(own))])
        kind, size = cases[order[place % len(cases)]]
        drawn[chosen] = _damaged(drawn[chosen], kind, size, settings, random)
    added = pd.DataFrame({"image_id": _seeded_name(held_out), "split": "tuning", "label": 1})
    added = added.astype({"label": images.manifest["label"].dtype})
    return Images(
        pd.concat([images.manifest, added], ignore_index=True).sort_values("image_id", ignore_index=True),
        pd.concat([images.regions, copies]).sort_values(["image_id", "patch"], ignore_index=True),
        np.concatenate([images.patches, drawn]),
    )


def _seeded_name(ids: pd.Series[str]) -> pd.Series[str]:
    return "seeded/" + ids.astype(str)  # a prefix leaves the order as it is: pairs stay pairs


def _damaged(
    patch: NDArray[np.uint16], kind: str, size: float, settings: SeededSettings, random: np.random.Generator
) -> NDArray[np.uint16]:
    height, width = patch.shape
    place = draw_placement(random, (0.0, 0.0, float(width), float(height)), size / 2 + 1)
    line = max(settings.line_width * min(height, width), 1.0)
    grey = patch.astype(np.float32) / np.float32(VALUE_SCALE)
    changed = seed_defect(grey, kind, size, place, contrast=settings.contrast, width=line)
    found: NDArray[np.uint16] = np.round(changed.astype(np.float64) * VALUE_SCALE).astype(np.uint16)
    return found


def _group(images: Images, split: str) -> Group:
    ids = sorted(images.manifest.loc[images.manifest["split"] == split, "image_id"].astype(str))
    rows = images.regions[images.regions["image_id"].isin(ids)]
    patches: Patches = images.patches[rows["row"].to_numpy(dtype=np.int64)]
    content = {
        "patches": sha256_bytes(np.ascontiguousarray(patches).tobytes()),
        "regions": [
            [str(name), int(number)] for name, number in zip(rows["image_id"], rows["patch"], strict=True)
        ],
        "shape": list(patches.shape),
    }
    return Group(images=len(ids), patches=len(rows), sha256=sha256_json(content))


def seeded_facts(settings: SeededSettings) -> dict[str, float | int]:
    """What decides how a seeded defect looks: part of the study's definition.

    Example:
        >>> sorted(seeded_facts(SeededSettings()))
        ['contrast', 'largest', 'line_width', 'sizes', 'smallest']
    """
    return {name: value for name, value in settings.model_dump().items() if name != "images"}
