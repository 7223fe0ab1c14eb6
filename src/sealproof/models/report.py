"""What a training leaves on record: counts, epochs and losses, each with its definition."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sealproof.evidence.records import Recorder
from sealproof.models.detector import Fitted, PatchSet, TrainingData

Facts = dict[str, float | int | str]

#: fact -> (unit, definition); every fact is recorded and every record is a fact.
DEFINITIONS: dict[str, tuple[str, str]] = {
    "training_images": ("images", "normal images of split train whose regions of interest were found"),
    "training_patches": (
        "patches",
        "patches of these images; all was learnt from them, and from training defects where a detector needs them",
    ),
    "calibration_images": (
        "images",
        "normal images of split calibration whose regions of interest were found",
    ),
    "calibration_patches": (
        "patches",
        "patches of these images; where there are epochs their loss was watched, and chose one where `keep` is best",
    ),
    "defect_images": ("images", "training defects of split tuning whose regions of interest were found"),
    "defect_patches": ("patches", "patches of these images, which the detector cannot do without"),
    "weights": (
        "weights",
        "numbers that were learnt: weights and biases of a network, or statistics of features",
    ),
    "principal_components": (
        "components",
        "principal components of the linear path: as many as the settings want, one for four training patches at most",
    ),
    "epochs": ("epochs", "passes over the training patches"),
    "kept_epoch": ("epochs", "the epoch whose weights were kept"),
    "keep": ("1", "which epoch's weights are kept: last, or best by the loss of held-out normals"),
    "loss": ("1", "what training lowers: mse (mean squared error), mae, ssim or hybrid, grey values 0 to 1"),
    "train_loss": ("1", "mean of the loss over the kept epoch's batches, grey values 0 to 1, while training"),
    "calibration_loss": (
        "1",
        "the loss over all calibration patches after the kept epoch, grey values 0 to 1",
    ),
    "seed": ("1", "seed of initial weights, order of the patches, augmentation, damage and dropout"),
    "device": ("1", "kind of processor that trained the network: cpu or cuda"),
}


def training_facts(fitted: Fitted, data: TrainingData, regions: pd.DataFrame, seed: int) -> Facts:
    """The facts of a training, in the order of `DEFINITIONS`.

    Args:
        fitted: the result of `Detector.fit`.
        data: what it was fitted on.
        regions: columns image_id and row.
        seed: the seed that was given to `fit`.
    """
    facts = {
        "training_images": _images(regions, data.normals),
        "training_patches": len(data.normals),
        "calibration_images": _images(regions, data.held_out),
        "calibration_patches": len(data.held_out),
        **fitted.facts,
        "seed": seed,
        "device": fitted.device,
    }
    if data.defects is not None:
        facts |= {
            "defect_images": _images(regions, data.defects),
            "defect_patches": len(data.defects),
        }
    _refuse_undefined(facts)
    return {name: facts[name] for name in DEFINITIONS if name in facts}


def _images(regions: pd.DataFrame, chosen: PatchSet) -> int:
    return int(regions.loc[regions["row"].isin(chosen.rows), "image_id"].nunique())


def _refuse_undefined(facts: Facts) -> None:
    """A fact without a definition must not be left out in silence."""
    if missing := sorted(facts.keys() - DEFINITIONS.keys()):
        raise KeyError(f"facts without a definition: {', '.join(missing)}")


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
