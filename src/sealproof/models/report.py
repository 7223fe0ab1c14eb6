"""What a training leaves on record: counts, epochs and losses, each with its definition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sealproof.evidence.records import Recorder
from sealproof.models.data import Rows
from sealproof.models.settings import TrainSettings
from sealproof.models.training import Fitted

Facts = dict[str, float | int | str]

#: fact -> (unit, definition); every fact is recorded and every record is a fact.
DEFINITIONS: dict[str, tuple[str, str]] = {
    "training_images": ("images", "normal images of split train whose regions of interest were found"),
    "training_patches": ("patches", "patches of these images; the weights learnt from nothing else"),
    "calibration_images": (
        "images",
        "normal images of split calibration whose regions of interest were found",
    ),
    "calibration_patches": (
        "patches",
        "patches of these images; their loss was watched, and chose the epoch only where `keep` is best",
    ),
    "weights": ("weights", "trained weights and biases of the network"),
    "epochs": ("epochs", "passes over the training patches"),
    "kept_epoch": ("epochs", "the epoch whose weights were kept"),
    "keep": ("1", "which epoch's weights are kept: last, or best by the loss of held-out normals"),
    "train_loss": (
        "1",
        "mean over the kept epoch's batches of the mean squared error, grey values 0 to 1, while training",
    ),
    "calibration_loss": (
        "1",
        "mean squared error over all calibration patches after the kept epoch, grey values 0 to 1",
    ),
    "seed": ("1", "seed of initial weights, order of the patches, augmentation, damage and dropout"),
    "device": ("1", "kind of processor that trained the network: cpu or cuda"),
}


def training_facts(
    fitted: Fitted, regions: pd.DataFrame, rows: Mapping[str, Rows], settings: TrainSettings, seed: int
) -> Facts:
    """The facts of a training, in the order of `DEFINITIONS`.

    Args:
        fitted: the result of `fit`.
        regions: columns image_id and row.
        rows: rows of `patches.npy` used, by split `train` and `calibration`.
        settings: architecture and training, as given to `fit`.
        seed: the seed that was given to `fit`.
    """
    images = {
        split: int(regions.loc[regions["row"].isin(used), "image_id"].nunique())
        for split, used in rows.items()
    }
    return {
        "training_images": images["train"],
        "training_patches": fitted.training_patches,
        "calibration_images": images["calibration"],
        "calibration_patches": fitted.calibration_patches,
        "weights": fitted.weights,
        "epochs": len(fitted.history),
        "kept_epoch": fitted.kept_epoch,
        "keep": settings.keep,
        **fitted.losses,
        "seed": seed,
        "device": fitted.device,
    }


def record_training(recorder: Recorder, facts: Facts, description: Path) -> None:
    """Record every fact; `description` is the `model.json` that holds them under `training`.

    Example:
        >>> recorder = Recorder("train")
        >>> record_training(recorder, {"epochs": 60}, Path("model.json"))
    """
    for name, value in facts.items():
        unit, definition = DEFINITIONS[name]
        record_id = name.replace("_", "-")
        recorder.add(
            record_id,
            value,
            unit=unit,
            definition=definition,
            artefact=description,
            pointer=f"/training/{name}",
        )
