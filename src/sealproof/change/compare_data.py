"""Images of two releases: added, removed, altered, renamed, moved between splits, told by their hashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sealproof.change.claims import ADDED, CHANGED, REMOVED, Change, differences, flatten, gathered
from sealproof.change.tree import Tree

_NEEDED = ("image_id", "sha256", "split", "label")
_JUDGED = (*_NEEDED, "path", "subset")
_SHOWN = 5


def data_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Changes of images, labels, image properties and aggregates.

    Labels of the test split are sealed: their file is compared by hash, their counts by the aggregates of `ingest`.

    Raises:
        EvidenceMissingError, EvidenceAlteredError: a file is missing or not readable.
    """
    first, second = _manifest(old), _manifest(new)
    pairs = match_images(first, second)
    yield from split_changes(first, second, pairs)
    yield from _properties(first, second, pairs)
    sealed = f"{old.artifacts}/ingest/sealed_labels.parquet"
    if old.sha256(sealed) != new.sha256(sealed):
        yield Change("data.test.sealed_labels", CHANGED, old.sha256(sealed), new.sha256(sealed))
    yield from _aggregate_changes(old, new)


def same_test_images(old: Tree, new: Tree) -> bool:
    """Whether both releases have the same test images: the same identifiers with the same hashes."""
    old_set, new_set = (_test_images(_manifest(tree)) for tree in (old, new))
    return bool(old_set) and old_set == new_set


def _test_images(manifest: pd.DataFrame) -> set[tuple[str, str]]:
    chosen = manifest[manifest["split"] == "test"]
    return set(zip(chosen["image_id"], chosen["sha256"], strict=True))


def _manifest(tree: Tree) -> pd.DataFrame:
    return tree.table(f"{tree.artifacts}/ingest/manifest.parquet", _NEEDED)


@dataclass(frozen=True)
class Pairs:
    """Rows of two manifests that belong together.

    Attributes:
        table: columns of both with the endings `_old` and `_new`, a row a pair.
        removed, added: rows without a partner.
    """

    table: pd.DataFrame
    removed: pd.DataFrame
    added: pd.DataFrame


def match_images(old: pd.DataFrame, new: pd.DataFrame) -> Pairs:
    """Pair images by identifier, the rest by hash (renamed images).

    Args:
        old, new: manifests, image_id unique in each.

    Example:
        >>> a = pd.DataFrame({"image_id": ["x", "y"], "sha256": ["1", "2"]})
        >>> b = pd.DataFrame({"image_id": ["x", "z"], "sha256": ["3", "2"]})
        >>> match_images(a, b).table[["image_id_old", "image_id_new"]].values.tolist()
        [['x', 'x'], ['y', 'z']]
    """
    first, second = (
        frame.sort_values("image_id").add_suffix(end) for frame, end in ((old, "_old"), (new, "_new"))
    )
    both = set(old["image_id"]) & set(new["image_id"])
    by_id = first[first["image_id_old"].isin(both)].merge(
        second, left_on="image_id_old", right_on="image_id_new"
    )
    left, right = first[~first["image_id_old"].isin(both)], second[~second["image_id_new"].isin(both)]
    # Copies of one image have one hash: the n-th of them goes with the n-th.
    left = left.assign(nth=left.groupby("sha256_old").cumcount())
    right = right.assign(nth=right.groupby("sha256_new").cumcount())
    renamed = left.merge(right, left_on=["sha256_old", "nth"], right_on=["sha256_new", "nth"])
    table = pd.concat([by_id, renamed.drop(columns="nth")], ignore_index=True)
    return Pairs(
        table=table,
        removed=left[~left["image_id_old"].isin(renamed["image_id_old"])],
        added=right[~right["image_id_new"].isin(renamed["image_id_new"])],
    )


def split_changes(old: pd.DataFrame, new: pd.DataFrame, pairs: Pairs) -> Iterator[Change]:
    """One change a split whose images or labels differ, with how many of them and which."""
    for split in sorted({*old["split"], *new["split"]}):
        before, after = int((old["split"] == split).sum()), int((new["split"] == split).sum())
        details, touched = _of_split(split, pairs)
        if details:
            kind = ADDED if not before else REMOVED if not after else CHANGED
            share = touched / before if before else None
            yield Change(f"data.{split}", kind, f"{before} images", f"{after} images", tuple(details), share)


def _of_split(split: str, pairs: Pairs) -> tuple[list[str], int]:
    table = pairs.table
    here, there = table["split_new"] == split, table["split_old"] == split
    stays = here & there
    altered = table["sha256_old"] != table["sha256_new"]
    groups = {
        "added": pairs.added.loc[pairs.added["split_new"] == split, "image_id_new"],
        "removed": pairs.removed.loc[pairs.removed["split_old"] == split, "image_id_old"],
        "altered (another hash)": table.loc[(here | there) & altered, "image_id_new"],
        "renamed": table.loc[stays & (table["image_id_old"] != table["image_id_new"]), "image_id_new"],
        "with another label": table.loc[stays & _differ(table, "label"), "image_id_new"],
        **_moved(table, here & ~there, "split_old", "moved here from"),
        **_moved(table, there & ~here, "split_new", "moved to"),
    }
    details = [f"{len(ids)} {words}: {_listed(ids)}" for words, ids in groups.items() if len(ids)]
    return details, len(set().union(*(set(ids) for ids in groups.values())))


def _moved(table: pd.DataFrame, rows: pd.Series[bool], other: str, words: str) -> dict[str, pd.Series[str]]:
    found = table[rows]
    return {f"{words} {name}": group["image_id_new"] for name, group in sorted(found.groupby(other))}


def _listed(ids: pd.Series[str]) -> str:
    names = sorted(ids)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _differ(table: pd.DataFrame, column: str) -> pd.Series[bool]:
    """Rows whose values differ; two missing values are alike."""
    first, second = table[f"{column}_old"], table[f"{column}_new"]
    unlike = first.astype(object).where(first.notna(), None) != second.astype(object).where(
        second.notna(), None
    )
    return unlike & ~(first.isna() & second.isna())


def _properties(old: pd.DataFrame, new: pd.DataFrame, pairs: Pairs) -> Iterator[Change]:
    """Columns of the manifest that were added or removed, and those whose values differ for paired images."""
    for column in sorted({*old.columns, *new.columns} - {*_JUDGED}):
        path = f"data.properties.{column}"
        if column not in new:
            yield Change(path, REMOVED, "column", None)
        elif column not in old:
            yield Change(path, ADDED, None, "column")
        elif (rows := _differ(pairs.table, column)).any():
            ids = pairs.table.loc[rows, "image_id_new"]
            detail = f"{len(ids)} images: {_listed(ids)}"
            before, after = (_common(pairs.table.loc[rows, f"{column}_{end}"]) for end in ("old", "new"))
            yield Change(path, CHANGED, before, after, (detail,))


def _common(values: pd.Series[Any]) -> str:
    """The values in short: the most frequent ones."""
    found = Counter("missing" if pd.isna(value) else str(value) for value in values)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(name for name, _ in ranked[:3]) + (", ..." if len(ranked) > 3 else "")


_OWN = ("source", "licence", "simulated", "split")
"""What the summary states; all else in it is counted."""


def _aggregate_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Counts of each split and class, what is stated of the images, and all other aggregates in one line each."""
    first, second = (tree.mapping(f"{tree.artifacts}/ingest/split_summary.json") for tree in (old, new))
    before, after = (_as_mapping(found.get("splits")) for found in (first, second))
    for split in sorted({*before, *after}):
        path = f"data.{split}.counts"
        yield from differences(flatten(before.get(split, {})), flatten(after.get(split, {})), path)
    for key in sorted({*first, *second} - {"splits"}):
        sides = [{key: found[key]} if key in found else {} for found in (first, second)]
        changes = differences(flatten(sides[0]), flatten(sides[1]), "data.summary")
        yield from changes if key in _OWN else gathered(changes, f"data.summary.{key}")


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
