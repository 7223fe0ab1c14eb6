"""One image to one verdict: how long an inspection takes, and where the time goes.

What is timed: a decoded 256 x 256 image in memory (float32, grey values in [0, 1]) to accept or reject, one image a
call, as `ImageScorer` does it: region of interest, patch on its 16-bit grid, reconstruction, 4-MS-SSIM and its map in
float64, threshold. On one core and one thread, after calls to warm up. Not timed: camera, decoding of a file, loading
of the detector. The network has the settings of `params.yaml` and initial weights, which take as long as trained ones.
Processor time of the thread stands beside wall-clock time: on a busy machine only the former says what the work costs.

    python benchmarks/latency.py --calls 500
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml
from rich.console import Console
from rich.table import Table

from sealproof.inference.combined import CombinedScores
from sealproof.inference.features import FeatureDistances
from sealproof.inference.released import ImageScorer, ReleasedDetector, image_patches
from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.settings import TrainSettings
from sealproof.roi.settings import RoiSettings
from sealproof.scores.settings import Precision, ScoreSettings

ROOT = Path(__file__).resolve().parents[1]
SCORE = "4-ms-ssim"
Step = Callable[[np.ndarray], object]


def scorer(side: int, precision: Precision) -> ImageScorer:
    """The default product's detector with patches of `side` pixels, full frame, and initial weights."""
    wanted = ScoreSettings(names=(SCORE,), precision=precision)
    settings = TrainSettings.model_validate(yaml.safe_load((ROOT / "params.yaml").read_text())["train"])
    torch.manual_seed(0)
    detector = AttentionAutoencoderDetector(AttentionAutoencoder(side, side, settings))
    released = ReleasedDetector(
        detector, FeatureDistances(wanted, {}), CombinedScores(wanted, None, None), wanted, "cpu"
    )
    roi = RoiSettings(method="full_frame", patch_height=side, patch_width=side, illumination="flattened")
    return ImageScorer(released, roi)


def steps(inspected: ImageScorer) -> dict[str, Step]:
    """The whole inspection, and its parts, each fed with what the part before it gives."""
    detector, settings = inspected.detector.model, inspected.detector.settings
    held: dict[str, torch.Tensor] = {}

    def verdict(image: np.ndarray) -> bool:
        scores = inspected.score_images([image])[0]
        return scores is None or scores[SCORE] >= 0.2

    def region(image: np.ndarray) -> None:
        held["patch"] = torch.from_numpy(image_patches(image, inspected.roi))[:, None]

    def reconstruction(_: np.ndarray) -> None:
        held["reconstruction"] = detector.reconstruct(held["patch"], settings.precision)

    def scores(image: np.ndarray) -> None:
        detector.reconstruct = lambda *_: held["reconstruction"]
        detector.compare(held["patch"], settings)
        del detector.reconstruct

    return {
        "image to verdict": verdict,
        "region of interest": region,
        "reconstruction": reconstruction,
        "4-MS-SSIM and map": scores,
    }


def times(step: Step, images: np.ndarray, calls: int) -> np.ndarray:
    """(calls, 2) milliseconds, wall-clock and processor time."""
    found = np.empty((calls, 2))
    for call in range(-max(20, calls // 10), calls):
        start, used = time.perf_counter(), time.thread_time()
        step(images[call % len(images)])
        if call >= 0:
            found[call] = time.perf_counter() - start, time.thread_time() - used
    return found * 1000


def main() -> None:
    """Print one row a patch size and part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    images = np.random.default_rng(5).random((16, 256, 256), np.float32)
    table = Table("patch", "part", "median", "99 %", "median, processor", "99 %, processor")
    for side, precision in ((64, "double"), (64, "single"), (256, "double"), (256, "single")):
        for name, step in steps(scorer(side, precision)).items():
            wall, used = times(step, images, options.calls).T
            figures = [f"{np.percentile(part, share):.2f}" for part in (wall, used) for share in (50, 99)]
            table.add_row(f"{side} x {side}, {precision}", name, *figures)
    Console(width=100).print(f"milliseconds over {options.calls} calls, one image of 256 x 256 a call", table)


if __name__ == "__main__":
    main()
