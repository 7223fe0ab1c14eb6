from __future__ import annotations

import numpy as np
import pytest

from sealproof.models.settings import TrainSettings


@pytest.fixture(scope="session")
def patches() -> np.ndarray:
    """48 smooth random patches of 32 x 48 pixels, as `patches.npy` stores them."""
    generator = np.random.default_rng(7)
    rows, columns = np.mgrid[0:32, 0:48]
    phase, angle, level = generator.random((3, 48, 1, 1))
    wave = np.sin(6 * phase + 0.3 * (rows * angle + columns * (1 - angle)))
    return np.round(65535 * (0.3 + 0.3 * level + 0.2 * wave)).astype(np.uint16)


@pytest.fixture
def small() -> TrainSettings:
    return TrainSettings(filters=(4, 4, 8, 8), latent=6, epochs=4, batch_size=8, learning_rate=0.01)
