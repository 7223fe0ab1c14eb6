"""Drawing images by seed: stratified, image by image, or by whole groups.

The order of the draws makes them independent of what comes later: the test split first, from a stream of
random numbers of its own, so that another training subset leaves the test split as it is; then the subset in
use; then the share of its normals that is held out for calibration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sealproof.datasets.sample import DEFECTIVE, NORMAL
from sealproof.datasets.settings import ClassCounts, SplitSettings

_STREAMS = {"test": 1, "subset": 2, "calibration": 3, "groups": 4}
_EVERYTHING = ClassCounts(normal=2**62, defective=2**62, at_most=True)


@dataclass(frozen=True)
class Rows:
    """Row labels of the manifest, a split; the rest is unused."""

    test: pd.Index
    train: pd.Index
    calibration: pd.Index
    tuning: pd.Index

    def by_split(self) -> dict[str, pd.Index]:
        """Split -> rows, in a fixed order."""
        return {split: getattr(self, split) for split in ("test", "train", "calibration", "tuning")}


def draw_images(pool: pd.DataFrame, settings: SplitSettings, seed: int) -> Rows:
    """Draw test, subset and calibration image by image.

    Takes what there is where the pool holds fewer than wanted; the caller judges shortfalls.
    """
    wanted = test_counts(pool, settings)
    test = _both(pool, wanted, _stream(seed, "test"))
    rest = pool.drop(test)
    subset = _both(rest, settings.subsets.get(settings.subset, _EVERYTHING), _stream(seed, "subset"))
    return hold_out(test, pool.loc[subset], settings.calibration_fraction, seed)


def hold_out(test: pd.Index, subset: pd.DataFrame, fraction: float, seed: int) -> Rows:
    """Divide the normals of a subset into train and calibration; its defects are for tuning."""
    normals = _of(subset, NORMAL)
    calibration = draw(normals, share(fraction, len(normals)), _stream(seed, "calibration"))
    return Rows(
        test, normals.index.difference(calibration), calibration, subset.index.difference(normals.index)
    )


def draw_groups(pool: pd.DataFrame, groups: pd.Series, settings: SplitSettings, seed: int) -> Rows:
    """Reserve whole groups, in random order, for test, then for what is held out of training.

    A group serves either the test split, or calibration and tuning, or training. Where counts are stated,
    exactly so many are drawn from the reserved groups and the rest of these groups stays unused; where only
    fractions are stated, the reserved groups are used whole. Defects in groups that train are unused.

    Args:
        pool: manifest rows that may be drawn.
        groups: the group of each of them, text.
        settings: what is wanted.
        seed: as `draw_images`.
    """
    rng = _stream(seed, "groups")
    order = [str(group) for group in rng.permutation(sorted(set(groups)))]
    wanted = test_counts(pool, settings)
    test_groups = _reserve(pool, groups, order, wanted)
    exact = settings.test is not None
    test_pool = pool[groups.isin(test_groups)]
    test = _both(test_pool, wanted, _stream(seed, "test")) if exact else test_pool.index
    rest = pool[~groups.isin(test_groups)]
    others = [group for group in order if group not in test_groups]
    return Rows(test, *_draw_rest(rest, groups.loc[rest.index], others, settings, seed))


def _draw_rest(
    rest: pd.DataFrame, groups: pd.Series, order: list[str], settings: SplitSettings, seed: int
) -> tuple[pd.Index, pd.Index, pd.Index]:
    """Train, calibration and tuning out of the groups that the test split left over."""
    counts = settings.subsets.get(settings.subset)
    normals = counts.normal if counts else int((rest["label"] == NORMAL).sum())
    held_wanted = ClassCounts(
        normal=max(1, share(settings.calibration_fraction, normals)),
        defective=counts.defective if counts else 0,
    )
    held_groups = _reserve(rest, groups, order, held_wanted)
    held, training = rest[groups.isin(held_groups)], rest[~groups.isin(held_groups)]
    if counts is None:
        return _of(training, NORMAL).index, _of(held, NORMAL).index, _of(held, DEFECTIVE).index
    calibration = draw(_of(held, NORMAL), held_wanted.normal, _stream(seed, "calibration"))
    stream = _stream(seed, "subset")
    train = draw(_of(training, NORMAL), counts.normal - held_wanted.normal, stream)
    return train, calibration, draw(_of(held, DEFECTIVE), counts.defective, stream)


def test_counts(pool: pd.DataFrame, settings: SplitSettings) -> ClassCounts:
    """Images of each class that the test split wants: stated, or `test_fraction` of what there is."""
    if settings.test is not None:
        return settings.test
    normal, defective = (len(_of(pool, label)) for label in (NORMAL, DEFECTIVE))
    fraction = settings.test_fraction
    return ClassCounts(normal=max(1, share(fraction, normal)), defective=share(fraction, defective))


def sessions(times: pd.Series, gap_seconds: float) -> pd.Series:
    """Number the sessions of capture: a pause longer than the gap begins a new one.

    Args:
        times: times of capture, none missing.
        gap_seconds: longest pause within a session.

    Returns:
        Session of each row as text ("0", "1", ...), in the order of time.

    Example:
        >>> clock = ["2024-01-01 09:00", "2024-01-01 08:00", "2024-01-01 08:20"]
        >>> times = pd.Series(pd.to_datetime(clock, utc=True))
        >>> sessions(times, 1800).tolist()
        ['1', '0', '0']
    """
    ordered = times.sort_values(kind="stable")
    number = (ordered.diff().dt.total_seconds() > gap_seconds).cumsum()
    return pd.Series(number.reindex(times.index).astype(str))


def share(fraction: float, count: int) -> int:
    """`fraction` of `count`, rounded half up.

    Example:
        >>> share(0.3, 382), share(0.5, 3)
        (115, 2)
    """
    return math.floor(fraction * int(count) + 0.5)


def draw(rows: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.Index:
    """Draw rows without replacement, each subgroup and defect type giving its proportional share.

    Shares are rounded by largest remainders, ties broken at random. With one stratum this is simple random
    sampling.

    Args:
        rows: manifest rows.
        count: rows wanted; all are taken when there are fewer.
        rng: source of randomness.

    Returns:
        Labels of the drawn rows, sorted.
    """
    if count >= len(rows):
        return _joined(rows.index)
    columns = [*sorted(name for name in rows.columns if name.startswith("group_")), "defect_type"]
    strata = [part.index.sort_values() for _, part in rows.groupby(columns, sort=True)]
    sizes = allocate([len(stratum) for stratum in strata], count, rng)
    drawn = [rng.permutation(stratum.to_numpy())[:size] for stratum, size in zip(strata, sizes, strict=True)]
    return _joined(*(pd.Index(part) for part in drawn))


def allocate(sizes: list[int], count: int, rng: np.random.Generator) -> list[int]:
    """Shares of `count` in proportion to `sizes`, by largest remainders; never more than a stratum holds.

    Args:
        sizes: images a stratum, with sum >= `count`.
        count: images wanted in all.
        rng: breaks ties.

    Example:
        >>> allocate([98, 181, 103], 38, np.random.default_rng(0))
        [10, 18, 10]
    """
    quotas = np.asarray(sizes, dtype=np.float64) * count / sum(sizes)
    whole = np.floor(quotas + 1e-9).astype(int)
    order = np.lexsort((rng.permutation(len(sizes)), -np.round(quotas - whole, 9)))
    whole[order[: count - int(whole.sum())]] += 1
    return [int(size) for size in whole]


def _both(pool: pd.DataFrame, wanted: ClassCounts, rng: np.random.Generator) -> pd.Index:
    normal = draw(_of(pool, NORMAL), wanted.normal, rng)
    return _joined(normal, draw(_of(pool, DEFECTIVE), wanted.defective, rng))


def _joined(*parts: pd.Index) -> pd.Index:
    """All labels of the parts, sorted."""
    joined: pd.Index = pd.Index(np.sort(np.concatenate([part.to_numpy() for part in parts])))
    return joined


def _of(rows: pd.DataFrame, label: int) -> pd.DataFrame:
    return rows[rows["label"] == label]


def _reserve(pool: pd.DataFrame, groups: pd.Series, order: list[str], wanted: ClassCounts) -> list[str]:
    """The shortest beginning of `order` that holds the wanted counts; all of it when none does."""
    table = pd.crosstab(groups, pool["label"]).reindex(index=order, columns=[NORMAL, DEFECTIVE], fill_value=0)
    sums = table.cumsum()
    enough = ((sums[NORMAL] >= wanted.normal) & (sums[DEFECTIVE] >= wanted.defective)).to_numpy()
    return order[: int(enough.argmax()) + 1] if enough.any() else order


def _stream(seed: int, purpose: str) -> np.random.Generator:
    """A stream of random numbers of its own for each purpose, so that one draw does not shift another."""
    return np.random.default_rng([seed, _STREAMS[purpose]])
