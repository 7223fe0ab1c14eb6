from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from sealproof.evidence.errors import DataError, EvidenceAlteredError, EvidenceMissingError
from sealproof.models.data import PlainBatches, TrainingBatches, as_tensor, normal_rows, open_patches
from sealproof.models.settings import TrainSettings

MANIFEST = pd.DataFrame(
    {
        "image_id": list("abcdef"),
        "split": ["train", "train", "calibration", "test", "tuning", "train"],
        "label": pd.array([0, 0, 0, None, 1, 0], dtype="Int64"),
    }
)
REGIONS = pd.DataFrame(
    {
        "image_id": list("aabbccddeeff"),
        "patch": [0, 1] * 6,
        "decided": [True] * 11 + [False],
        "row": [1, 0, 3, 2, 4, 5, 6, 7, 8, 9, 10, -1],
    }
)


def test_rows_are_those_of_the_split_without_undecided_images() -> None:
    assert normal_rows(MANIFEST, REGIONS, "train").tolist() == [0, 1, 2, 3]
    assert normal_rows(MANIFEST, REGIONS, "calibration").tolist() == [4, 5]


@pytest.mark.parametrize("label", [1, None])
def test_an_image_not_known_to_be_normal_is_refused_by_name(label: int | None) -> None:
    manifest = MANIFEST.copy()
    manifest.loc[1, "label"] = label
    with pytest.raises(DataError) as caught:
        normal_rows(manifest, REGIONS, "train")
    assert caught.value.where == "b"


def test_the_test_and_tuning_splits_can_never_be_rows_of_normals() -> None:
    for split in ("test", "tuning"):
        with pytest.raises(DataError, match="not known to be normal"):
            normal_rows(MANIFEST, REGIONS, split)


def test_a_split_without_usable_patches_is_refused() -> None:
    with pytest.raises(DataError, match="no usable patch"):
        normal_rows(MANIFEST, REGIONS.assign(decided=False), "train")
    with pytest.raises(DataError, match="no usable patch"):
        normal_rows(MANIFEST, REGIONS, "validation")


def test_a_decided_patch_without_a_row_is_refused() -> None:
    with pytest.raises(DataError, match="has no row"):
        normal_rows(MANIFEST, REGIONS.assign(row=-1), "calibration")


def test_patches_are_opened_as_a_memory_map(tmp_path: Path, patches: np.ndarray) -> None:
    np.save(tmp_path / "patches.npy", patches)
    opened = open_patches(tmp_path / "patches.npy")
    assert isinstance(opened, np.memmap)
    assert np.array_equal(opened, patches)
    assert not opened.flags.writeable


@pytest.mark.parametrize("array", [np.zeros((2, 16, 16), np.uint8), np.zeros((16, 16), np.uint16)])
def test_another_kind_of_array_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "patches.npy", array)
    with pytest.raises(EvidenceAlteredError, match="cannot be read"):
        open_patches(tmp_path / "patches.npy")


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "patches.npy").write_bytes(content)
    with pytest.raises(EvidenceAlteredError, match="cannot be read"):
        open_patches(tmp_path / "patches.npy")


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "patches.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(EvidenceAlteredError, match="cannot be read"):
        open_patches(tmp_path / "patches.npy")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceMissingError) as caught:
        open_patches(tmp_path / "patches.npy")
    assert caught.value.where.endswith("patches.npy")


def test_values_are_scaled_exactly_to_zero_and_one() -> None:
    stored = np.arange(65536, dtype=np.uint16).reshape(1, 256, 256)
    tensor = as_tensor(stored)
    assert tensor.shape == (1, 1, 256, 256)
    assert tensor.dtype == torch.float32
    assert (tensor.min(), tensor.max()) == (0, 1)
    assert np.array_equal(np.round(tensor[0, 0].numpy().astype(np.float64) * 65535), stored[0])


def test_an_epoch_shows_each_patch_at_most_once_and_in_another_order_next_time(patches: np.ndarray) -> None:
    rows = np.arange(5, 46)
    batches = TrainingBatches(patches, rows, TrainSettings(batch_size=8), seed=1)
    first, second = ([wanted for _, wanted in batches] for _ in range(2))
    assert len(batches) == len(first) == 5
    flat = torch.cat(first).flatten(1)
    known = as_tensor(patches[rows]).flatten(1)
    matches = (flat[:, None] == known[None]).all(2)
    assert torch.equal(matches.sum(1), torch.ones(40, dtype=torch.long))
    assert matches.sum(0).max() == 1
    assert not torch.equal(first[0], second[0])


def test_batches_depend_on_the_seed_alone(patches: np.ndarray) -> None:
    settings = TrainSettings(batch_size=8, augment="flip-both", shift=2, damage="repair")

    def epochs(seed: int) -> torch.Tensor:
        batches = TrainingBatches(patches, np.arange(48), settings, seed)
        return torch.stack([torch.cat([torch.cat(pair) for pair in batches]) for _ in range(2)])

    assert torch.equal(epochs(1), epochs(1))
    assert not torch.equal(epochs(1), epochs(2))
    assert not torch.equal(epochs(0)[1], epochs(1)[0])


@pytest.mark.parametrize("kind", ["none", "repair"])
def test_only_repair_gives_something_else_than_is_wanted(patches: np.ndarray, kind: str) -> None:
    given, wanted = next(iter(TrainingBatches(patches, np.arange(48), TrainSettings(damage=kind), seed=1)))
    assert torch.equal(given, wanted) == (kind == "none")


def test_a_set_smaller_than_a_batch_is_one_batch(patches: np.ndarray) -> None:
    batches = TrainingBatches(patches, np.arange(5), TrainSettings(batch_size=16), seed=1)
    assert [len(wanted) for _, wanted in batches] == [5]


def test_plain_batches_hold_every_patch_in_order(patches: np.ndarray) -> None:
    rows = np.array([3, 1, 40, 2, 9])
    batches = PlainBatches(patches, rows, 2)
    assert len(batches) == 3
    assert torch.equal(torch.cat([given for given, _ in batches]), as_tensor(patches[rows]))
