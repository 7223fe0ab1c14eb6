"""What every detector does: fit on normals, score, map, save, load.

A detector looks at patches, one region of interest each. What it makes of a batch of them is an `Examination`:
one column a score, and where each patch is anomalous. Everything else (streaming a data set, the most anomalous
patch of an image, thresholds, documents) is the same for all of them and lies elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sealproof.models.cards import ModelCard
from sealproof.models.data import Patches, Rows, as_tensor
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreSettings

Positions = NDArray[np.int64]
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class PatchSet:
    """Patches that may be read, and the region of the image that each shows.

    Attributes:
        patches: (R, height, width) uint16, usually a memory map.
        rows: (n,) rows of `patches`, ascending; no other row is read.
        positions: (n,) number of the region within its image, from 0.
    """

    patches: Patches
    rows: Rows
    positions: Positions

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a patch in pixels."""
        return int(self.patches.shape[1]), int(self.patches.shape[2])

    def batches(self, size: int) -> Iterator[tuple[Tensor, Positions]]:
        """Batches in row order: (N, 1, height, width) in [0, 1] on the CPU, and (N,) positions.

        Example:
            >>> patches = np.zeros((3, 16, 16), np.uint16)
            >>> held = PatchSet(patches, np.array([0, 2]), np.array([0, 0]))
            >>> [tuple(batch.shape) for batch, _ in held.batches(8)]
            [(2, 1, 16, 16)]
        """
        for start in range(0, len(self.rows), size):
            part = slice(start, start + size)
            yield as_tensor(self.patches[self.rows[part]]), self.positions[part]


@dataclass(frozen=True)
class TrainingData:
    """What a detector may learn from; nothing of the test split is ever among it.

    Attributes:
        normals: patches of split `train`.
        held_out: patches of split `calibration`: losses are watched on them, nothing is fitted to them.
        defects: patches of split `tuning`; None unless the detector says `needs_defects`.
    """

    normals: PatchSet
    held_out: PatchSet
    defects: PatchSet | None = None


@dataclass(frozen=True)
class Examination:
    """What a detector makes of a batch of N patches.

    Attributes:
        scores: score name -> (N,) float64, higher = more anomalous.
        local: (N, height, width) float32, 0 or more: where a patch is anomalous.
    """

    scores: dict[str, Tensor]
    local: Tensor


class Detector(ABC):
    """One architecture; concrete classes are listed in `models.registry`.

    Attributes:
        kind: its name in params.yaml (`train.detector`) and in `model.json`.
        needs_defects: it cannot be fitted without training defects (split `tuning`).
        reconstructs: `reconstruct` gives something.
        map_of: the score whose local values `Examination.local` holds; the detector's own where it is empty.
        feature_layers: numbers that `features` takes; empty where there is nothing of that kind.
    """

    kind: ClassVar[str]
    needs_defects: ClassVar[bool] = False
    reconstructs: ClassVar[bool] = False
    map_of: ClassVar[str] = ""
    feature_layers: tuple[int, ...] = ()
    settings: TrainSettings
    height: int
    width: int

    @classmethod
    @abstractmethod
    def fit(
        cls, data: TrainingData, settings: TrainSettings, *, seed: int, device: Device, threads: int
    ) -> Fitted:
        """Learn what normal patches look like; same data, settings and seed give the same bytes.

        Raises:
            DataError: too few patches, or of a size that the detector cannot take.
            DefinitionError: settings that contradict each other, a device that is not there.
        """

    @abstractmethod
    def examine(self, patches: Tensor, positions: Positions, settings: ScoreSettings) -> Examination:
        """Scores and map of a batch; does not depend on which other patches are in it.

        Args:
            patches: (N, 1, height, width) in [0, 1], on the detector's device.
            positions: (N,) number of the region within its image.
            settings: names of the scores that are wanted, preset of the SSIM family, pooling.
        """

    def reconstruct(self, patches: Tensor) -> Tensor | None:
        """What the detector makes of patches (N, 1, height, width) in [0, 1]; None where it restores nothing."""
        del patches
        return None

    def features(self, patches: Tensor, layer: int) -> Tensor:
        """Flat features (N, F) of `layer`, one of `feature_layers`, for the feature distance."""
        raise NotImplementedError(f"{self.kind} has no layer {layer} {tuple(patches.shape)}")

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that was learned, as contiguous CPU tensors by name: what safetensors stores."""

    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(value.numel() for value in self.state().values())

    @classmethod
    @abstractmethod
    def blank(cls, height: int, width: int, settings: TrainSettings, shapes: dict[str, Any]) -> Self:
        """An instance without knowledge, ready for `restore`.

        Args:
            height, width: of a patch, pixels.
            settings: as the detector was fitted.
            shapes: shape of each stored tensor by name, for parts whose size the data decided.

        Raises:
            KeyError: a tensor that decides a size is not among `shapes`.
        """

    @abstractmethod
    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` gave; names, shapes and types were compared before."""

    @abstractmethod
    def to(self, device: str) -> Self:
        """Move to a torch device; returns itself."""

    @abstractmethod
    def card(self) -> ModelCard:
        """Reference, differences and limits under its settings."""


@dataclass(frozen=True)
class Fitted:
    """A detector and how it came about.

    Attributes:
        detector: on the CPU, ready to examine.
        history: epoch, train_loss, calibration_loss; no rows for detectors that are fitted in one pass.
        facts: what belongs on record beyond the counts of patches; names as in `models.report`.
        device: kind of processor that fitted it.
    """

    detector: Detector
    history: pd.DataFrame
    facts: dict[str, float | int | str]
    device: str


def no_history() -> pd.DataFrame:
    """The history of a detector without epochs.

    Example:
        >>> list(no_history().columns), len(no_history())
        (['epoch', 'train_loss', 'calibration_loss'], 0)
    """
    return pd.DataFrame(
        {
            "epoch": pd.Series(dtype=int),
            "train_loss": pd.Series(dtype=float),
            "calibration_loss": pd.Series(dtype=float),
        }
    )


def chosen_device(device: Device) -> str:
    """CUDA where there is one and the settings do not ask for the CPU.

    Example:
        >>> chosen_device("cpu")
        'cpu'
    """
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
