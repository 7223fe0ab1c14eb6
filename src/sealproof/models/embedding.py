"""Detectors that compare features of a backbone, cell by cell: what PaDiM and PatchCore have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.backbone import Backbone, blank_backbone, fitted_backbone
from sealproof.models.detector import (
    Detector,
    Device,
    Examination,
    Fitted,
    PatchSet,
    Positions,
    TrainingData,
    chosen_device,
    no_history,
)
from sealproof.models.settings import TrainSettings
from sealproof.scores.pooling import smoothed, upper_fraction
from sealproof.scores.settings import ScoreSettings, standard_scores

#: Prefix of the backbone's tensors in the stored state.
BACKBONE = "backbone."
#: Patches at a time on a GPU; on the CPU it is one, see `EmbeddingDetector.examine`.
BATCH = 16


class EmbeddingDetector(Detector):
    """Cells of features of a patch, a distance for each, and a smoothed map of these distances.

    Args:
        backbone: network, in evaluation mode.
        settings: of training.
        height, width: of a patch, pixels.
    """

    def __init__(self, backbone: Backbone, settings: TrainSettings, height: int, width: int) -> None:
        self.backbone, self.settings = backbone, settings
        self.height, self.width = height, width
        self.grid = grid_of(backbone.size, settings.backbone.cell)
        self.device = "cpu"

    @classmethod
    def fit(
        cls, data: TrainingData, settings: TrainSettings, *, seed: int, device: Device, threads: int
    ) -> Fitted:
        """Features of the normals, then what the detector keeps of them; held-out normals only watch the
        training of an own encoder.

        Raises:
            DataError: too few patches.
            DefinitionError: no pretrained weights, no GPU where one is asked for, or settings that do not fit.
            EvidenceAlteredError: the pretrained weights are not those that are known.
        """
        check_training(data.normals, device)
        cls.check(data)
        kind = chosen_device(device)
        backbone = fitted_backbone(data, settings, seed=seed, device=device, threads=threads)
        detector = cls(backbone, settings, *data.normals.size).to(kind)
        with cpu_threads(threads), torch.no_grad():
            detector.learn_from(data, seed)
        detector.to("cpu")
        facts: dict[str, float | int | str] = {"weights": detector.parameters()}
        return Fitted(detector, no_history(), facts, kind)

    @classmethod
    def check(cls, data: TrainingData) -> None:
        """Refuse what cannot be learned from, before the backbone is made; nothing beyond `check_training` here."""
        del data

    def learn_from(self, data: TrainingData, seed: int) -> None:
        """Learn from what may be learned from: of most detectors the normals."""
        self.learn(data.normals, seed)

    @abstractmethod
    def learn(self, normals: PatchSet, seed: int) -> None:
        """Keep what is needed of the features of normals."""

    @abstractmethod
    def distances(self, cells: Tensor, position: int) -> Tensor:
        """Distance of each cell of one patch: (rows x columns, features) to (rows x columns,), 0 or more."""

    @property
    @abstractmethod
    def smoothing(self) -> float:
        """Standard deviation in pixels of the Gaussian over the map."""

    def score(self, cells: Tensor, distances: Tensor, map_: Tensor) -> Tensor:
        """The score of its publication for one patch: the maximum of the smoothed map (height, width)."""
        del cells, distances
        return map_.amax()

    def examine(self, patches: Tensor, positions: Positions, settings: ScoreSettings) -> Examination:
        """Scores `<kind>` and `<kind>-upper`, and the smoothed map of distances at the size of a patch.

        Patches go through one at a time on the CPU, so scores there are the same to the last bit in any batch
        and order. On a GPU convolutions take several patches, and the last bits may differ.

        Raises:
            DefinitionError: patches of another size than the detector was fitted on.
            ValueError: a value that is NaN or outside [0, 1].
        """
        self._check(patches)
        with torch.no_grad():
            found = [
                self._examined(cells, int(position), settings)
                for cells, position in zip(self.cells(patches), positions, strict=True)
            ]
        maps = torch.stack([map_ for _, _, map_ in found]) if found else patches[:, 0]
        columns = torch.tensor([pair[:2] for pair in found], dtype=torch.float64).reshape(-1, 2)
        scores = {self.kind: columns[:, 0], f"{self.kind}-upper": columns[:, 1]}
        wanted = settings.names or standard_scores(self.kind)
        return Examination({name: scores[name] for name in wanted if name in scores}, maps)

    def _check(self, patches: Tensor) -> None:
        if tuple(patches.shape[1:]) != (1, self.height, self.width):
            raise DefinitionError(
                f"patches of shape {tuple(patches.shape[1:])} do not fit the detector",
                where="the patches given to the model",
                why=f"it was fitted on (1, {self.height}, {self.width}): one channel, height, width",
                mend="use the patch size the model was fitted on, or train again",
            )
        if not bool(((patches >= 0) & (patches <= 1)).all()):  # NaN compares as false
            raise ValueError("patches hold values that are NaN or outside [0, 1]")

    def _examined(self, cells: Tensor, position: int, settings: ScoreSettings) -> tuple[float, float, Tensor]:
        distances = self.distances(cells, position)
        local = self.local(distances)
        upper = upper_fraction(local[None], settings.pooling.fraction)
        return float(self.score(cells, distances, local)), float(upper[0]), local

    def local(self, distances: Tensor) -> Tensor:
        """Smoothed map (height, width) of the distances (rows x columns,) of one patch's cells."""
        coarse = distances.reshape(1, 1, *self.grid)
        size = (self.height, self.width)
        fine = functional.interpolate(coarse, size, mode="bilinear", align_corners=False)[:, 0]
        return smoothed(fine, self.smoothing)[0]

    def cells(self, patches: Tensor) -> Iterator[Tensor]:
        """Features of each patch, (rows x columns, features) float32, in order."""
        size = 1 if self.device == "cpu" else BATCH
        for start in range(0, len(patches), size):
            maps = self.backbone(patches[start : start + size])
            yield from (
                aligned(maps, self.grid, self.settings.backbone.neighbourhood).flatten(2).mT.contiguous()
            )

    def cells_of(self, patches: PatchSet) -> Iterator[tuple[Tensor, int]]:
        """Features and position of every patch of a set, in order, a few patches in memory at a time."""
        for batch, positions in patches.batches(BATCH):
            for cells, position in zip(self.cells(batch.to(self.device)), positions, strict=True):
                yield cells, int(position)

    @abstractmethod
    def kept(self) -> dict[str, Tensor]:
        """What was learned beside the backbone, by name."""

    @abstractmethod
    def keep(self, state: dict[str, Tensor]) -> None:
        """Take over what `kept` gave."""

    def parameters(self) -> int:
        """How many numbers were learned here; weights that others trained are not counted."""
        own = self.backbone.parameters() if self.settings.backbone.source == "own-encoder" else ()
        learned = [*own, *(value for value in self.kept().values() if value.is_floating_point())]
        return sum(value.numel() for value in learned)

    def state(self) -> dict[str, Tensor]:
        """The backbone's weights, and what was learned from its features."""
        network = {BACKBONE + name: value for name, value in self.backbone.state_dict().items()}
        return {name: value.detach().cpu().contiguous() for name, value in (network | self.kept()).items()}

    @classmethod
    def blank(cls, height: int, width: int, settings: TrainSettings, shapes: dict[str, Any]) -> Self:
        """A detector without knowledge, with tensors of these shapes."""
        detector = cls(blank_backbone(height, width, settings), settings, height, width)
        detector.keep(cls.empty(shapes))
        return detector

    @classmethod
    @abstractmethod
    def empty(cls, shapes: dict[str, Any]) -> dict[str, Tensor]:
        """Tensors as `kept` gives them, of the stored shapes, without knowledge.

        Raises:
            KeyError: one is not among `shapes`.
        """

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over backbone and what was learned from its features."""
        network = {name.removeprefix(BACKBONE): v for name, v in state.items() if name.startswith(BACKBONE)}
        self.backbone.load_state_dict(network)
        self.keep({name: value for name, value in state.items() if not name.startswith(BACKBONE)})

    def to(self, device: str) -> Self:
        """Move backbone and what was learned to a torch device."""
        self.device = device
        self.backbone.to(device)
        self.keep({name: value.to(device) for name, value in self.kept().items()})
        return self


def aligned(maps: list[Tensor], grid: tuple[int, int], neighbourhood: int) -> Tensor:
    """Maps of several blocks on one grid, side by side.

    Each map is averaged over neighbours (PatchCore, equation 2 with average pooling; border cells average what is
    there), then brought to the grid: finer ones by the mean over a cell, coarser ones by bilinear interpolation.

    Args:
        maps: (N, C_i, rows_i, columns_i).
        grid: rows and columns.
        neighbourhood: neighbours a side, odd; 1: no averaging.

    Returns:
        (N, sum of C_i, rows, columns).

    Example:
        >>> maps = [torch.ones(1, 2, 8, 8), torch.zeros(1, 3, 2, 2)]
        >>> tuple(aligned(maps, (4, 4), 3).shape)
        (1, 5, 4, 4)
    """
    found = []
    for given in maps:
        averaged = given
        if neighbourhood > 1:
            averaged = functional.avg_pool2d(
                given, neighbourhood, 1, neighbourhood // 2, count_include_pad=False
            )
        if averaged.shape[2] > grid[0] or averaged.shape[3] > grid[1]:
            averaged = functional.adaptive_avg_pool2d(averaged, grid)
        elif tuple(averaged.shape[2:]) != grid:
            averaged = functional.interpolate(averaged, grid, mode="bilinear", align_corners=False)
        found.append(averaged)
    return torch.cat(found, dim=1)


def grid_of(size: tuple[int, int], cell: int) -> tuple[int, int]:
    """Rows and columns of cells; at least one of each.

    Example:
        >>> grid_of((224, 256), 16)
        (14, 16)
    """
    return max(1, size[0] // cell), max(1, size[1] // cell)


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """So many threads of the CPU for a while: the order of a sum changes its last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_training(normals: PatchSet, device: Device) -> None:
    """Refuse a GPU that is not there, positions with gaps, and positions with fewer than two normals."""
    if device == "cuda" and not torch.cuda.is_available():
        raise DefinitionError(
            "there is no GPU to fit on",
            where="params.yaml, key `compute.device`",
            why="the value is `cuda`, and torch finds no CUDA device",
            mend="write `auto` or `cpu`",
        )
    counts = {
        position: int((normals.positions == position).sum()) for position in set(normals.positions.tolist())
    }
    expected = range(max(counts, default=0) + 1)
    few = [f"position {number}: {counts.get(number, 0)}" for number in expected if counts.get(number, 0) < 2]
    if few:
        raise DataError(
            "too few normal patches",
            where="roi/regions.parquet and ingest/manifest.parquet, split `train`",
            why="at least 2 are needed for each region of interest; " + ", ".join(few),
            mend="add normal images, or correct `split` in inspection.yaml",
        )
