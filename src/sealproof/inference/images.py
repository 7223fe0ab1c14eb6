"""From patch scores to image scores: the maximum over an image's patches."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def image_scores(patch_scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """One row an image: the most anomalous patch decides.

    An image of which any patch is undecided is undecided as a whole: its scores are NaN, never the maximum of what
    happens to be left.

    Args:
        patch_scores: columns image_id, split, decided and `names`; a row a patch.
        names: score columns.

    Returns:
        image_id, split, decided, `names`; sorted by image_id.

    Example:
        >>> frame = pd.DataFrame({"image_id": ["a", "a", "b", "b"], "split": "test",
        ...     "decided": [True, True, True, False], "mse": [1.0, 3.0, 2.0, float("nan")]})
        >>> image_scores(frame, ["mse"]).to_dict("records")[0]
        {'image_id': 'a', 'split': 'test', 'decided': True, 'mse': 3.0}
        >>> image_scores(frame, ["mse"])["mse"].isna().tolist()
        [False, True]
    """
    grouped = patch_scores.groupby("image_id", sort=True)
    frame = grouped.agg({"split": "first", "decided": "all"}).reset_index()
    highest = grouped[list(names)].max().reset_index(drop=True)
    return pd.concat([frame, highest.where(frame["decided"])], axis=1)
