"""Speed of the SSIM family beside a per-image NumPy/scikit-image implementation of the same definition.

What is timed: one variant on images that already lie in memory as arrays of one type, from call to finished scores
(check of the values included), on one thread, without gradients, after a first call that compiles. The two
implementations alternate in one process, so that a busy machine slows both; ratios are taken of medians, once of
wall-clock time and once of the processor time of the thread, which other processes disturb least. Run with:

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

#: Ours is called more often in a round than the reference, which takes longer: short calls vary more.
OURS_A_ROUND = 3


def image_pairs(batch: int, side: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Smooth random images with edges, and blurred, noisy copies, (batch, side, side) each, seeded."""
    random = np.random.default_rng(7)
    coarse = torch.from_numpy(random.random((batch, 1, 8, 8)))
    images = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")[:, 0].numpy()
    images[:, side // 3 : side // 2] *= 0.5
    noisy = np.clip(images + random.normal(0, 0.05, images.shape), 0, 1)
    return images.astype(dtype), noisy.astype(dtype)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor time of one call."""
    start, used = time.perf_counter(), time.thread_time()
    work()
    return time.perf_counter() - start, time.thread_time() - used


def medians(times: list[tuple[float, float]], batch: int) -> tuple[float, float]:
    """Milliseconds an image: medians of both times."""
    wall, used = (1000 * statistics.median(part) / batch for part in zip(*times, strict=True))
    return wall, used


def compare(variant: str, side: int, batch: int, dtype: np.dtype, rounds: int) -> tuple[str, ...]:
    """A row of the table."""
    images, copies = image_pairs(batch, side, dtype)
    x, y = torch.from_numpy(images), torch.from_numpy(copies)
    difference = np.abs(
        ssim_reference.scores(images, copies, variant) - similarity(x, y, variant).numpy()
    ).max()
    reference, ours = [], []
    for _ in range(rounds):
        reference.append(seconds(lambda: ssim_reference.scores(images, copies, variant)))
        ours += [seconds(lambda: similarity(x, y, variant)) for _ in range(OURS_A_ROUND)]
    (before, before_used), (after, after_used) = medians(reference, batch), medians(ours, batch)
    return (
        f"{before:.2f} / {before_used:.2f}",
        f"{after:.2f} / {after_used:.2f}",
        f"{before / after:.1f} / {before_used / after_used:.1f}",
        f"{difference:.1e}",
    )


def main() -> None:
    """Print one row a type and batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", choices=VARIANT_NAMES, default="4-ms-ssim")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(
        "type", "batch", "reference ms/image", "ours ms/image", "times faster", "largest difference"
    )
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        for batch in (1, options.batch):
            row = compare(options.variant, options.side, batch, dtype, options.rounds)
            table.add_row(dtype.name, str(batch), *row)
    title = f"{options.variant} at {options.side} x {options.side}, one thread; wall-clock / processor time"
    Console(width=110).print(title, table)


if __name__ == "__main__":
    main()
