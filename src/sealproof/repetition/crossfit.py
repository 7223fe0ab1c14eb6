"""Cross-fitting: K detectors, each without one fold of the normals, so that every normal is scored by a detector
that did not see it.

Each detector comes about as the released one does, a fold short: its weights learn from the training normals of the
other folds, its epoch is chosen on their held-out normals, its feature distance is fitted on the normals its weights
learnt from. The fold itself plays no part in any of it. Vovk, Ann. Math. Artif. Intell. 74 (2015) 9-28, calls it
cross-conformal; Chernozhukov et al., Econom. J. 21 (2018) C1-C68, cross-fitting.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from sealproof.repetition.detector import Detector, Images, train_and_score
from sealproof.repetition.folds import NORMAL_SPLITS, CrossFit, Fold, assign_folds, no_scores
from sealproof.settings import Params

#: Split of the fold that a detector is trained without.
_LEFT_OUT = "left-out"


def cross_fit(
    images: Images, params: Params, *, folds: int, seed: int, announce: Callable[[str], object] = print
) -> CrossFit:
    """Score every normal of the splits `train` and `calibration` by a detector that did not see it.

    Args:
        images: other splits are not looked at.
        params: sections `compute`, `train` and `score`.
        folds: 2 or more; a training each.
        seed: deals the images out; each training starts from it too, as the released one does.
        announce: told which fold comes next.

    Raises:
        DataError: what is left without a fold cannot be trained on.
        DefinitionError: too many folds for the images, or training diverged.
    """
    normals = _normals(images)
    decided = _decided(normals)
    table = normals.manifest[["image_id", "split"]].assign(decided=decided)
    fold_of = normals.manifest["image_id"].map(assign_folds(table, folds, seed))
    parts, facts = [], []
    for fold in range(1, folds + 1):
        announce(f"fold {fold} of {folds}")
        left_out = fold_of == fold
        detector = train_and_score(
            normals.in_splits(normals.manifest["split"].mask(left_out, _LEFT_OUT)),
            {_LEFT_OUT},
            params,
            seed=seed,
        )
        scored = detector.scored.images
        parts.append(scored[scored["split"] == _LEFT_OUT].drop(columns="split").assign(fold=fold))
        facts.append(_facts(fold, table[~left_out], table[left_out], detector))
    scores = pd.concat(parts).merge(table[["image_id", "split"]], on="image_id", validate="one_to_one")
    keys = list(no_scores().columns)
    scores = scores[keys + [name for name in scores.columns if name not in keys]]
    scores = scores.sort_values("image_id", ignore_index=True)
    return CrossFit(scores, tuple(facts))


def _normals(images: Images) -> Images:
    kept = images.manifest["split"].isin(NORMAL_SPLITS)
    manifest = images.manifest[kept].reset_index(drop=True)
    regions = images.regions[images.regions["image_id"].isin(manifest["image_id"])]
    return Images(manifest, regions.reset_index(drop=True), images.patches)


def _decided(images: Images) -> pd.Series[bool]:
    """Whether every region of an image was found, in the order of the manifest."""
    undecided = images.regions.loc[~images.regions["decided"].astype(bool), "image_id"]
    found = images.manifest["image_id"].isin(images.regions["image_id"])
    return found & ~images.manifest["image_id"].isin(undecided)


def _facts(fold: int, others: pd.DataFrame, left_out: pd.DataFrame, detector: Detector) -> Fold:
    counts = others[others["decided"]].groupby("split").size()
    return Fold(
        fold=fold,
        training_images=int(counts.get("train", 0)),
        epoch_images=int(counts.get("calibration", 0)),
        scored_images=int(left_out["decided"].sum()),
        kept_epoch=detector.kept_epoch,
        calibration_loss=detector.calibration_loss,
    )
