"""Guided PaDiM: the Mahalanobis distance beside a logistic regression that has seen training defects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sealproof.evidence.errors import DataError
from sealproof.models.augmentation import mirrored
from sealproof.models.backbone import Backbone
from sealproof.models.cards import Difference, ModelCard
from sealproof.models.defects import image_numbers, shared_problem
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.embedding import BATCH
from sealproof.models.embedding_cards import padim_card
from sealproof.models.logistic import Logistic
from sealproof.models.moments import Moments, together
from sealproof.models.padim import Padim
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreSettings

Floats = NDArray[np.float64]
#: Prefix of what was learned beside PaDiM's own in the stored state.
GUIDE = "guide."
#: Patches of training defects below which nothing is learned from them; as of the score `decision`.
FEWEST_DEFECTS = 10
#: Images of training normals: below, a fold says little about the others.
FEWEST_NORMALS = 20
#: What keeps the logarithm of a distance finite.
SMALLEST = 1e-12


class DefectGuidedPadim(Padim):
    """PaDiM knows how far a part is from normal ones, a logistic regression which way defects went.

    With d the largest value of PaDiM's smoothed map and o the log-odds of a defect, the score is

        (log d - mean of log d) / deviation of log d + weight x (o - mean of o) / deviation of o,

    means and deviations over training normals, each judged by what the other folds taught: a detector measures
    its own training normals too short. The regression looks at mean, largest value and deviation of every feature
    over the cells of a patch, and learns from the mirrored copies that `train.augment` names as well. The map is
    PaDiM's: where a part is unlike normal ones.

    Attributes:
        guide: the regression.
        levels: (2, 2) float64, mean and deviation of log d, and of o.
    """

    kind = "guided-padim"
    needs_defects = True
    map_of = "padim"

    def __init__(self, backbone: Backbone, settings: TrainSettings, height: int, width: int) -> None:
        super().__init__(backbone, settings, height, width)
        self.guide = Logistic(np.zeros(0), np.zeros(0), 0.0)
        self.levels = torch.zeros(2, 2, dtype=torch.float64)

    @classmethod
    def check(cls, data: TrainingData) -> None:
        """Refuse what cannot be learned from.

        Raises:
            DataError: too few defects or normals, or patches that are in two sets.
        """
        defects = 0 if data.defects is None else len(data.defects)
        images = len(np.unique(image_numbers(data.normals.positions)))
        problems = []
        if defects < FEWEST_DEFECTS:
            problems.append(f"{defects} patches of training defects, at least {FEWEST_DEFECTS} are needed")
        if images < FEWEST_NORMALS:
            problems.append(f"{images} images of training normals, at least {FEWEST_NORMALS} are needed")
        problems += shared_problem(data)
        if problems:
            raise DataError(
                "guided PaDiM cannot be fitted on these patches",
                where="ingest/manifest.parquet, splits `train`, `calibration` and `tuning`",
                why="\n".join(problems),
                mend="add labelled images, correct the splits, or choose `padim`, which needs no defects",
            )

    def learn_from(self, data: TrainingData, seed: int) -> None:
        """Gaussians and regression of all training images, and what held-out folds of normals make of them.

        Raises:
            DefinitionError: more features are asked for than there are, or a covariance is singular.
            DataError: a region of interest is missing in all normals outside a fold.
        """
        assert data.defects is not None  # noqa: S101 - `check` has seen to it
        self.selected = self.selection(seed).to(self.device)
        fold = folds(data.normals, self.settings.guided_padim.folds)
        parts = self._moments(data.normals, fold)
        inputs, defects = self._descriptors(data.normals), self._descriptors(data.defects)
        distances, odds = np.empty(len(fold)), np.empty(len(fold))
        for number in range(fold.max() + 1):
            held = fold == number
            self.take([_outside(of_position, number, at) for at, of_position in enumerate(parts)])
            distances[held] = self._log_distances(_some(data.normals, held))
            odds[held] = self._regression(inputs[~held], defects).odds(inputs[held, 0])
        self.take([together(of_position) for of_position in parts])
        self.guide = self._regression(inputs, defects)
        self.levels = torch.tensor([[of.mean(), of.std(ddof=1)] for of in (distances, odds)])
        self.levels[:, 1].clamp_(min=SMALLEST)

    def _moments(self, normals: PatchSet, fold: NDArray[np.int64]) -> list[list[Moments]]:
        """Moments by position and fold."""
        size = (self.grid[0] * self.grid[1], len(self.selected), self.device)
        positions = range(int(normals.positions.max()) + 1)
        parts = [[Moments(*size) for _ in range(fold.max() + 1)] for _ in positions]
        for (cells, position), number in zip(self.cells_of(normals), fold.tolist(), strict=True):
            parts[position][number].add(cells[:, self.selected].double())
        return parts

    def _descriptors(self, patches: PatchSet) -> Floats:
        """(n, copies, K) of each patch and its mirrored copies; itself is the first copy."""
        found = []
        for batch, _ in patches.batches(BATCH):
            copies = [self.cells(copy.to(self.device)) for copy in mirrored(batch, self.settings)]
            found += [[descriptor(cells) for cells in of_patch] for of_patch in zip(*copies, strict=True)]
        return np.array(found)

    def _regression(self, normals: Floats, defects: Floats) -> Logistic:
        """Fit on all copies; a patch weighs the same however many there are of it."""
        copies = normals.shape[1]
        defective = np.arange(len(normals) + len(defects)) >= len(normals)
        inputs = np.concatenate([normals, defects]).reshape(len(defective) * copies, -1)
        penalty = self.settings.guided_padim.inverse_penalty / copies
        return Logistic.fit(inputs, np.repeat(defective, copies), penalty)

    def _log_distances(self, patches: PatchSet) -> Floats:
        """log d of each patch under the Gaussians as they are now, (n,)."""
        found = [
            self.local(self.distances(cells, position)).amax() for cells, position in self.cells_of(patches)
        ]
        return np.asarray(torch.stack(found).double().clamp_min(SMALLEST).log().cpu().numpy())

    def _examined(self, cells: Tensor, position: int, settings: ScoreSettings) -> tuple[float, float, Tensor]:
        """PaDiM's two scores on the scale of held-out normals, with what the regression adds to both."""
        largest, upper, local = super()._examined(cells, position, settings)
        (mean, deviation), (middle, width) = self.levels.tolist()
        odds = float(self.guide.odds(descriptor(cells)[None])[0])
        added = self.settings.guided_padim.weight * (odds - middle) / width
        found = [(np.log(max(value, SMALLEST)) - mean) / deviation + added for value in (largest, upper)]
        return float(found[0]), float(found[1]), local

    def kept(self) -> dict[str, Tensor]:
        """What PaDiM keeps, the regression, and means and deviations."""
        guide = {
            "centre": torch.from_numpy(self.guide.centre),
            "weights": torch.from_numpy(self.guide.weights),
            "intercept": torch.tensor(self.guide.intercept, dtype=torch.float64),
            "levels": self.levels,
        }
        return super().kept() | {GUIDE + name: value for name, value in guide.items()}

    def keep(self, state: dict[str, Tensor]) -> None:
        """Take over what `kept` gave; the regression stays on the CPU."""
        super().keep(state)
        centre, weights = (state[GUIDE + name].cpu().numpy() for name in ("centre", "weights"))
        self.guide = Logistic(centre, weights, float(state[GUIDE + "intercept"]))
        self.levels = state[GUIDE + "levels"].cpu()

    @classmethod
    def empty(cls, shapes: dict[str, Any]) -> dict[str, Tensor]:
        """Zeros of the stored shapes."""
        names = [GUIDE + name for name in ("centre", "weights", "intercept", "levels")]
        return super().empty(shapes) | {
            name: torch.zeros(shapes[name], dtype=torch.float64) for name in names
        }

    def card(self) -> ModelCard:
        """What it is made of, and its limits."""
        return guided_padim_card(self.settings, self.backbone.description)


def descriptor(cells: Tensor) -> Floats:
    """Mean, largest value and deviation of every feature over the cells of one patch.

    Args:
        cells: (cells, features).

    Returns:
        (3 x features,) float64.

    Example:
        >>> descriptor(torch.tensor([[1.0], [3.0]])).round(3).tolist()
        [2.0, 3.0, 1.0]
    """
    exact = cells.double()
    return np.asarray(torch.cat([exact.mean(0), exact.amax(0), exact.std(0, correction=0)]).cpu().numpy())


def folds(normals: PatchSet, count: int) -> NDArray[np.int64]:
    """Fold of each patch, from 0: runs of images in the order of their ids, which is often that of production.

    Example:
        >>> patches = np.zeros((4, 8, 8), np.uint16)
        >>> folds(PatchSet(patches, np.arange(4), np.array([0, 1, 0, 0])), 2).tolist()
        [0, 0, 0, 1]
    """
    images = image_numbers(normals.positions)
    there = int(images[-1]) + 1
    return images * min(count, there) // there


def _some(patches: PatchSet, chosen: NDArray[np.bool_]) -> PatchSet:
    return PatchSet(patches.patches, patches.rows[chosen], patches.positions[chosen])


def _outside(parts: list[Moments], fold: int, position: int) -> Moments:
    """Moments of one position without those of one fold."""
    others = together([part for number, part in enumerate(parts) if number != fold])
    if others.count < 2:
        raise DataError(
            f"too few normals show region {position}",
            where="roi/regions.parquet, split `train`",
            why=f"{others.count} patches are left when one of {len(parts)} folds is held back, 2 are needed",
            mend="add normal images, or choose `padim`, which judges no folds",
        )
    return others


def guided_padim_card(settings: TrainSettings, pretrained: str) -> ModelCard:
    """The card of guided PaDiM under `settings`; `pretrained` says where the backbone's weights come from.

    Example:
        >>> "needs training defects" in guided_padim_card(TrainSettings(), "none").limits[0]
        True
    """
    plain = padim_card(settings, pretrained)
    return replace(
        plain,
        name="guided-padim",
        title="Guided PaDiM: PaDiM and a logistic regression on training defects",
        reference=f"PaDiM: {plain.reference}. The regression beside it is this project's own and has no publication; "
        "that a few labelled defects sharpen a detector of anomalies: Ruff et al., Deep Semi-Supervised Anomaly "
        "Detection, ICLR 2020, arXiv 1906.02694",
        summary=f"{plain.summary} Beside it a logistic regression with a ridge penalty tells training defects from "
        "normal parts by mean, largest value and deviation of every feature over the patch. Both are brought to the "
        "scale of normal parts that were held out in turn, and added.",
        differences=(_SUM, *plain.differences),
        limits=(
            "It needs training defects (split tuning): of a kind that is not among them PaDiM's part alone speaks.",
            "Its scores of the training defects are too high and say nothing about new ones.",
            "Every patch of a defective image counts as defective in training, also one that shows a normal region.",
            "The map shows where a part is unlike normal ones, not what the regression looked at.",
            *plain.limits,
        ),
    )


_SUM = Difference(
    "the image score is the maximum of the map",
    "its logarithm, in deviations of held-out normals, plus the log-odds of the regression, likewise",
    "few training defects cannot say all, but which way they went ranked new defects better on development images",
)
