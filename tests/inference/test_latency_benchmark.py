"""The benchmark of one image to one verdict still fits the code that it times."""

import runpy
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def test_every_step_of_the_latency_benchmark_runs():
    parts = runpy.run_path(str(ROOT / "benchmarks" / "latency.py"))
    image = np.random.default_rng(1).random((64, 64), dtype=np.float32)
    for step in parts["steps"](parts["scorer"](16, "double")).values():
        step(image)
