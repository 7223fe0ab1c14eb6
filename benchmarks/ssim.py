"""Speed of the SSIM family beside a per-image NumPy/scikit-image implementation of the same definition.

What is timed: one variant on images that already lie in memory as arrays of one type, from call to finished
scores (range check included), on one thread, without gradients. The two implementations alternate in one
process, so that a busy machine slows both; the ratio is taken of the medians. Run with:

    python benchmarks/ssim.py --variant 4-ms-ssim --side 256 --batch 32
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent))

import ssim_reference

from sealproof.scores.ssim import similarity
from sealproof.scores.variants import VARIANT_NAMES


def image_pairs(batch: int, side: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Smooth random images with edges, and blurred, noisy copies, (batch, side, side) each, seeded."""
    random = np.random.default_rng(7)
    coarse = torch.from_numpy(random.random((batch, 1, 8, 8)))
    images = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")[:, 0].numpy()
    images[:, side // 3 : side // 2] *= 0.5
    noisy = np.clip(images + random.normal(0, 0.05, images.shape), 0, 1)
    return images.astype(dtype), noisy.astype(dtype)


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(variant: str, side: int, batch: int, dtype: np.dtype, rounds: int) -> tuple[float, float, float]:
    """Milliseconds an image of the reference and of ours (medians), and the largest difference of scores."""
    images, copies = image_pairs(batch, side, dtype)
    x, y = torch.from_numpy(images), torch.from_numpy(copies)
    expected = ssim_reference.scores(images, copies, variant)
    found = similarity(x, y, variant).numpy()
    reference, ours = [], []
    with torch.inference_mode():
        for _ in range(rounds):
            reference.append(seconds(lambda: ssim_reference.scores(images, copies, variant)))
            ours.append(seconds(lambda: similarity(x, y, variant)))
    difference = float(np.abs(expected - found).max())
    return (
        1000 * statistics.median(reference) / batch,
        1000 * statistics.median(ours) / batch,
        difference,
    )


def main() -> None:
    """Print one row a type and batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", choices=VARIANT_NAMES, default="4-ms-ssim")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(
        "type", "batch", "reference ms/image", "ours ms/image", "times faster", "largest difference"
    )
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        for batch in (1, options.batch):
            before, after, difference = compare(options.variant, options.side, batch, dtype, options.rounds)
            row = (f"{before:.2f}", f"{after:.2f}", f"{before / after:.1f}", f"{difference:.1e}")
            table.add_row(dtype.name, str(batch), *row)
    Console().print(f"{options.variant} at {options.side} x {options.side}, one thread", table)


if __name__ == "__main__":
    main()
