"""The optimiser and its schedule."""

import subprocess
import sys

import pytest

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


def test_scoring_does_not_load_lightning() -> None:
    code = "import sys, sealproof.models.storage; sys.exit('pytorch_lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
