"""The optimiser and its schedule."""

import subprocess
import sys

import pytest
import torch

from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.learning import Reconstruction
from sealproof.models.settings import TrainSettings

SMALL = {"filters": (4, 4, 8, 8), "latent": 8}


def test_the_one_cycle_schedule_rises_and_falls() -> None:
    settings = TrainSettings(**SMALL, schedule="one-cycle", learning_rate=0.01)
    configured = Reconstruction(AttentionAutoencoder(32, 48, settings), steps=50).configure_optimizers()
    optimiser, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(50):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step() if len(rates) < 50 else None
    assert max(rates) == pytest.approx(0.01)
    assert rates[0] < 0.001
    assert rates[-1] < 0.0001


def rates_of_decay(**changes: object) -> list[float]:
    settings = TrainSettings(**SMALL, schedule="one-cycle", **changes)
    configured = Reconstruction(AttentionAutoencoder(32, 48, settings), steps=50).configure_optimizers()
    optimiser, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(49):
        rates.append(optimiser.param_groups[0]["betas"][0])
        optimiser.step()
        schedule.step()
    return rates


@pytest.mark.parametrize(
    ("first", "lowest", "highest"), [(0.9, 0.85, 0.95), (0.93, 0.88, 0.98), (0.99, 0.94, 0.999)]
)
def test_the_one_cycle_schedule_moves_the_first_decay_rate_about_its_value(
    first: float, lowest: float, highest: float
) -> None:
    rates = rates_of_decay(betas=(first, 0.999))
    assert min(rates) == pytest.approx(lowest, abs=1e-3)
    assert max(rates) == pytest.approx(highest, abs=1e-9)


@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
@pytest.mark.parametrize(
    ("name", "kind", "constants"),
    [
        ("adam", torch.optim.Adam, {"eps": 1e-6}),
        ("sgd", torch.optim.SGD, {"momentum": 0}),
        ("rmsprop", torch.optim.RMSprop, {"eps": 1e-6, "momentum": 0}),
    ],
)
def test_each_optimiser_gets_its_constants(
    name: str, kind: type, constants: dict[str, float], schedule: str
) -> None:
    settings = TrainSettings(**SMALL, optimiser=name, schedule=schedule, epsilon=1e-6, betas=(0.95, 0.9995))
    configured = Reconstruction(AttentionAutoencoder(32, 48, settings), steps=50).configure_optimizers()
    optimiser = configured["optimizer"] if schedule == "one-cycle" else configured
    assert type(optimiser) is kind
    group = optimiser.param_groups[0]
    assert {key: group[key] for key in constants} == constants
    if name == "adam":
        assert group["betas"][1] == 0.9995


def test_scoring_does_not_load_lightning() -> None:
    modules = ", ".join(
        f"sealproof.models.{name}" for name in ("storage", "attention_autoencoder", "mocca", "cpcae")
    )
    code = f"import sys, {modules}; sys.exit('pytorch_lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
