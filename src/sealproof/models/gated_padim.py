"""PaDiM on features that learned attention has weighted: what AG-PaDiM and RAG-PaDiM have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sealproof.models.attention_gate import AttentionGate
from sealproof.models.backbone import Backbone
from sealproof.models.cards import Difference
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.padim import Padim
from sealproof.models.settings import TrainSettings

#: Prefix of the gate's tensors in the stored state.
ATTENTION = "attention."
#: What both cards say.
GATE = Difference(
    "one gate for each skip connection of a U-Net",
    "one gate on the grid of all blocks; the coarsest block gives the gating signal",
    "PaDiM compares cells of one grid, and has no decoder whose skip connections could be gated",
)
FROZEN = Difference(
    "gates and network are trained together",
    "the network stays as it is, only the gate learns",
    "few images are available, and minutes of two processor cores",
)


class GatedPadim(Padim):
    """The backbone stays as it is; a gate learns which cells deserve attention, then PaDiM learns from what it weights.

    One gate for all cells and regions of interest; it sees all features of a cell, before PaDiM's choice of some.

    Attributes:
        gate: one number a cell, from its features.
    """

    def __init__(self, backbone: Backbone, settings: TrainSettings, height: int, width: int) -> None:
        super().__init__(backbone, settings, height, width)
        self.gate = AttentionGate(sum(backbone.channels), settings.attention.hidden)

    def learn_from(self, data: TrainingData, seed: int) -> None:
        """Teach the gate, then learn Gaussians of the gated features of normals."""
        self.attend(data, seed)
        self.learn(data.normals, seed)

    @abstractmethod
    def attend(self, data: TrainingData, seed: int) -> None:
        """Teach the gate."""

    def plain_cells(self, patches: Tensor) -> Iterator[Tensor]:
        """Features as the backbone gives them, (rows x columns, features) a patch."""
        return super().cells(patches)

    def cells(self, patches: Tensor) -> Iterator[Tensor]:
        """Gated features of each patch, f (1 + a), (rows x columns, features) float32, in order.

        Residual attention (Wang et al. 2017, arXiv 1704.06904, equation 3): where a is 0, features stay as they are.
        """
        for cells in self.plain_cells(patches):
            yield cells * (1 + self.gate.attention(cells))[:, None]

    def some(self, patches: PatchSet, generator: np.random.Generator) -> PatchSet:
        """At most `train.attention.patches` of a set, drawn at random, in their order."""
        count = min(len(patches), self.settings.attention.patches)
        chosen = np.sort(generator.choice(len(patches), count, replace=False))
        return PatchSet(patches.patches, patches.rows[chosen], patches.positions[chosen])

    def kept(self) -> dict[str, Tensor]:
        """The gate, and what PaDiM keeps."""
        return super().kept() | {ATTENTION + name: v for name, v in self.gate.state_dict().items()}

    def keep(self, state: dict[str, Tensor]) -> None:
        """Take over gate, features, means and whitening matrices."""
        super().keep(state)
        gate = {name.removeprefix(ATTENTION): v for name, v in state.items() if name.startswith(ATTENTION)}
        self.gate.load_state_dict(gate, assign=True)

    @classmethod
    def empty(cls, shapes: dict[str, Any]) -> dict[str, Tensor]:
        """Zeros of the stored shapes; the gate's follow from the settings."""
        names = [ATTENTION + name for name in AttentionGate(1, 1).state_dict()]
        return super().empty(shapes) | {name: torch.zeros(shapes[name]) for name in names}
