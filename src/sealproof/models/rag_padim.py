"""RAG-PaDiM: PaDiM on features that residual attention has weighted; the attention needs labelled defects."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sealproof.evidence.errors import DataError
from sealproof.models.attention_gate import patch_loss, teach
from sealproof.models.cards import Difference, ModelCard
from sealproof.models.defects import shared_problem
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.embedding import BATCH
from sealproof.models.embedding_cards import padim_card
from sealproof.models.gated_padim import FROZEN, GATE, GatedPadim
from sealproof.models.settings import TrainSettings

#: Training defects below which the gate is not taught.
FEWEST = 2


class ResidualAttentionGuidedPadim(GatedPadim):
    """The gate learns to tell patches of training defects from normal ones, of which only the label is known."""

    kind = "rag-padim"
    needs_defects = True

    @classmethod
    def check(cls, data: TrainingData) -> None:
        """Refuse to learn without defects, or where one is among the normals.

        Raises:
            DataError: fewer than `FEWEST` patches of defects, or patches that are in two sets.
        """
        _defects(data)

    def attend(self, data: TrainingData, seed: int) -> None:
        """Teach the gate on normals and training defects."""
        settings, generator = self.settings.attention, torch.Generator().manual_seed(seed)
        drawn = np.random.default_rng(seed)
        normals, defects = (
            self._features(self.some(patches, drawn)) for patches in (data.normals, _defects(data))
        )
        self.gate.start(normals, generator)
        defective = torch.arange(len(normals) + len(defects), device=self.device) >= len(normals)
        loss = partial(patch_loss, sharpness=settings.sharpness)
        teach(self.gate, torch.cat([normals, defects]), defective, loss, settings, generator)

    def _features(self, patches: PatchSet) -> Tensor:
        """(N, rows x columns, features), not gated."""
        batches = (batch.to(self.device) for batch, _ in patches.batches(BATCH))
        return torch.stack([cells for batch in batches for cells in self.plain_cells(batch)])

    def card(self) -> ModelCard:
        """Reference and departures from it."""
        return rag_padim_card(self.settings, self.backbone.description)


def _defects(data: TrainingData) -> PatchSet:
    """The training defects, once they are found to be usable."""
    defects = data.defects
    count = 0 if defects is None else len(defects)
    problems = shared_problem(data)
    if count < FEWEST:
        problems.insert(0, f"{count} patches of training defects, at least {FEWEST} are needed")
    if problems or defects is None:
        raise DataError(
            "RAG-PaDiM cannot be fitted on these patches",
            where="ingest/manifest.parquet, splits `train`, `calibration` and `tuning`",
            why="\n".join(problems),
            mend="add labelled defects, correct the splits, or choose `ag-padim` or `padim`, which need none",
        )
    return defects


def rag_padim_card(settings: TrainSettings, pretrained: str) -> ModelCard:
    """The card of RAG-PaDiM under `settings`; `pretrained` says where the backbone's weights come from.

    Example:
        >>> "needs training defects" in rag_padim_card(TrainSettings(), "none").limits[0]
        True
    """
    plain = padim_card(settings, pretrained)
    return replace(
        plain,
        name="rag-padim",
        title="RAG-PaDiM: residual attention guided PaDiM",
        reference="Kim, Jeon, Kang and Gwak, RAG-PaDiM: Residual Attention Guided PaDiM for Defects Segmentation in "
        "Railway Tracks, Journal of Electrical Engineering and Technology 18 (2), 2023, 1429-1438, doi "
        "10.1007/s42835-022-01346-2; the article itself was not at hand, what is built follows its description in the "
        "paper of Zanon Diaz, Siogkas and Corcoran. Attention gate: Oktay et al., Attention U-Net, arXiv 1804.03999. "
        f"PaDiM: {plain.reference}",
        summary="PaDiM whose features are weighted, cell by cell, by 1 + the attention of a small gate. The gate "
        "learns from labelled defects and normal parts; only the label of a patch is known, not where the defect lies. "
        + plain.summary,
        differences=(_LABELS, GATE, FROZEN, *plain.differences),
        limits=(
            "It needs training defects (split tuning): a kind of defect that is not among them may get no attention.",
            "Every patch of a defective image counts as defective in training, also one that shows a normal region.",
            "Its attention learned from the normals whose features it then models: it may be higher on new normals.",
            *plain.limits,
        ),
    )


_LABELS = Difference(
    "an Attention U-Net is trained on labelled defects",
    "the gate alone is trained, by labels of patches: a patch is as suspicious as its most suspicious cells",
    "there are few training defects, and no outlines of them",
)
