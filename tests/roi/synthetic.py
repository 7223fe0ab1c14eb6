"""Images whose transitions are known to a fraction of a pixel: each pixel holds the mean over its area."""

import numpy as np

HEIGHT, WIDTH = 120, 200


def _covered(line: np.ndarray) -> np.ndarray:
    """Share of each pixel that lies below `line` (W,): (H, W)."""
    return np.clip(np.arange(HEIGHT)[:, None] + 1 - line, 0, 1)


def edge(position: float, *, slope: float = 0.0, low: float = 0.3, high: float = 0.6) -> np.ndarray:
    """Brighter below the line that passes `position` at the middle column."""
    line = position + slope * (np.arange(WIDTH) + 0.5 - WIDTH / 2)
    return (low + (high - low) * _covered(line)).astype(np.float32)


def bars(positions: list[float], *, width: float = 5.0, depth: float = 0.2) -> np.ndarray:
    """Dark bars of that width, centred at `positions`."""
    image = np.full((HEIGHT, WIDTH), 0.7)
    for position in positions:
        top = np.full(WIDTH, position - width / 2)
        image -= depth * (_covered(top) - _covered(top + width))
    return image.astype(np.float32)


def noisy(image: np.ndarray, deviation: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, deviation, image.shape)
    return np.clip(image + noise, 0, 1).astype(np.float32)
