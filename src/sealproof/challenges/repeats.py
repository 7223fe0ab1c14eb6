"""The challenge by repetition: the test set scored again from its stored patches, in other batches and orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sealproof.models.data import VALUE_SCALE
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import is_rejected

#: Columns of repeats.parquet before those of the scores.
COLUMNS = ("image_id", "repeat", "batch_size", "order")
ORDERS = ("reversed", "shuffled")
_TINY = 1e-12


class ScoresPatches(Protocol):
    """What the challenge needs of a detector."""

    def score_patches(
        self, patches: NDArray[np.float32], positions: NDArray[np.int64], batch_size: int | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """(N, H, W) in [0, 1] and (N,) patch numbers -> every score of each patch."""


@dataclass(frozen=True)
class InForce:
    """The rule that verdicts are given by: score, threshold, and where accepting ends if not at the threshold."""

    score: str
    threshold: float | None
    accept_below: float | None = None


def repeat_scores(
    detector: ScoresPatches,
    patches: NDArray[np.uint16],
    regions: pd.DataFrame,
    batch_sizes: Sequence[int],
    seed: int,
    *,
    scores: Sequence[str],
) -> pd.DataFrame:
    """Score the decided images of `regions` once a batch size, in reverse and shuffled order by turns.

    Args:
        detector: the released one.
        patches: (R, H, W) as stored, usually a memory map.
        regions: image_id, patch, decided and row of the images; a row a patch.
        batch_sizes: one repetition each.
        seed: of the shuffled orders.
        scores: names of the scores, in order.

    Returns:
        `COLUMNS` (`repeat` from 1) and one column a score: the most anomalous patch of each image; sorted by
        repeat and image_id.
    """
    undecided = set(regions.loc[~regions["decided"].astype(bool), "image_id"])
    rows = regions[~regions["image_id"].isin(undecided)].sort_values(["image_id", "patch"])
    parts = []
    for number, (size, (order, places)) in enumerate(
        zip(batch_sizes, _orders(len(rows), len(batch_sizes), seed), strict=True), start=1
    ):
        drawn = rows.iloc[places]
        parts.append(_score_once(detector, patches, drawn, size, scores).assign(repeat=number, order=order))
    table = pd.concat(parts)[[*COLUMNS, *scores]].astype({"repeat": "int64", "batch_size": "int64"})
    return table.sort_values(["repeat", "image_id"], ignore_index=True)


def _orders(count: int, repeats: int, seed: int) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """(name of the order, places) of each repetition."""
    for number in range(repeats):
        name = ORDERS[number % len(ORDERS)]
        shuffled = generator(seed, "repeats", f"{number}").permutation(count)
        yield name, np.arange(count)[::-1] if name == "reversed" else shuffled


def _score_once(
    detector: ScoresPatches,
    patches: NDArray[np.uint16],
    rows: pd.DataFrame,
    batch_size: int,
    scores: Sequence[str],
) -> pd.DataFrame:
    table = pd.DataFrame({"image_id": rows["image_id"].astype("str")})
    columns = {name: np.empty(len(rows)) for name in scores}
    for at in range(0, len(rows), batch_size):
        part = rows.iloc[at : at + batch_size]
        batch = patches[part["row"].to_numpy()].astype(np.float32) / np.float32(VALUE_SCALE)
        found = detector.score_patches(batch, part["patch"].to_numpy(dtype=np.int64))
        for name in scores:
            columns[name][at : at + batch_size] = found[name]
    table = table.assign(**columns).groupby("image_id", sort=True)[list(scores)].max().reset_index()
    return table.assign(batch_size=batch_size)


def repeatability(repeats: pd.DataFrame, recorded: pd.DataFrame, rule: InForce) -> dict[str, Any]:
    """How far the repetitions are from the scores on record, and how many verdicts they change.

    Args:
        repeats: from `repeat_scores`.
        recorded: rows of scores.parquet of the same split.
        rule: in force.

    Returns:
        For repeatability.json. `largest_relative_difference`: max |a - b| / |a| over scores, images and
        repetitions, None when no image is decided. `unmatched`: images that one side decides and the other
        does not, or scores that are finite on one side only. `verdict_flips`: None without a threshold in
        force.
    """
    names = [name for name in repeats.columns if name not in COLUMNS]
    known = recorded.loc[recorded["decided"].astype(bool), ["image_id", *names]]
    once = repeats.groupby("repeat")["image_id"].nunique()
    joined = repeats.merge(
        known, on="image_id", how="left", suffixes=("", ".recorded"), validate="many_to_one"
    )
    missing = int((len(known) - once).clip(lower=0).sum())
    differences, uneven = {}, 0
    for name in names:
        again, first = joined[name].to_numpy(), joined[f"{name}.recorded"].to_numpy()
        both = np.isfinite(again) & np.isfinite(first)
        uneven = max(uneven, int((~both).sum()))
        differences[name] = _largest(first[both], again[both])
    found = [value for value in differences.values() if value is not None]
    again, first = joined[rule.score].to_numpy(), joined[f"{rule.score}.recorded"].to_numpy()
    flips = None
    if rule.threshold is not None:
        flips = int((verdict_codes(again, rule) != verdict_codes(first, rule)).sum())
    cases = repeats.drop_duplicates("repeat")
    return {
        "images": len(known),
        "undecided": len(recorded) - len(known),
        "repeats": [
            {"repeat": int(number), "batch_size": int(size), "order": str(order)}
            for number, size, order in zip(cases["repeat"], cases["batch_size"], cases["order"], strict=True)
        ],
        "score": rule.score,
        "threshold": rule.threshold,
        "accept_below": rule.accept_below,
        "scores": {name: {"largest_relative_difference": value} for name, value in differences.items()},
        "largest_relative_difference": max(found, default=None),
        "unmatched": uneven + missing,
        "verdict_flips": flips,
    }


def _largest(first: NDArray[np.float64], again: NDArray[np.float64]) -> float | None:
    if not first.size:
        return None
    return float((np.abs(first - again) / np.maximum(np.abs(first), _TINY)).max())


def verdict_codes(scores: ArrayLike, rule: InForce) -> NDArray[np.int64]:
    """0 accepted, 1 rejected, 2 undecided (between the limits, or no finite score or threshold).

    Example:
        >>> verdict_codes([0.1, 0.5, 0.9, float("nan")], InForce("mse", 0.9, accept_below=0.3)).tolist()
        [0, 2, 1, 2]
    """
    values = np.asarray(scores, dtype=np.float64)
    if rule.threshold is None:
        return np.full(values.shape, 2, dtype=np.int64)
    limit = rule.threshold if rule.accept_below is None else min(rule.accept_below, rule.threshold)
    codes = np.where(is_rejected(values, rule.threshold), 1, np.where(values < limit, 0, 2))
    return np.where(np.isfinite(values), codes, 2).astype(np.int64)
