"""Folds: which normal images are left out together, and what cross-fitting hands back.

Nothing here loads a network library, so the stage costs next to nothing where cross-fitting is off.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from sealproof.evidence.errors import DefinitionError

#: Splits whose images are known to be normal; every one of their images is scored once.
NORMAL_SPLITS = ("train", "calibration")


@dataclass(frozen=True)
class Fold:
    """One fold and the detector that was trained without it.

    Attributes:
        fold: its number, from 1.
        training_images: decided images of the other folds that the weights learnt from.
        epoch_images: decided images of the other folds that the epoch was chosen on.
        scored_images: decided images of the fold.
        kept_epoch: the epoch whose weights were kept; None where a detector is fitted in one pass.
        calibration_loss: its loss on the images that it was chosen on; None likewise.
    """

    fold: int
    training_images: int
    epoch_images: int
    scored_images: int
    kept_epoch: int | None
    calibration_loss: float | None


@dataclass(frozen=True)
class CrossFit:
    """What cross-fitting found.

    Attributes:
        scores: image_id, fold, split, decided, one column a score (NaN where undecided); sorted by image_id.
        folds: a fold each, in order; none where cross-fitting is off.
    """

    scores: pd.DataFrame
    folds: tuple[Fold, ...]

    def as_json(self) -> dict[str, Any]:
        """Content of cross_fit.json."""
        decided = int(self.scores["decided"].sum())
        return {
            "folds": len(self.folds),
            "images": decided,
            "undecided": len(self.scores) - decided,
            "detectors": [asdict(fold) for fold in self.folds],
        }


def assign_folds(images: pd.DataFrame, folds: int, seed: int) -> pd.Series[int]:
    """Divide normal images into folds by a seed; each fold has its share of each split, to within one image.

    The images of a split are put into an order drawn from the seed, the ones without a score last, and dealt out
    in turn; the next split goes on where the one before stopped, so folds differ by two images at most.

    Args:
        images: image_id (unique), split (`train` or `calibration`) and decided; their order changes nothing.
        folds: 2 or more.
        seed: draws the order.

    Returns:
        Fold, 1 to `folds`, indexed by image_id and sorted by it.

    Raises:
        DefinitionError: fewer than two folds, or a split has fewer decided images than there are folds.

    Example:
        >>> images = pd.DataFrame({"image_id": list("abcd"), "split": ["train"] * 2 + ["calibration"] * 2})
        >>> found = assign_folds(images.assign(decided=True), 2, seed=1)
        >>> sorted(found[["a", "b"]]), sorted(found[["c", "d"]])
        ([1, 2], [1, 2])
    """
    from sealproof.thresholds.resampling import generator  # it loads SciPy, which nobody needs without folds

    ordered = images.sort_values("image_id", ignore_index=True)
    _check(ordered, folds)
    dealt: list[str] = []
    for decided in (True, False):
        for split in NORMAL_SPLITS:
            chosen = (ordered["split"] == split) & (ordered["decided"] == decided)
            names = ordered.loc[chosen, "image_id"].to_numpy(dtype=object)
            drawn = generator(seed, "cross-fit", split, str(decided)).permutation(len(names))
            dealt += [str(name) for name in names[drawn]]
    numbers = {name: place % folds + 1 for place, name in enumerate(dealt)}
    return pd.Series(numbers, name="fold", dtype="int64").sort_index()


def _check(images: pd.DataFrame, folds: int) -> None:
    usable = {split: int((images["decided"] & (images["split"] == split)).sum()) for split in NORMAL_SPLITS}
    short = [f"split {split!r} has {count}" for split, count in usable.items() if count < folds]
    if folds >= 2 and not short:
        return
    raise DefinitionError(
        f"the normals cannot be divided into {folds} folds",
        where="params.yaml, key `cross_fit.folds`",
        why=(
            "a detector is trained without each fold, so there are 2 at least"
            if folds < 2
            else f"each fold needs a decided image of each split, and {' and '.join(short)}"
        ),
        mend="give fewer folds (5 is usual), or 0 to switch cross-fitting off",
    )


def no_scores() -> pd.DataFrame:
    """The table of cross-fitted scores without a row and a score: what there is where cross-fitting is off.

    Example:
        >>> list(no_scores().columns), len(no_scores())
        (['image_id', 'fold', 'split', 'decided'], 0)
    """
    kinds = {"image_id": "str", "fold": "int64", "split": "str", "decided": "bool"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
