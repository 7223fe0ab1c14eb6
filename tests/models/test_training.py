from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.data import as_tensor
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import save_detector
from sealproof.models.training import Fitted, fit

TRAIN, CALIBRATION, TEST = np.arange(0, 30), np.arange(30, 40), np.arange(40, 48)


def train(patches: np.ndarray, settings: TrainSettings, seed: int = 5) -> Fitted:
    return fit(patches, TRAIN, CALIBRATION, settings, seed=seed, device="cpu", threads=1)


def weights(fitted: Fitted, folder: Path) -> bytes:
    save_detector(AttentionAutoencoderDetector(fitted.model), folder, {})
    return (folder / "model.safetensors").read_bytes()


def test_held_out_patches_are_reconstructed_better_than_by_the_mean_patch(patches: np.ndarray) -> None:
    settings = TrainSettings(
        filters=(8, 8, 16, 16), latent=8, epochs=25, batch_size=6, learning_rate=0.01, dropout=0
    )
    fitted = train(patches, settings)
    taught, held_out = patches[TRAIN] / 65535, patches[CALIBRATION] / 65535
    of_the_mean = ((held_out - taught.mean(0)) ** 2).mean()
    assert fitted.losses["calibration_loss"] < 0.6 * of_the_mean
    assert fitted.history["epoch"].tolist() == list(range(1, 26))
    assert (fitted.training_patches, fitted.calibration_patches, fitted.device) == (30, 10, "cpu")


@pytest.mark.parametrize("keep", ["last", "best"])
def test_one_epoch_is_kept_in_evaluation_mode(patches: np.ndarray, small: TrainSettings, keep: str) -> None:
    # So large a step that the loss rises now and then: in epoch 12 it is higher than before.
    fitted = train(patches, small.model_copy(update={"epochs": 12, "learning_rate": 0.8, "keep": keep}))
    losses = fitted.history["calibration_loss"]
    assert losses.argmin() < 11, "the last epoch is the best one: this test could not tell them apart"
    place = 11 if keep == "last" else int(losses.argmin())
    assert fitted.kept_epoch == place + 1
    assert fitted.losses == {
        "train_loss": fitted.history["train_loss"][place],
        "calibration_loss": losses[place],
    }
    assert not fitted.model.training
    held_out = as_tensor(patches[CALIBRATION])
    with torch.no_grad():
        assert mse_loss(fitted.model(held_out), held_out).item() == pytest.approx(losses[place], rel=1e-5)


def test_held_out_patches_have_no_part_in_the_weights_of_the_last_epoch(
    patches: np.ndarray, small: TrainSettings
) -> None:
    other = patches.copy()
    other[CALIBRATION] = 65535 - other[CALIBRATION]
    first, second = (train(images, small).model.state_dict() for images in (patches, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "bottleneck": "convolutional",
            "augment": "flip-both",
            "shift": 2,
            "damage": "repair",
            "schedule": "one-cycle",
        },
    ],
)
def test_two_trainings_give_the_same_bytes(
    patches: np.ndarray, small: TrainSettings, tmp_path: Path, changes: dict[str, object]
) -> None:
    settings = small.model_copy(update=changes)
    first = train(patches, settings)
    torch.rand(17), np.random.rand(3)  # noqa: NPY002 - a stranger's draws from the global generators must not matter
    second = train(patches, settings)
    assert weights(first, tmp_path / "a") == weights(second, tmp_path / "b")
    assert first.history.equals(second.history)
    assert (tmp_path / "a/model.json").read_bytes() == (tmp_path / "b/model.json").read_bytes()


def test_another_seed_gives_other_weights(patches: np.ndarray, small: TrainSettings, tmp_path: Path) -> None:
    made = [weights(train(patches, small, seed), tmp_path / str(seed)) for seed in (1, 2)]
    assert made[0] != made[1]


def test_rows_of_the_test_split_are_never_read(
    patches: np.ndarray, small: TrainSettings, tmp_path: Path
) -> None:
    """A view that refuses any access to test rows, and other values in them, change nothing."""

    class Guarded:
        shape = patches.shape

        def __getitem__(self, rows: np.ndarray) -> np.ndarray:
            assert not np.isin(rows, TEST).any()
            return patches[rows]

    spoilt = patches.copy()
    spoilt[TEST] = 65535 - spoilt[TEST]
    made = [
        weights(train(source, small), tmp_path / str(i))
        for i, source in enumerate((patches, Guarded(), spoilt))
    ]
    assert made[0] == made[1] == made[2]


def test_a_loss_that_is_not_finite_stops_at_once(
    patches: np.ndarray, small: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def explode(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        steps.append(len(given))
        return mse_loss(given, wanted) * (torch.nan if len(steps) == 5 else 1)

    monkeypatch.setattr("sealproof.models.learning.nn.functional.mse_loss", explode)
    with pytest.raises(DefinitionError, match="training loss is nan in epoch 2") as caught:
        train(patches, small)
    assert "learning_rate" in caught.value.where
    assert len(steps) == 5


def test_a_calibration_loss_that_is_not_finite_stops_too(
    patches: np.ndarray, small: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(given: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return mse_loss(given, wanted) * (1 if torch.is_grad_enabled() else torch.inf)

    monkeypatch.setattr("sealproof.models.learning.nn.functional.mse_loss", explode)
    with pytest.raises(DefinitionError, match="calibration loss is inf in epoch 1"):
        train(patches, small)


@pytest.mark.parametrize(
    ("train_rows", "calibration_rows", "reasons"),
    [
        ([0], [], ["1 training patches", "no calibration patch"]),
        ([0, 1, 2], [2, 3], ["in training and calibration, the first is row [2]"]),
    ],
)
def test_wrong_rows_are_refused_with_every_reason(
    patches: np.ndarray,
    small: TrainSettings,
    train_rows: list[int],
    calibration_rows: list[int],
    reasons: list[str],
) -> None:
    with pytest.raises(DataError) as caught:
        fit(patches, np.array(train_rows), np.array(calibration_rows, dtype=int), small, seed=1)
    assert all(reason in caught.value.why for reason in reasons)


def test_a_gpu_that_is_not_there_is_refused(
    patches: np.ndarray, small: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DefinitionError, match="no GPU"):
        fit(patches, TRAIN, CALIBRATION, small, seed=1, device="cuda")


def test_a_patch_size_that_does_not_fit_is_refused(small: TrainSettings) -> None:
    with pytest.raises(DefinitionError, match="30 x 48"):
        train(np.zeros((48, 30, 48), np.uint16), small)


def test_nothing_is_written_and_lightning_keeps_quiet(
    patches: np.ndarray,
    small: TrainSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(), caplog.at_level(logging.INFO):
        warnings.simplefilter("error")
        train(patches, small)
    assert list(tmp_path.iterdir()) == []
    printed = capfd.readouterr()
    assert printed.out == ""
    assert [line.split(":")[0] for line in printed.err.splitlines()] == [
        f"epoch {i} of 4" for i in range(1, 5)
    ]
    assert not [record for record in caplog.records if "lightning" in record.name]


def test_threads_and_algorithms_are_put_back(patches: np.ndarray, small: TrainSettings) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    train(patches, small)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


PROGRAM = """
import numpy as np
from sealproof.models.settings import TrainSettings
from sealproof.models.training import fit
patches = np.load("patches.npy", mmap_mode="r")
settings = TrainSettings(filters=(4, 4, 8, 8), latent=6, epochs=300, batch_size=8)
fit(patches, np.arange(30), np.arange(30, 40), settings, seed=5, device="cpu", threads=1)
"""


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_a_killed_training_says_so_and_leaves_nothing_behind_to_start_from(
    patches: np.ndarray, tmp_path: Path, how: signal.Signals, code: int
) -> None:
    """So the next run starts from the seed, and ends as an undisturbed one does (same bytes, see above)."""
    np.save(tmp_path / "patches.npy", patches)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("epoch 30 of 300")
        process.send_signal(how)
    assert process.returncode == code
    assert [path.name for path in tmp_path.iterdir()] == ["patches.npy"]
