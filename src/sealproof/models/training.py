"""Training of the attention autoencoder: seeded, deterministic; the held-out loss is watched at every epoch."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as lightning
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.data import Batches, Patches, PlainBatches, Rows, TrainingBatches, as_tensor
from sealproof.models.detector import PatchSet
from sealproof.models.learning import Keeper, Learner, Reconstruction
from sealproof.models.principal import MOST
from sealproof.models.progress import Progress
from sealproof.models.settings import TrainSettings

#: Patches of the calibration split that pass through the model at once; changes nothing but memory.
CALIBRATION_BATCH = 64


@dataclass(frozen=True)
class Fitted:
    """A trained autoencoder and how it came about.

    Attributes:
        model: on the CPU, in evaluation mode, with the weights of the kept epoch.
        history: one row an epoch: epoch (from 1), train_loss, calibration_loss.
        kept_epoch: the epoch whose weights were kept: the last, or the first of the lowest calibration loss.
        training_patches: patches the weights learnt from.
        calibration_patches: patches whose loss was watched, and chose the epoch where the best one is kept.
        device: `cpu` or `cuda`.
    """

    model: AttentionAutoencoder
    history: pd.DataFrame
    kept_epoch: int
    training_patches: int
    calibration_patches: int
    device: str

    @property
    def losses(self) -> dict[str, float]:
        """The losses of the kept epoch."""
        row = self.history.iloc[self.kept_epoch - 1]
        return {name: float(row[name]) for name in ("train_loss", "calibration_loss")}

    @property
    def weights(self) -> int:
        """Number of trained weights."""
        return sum(weight.numel() for weight in self.model.parameters())


def fit(
    patches: Patches,
    train_rows: Rows,
    calibration_rows: Rows,
    settings: TrainSettings,
    *,
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> Fitted:
    """As `fit_patches`, where both sets are rows of the same array.

    Args:
        patches: (rows, height, width) uint16, value x 65535; usually a memory map.
        train_rows: rows the weights learn from.
        calibration_rows: held-out rows whose loss is watched.
        settings, seed, device, threads: as in `fit_patches`.

    Raises:
        DataError, DefinitionError: as `fit_patches`.
    """
    normals, held_out = (
        PatchSet(patches, rows, np.zeros(len(rows), np.int64)) for rows in (train_rows, calibration_rows)
    )
    return fit_patches(normals, held_out, settings, seed=seed, device=device, threads=threads)


def fit_patches(
    normals: PatchSet,
    held_out: PatchSet,
    settings: TrainSettings,
    *,
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> Fitted:
    """Train an attention autoencoder on `normals`; no patch outside the two sets is read.

    Nothing is written: a training that is killed leaves nothing behind, and run again it starts from the seed
    and ends in the same weights. The same inputs, seed, threads and kind of device give the same bytes.

    Args:
        normals: patches the weights learn from.
        held_out: patches whose loss is watched; where `settings.keep` is `best` it chooses the epoch.
        settings: architecture and training.
        seed: initial weights, order of the patches, augmentation, damage and dropout follow from it.
        device: `auto` (a GPU when there is one), `cpu` or `cuda`.
        threads: of the CPU; fixed, because the order of a sum changes its last bits.

    Raises:
        DataError: fewer than two training patches, no calibration patch, or a row in both.
        DefinitionError: the loss is not finite, the device does not exist, or the patch size does not fit.
    """
    check_rows(normals.rows, held_out.rows)
    batches = TrainingBatches(normals.patches, normals.rows, settings, seed)
    steps = settings.epochs * len(batches)
    learnt = learn(
        lambda: Reconstruction(_started(normals, settings), steps),
        batches,
        PlainBatches(held_out.patches, held_out.rows, CALIBRATION_BATCH),
        settings,
        seed=seed,
        device=device,
        threads=threads,
    )
    network: AttentionAutoencoder = learnt.network
    return Fitted(
        network, learnt.history, learnt.kept_epoch, len(normals.rows), len(held_out.rows), learnt.device
    )


def _started(normals: PatchSet, settings: TrainSettings) -> AttentionAutoencoder:
    network = AttentionAutoencoder(*normals.size, settings)
    if settings.principal_components:
        spread = np.unique(np.linspace(0, len(normals) - 1, min(len(normals), MOST)).round().astype(np.int64))
        network.learn_principal_path(as_tensor(normals.patches[normals.rows[spread]]))
    return network


@dataclass(frozen=True)
class Learnt:
    """A trained network and how it came about.

    Attributes:
        network: on the CPU, in evaluation mode, with the weights of the kept epoch.
        history: one row an epoch: epoch (from 1), train_loss, calibration_loss.
        kept_epoch: the epoch whose weights were kept.
        device: `cpu` or `cuda`.
    """

    network: Any
    history: pd.DataFrame
    kept_epoch: int
    device: str

    def facts(self, settings: TrainSettings, loss: str) -> dict[str, float | int | str]:
        """What goes on record, but for the number of weights; `loss` in words."""
        row = self.history.iloc[self.kept_epoch - 1]
        losses = {name: float(row[name]) for name in ("train_loss", "calibration_loss")}
        return {
            "epochs": len(self.history),
            "kept_epoch": self.kept_epoch,
            "keep": settings.keep,
            "loss": loss,
            **losses,
        }


def learn(
    start: Callable[[], Learner],
    batches: Batches,
    held_out: Batches,
    settings: TrainSettings,
    *,
    seed: int,
    device: str,
    threads: int,
) -> Learnt:
    """Train any network: seeded, deterministic, quiet; what all detectors that learn in epochs share.

    Args:
        start: builds network and loss; called after the seed is set, because initial weights are drawn.
        batches: of training, `(given, wanted)` each.
        held_out: the same, for the loss that is watched.
        settings, seed, device, threads: as in `fit_patches`.

    Raises:
        DefinitionError: the loss is not finite, or the device does not exist.
    """
    keeper = Keeper(settings)
    with reproducible(seed, threads), _quiet():
        learner = start()
        trainer = lightning.Trainer(
            max_epochs=settings.epochs,
            accelerator=_accelerator(device),
            devices=1,
            deterministic=True,
            callbacks=[keeper, Progress(settings.epochs)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        _run(trainer, learner, batches, held_out)
    network = learner.network.cpu()
    network.load_state_dict(keeper.state)
    kind = "cuda" if trainer.strategy.root_device.type == "cuda" else "cpu"
    return Learnt(network.eval(), keeper.history, keeper.kept_epoch, kind)


def _run(trainer: Any, learner: Learner, batches: Batches, held_out: Batches) -> None:
    try:
        trainer.fit(learner, batches, held_out)
    except SIGTERMException as stop:  # Lightning would leave with exit code 0, as if training had ended well
        raise SystemExit(128 + signal.SIGTERM) from stop


def check_rows(train_rows: Rows, calibration_rows: Rows) -> None:
    """Raise DataError with every reason why these rows cannot be trained on."""
    shared = sorted(set(train_rows.tolist()) & set(calibration_rows.tolist()))
    problems = [
        text
        for text, wrong in (
            (f"{len(train_rows)} training patches, at least 2 are needed", len(train_rows) < 2),
            ("no calibration patch", len(calibration_rows) == 0),
            (
                f"{len(shared)} patches are in training and calibration, the first is row {shared[:1]}",
                bool(shared),
            ),
        )
        if wrong
    ]
    if problems:
        raise DataError(
            "the autoencoder cannot be trained on these patches",
            where="roi/regions.parquet and ingest/manifest.parquet, splits `train` and `calibration`",
            why="\n".join(problems),
            mend="add normal images, or correct `split` in inspection.yaml",
        )


def _accelerator(device: str) -> str:
    if device == "cuda" and not torch.cuda.is_available():
        raise DefinitionError(
            "there is no GPU to train on",
            where="params.yaml, key `compute.device`",
            why="the value is `cuda`, and torch finds no CUDA device",
            mend="write `auto` or `cpu`",
        )
    return {"cuda": "gpu", "cpu": "cpu"}.get(device, "gpu" if torch.cuda.is_available() else "cpu")


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seeds, thread count and deterministic algorithms; threads and algorithms are put back afterwards."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    lightning.seed_everything(seed, workers=False, verbose=False)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice on loggers, workers and its cloud is not for our users."""
    loggers = [
        logging.getLogger(name) for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", module=r"pytorch_lightning|lightning_fabric|lightning_utilities"
            )
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
