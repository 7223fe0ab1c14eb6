"""Settings of learned attention in front of PaDiM (`params.yaml`: train.attention)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt

from sealproof.evidence.strict import StrictModel


class AttentionSettings(StrictModel):
    """The attention gate of AG-PaDiM and RAG-PaDiM, and how it learns.

    Attributes:
        hidden: units between the features of a cell and its attention.
        patches: at most so many normal patches, drawn by the seed, teach the gate; as many defects at most.
        copies: damaged copies of each of them (`ag-padim`).
        damaged: share of a cell's pixels that damage must have changed for the cell to count as damaged (`ag-padim`).
        sharpness: of the smooth maximum over the cells of a patch (`rag-padim`): near 0 it is the mean, large
            values give the maximum.
        epochs: passes over these patches.
        batch_size: patches a step.
        learning_rate: Adam's step size.
        decay: weight decay; keeps the gate from learning its patches by heart.
    """

    hidden: PositiveInt = 16
    patches: PositiveInt = 400
    copies: PositiveInt = 2
    damaged: float = Field(default=0.25, gt=0, le=1)
    sharpness: float = Field(default=1.0, gt=0, le=100)
    epochs: PositiveInt = 20
    batch_size: Annotated[int, Field(ge=2)] = 16
    learning_rate: float = Field(default=0.003, gt=0, le=1)
    decay: NonNegativeFloat = 0.01
