"""What every check is given: the manifest, what was measured, the aggregates of the split, and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.datasets.settings import SplitSettings
from sealproof.quality.measure import Measured
from sealproof.quality.settings import CheckSettings

#: Splits that a run uses; what is unused or excluded can leak nothing.
USED = ("train", "calibration", "tuning", "test")


@dataclass(frozen=True)
class Examination:
    """One data set under examination.

    Args:
        manifest: as `sealproof.datasets.manifest.read_manifest` gives it.
        measured: as `sealproof.quality.measure.measure` gives it, of the same rows in the same order.
        summary: `split_summary.json`, parsed.
        checks: limits of the checks.
        split: what was asked of the splits.
    """

    manifest: pd.DataFrame
    measured: Measured
    summary: Mapping[str, Any]
    checks: CheckSettings
    split: SplitSettings

    @property
    def frame(self) -> pd.DataFrame:
        """All rows, measured, index 0 to n - 1."""
        return self.measured.frame

    @cached_property
    def readable(self) -> pd.DataFrame:
        """Rows that are readable and not excluded."""
        return self.frame[self.frame["readable"] & ~self.frame["excluded"]]

    @cached_property
    def pictures(self) -> pd.DataFrame:
        """Rows of `readable` that are not blank: those that show something."""
        return self.readable[self.readable["contrast"] > self.checks.blank_deviation]

    @cached_property
    def used(self) -> pd.DataFrame:
        """Rows of `pictures` in a split that the run uses."""
        return self.pictures[self.pictures["split"].isin(USED)]

    def thumbnails(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Thumbnails of some rows of `frame`, (rows, pixels)."""
        chosen: NDArray[np.float64] = self.measured.thumbnails[rows.index.to_numpy()].astype(np.float64)
        return chosen
