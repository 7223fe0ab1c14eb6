"""PaDiM: one Gaussian of features for every cell of a patch, and the Mahalanobis distance to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.backbone import Backbone
from sealproof.models.cards import ModelCard
from sealproof.models.detector import PatchSet
from sealproof.models.embedding import EmbeddingDetector
from sealproof.models.embedding_cards import padim_card
from sealproof.models.moments import Moments
from sealproof.models.settings import TrainSettings


class Padim(EmbeddingDetector):
    """PaDiM (Defard, Setkov, Loesch and Audigier 2021, arXiv 2011.08785).

    For position r and cell c the normals' features have mean mu and covariance S (divisor n - 1, made regular as
    `PadimSettings` says). The distance of features x is |W (x - mu)| with W the inverse of the lower Cholesky
    factor of S: W'W is the inverse of S, so it is the Mahalanobis distance (equation 2). Moments are summed in
    float64, a few patches at a time; mu and W are kept in float32.

    Attributes:
        selected: (D,) which of the backbone's features are used, ascending.
        mean: (positions, cells, D).
        whitening: (positions, cells, D, D), W.
    """

    kind = "padim"

    def __init__(self, backbone: Backbone, settings: TrainSettings, height: int, width: int) -> None:
        super().__init__(backbone, settings, height, width)
        self.selected = torch.zeros(0, dtype=torch.int64)
        self.mean, self.whitening = torch.zeros(0, 0, 0), torch.zeros(0, 0, 0, 0)

    @property
    def smoothing(self) -> float:
        """Standard deviation in pixels of the Gaussian over the map."""
        return self.settings.padim.smoothing

    def learn(self, normals: PatchSet, seed: int) -> None:
        """Means and covariances of the cells of each position.

        Raises:
            DefinitionError: more features are asked for than there are, or a covariance is singular.
        """
        self.selected = self.selection(seed).to(self.device)
        positions = int(normals.positions.max()) + 1
        moments = [
            Moments(self.grid[0] * self.grid[1], len(self.selected), self.device) for _ in range(positions)
        ]
        for cells, position in self.cells_of(normals):
            moments[position].add(cells[:, self.selected].double())
        self.take(moments)

    def take(self, moments: list[Moments]) -> None:
        """Means and whitening matrices from the moments of each position, which are used up.

        Raises:
            DefinitionError: a covariance is singular.
        """
        self.mean = torch.stack([found.mean.float() for found in moments])
        self.whitening = torch.stack([self._whitening(found.covariance()) for found in moments])

    def selection(self, seed: int) -> Tensor:
        """(D,) numbers of the features that are used, ascending: all of them, or as many as are drawn."""
        there, wanted = sum(self.backbone.channels), self.settings.padim.features
        if self.settings.padim.reduction == "all":
            return torch.arange(there)
        if wanted > there:
            raise DefinitionError(
                f"{wanted} features cannot be drawn",
                where="params.yaml, key `train.padim.features`",
                why=f"the blocks or layers of `train.backbone` have {there} features together",
                mend=f"give {there} at most, or `reduction: all`",
            )
        drawn = np.random.default_rng(seed).choice(there, wanted, replace=False)
        return torch.from_numpy(np.sort(drawn))

    def _whitening(self, covariance: Tensor) -> Tensor:
        settings = self.settings.padim
        variance = covariance.diagonal(dim1=1, dim2=2).mean(1)[:, None]
        covariance = covariance * (1 - settings.shrinkage)
        covariance.diagonal(dim1=1, dim2=2).add_(settings.shrinkage * variance + settings.regularisation)
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if bool(failed.any()):
            raise DefinitionError(
                f"{int((failed > 0).sum())} of {len(failed)} covariances are singular",
                where="params.yaml, keys `train.padim.regularisation` and `train.padim.shrinkage`",
                why=f"{len(self.selected)} features, and too few different normal patches for that many",
                mend="give a regularisation of 0.01 or a shrinkage of 0.05",
            )
        unit = torch.eye(covariance.shape[1], dtype=covariance.dtype, device=covariance.device)
        inverse: Tensor = torch.linalg.solve_triangular(factor, unit.expand_as(factor), upper=False)
        return inverse.float()

    def distances(self, cells: Tensor, position: int) -> Tensor:
        """Mahalanobis distance of each cell: (cells, features) to (cells,).

        Raises:
            DataError: no normal patch of this position was learned from.
        """
        if position >= len(self.mean):
            raise DataError(
                f"there is nothing to compare region {position} with",
                where="roi/regions.parquet, column `patch`",
                why=f"normals had {len(self.mean)} regions each",
                mend="find the same regions in every image, or train again",
            )
        centred = cells[:, self.selected] - self.mean[position]
        return torch.bmm(self.whitening[position], centred[:, :, None])[:, :, 0].square().sum(1).sqrt()

    def kept(self) -> dict[str, Tensor]:
        """Features, means and whitening matrices."""
        return {"selected": self.selected, "mean": self.mean, "whitening": self.whitening}

    def keep(self, state: dict[str, Tensor]) -> None:
        """Take over features, means and whitening matrices."""
        self.selected, self.mean, self.whitening = state["selected"], state["mean"], state["whitening"]

    @classmethod
    def empty(cls, shapes: dict[str, Any]) -> dict[str, Tensor]:
        """Zeros of the stored shapes."""
        return {
            "selected": torch.zeros(shapes["selected"], dtype=torch.int64),
            "mean": torch.zeros(shapes["mean"]),
            "whitening": torch.zeros(shapes["whitening"]),
        }

    def card(self) -> ModelCard:
        """Reference and departures from it."""
        return padim_card(self.settings, self.backbone.description)
