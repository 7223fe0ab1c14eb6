"""Which image is where: drawn by a recorded seed, or taken from the lists that a data set publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from sealproof.datasets.drawing import Rows, draw_groups, draw_images, hold_out, sessions
from sealproof.datasets.sample import DEFECTIVE, NORMAL
from sealproof.datasets.settings import WHOLE, ClassCounts, SplitSettings
from sealproof.datasets.tables import listed
from sealproof.evidence.errors import DataError, DefinitionError

TEST = "test"
CLASSES = ((NORMAL, "normal"), (DEFECTIVE, "defective"))


@dataclass(frozen=True)
class Draw:
    """What was wanted of one set and one class, and what the data gave.

    Args:
        name: `test` or a training subset.
        label: `normal` or `defective`.
        wanted: images asked for; None where no number is stated (a fraction, or everything).
        found: images taken; for a subset that is not in use, images that could be taken.
        at_most: whether the set declares that fewer are acceptable.
        in_use: whether the set is part of this run.
    """

    name: str
    label: str
    wanted: int | None
    found: int
    at_most: bool
    in_use: bool

    @property
    def shortfall(self) -> int:
        """Images that are missing, 0 when none are."""
        return max(0, (self.wanted if self.wanted is not None else 0) - self.found)


@dataclass(frozen=True)
class Division:
    """The manifest with its splits, labels not sealed yet, and what was wanted and found."""

    frame: pd.DataFrame
    draws: tuple[Draw, ...]


def assign_splits(
    frame: pd.DataFrame,
    settings: SplitSettings,
    seed: int,
    published: Mapping[str, frozenset[str]] | None = None,
) -> Division:
    """Fill the columns `split` and `subset` of a manifest that still carries all labels.

    Excluded and unreadable images are never drawn. Normals of the subset in use are divided into `train` and
    `calibration`, its defects are `tuning`, the rest is `unused`. See `drawing` for how images are drawn.

    Args:
        frame: as `build_manifest` gives it.
        settings: what is wanted.
        seed: 0 or more; the same seed, frame and settings give the same splits.
        published: image_id -> names of the published lists that it is in; read for `source: published`.

    Raises:
        DataError: the data hold fewer images than wanted and the set does not declare `at_most`; a published
            list holds other numbers than stated or shares an image with the test list; train, calibration or
            test would be empty.
        DefinitionError: `group_by` names no column, or the subset in use is not a published list.
    """
    pool = frame[~frame["excluded"] & (frame["mode"] != "unreadable")]
    lists = pool["image_id"].map(lambda image_id: (published or {}).get(image_id, frozenset())).astype(object)
    rows = _rows(pool, settings, seed, lists)
    draws = _draws(pool, settings, rows, lists)
    _refuse_wrong_counts(draws, settings, frame)
    _refuse_empty(rows, settings, pool)
    result = frame.copy()
    for split, members in rows.by_split().items():
        result.loc[members, "split"] = split
        result.loc[members, "subset"] = TEST if split == TEST else settings.subset
    return Division(result, draws)


def _rows(pool: pd.DataFrame, settings: SplitSettings, seed: int, lists: pd.Series) -> Rows:
    if settings.source == "published":
        return _published(pool, settings, seed, lists)
    if settings.group_by:
        return draw_groups(pool, _groups(pool, settings), settings, seed)
    return draw_images(pool, settings, seed)


def _groups(pool: pd.DataFrame, settings: SplitSettings) -> pd.Series:
    """What `group_by` names: a subgroup column, or the sessions of capture."""
    known = [name for name in pool.columns if name.startswith("group_")]
    untimed = int(pool["captured_at"].isna().sum())
    if settings.group_by == "captured_at" and not untimed:
        return sessions(pool["captured_at"], settings.session_gap_seconds)
    if settings.group_by in known:
        return pool[settings.group_by]
    state = f"{untimed} images have no time of capture; " if settings.group_by == "captured_at" else ""
    raise DefinitionError(
        f"images cannot be grouped by {settings.group_by}",
        where="inspection.yaml, key split.group_by",
        why=f"{state}the data set gives these subgroup columns: {', '.join(known) or 'none'}",
        mend="name one of them, or leave the key out",
    )


def _published(pool: pd.DataFrame, settings: SplitSettings, seed: int, lists: pd.Series) -> Rows:
    """Test and subset as published; only the hold-out for calibration is drawn."""
    names = sorted({name for members in lists for name in members} - {TEST})
    if settings.subset not in (WHOLE, *names):
        raise DefinitionError(
            f"the data set publishes no list {settings.subset!r}",
            where="inspection.yaml, key split.subset",
            why=f"it publishes: {', '.join(names) or 'none'}",
            mend="name one of them, or `all`; a data set without published lists needs `source: seed`",
        )
    in_test = lists.map(lambda members: TEST in members).astype(bool)
    wanted = {settings.subset} if settings.subset != WHOLE else set(names)
    in_subset = lists.map(lambda members: bool(wanted & members)).astype(bool)
    both = pool.loc[in_test & in_subset, "path"]
    if len(both):
        raise DataError(
            f"{len(both)} images are in the test list and in the training list",
            where=f"lists `{TEST}` and `{settings.subset}`",
            why=listed(list(both)),
            mend="correct the lists: an image that was trained on proves nothing in the test",
        )
    return hold_out(pool.index[in_test], pool[in_subset], settings.calibration_fraction, seed)


def _draws(pool: pd.DataFrame, settings: SplitSettings, rows: Rows, lists: pd.Series) -> tuple[Draw, ...]:
    """Wanted and found: the test split, the subset in use, then the other subsets."""
    taken = pool.loc[rows.train.append(rows.calibration).append(rows.tuning)]
    draws = _draw_pair(TEST, settings.test, pool.loc[rows.test], in_use=True)
    draws += _draw_pair(settings.subset, settings.subsets.get(settings.subset), taken, in_use=True)
    rest = pool.drop(rows.test)
    for name in sorted(set(settings.subsets) - {settings.subset}):
        listed = pool[lists.map(lambda members, name=name: name in members).astype(bool)]
        draws += _draw_pair(
            name, settings.subsets[name], listed if settings.source == "published" else rest, in_use=False
        )
    return tuple(draws)


def _draw_pair(name: str, counts: ClassCounts | None, rows: pd.DataFrame, *, in_use: bool) -> list[Draw]:
    pair = []
    for label, word in CLASSES:
        wanted = getattr(counts, word) if counts else None
        there = int((rows["label"] == label).sum())
        found = there if in_use or wanted is None else min(there, wanted)
        pair.append(Draw(name, word, wanted, found, bool(counts and counts.at_most), in_use))
    return pair


def _refuse_wrong_counts(draws: tuple[Draw, ...], settings: SplitSettings, frame: pd.DataFrame) -> None:
    """A set in use has exactly the stated numbers, or fewer where it declares `at_most`."""
    wrong = [
        draw
        for draw in draws
        if draw.in_use and draw.wanted is not None and draw.found != draw.wanted
        if not (draw.at_most and draw.found < draw.wanted)
    ]
    if not wrong:
        return
    lines = [f"{draw.name}, {draw.label}: expected {draw.wanted}, found {draw.found}" for draw in wrong]
    unreadable = frame.loc[frame["mode"] == "unreadable", "path"].tolist()
    lines += [f"not counted, because it cannot be read: {path}" for path in unreadable]
    raise DataError(
        "the data hold other numbers of images than the split asks for",
        where=f"inspection.yaml, key split ({settings.source})",
        why=listed(lines),
        mend="add the missing images, correct the numbers, or declare `at_most: true` for that set",
    )


def _refuse_empty(rows: Rows, settings: SplitSettings, pool: pd.DataFrame) -> None:
    empty = [split for split, members in rows.by_split().items() if split != "tuning" and not len(members)]
    if empty:
        normals = int((pool["label"] == NORMAL).sum())
        raise DataError(
            f"no image is left for {', '.join(empty)}",
            where="inspection.yaml, key split",
            why=f"{normals} readable normals are there; train, calibration and test need at least one each",
            mend="add normal images, or change the counts and fractions"
            + (", or group_by" if settings.group_by else ""),
        )
