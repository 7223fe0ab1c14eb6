"""Speed of several variants and a map at once, as the pipeline calls them, and what the compiler costs at the start.

What is timed: `similarities_and_map` on float64 patches in memory, with the map of 4-MS-SSIM, on one thread. Without
gradients it is compiled; the same call through torch, as for gradients, alternates with it in one process. Ratios are
of medians. Then the first call in new processes, with and without the machine code that an earlier one kept: processor
time, loading the compiler included, torch not. Run with:

    python benchmarks/scoring.py
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from ssim import image_pairs, medians, seconds

from sealproof.scores import family
from sealproof.scores.ssim import similarities_and_map
from sealproof.scores.variants import VARIANT_NAMES, VariantName, parse_variant

SETS: dict[str, tuple[VariantName, ...]] = {
    "one": ("4-ms-ssim",),
    "four": ("ssim", "ms-ssim", "4-ssim", "4-ms-ssim"),
    "eight": VARIANT_NAMES,
}
FIRST_CALL = """
import time, torch
from sealproof.scores.ssim import similarity
image = torch.rand(1, 64, 64)
start = time.process_time()
similarity(image, image, "4-ms-ssim")
print(time.process_time() - start)
"""


def compare(names: tuple[VariantName, ...], side: int, batch: int, rounds: int) -> tuple[str, ...]:
    """A row of the table."""
    x, y = (torch.from_numpy(part) for part in image_pairs(batch, side, np.dtype(np.float64)))
    variants = {name: parse_variant(name) for name in names}
    compiled, by_torch = [], []
    for _ in range(rounds + 1):
        compiled.append(seconds(lambda: similarities_and_map(x, y, names, "4-ms-ssim")))
        by_torch.append(
            seconds(
                lambda: family.compare(torch.stack([x, y]), variants, fixed_range=False, map_of="4-ms-ssim")
            )
        )
    (wall, used), (wall_torch, used_torch) = medians(compiled[1:], batch), medians(by_torch[1:], batch)
    return (
        f"{wall_torch:.3f} / {used_torch:.3f}",
        f"{wall:.3f} / {used:.3f}",
        f"{wall_torch / wall:.1f} / {used_torch / used:.1f}",
    )


def first_calls() -> tuple[float, float]:
    """Processor seconds of the first call, with nothing kept and with what the first one kept."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        command = [sys.executable, "-c", FIRST_CALL]
        empty, full = (
            float(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)  # noqa: S603
            for _ in range(2)
        )
    return empty, full


def main() -> None:
    """Print one row a set of variants, size and batch, and the cost of the start."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table("variants", "side", "batch", "torch ms/image", "compiled ms/image", "times faster")
    for name, names in SETS.items():
        for side, batch in ((64, 1), (64, 64), (256, 8)):
            table.add_row(name, str(side), str(batch), *compare(names, side, batch, options.rounds))
    console = Console(width=110)
    console.print("scores and the map of 4-MS-SSIM, float64, one thread; wall-clock / processor time", table)
    empty, full = first_calls()
    console.print(f"first call in a process: {empty:.1f} s where nothing is kept, {full:.1f} s afterwards")


if __name__ == "__main__":
    main()
