"""AG-PaDiM: PaDiM on features that an attention gate has weighted; the gate learns from damaged normals alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sealproof.models.attention_gate import UNDAMAGED, cell_kinds, cell_loss, teach
from sealproof.models.cards import Difference, ModelCard
from sealproof.models.damage import damage
from sealproof.models.detector import TrainingData
from sealproof.models.embedding import BATCH
from sealproof.models.embedding_cards import padim_card
from sealproof.models.gated_padim import FROZEN, GATE, GatedPadim
from sealproof.models.settings import TrainSettings


class AttentionGuidedPadim(GatedPadim):
    """The gate learns to tell cells that `damage.damage` has changed visibly from all others; it sees no defect."""

    kind = "ag-padim"

    def attend(self, data: TrainingData, seed: int) -> None:
        """Teach the gate on normals and damaged copies of them."""
        settings, generator = self.settings.attention, torch.Generator().manual_seed(seed)
        cells: list[Tensor] = []
        kinds: list[Tensor] = []
        for batch, _ in self.some(data.normals, np.random.default_rng(seed)).batches(BATCH):
            for number in range(1 + settings.copies):
                seen = damage(batch, generator) if number else batch
                cells.extend(self.plain_cells(seen.to(self.device)))
                kinds.append(cell_kinds(batch, seen, self.grid, settings.damaged))
        features, labels = torch.stack(cells), torch.cat(kinds).to(self.device)
        self.gate.start(features[(labels == UNDAMAGED).all(1)], generator)
        teach(self.gate, features, labels, cell_loss, settings, generator)

    def card(self) -> ModelCard:
        """Reference and departures from it."""
        return ag_padim_card(self.settings, self.backbone.description)


def ag_padim_card(settings: TrainSettings, pretrained: str) -> ModelCard:
    """The card of AG-PaDiM under `settings`; `pretrained` says where the backbone's weights come from.

    Example:
        >>> ag_padim_card(TrainSettings(), "none").name
        'ag-padim'
    """
    plain = padim_card(settings, pretrained)
    return replace(
        plain,
        name="ag-padim",
        title="AG-PaDiM: attention guided PaDiM",
        reference="named in Table 2 of Zanon Diaz, Siogkas and Corcoran, Dual-Mode Deep Anomaly Detection for Medical "
        "Manufacturing, without a description; built here from its parts. Attention gate: Oktay et al., Attention "
        f"U-Net, arXiv 1804.03999. PaDiM: {plain.reference}",
        summary="PaDiM whose features are weighted, cell by cell, by a small attention gate. The gate learns from "
        "normal parts alone to tell cells that were damaged on purpose from those that were not. "
        + plain.summary,
        differences=(_LEARNED, _RESIDUAL, GATE, FROZEN, *plain.differences),
        limits=(
            "The gate attends to what looks like the damage it was shown; other defects are left to PaDiM.",
            *plain.limits,
        ),
    )


_LEARNED = Difference(
    "how the attention learns is not told",
    "from damaged copies of normal patches, whose damaged cells are known",
    "it needs no defects, which RAG-PaDiM does",
)
_RESIDUAL = Difference(
    "attention gates multiply features by their attention (Attention U-Net)",
    "features are multiplied by 1 + attention",
    "normal cells get an attention near 0, which would leave nothing of them to compare; worse on development images",
)
