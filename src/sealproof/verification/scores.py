"""Scores: the image score is the largest of its patches, decided as the regions are, in the split of the manifest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sealproof.verification.images import manifest
from sealproof.verification.tree import Tree

_KEYS = ("image_id", "patch", "split", "decided")


def score_names(table: pd.DataFrame) -> list[str]:
    """Names of the score columns."""
    return [str(name) for name, kind in table.dtypes.items() if str(kind) == "float64"]


def image_scores(tree: Tree) -> pd.DataFrame | None:
    """scores.parquet."""
    return tree.table(tree.artifact("score", "scores.parquet"))


def check_scores(tree: Tree) -> None:
    """Hold the score tables against each other, the regions and the manifest."""
    images, patches = image_scores(tree), tree.table(tree.artifact("score", "patch_scores.parquet"))
    regions, listed = tree.table(tree.artifact("roi", "regions.parquet")), manifest(tree)
    if images is None or patches is None or regions is None or listed is None:
        return
    file = tree.artifact("score", "scores.parquet")
    with tree.findings.guard(file):
        _check_rows(tree, images, listed, file)
        _check_maxima(tree, images, patches, file)
    with tree.findings.guard(tree.artifact("score", "patch_scores.parquet")):
        _check_regions(tree, patches, regions)
    with tree.findings.guard(tree.artifact("roi", "patches.npy")):
        _check_arrays(tree, regions)


def _check_rows(tree: Tree, images: pd.DataFrame, listed: pd.DataFrame, file: str) -> None:
    wanted = listed.loc[~listed["excluded"]].set_index("image_id")["split"]
    found = images.set_index("image_id")["split"]
    for image in sorted(set(wanted.index) - set(found.index)):
        tree.findings.add(
            "score-row-missing",
            file,
            image,
            expected="a row for each image that is not excluded",
            found="none",
        )
    for image in sorted(set(found.index) - set(wanted.index)) + sorted(
        set(found.index[found.index.duplicated()])
    ):
        tree.findings.add(
            "score-row-extra",
            file,
            image,
            expected="one row an image of the manifest",
            found="a row too many",
        )
    both = wanted.index.intersection(found.index)
    for image in both[(wanted[both] != found[both]).to_numpy()] if found.index.is_unique else ():
        tree.findings.add(
            "split-changed", file, image, expected=f"{wanted[image]} (manifest)", found=found[image]
        )


def _check_maxima(tree: Tree, images: pd.DataFrame, patches: pd.DataFrame, file: str) -> None:
    names = score_names(images)
    decided = patches.groupby("image_id")["decided"].all()
    largest = patches.groupby("image_id")[names].max()
    table = images.set_index("image_id")
    for image in sorted(set(table.index) - set(largest.index)):
        tree.findings.add("score-row-extra", file, image, expected="a patch score", found="none")
    shared = table.index.intersection(largest.index)
    stated, derived = table.loc[shared], largest.loc[shared]
    agreed = decided[shared].to_numpy()
    for image in shared[stated["decided"].to_numpy() != agreed]:
        tree.findings.add(
            "decided-changed",
            file,
            image,
            expected=bool(decided[image]),
            found=bool(table.loc[image, "decided"]),
        )
    for name in names:
        wanted = np.where(agreed, derived[name].to_numpy(), np.nan)
        have = stated[name].to_numpy()
        same = (wanted == have) | (np.isnan(wanted) & np.isnan(have))
        tree.findings.count("image scores", len(shared))
        for place in np.flatnonzero(~same).tolist():
            tree.findings.add(
                "score-changed",
                file,
                f"{shared[place]}, {name}",
                expected=f"{wanted[place]!r}, the largest of its patches",
                found=repr(have[place]),
            )


def _check_regions(tree: Tree, patches: pd.DataFrame, regions: pd.DataFrame) -> None:
    file = tree.artifact("score", "patch_scores.parquet")
    keys = ["image_id", "patch"]
    both = regions[[*keys, "decided", "row"]].merge(
        patches[[*keys, "decided"]], on=keys, how="outer", suffixes=("_region", "_score"), indicator=True
    )
    for row in both[both["_merge"] != "both"].itertuples():
        tree.findings.add(
            "score-row-missing" if row[-1] == "left_only" else "score-row-extra",
            file,
            f"{row.image_id}, patch {row.patch}",
            expected="a row for each region, no other",
            found="none" if row[-1] == "left_only" else "a row",
        )
    same = both[both["_merge"] == "both"]
    for row in same[same["decided_region"] != same["decided_score"]].itertuples():
        tree.findings.add(
            "decided-changed",
            file,
            f"{row.image_id}, patch {row.patch}",
            expected=f"{row.decided_region} (regions.parquet)",
            found=row.decided_score,
        )
    names = score_names(patches)
    finite = np.isfinite(patches[names].to_numpy()).all(axis=1)
    for row in patches.loc[finite != patches["decided"].to_numpy(), keys].itertuples(index=False):
        tree.findings.add(
            "decided-changed",
            file,
            f"{row.image_id}, patch {row.patch}",
            expected="finite scores where decided, none elsewhere",
            found="otherwise",
        )


def _check_arrays(tree: Tree, regions: pd.DataFrame) -> None:
    wanted = int(regions["decided"].sum())
    for stage, file in (("roi", "patches.npy"), ("score", "maps.npy")):
        name = tree.artifact(stage, file)
        if not tree.exists(name):
            tree.findings.add("file-missing", name, expected="the file", found="no such file")
            continue
        found = int(np.load(tree.path(name), mmap_mode="r").shape[0])
        tree.findings.compare("patch-count-wrong", name, "rows", expected=wanted, found=found)
    rows = np.sort(regions.loc[regions["decided"], "row"].to_numpy())
    if not np.array_equal(rows, np.arange(wanted)):
        tree.findings.add(
            "patch-count-wrong",
            tree.artifact("roi", "regions.parquet"),
            "column row",
            expected=f"0 to {wanted - 1}, each once",
            found="otherwise",
        )
