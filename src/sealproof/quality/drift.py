"""Do splits differ in brightness, contrast or sharpness where they should be alike?

Like is compared with like. Training and calibration both hold normals and are compared as they are. The test
split holds both classes in known numbers but with sealed labels; it is compared with a reference that has the
same mixture, drawn from training normals and training defects in the order of their SHA-256, which has
nothing to do with how they look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from sealproof.quality.examination import Examination
from sealproof.quality.findings import Finding, not_evaluated

MEASURES = ("brightness", "contrast", "sharpness")
#: Fewest images on each side of a comparison.
MINIMUM = 10


@dataclass(frozen=True)
class DriftTest:
    """One two-sample Kolmogorov-Smirnov test.

    Args:
        measure: brightness, contrast or sharpness.
        first: split that is compared.
        second: what it is compared with.
        sizes: images on either side.
        statistic: largest distance of the two distribution functions, 0 to 1.
        p_value: of this test alone.
        adjusted: p-value after Holm's correction for all tests.
    """

    measure: str
    first: str
    second: str
    sizes: tuple[int, int]
    statistic: float
    p_value: float
    adjusted: float


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """P-values adjusted so that the chance of any false alarm among all tests stays at the level.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
    (1979): the i-th smallest of m is multiplied by m - i + 1, made monotone, and cut at 1. Holds under any
    dependence.

    Example:
        >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
        [0.03, 0.06, 0.06, 0.02]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


@dataclass(frozen=True)
class Comparison:
    """Two samples that should be alike.

    Args:
        first: name of the split that is compared.
        second: name of what it is compared with.
        rows: measured rows of the first.
        reference: measured rows of the second.
    """

    first: str
    second: str
    rows: pd.DataFrame
    reference: pd.DataFrame

    @property
    def sizes(self) -> tuple[int, int]:
        """Images on either side."""
        return len(self.rows), len(self.reference)


def drift_tests(data: Examination) -> list[DriftTest]:
    """All comparisons that can be made, Holm-corrected together."""
    raw = [
        (measure, pair, ks_2samp(pair.rows[measure], pair.reference[measure], method="auto"))
        for pair in comparisons(data)
        if min(pair.sizes) >= MINIMUM
        for measure in MEASURES
    ]
    adjusted = holm([float(result.pvalue) for *_, result in raw])
    return [
        DriftTest(
            measure,
            pair.first,
            pair.second,
            pair.sizes,
            float(result.statistic),
            float(result.pvalue),
            float(q),
        )
        for (measure, pair, result), q in zip(raw, adjusted, strict=True)
    ]


def comparisons(data: Examination) -> list[Comparison]:
    """Calibration against training, and test against training images in the same mixture of classes."""
    rows = data.pictures
    train, calibration, tuning, test = (
        rows[rows["split"] == s] for s in ("train", "calibration", "tuning", "test")
    )
    counts = data.summary["splits"]["test"]
    reference = mixture(train, tuning, counts["normal"], counts["defective"])
    return [
        Comparison("calibration", "train", calibration, train),
        Comparison("test", "training images in the same mixture of classes", test, reference),
    ]


def mixture(normals: pd.DataFrame, defects: pd.DataFrame, normal: int, defective: int) -> pd.DataFrame:
    """The largest sample of both classes in the ratio normal : defective, by the order of the files' SHA-256.

    Args:
        normals, defects: rows with a column sha256.
        normal, defective: the ratio wanted, 0 or more.

    Returns:
        Rows of both; none when a class that is wanted is missing.

    Example:
        >>> rows = pd.DataFrame({"sha256": list("cab")})
        >>> mixture(rows, rows[:1], 10, 10)["sha256"].tolist()
        ['a', 'c']
    """
    sides = [(side, wanted) for side, wanted in ((normals, normal), (defects, defective)) if wanted]
    scale = min((Fraction(len(side), wanted) for side, wanted in sides), default=Fraction(0))
    parts = [side.sort_values("sha256").head(int(scale * wanted)) for side, wanted in sides]
    return pd.concat(parts) if parts and all(map(len, parts)) else normals.head(0)


def drift(data: Examination) -> list[Finding]:
    """Comparisons whose adjusted p-value is below the level."""
    level = data.checks.drift_level
    missing = [_small(pair) for pair in comparisons(data) if min(pair.sizes) < MINIMUM]
    return [_drifted(test, level) for test in drift_tests(data) if test.adjusted < level] + missing


def _drifted(test: DriftTest, level: float) -> Finding:
    return Finding(
        code="drift_between_splits",
        severity="warning",
        what=f"the {test.measure} of {test.first} differs from {test.second}",
        where=(test.first,),
        expected=f"no difference at the level {level:g} (Kolmogorov-Smirnov, Holm-corrected)",
        observed=f"largest distance {test.statistic:.3f} with {test.sizes[0]} and {test.sizes[1]} images, "
        f"p = {test.p_value:.2g}, corrected {test.adjusted:.2g}",
        mend="compare camera, lighting, focus and lots of the two; results may not carry over",
    )


def _small(pair: Comparison) -> Finding:
    return not_evaluated(
        "drift_between_splits",
        f"{pair.first} cannot be compared with {pair.second}",
        f"{pair.sizes[0]} and {pair.sizes[1]} images, at least {MINIMUM} on each side are needed",
        "provide more images of the smaller side (training defects count here)",
    )
