"""PatchCore: features of normals are remembered, a choice of them; what is far from all of them is anomalous."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sealproof.models.backbone import Backbone
from sealproof.models.cards import ModelCard
from sealproof.models.detector import PatchSet
from sealproof.models.embedding import EmbeddingDetector
from sealproof.models.embedding_cards import patchcore_card
from sealproof.models.settings import TrainSettings

#: Relative error of distances that the random projection of the greedy choice may make (as the publication's code).
_DISTORTION = 0.9


class PatchCore(EmbeddingDetector):
    """PatchCore (Roth, Pemula, Zepeda, Schoelkopf, Brox and Gehler 2022, arXiv 2106.08265).

    One memory for all cells and regions of interest. It holds a greedy coreset: from a first feature on, always
    the one that is farthest from all that are chosen (algorithm 1, distances after a random projection). The
    distance of a cell is the Euclidean one to the nearest remembered feature (equation 6).

    Attributes:
        memory: (M, features).
        neighbours: (M, b) numbers of the nearest remembered features of each, itself among them (equation 7).
    """

    kind = "patchcore"

    def __init__(self, backbone: Backbone, settings: TrainSettings, height: int, width: int) -> None:
        super().__init__(backbone, settings, height, width)
        self.memory = torch.zeros(0, 0)
        self.neighbours = torch.zeros(0, 0, dtype=torch.int64)
        self._halves = torch.zeros(0)

    @property
    def smoothing(self) -> float:
        """Standard deviation in pixels of the Gaussian over the map."""
        return self.settings.patchcore.smoothing

    def learn(self, normals: PatchSet, seed: int) -> None:
        """Draw a pool of features, choose the coreset among them, find each one's neighbours."""
        settings, generator = self.settings.patchcore, np.random.default_rng(seed)
        each = self.grid[0] * self.grid[1]
        total = each * len(normals)
        drawn = np.sort(generator.choice(total, min(total, settings.pool), replace=False))
        pool = self._pool(normals, drawn, each)
        count = max(1, min(len(pool), round(settings.coreset * total)))
        chosen = greedy_coreset(projected(pool, generator), count, int(generator.integers(len(pool))))
        self.memory = pool[chosen].contiguous()
        nearest = min(settings.neighbours, len(self.memory))
        self.neighbours = torch.cat(
            [
                torch.cdist(part, self.memory).topk(nearest, largest=False).indices
                for part in torch.split(self.memory, 512)
            ]
        )
        self._prepare()

    def _pool(self, normals: PatchSet, drawn: np.ndarray[Any, np.dtype[np.int64]], each: int) -> Tensor:
        """The features with these numbers; a patch's other features are forgotten at once."""
        parts = []
        for number, (cells, _) in enumerate(self.cells_of(normals)):
            low, high = np.searchsorted(drawn, (number * each, (number + 1) * each))
            parts.append(cells[torch.from_numpy(drawn[low:high] - number * each).to(self.device)])
        return torch.cat(parts)

    def _prepare(self) -> None:
        self._halves = self.memory.square().sum(1) / 2

    def nearest(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Distance to the nearest remembered feature, (cells,), and its number.

        One product of matrices finds the nearest; its distance is then computed from the difference, because
        the product loses digits where features are large and the distance is small.
        """
        number = torch.addmm(self._halves, cells, self.memory.T, alpha=-1).argmin(1)
        return (cells - self.memory[number]).square().sum(1).sqrt(), number

    def distances(self, cells: Tensor, position: int) -> Tensor:
        """Distance of each cell, (cells, features) to (cells,); regions share one memory."""
        del position
        return self.nearest(cells)[0]

    def score(self, cells: Tensor, distances: Tensor, map_: Tensor) -> Tensor:
        """Maximum of the smoothed map, times the weight of equation 7 where it is asked for."""
        if not self.settings.patchcore.reweighting:
            return map_.amax()
        worst = int(distances.argmax())
        _, number = self.nearest(cells[worst : worst + 1])
        around = (self.memory[self.neighbours[int(number)]] - cells[worst]).square().sum(1).sqrt()
        # exp(d) / sum(exp(d_b)), without the overflow of exp
        share = torch.exp(distances[worst] - torch.logsumexp(around, 0))
        return map_.amax() * (1 - share)

    def kept(self) -> dict[str, Tensor]:
        """The memory, and each one's neighbours in it."""
        return {"memory": self.memory, "neighbours": self.neighbours}

    def keep(self, state: dict[str, Tensor]) -> None:
        """Take over the memory."""
        self.memory, self.neighbours = state["memory"], state["neighbours"]
        self._prepare()

    @classmethod
    def empty(cls, shapes: dict[str, Any]) -> dict[str, Tensor]:
        """Zeros of the stored shapes."""
        return {
            "memory": torch.zeros(shapes["memory"]),
            "neighbours": torch.zeros(shapes["neighbours"], dtype=torch.int64),
        }

    def card(self) -> ModelCard:
        """Reference and departures from it."""
        return patchcore_card(self.settings, self.backbone.description)


def projected(points: Tensor, generator: np.random.Generator) -> Tensor:
    """Gaussian random projection to as many dimensions as Johnson and Lindenstrauss need, if these are fewer.

    With k = 4 ln n / (e^2 / 2 - e^3 / 3) dimensions all distances of n points stay within a factor 1 +- e, with a
    probability that is not zero (Dasgupta and Gupta 2003); e = 0.9 as in the publication's code.

    Args:
        points: (n, F).
        generator: draws the projection.

    Returns:
        (n, k), or `points` where F is not above k.

    Example:
        >>> tuple(projected(torch.zeros(100, 500), np.random.default_rng(0)).shape)
        (100, 113)
    """
    size = int(4 * math.log(max(2, len(points))) / (_DISTORTION**2 / 2 - _DISTORTION**3 / 3))
    if points.shape[1] <= size:
        return points
    matrix = generator.standard_normal((points.shape[1], size)) / math.sqrt(size)
    return points @ torch.from_numpy(matrix).to(points)


def greedy_coreset(points: Tensor, count: int, first: int) -> Tensor:
    """Farthest-point choice: a 2-approximation of the smallest covering radius (Roth et al., algorithm 1).

    Args:
        points: (n, k).
        count: how many are chosen, 1 to n.
        first: number of the first.

    Returns:
        (count,) numbers in the order of choice; equally far ones: the lowest number.

    Example:
        >>> greedy_coreset(torch.tensor([[0.0], [1.0], [5.0], [9.0]]), 3, 0).tolist()
        [0, 3, 2]
    """
    halves = points.square().sum(1) / 2
    chosen = torch.empty(count, dtype=torch.int64)
    distances = torch.full((len(points),), math.inf, dtype=points.dtype, device=points.device)
    number = first
    for place in range(count):
        chosen[place] = number
        torch.minimum(
            distances, torch.addmv(halves + halves[number], points, points[number], alpha=-1), out=distances
        )
        distances[number] = -math.inf  # never again, though duplicates of it may be
        number = int(distances.argmax())
    return chosen.to(points.device)
