"""Training data: which rows of `patches.npy` may be read, and batches of them.

Nothing here ever touches a row it was not given, so the test split stays unread during training.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from sealproof.evidence.errors import DataError, EvidenceAlteredError, EvidenceMissingError
from sealproof.models.augmentation import augment
from sealproof.models.damage import damage
from sealproof.models.settings import TrainSettings

#: Patches are stored as uint16: value in [0, 1] times this.
VALUE_SCALE = 65535

Patches = npt.NDArray[np.uint16]
Rows = npt.NDArray[np.int64]


class Batches(Protocol):
    """Batches (given, wanted): what a network is shown, and what it is to make of it."""

    def __len__(self) -> int:
        """Number of batches."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over them."""


def open_patches(path: Path) -> Patches:
    """Open `patches.npy` as a read-only memory map: uint16, (rows, height, width).

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: it is no array of that kind.
    """
    try:
        patches: Patches = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise EvidenceMissingError(
            "the patches are missing", where=str(path), why="the file does not exist", mend="run `dvc repro`"
        ) from error
    except (ValueError, EOFError) as error:
        raise _no_patches(path, str(error)) from error
    if patches.dtype != np.uint16 or patches.ndim != 3:
        raise _no_patches(path, f"it holds {patches.dtype} of {patches.ndim} dimensions, not uint16 of 3")
    return patches


def _no_patches(path: Path, why: str) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "the patches cannot be read", where=str(path), why=why, mend="delete the file and run `dvc repro`"
    )


def normal_rows(manifest: pd.DataFrame, regions: pd.DataFrame, split: str) -> Rows:
    """Rows of `patches.npy` that belong to the decided images of one split, sorted.

    Args:
        manifest: columns image_id, split and label.
        regions: columns image_id, decided and row.
        split: `train` or `calibration`; both hold normal images only.

    Raises:
        DataError: an image of the split is not known to be normal, or no patch of the split is left.

    Example:
        >>> manifest = pd.DataFrame({"image_id": ["a", "b"], "split": ["train", "test"], "label": [0, None]})
        >>> regions = pd.DataFrame({"image_id": ["a", "b"], "decided": [True, True], "row": [0, 1]})
        >>> normal_rows(manifest, regions, "train").tolist()
        [0]
    """
    images = manifest[manifest["split"] == split]
    strange = images.loc[~(images["label"] == 0).fillna(value=False).astype(bool), "image_id"]
    if len(strange):
        raise DataError(
            f"{len(strange)} images of split {split!r} are not known to be normal",
            where=", ".join(sorted(strange.astype(str))[:5]),
            why="the autoencoder learns what normal parts look like, from normal parts alone",
            mend="correct their labels, or move them to another split, and run `dvc repro`",
        )
    undecided = regions.loc[~regions["decided"].astype(bool), "image_id"]
    usable = regions["image_id"].isin(images["image_id"]) & ~regions["image_id"].isin(undecided)
    rows: Rows = np.sort(regions.loc[usable, "row"].to_numpy(np.int64))
    if len(rows) == 0 or rows[0] < 0:
        undecided_images = images["image_id"].isin(undecided).sum()
        raise DataError(
            f"a decided patch of split {split!r} has no row"
            if len(rows)
            else f"split {split!r} has no usable patch",
            where="roi/regions.parquet",
            why=f"the split has {len(images)} images, {undecided_images} of them undecided",
            mend="look at the confidence of the regions (inspection.yaml, key `roi`), or add normal images",
        )
    return rows


def as_tensor(patches: Patches) -> Tensor:
    """Stored patches, (N, height, width) uint16, as the model takes them: (N, 1, height, width) in [0, 1].

    Example:
        >>> as_tensor(np.array([[[0, 65535]]], dtype=np.uint16)).tolist()
        [[[[0.0, 1.0]]]]
    """
    return torch.from_numpy(np.asarray(patches, dtype=np.float32) / np.float32(VALUE_SCALE))[:, None]


class TrainingBatches:
    """Batches (given, wanted) of training patches in an order drawn anew each epoch, from the seed alone.

    `wanted` is the patch, mirrored and shifted as the settings say; `given` is the same patch, or its damaged
    copy. Patches that do not fill a last batch sit out this epoch: a batch of one would upset batch
    normalisation.

    Args:
        patches: (rows, height, width) uint16, usually a memory map; read a batch at a time.
        rows: the rows that may be read.
        settings: batch size, augmentation and damage.
        seed: epoch e draws from a generator seeded by (seed, e), so that an epoch does not depend on the ones
            before.
    """

    def __init__(self, patches: Patches, rows: Rows, settings: TrainSettings, seed: int) -> None:
        self._patches, self._rows, self._settings, self._seed = patches, rows, settings, seed
        self._size = min(settings.batch_size, len(rows))
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._rows) // self._size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(_mix(self._seed, self._epoch))
        self._epoch += 1
        order = torch.randperm(len(self._rows), generator=generator).numpy()
        for start in range(0, len(self) * self._size, self._size):
            rows = self._rows[order[start : start + self._size]]
            wanted = augment(as_tensor(self._patches[rows]), self._settings, generator)
            given = damage(wanted, generator) if self._settings.damage == "repair" else wanted
            yield given, wanted


class PlainBatches:
    """Batches (patch, patch) in row order, untouched: what the calibration loss is measured on."""

    def __init__(self, patches: Patches, rows: Rows, size: int) -> None:
        self._patches, self._rows, self._size = patches, rows, size

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self._rows), self._size):
            batch = as_tensor(self._patches[self._rows[start : start + self._size]])
            yield batch, batch


def _mix(seed: int, epoch: int) -> int:
    """One generator seed from two numbers, without seed + 1 in epoch 0 being seed in epoch 1."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])
