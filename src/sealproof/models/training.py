"""Training of the attention autoencoder: seeded, deterministic; the held-out loss is watched at every epoch."""

from __future__ import annotations

import logging
import math
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytorch_lightning as lightning
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.data import Patches, PlainBatches, Rows, TrainingBatches
from sealproof.models.learning import Reconstruction
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
    """Train an attention autoencoder on some rows of `patches`; no other row is read.

    Nothing is written: a training that is killed leaves nothing behind, and run again it starts from the seed
    and ends in the same weights. The same inputs, seed, threads and kind of device give the same bytes.

    Args:
        patches: (rows, height, width) uint16, value x 65535; usually a memory map.
        train_rows: rows the weights learn from.
        calibration_rows: held-out rows whose loss is watched; where `settings.keep` is `best` it chooses the epoch.
        settings: architecture and training.
        seed: initial weights, order of the patches, augmentation, damage and dropout follow from it.
        device: `auto` (a GPU when there is one), `cpu` or `cuda`.
        threads: of the CPU; fixed, because the order of a sum changes its last bits.

    Raises:
        DataError: fewer than two training patches, no calibration patch, or a row in both.
        DefinitionError: the loss is not finite, the device does not exist, or the patch size does not fit.
    """
    _check_rows(train_rows, calibration_rows)
    with _reproducible(seed, threads), _quiet():
        batches = TrainingBatches(patches, train_rows, settings, seed)
        model = AttentionAutoencoder(patches.shape[1], patches.shape[2], settings)
        learner = Reconstruction(model, steps=settings.epochs * len(batches))
        keeper = _Keeper(settings)
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
        _run(trainer, learner, batches, PlainBatches(patches, calibration_rows, CALIBRATION_BATCH))
    model = model.cpu()
    model.load_state_dict(keeper.state)
    kind = "cuda" if trainer.strategy.root_device.type == "cuda" else "cpu"
    return Fitted(
        model.eval(), keeper.history, keeper.kept_epoch, len(train_rows), len(calibration_rows), kind
    )


def _run(trainer: Any, learner: Reconstruction, batches: TrainingBatches, held_out: PlainBatches) -> None:
    try:
        trainer.fit(learner, batches, held_out)
    except SIGTERMException as stop:  # Lightning would leave with exit code 0, as if training had ended well
        raise SystemExit(128 + signal.SIGTERM) from stop


def _check_rows(train_rows: Rows, calibration_rows: Rows) -> None:
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
def _reproducible(seed: int, threads: int) -> Iterator[None]:
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


class _Keeper(lightning.Callback):  # type: ignore[misc]  # Lightning is not typed for us: mypy skips its imports
    """Keeps losses and the weights of one epoch in memory; stops at a loss that is not finite."""

    def __init__(self, settings: TrainSettings) -> None:
        self._settings = settings
        self._batch_losses: list[float] = []
        self._rows: list[tuple[int, float, float]] = []
        self._lowest = math.inf
        self.kept_epoch = 0
        self.state: dict[str, torch.Tensor] = {}

    @property
    def history(self) -> pd.DataFrame:
        return pd.DataFrame(self._rows, columns=["epoch", "train_loss", "calibration_loss"])

    def on_train_batch_end(self, trainer: Any, _model: Any, outputs: Any, *_: Any) -> None:
        loss = float(outputs["loss"])
        self._refuse_unless_finite(loss, trainer.current_epoch + 1, "training")
        self._batch_losses.append(loss)

    def on_validation_epoch_end(self, trainer: Any, learner: Any) -> None:
        epoch, loss = trainer.current_epoch + 1, float(trainer.callback_metrics["calibration_loss"])
        self._refuse_unless_finite(loss, epoch, "calibration")
        self._rows.append((epoch, math.fsum(self._batch_losses) / len(self._batch_losses), loss))
        self._batch_losses.clear()
        if loss < self._lowest or self._settings.keep == "last":
            self._lowest, self.kept_epoch = loss, epoch
            weights = learner.autoencoder.state_dict().items()
            self.state = {name: value.detach().cpu().clone() for name, value in weights}

    def _refuse_unless_finite(self, loss: float, epoch: int, kind: str) -> None:
        if not math.isfinite(loss):
            raise DefinitionError(
                f"training diverged: the {kind} loss is {loss} in epoch {epoch}",
                where="params.yaml, key `train.learning_rate`",
                why=f"a learning rate of {self._settings.learning_rate:g} is too large for these patches",
                mend="give a smaller learning rate, for instance a tenth of it",
            )
