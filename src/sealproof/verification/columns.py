"""Records that were read from a table: derived anew from its columns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sealproof.verification.digests import canonical_sha256
from sealproof.verification.formulas import quantile
from sealproof.verification.tree import Tree


@dataclass(frozen=True)
class Derived:
    """A value that was derived; None is a value too."""

    value: Any


def derive_from_table(tree: Tree, row: dict[str, Any]) -> Derived | None:
    """The value of a record from the Parquet file it names; None where no rule is known."""
    table = tree.table(row["artefact"])
    if table is None:
        return None
    for pattern, rule in _RULES:
        found = re.fullmatch(pattern, row["id"])
        if found:
            return Derived(_nearly(row["value"], rule(table, found)))
    return None


def _nearly(stated: Any, derived: Any) -> Any:
    """The stated value where the derived one differs in the last bits only: sums depend on their order."""
    if (
        isinstance(stated, float)
        and isinstance(derived, float)
        and abs(stated - derived) <= 1e-12 * abs(derived)
    ):
        return stated
    return derived


def _split_scores(table: pd.DataFrame, found: re.Match[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    chosen = table["decided"] & (table["split"] == found["split"])
    return table.loc[chosen, found["score"]].to_numpy(dtype=np.float64)


def _mean(table: pd.DataFrame, found: re.Match[str]) -> float | None:
    values = _split_scores(table, found)
    return float(values.sum() / values.size) if values.size else None


def _deviation(table: pd.DataFrame, found: re.Match[str]) -> float | None:
    values = _split_scores(table, found)
    if values.size < 2:
        return None
    return float(np.sqrt(((values - values.mean()) ** 2).sum() / (values.size - 1)))


def _images_digest(table: pd.DataFrame, _: re.Match[str]) -> str:
    return canonical_sha256([[row.image_id, row.sha256] for row in table.itertuples()])


def _undecided(table: pd.DataFrame, _: re.Match[str]) -> int:
    return int((~table.groupby("image_id")["decided"].all()).sum())


def _confidence(table: pd.DataFrame, share: float) -> float:
    """Quantile over images of the confidence of an image's least confident region."""
    return quantile(np.sort(table.groupby("image_id")["confidence"].min().to_numpy(dtype=np.float64)), share)


_SCORE = r"score\.(?P<score>[0-9a-z-]+)\.(?P<split>train|calibration|tuning)"
_RULES: tuple[tuple[str, Callable[[pd.DataFrame, re.Match[str]], Any]], ...] = (
    (rf"{_SCORE}\.mean", _mean),
    (rf"{_SCORE}\.sd", _deviation),
    (r"score\.images", lambda table, _: len(table)),
    (r"ingest\.images\.sha256", _images_digest),
    (r"roi\.images", lambda table, _: int(table["image_id"].nunique())),
    (r"roi\.patches", lambda table, _: int((table["row"] >= 0).sum())),
    (r"roi\.undecided", _undecided),
    (r"roi\.confidence\.minimum", lambda table, _: _confidence(table, 0.0)),
    (r"roi\.confidence\.percentile-5", lambda table, _: _confidence(table, 0.05)),
    (r"roi\.confidence\.median", lambda table, _: _confidence(table, 0.5)),
)
