"""Were images captured within seconds of each other divided between splits?

Neighbours in time show the same part, material or lighting; a random split then asks again what was learnt.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.quality.examination import USED, Examination
from sealproof.quality.findings import Finding, not_evaluated

#: Splits that must be independent of each other, and what suffers when they are not.
_APART = (
    (
        ("train", "calibration", "tuning"),
        "test",
        "results of the test split are too good by an unknown amount",
    ),
    (
        ("train",),
        "calibration",
        "thresholds from held-out normals are too optimistic by an unknown amount",
    ),
)


def time_neighbours(data: Examination) -> list[Finding]:
    """Images with a neighbour in time on the other side of a split."""
    limit = data.checks.neighbour_seconds
    rows = data.manifest[data.manifest["split"].isin(USED)]
    timed = rows[rows["captured_at"].notna()]
    findings = []
    if len(timed) < len(rows):
        findings.append(_untimed(len(rows) - len(timed), len(rows)))
    for left, right, consequence in _APART:
        pairs = nearest(timed[timed["split"] == right], timed[timed["split"].isin(left)])
        close = pairs[pairs["seconds"] <= limit]
        if len(close):
            findings.append(
                _neighbours(close, f"{len(pairs)} {right} images", " or ".join(left), limit, consequence)
            )
    return findings


def nearest(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """For each image the one of `others` that was captured nearest in time.

    Args:
        rows: image_id and captured_at (with time zone, none missing).
        others: as `rows`.

    Returns:
        Columns image_id, nearest, seconds (0 or more), sorted by image_id; empty when either is empty.

    Example:
        >>> time = pd.to_datetime(["2020-01-01 00:00:00", "2020-01-01 00:00:50"], utc=True)
        >>> a = pd.DataFrame({"image_id": ["a", "b"], "captured_at": time})
        >>> nearest(a[:1], a[1:]).to_dict("records")
        [{'image_id': 'a', 'nearest': 'b', 'seconds': 50.0}]
    """
    if rows.empty or others.empty:
        return pd.DataFrame({"image_id": [], "nearest": [], "seconds": []})
    sorted_others = others.sort_values(["captured_at", "image_id"])
    time, other = (_microseconds(frame["captured_at"]) for frame in (rows, sorted_others))
    right = np.searchsorted(other, time).clip(max=len(other) - 1)
    left = (right - 1).clip(min=0)
    choice = np.where(np.abs(other[left] - time) <= np.abs(other[right] - time), left, right)
    found = {
        "image_id": rows["image_id"].to_numpy(),
        "nearest": sorted_others["image_id"].to_numpy()[choice],
        "seconds": np.abs(other[choice] - time) / 1e6,
    }
    return pd.DataFrame(found).sort_values("image_id", ignore_index=True)


def _microseconds(times: pd.Series) -> NDArray[np.int64]:
    naive = times.dt.tz_convert("UTC").dt.tz_localize(None)
    whole: NDArray[np.int64] = naive.to_numpy("datetime64[us]").astype(np.int64)
    return whole


def _neighbours(close: pd.DataFrame, total: str, others: str, limit: float, consequence: str) -> Finding:
    return Finding(
        code="time_neighbours_across_splits",
        severity="warning",
        what=f"{len(close)} of {total} have a neighbour in time in {others}: {consequence}",
        where=tuple(f"{row.image_id} ~ {row.nearest}: {row.seconds:g} s" for row in close.itertuples()),
        expected=f"more than {limit:g} s to the nearest image of {others}",
        observed=f"{len(close)} images closer than that, the nearest {close['seconds'].min():g} s",
        mend="split by session, day or lot (split.group_by) instead of image by image",
    )


def _untimed(missing: int, total: int) -> Finding:
    return not_evaluated(
        "time_neighbours_across_splits",
        "neighbours in time cannot be looked for among all images",
        f"the time of capture of {missing} of {total} images is not known",
        "record the time of capture, or show independence of the splits in another way",
    )
