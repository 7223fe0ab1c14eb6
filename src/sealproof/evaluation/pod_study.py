"""Does a90/95 keep its confidence? Inspections of known truth, drawn over and over (`make pod-study`).

Two designs: single inspections of independent images, sizes drawn on a logarithmic scale, as test images give
them; and seeded defects, where images recur at several sizes and share what hides or shows a defect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import special

from sealproof.evaluation.pod import PodCurve, fit_pod
from sealproof.thresholds.resampling import generator

#: The true curve, logit(POD) = B0 + B1 ln(size), and the sizes inspected.
B0, B1 = -6.0, 2.0
SMALLEST, LARGEST = 3.0, 150.0
TRUE_A90 = math.exp((math.log(9) - B0) / B1)


@dataclass(frozen=True)
class Design:
    """How inspections are drawn.

    Args:
        n: inspections.
        sizes: tested sizes, equally often; None draws a size an inspection.
        images: that inspections are made on; None makes all independent.
        shared: correlation of what is latent between two inspections of one image.
        false_call_rate: of undisturbed images; the fit gets the rate that the images show.
    """

    n: int
    sizes: int | None = None
    images: int | None = None
    shared: float = 0.0
    false_call_rate: float = 0.0

    def fit(self, random: np.random.Generator) -> PodCurve | None:
        """Draw one data set and fit it."""
        return self._recurring(random) if self.sizes and self.images else self._single(random)

    def _single(self, random: np.random.Generator) -> PodCurve | None:
        logs = random.uniform(math.log(SMALLEST), math.log(LARGEST), self.n)
        hits = random.random(self.n) < self._chance(logs)
        return fit_pod(np.exp(logs), hits, None, self.false_call_rate)[0]

    def _chance(self, logs: NDArray[np.float64]) -> NDArray[np.float64]:
        pod: NDArray[np.float64] = special.expit(B0 + B1 * logs)
        return self.false_call_rate + (1 - self.false_call_rate) * pod

    def _recurring(self, random: np.random.Generator) -> PodCurve | None:
        sizes, images = self.sizes or 1, self.images or 1
        logs = np.log(np.geomspace(SMALLEST, LARGEST, sizes))
        rows = np.array([random.choice(images, self.n // sizes, replace=False) for _ in logs])
        own, each = random.normal(size=images)[rows], random.normal(size=rows.shape)
        # A normal copula, so that each inspection by itself follows the true curve whatever is shared.
        latent = special.logit(special.ndtr(math.sqrt(self.shared) * own + math.sqrt(1 - self.shared) * each))
        called = random.random(images) < self.false_call_rate
        hits = (B0 + B1 * logs[:, None] + latent > 0) | called[rows]
        seen = np.repeat(np.exp(logs), rows.shape[1])
        return fit_pod(seen, hits.ravel(), rows.ravel(), float(called.mean()))[0]


DESIGNS = (
    Design(60),
    Design(120),
    Design(480),
    Design(120, false_call_rate=0.05),
    Design(480, 8, 115),
    Design(480, 8, 115, 0.3),
    Design(480, 8, 115, 0.3, 0.05),
    Design(480, 8, 115, 0.7, 0.05),
    Design(160, 8, 21, 0.3, 0.05),
    Design(160, 8, 21, 0.7, 0.05),
)


def coverage(design: Design, runs: int, seed: int, confidence: float = 0.95) -> tuple[float, int]:
    """Share of data sets whose a90/95 is not below the true a90, and how many had a curve.

    Example:
        >>> share, fitted = coverage(Design(120), 20, 1)
        >>> 0.8 <= share <= 1, fitted
        (True, 20)
    """
    random = generator(seed, "pod", repr(design))
    curves = [curve for curve in (design.fit(random) for _ in range(runs)) if curve is not None]
    kept = [curve.upper_size_at(0.9, confidence) >= TRUE_A90 for curve in curves]
    return (sum(kept) / len(kept) if kept else math.nan), len(kept)


def main(runs: int = 4000, seed: int = 1) -> None:
    """Print the table of designs."""
    table = Table(
        "inspections", "images", "shared", "false calls", "kept", "of", title="a90/95 not below the true a90"
    )
    for design in DESIGNS:
        share, fitted = coverage(design, runs, seed)
        images = str(design.images or design.n)
        table.add_row(
            str(design.n),
            images,
            f"{design.shared:g}",
            f"{design.false_call_rate:g}",
            f"{share:.3f}",
            str(fitted),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
