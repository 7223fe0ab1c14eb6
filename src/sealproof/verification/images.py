"""Images, labels and splits: every file against the manifest, the sealed labels against the test rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from sealproof.verification.tree import Tree

#: Splits that may share no image with each other.
_APART = ("train", "calibration", "tuning", "test")
_CLASSES = {0: "normal", 1: "defective"}


def manifest(tree: Tree) -> pd.DataFrame | None:
    """manifest.parquet."""
    return tree.table(tree.artifact("ingest", "manifest.parquet"))


def sealed_labels(tree: Tree) -> pd.DataFrame | None:
    """sealed_labels.parquet."""
    return tree.table(tree.artifact("ingest", "sealed_labels.parquet"))


def check_images(tree: Tree) -> None:
    """Hash every image of the manifest, and hold splits and labels against each other."""
    table, labels = manifest(tree), sealed_labels(tree)
    if table is None or labels is None:
        return
    file = tree.artifact("ingest", "manifest.parquet")
    with tree.findings.guard(file):
        _check_files(tree, table)
        _check_rows(tree, table, file)
        _check_shared(tree, table, file)
    with tree.findings.guard(tree.artifact("ingest", "sealed_labels.parquet")):
        _check_seal(tree, table, labels, file)
    with tree.findings.guard(tree.artifact("ingest", "split_summary.json")):
        _check_summary(tree, table, labels)
    with tree.findings.guard(f"data/{tree.product}/samples.csv"):
        _check_source(tree, table, labels)


def _check_files(tree: Tree, table: pd.DataFrame) -> None:
    folder = f"data/{tree.product}"
    if not (tree.root / folder).is_dir():
        tree.findings.add("images-absent", folder, expected=f"{len(table)} images", found="no such folder")
        return
    for row in table[["path", "sha256"]].itertuples(index=False):
        name = f"{folder}/{row.path}"
        with tree.findings.guard(name):
            tree.path(name)
            found = tree.sha256(name)
            tree.findings.count("images hashed")
            if not found:
                tree.findings.add(
                    "image-missing", name, expected=f"SHA-256 {row.sha256}", found="no such file"
                )
            elif found != row.sha256:
                tree.findings.add(
                    "image-altered", name, expected=f"SHA-256 {row.sha256}", found=f"SHA-256 {found}"
                )


def _check_rows(tree: Tree, table: pd.DataFrame, file: str) -> None:
    for column in ("image_id", "path"):
        for value in sorted(table.loc[table[column].duplicated(), column].unique()):
            tree.findings.add("image-listed-twice", file, value, expected="one row", found="several rows")
    test = table[table["split"] == "test"]
    for image in test.loc[test["label"].notna(), "image_id"]:
        tree.findings.add(
            "label-not-sealed", file, image, expected="no label in the manifest", found="a label"
        )
    rules = {"train": 0, "calibration": 0, "tuning": 1}
    for split, label in rules.items():
        rows = table[table["split"] == split]
        for image, found in zip(rows["image_id"], rows["label"], strict=True):
            if pd.isna(found) or int(found) != label:
                tree.findings.add(
                    "label-wrong-in-split",
                    file,
                    image,
                    expected=f"{_CLASSES[label]} in {split}",
                    found=f"label {found}",
                )
    for image in table.loc[table["excluded"] != (table["split"] == "excluded"), "image_id"]:
        tree.findings.add(
            "split-changed",
            file,
            image,
            expected="excluded images in the split `excluded` alone",
            found="another split",
        )


def _check_shared(tree: Tree, table: pd.DataFrame, file: str) -> None:
    used = table[table["split"].isin(_APART)]
    splits = used.groupby("sha256")["split"].nunique()
    for digest in sorted(splits.index[splits > 1]):
        rows = used[used["sha256"] == digest]
        places = ", ".join(f"{row.image_id} in {row.split}" for row in rows.itertuples())
        tree.findings.add(
            "image-in-two-splits", file, f"SHA-256 {digest}", expected="one split", found=places
        )


def _check_seal(tree: Tree, table: pd.DataFrame, labels: pd.DataFrame, file: str) -> None:
    name = tree.artifact("ingest", "sealed_labels.parquet")
    test = set(table.loc[table["split"] == "test", "image_id"])
    counts = Counter(labels["image_id"])
    for image in sorted(test - counts.keys()):
        tree.findings.add(
            "sealed-label-missing", name, image, expected="a label for each test image", found="none"
        )
    for image in sorted(counts.keys() - test):
        tree.findings.add(
            "split-changed", file, image, expected="test, as its label is sealed", found="another split"
        )
    for image, number in sorted(counts.items()):
        if number > 1:
            tree.findings.add("image-listed-twice", name, image, expected="one row", found=f"{number} rows")


def _with_labels(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    known = labels.set_index("image_id")["label"]
    sealed = table["image_id"].map(known)
    return table.assign(label=table["label"].astype("Float64").fillna(sealed.astype("Float64")))


def _check_summary(tree: Tree, table: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Counts by split and class are those of the manifest and the sealed labels."""
    name = tree.artifact("ingest", "split_summary.json")
    stated = tree.dictionary(name)
    if not stated:
        return
    whole = _with_labels(table, labels)
    for split, counts in stated["splits"].items():
        rows = whole.loc[whole["split"] == split, "label"]
        derived: dict[str, Any] = {word: int((rows == label).sum()) for label, word in _CLASSES.items()}
        derived["unlabelled"] = int(rows.isna().sum())
        tree.findings.compare("split-count-wrong", name, f"/splits/{split}", expected=derived, found=counts)
    tree.findings.compare("split-count-wrong", name, "/images", expected=len(table), found=stated["images"])


def _stated_labels(tree: Tree) -> tuple[str, dict[str, float]]:
    """(file, path -> label) of the table that a data set comes with; empty when it comes with none.

    `samples.csv`: columns image and label. `labels.csv` (ELPV): path, chance of a defect, kind, without a header.
    """
    name = f"data/{tree.product}/samples.csv"
    if tree.exists(name):
        source = pd.read_csv(tree.path(name))
        if {"image", "label"} <= set(source.columns):
            return name, {
                str(key): float(label) for key, label in zip(source["image"], source["label"], strict=True)
            }
    name = f"data/{tree.product}/labels.csv"
    if tree.exists(name):
        source = pd.read_csv(tree.path(name), sep=r"\s+", header=None, names=["image", "label", "kind"])
        return name, {
            str(key): float(label) for key, label in zip(source["image"], source["label"], strict=True)
        }
    return "", {}


def _check_source(tree: Tree, table: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Where the data set comes with a table of its labels, the labels used are those."""
    name, stated = _stated_labels(tree)
    sealed = set(labels["image_id"])
    whole = _with_labels(table, labels)
    for image, path, label in zip(whole["image_id"], whole["path"], whole["label"], strict=True):
        if path not in stated or pd.isna(label):
            continue
        tree.findings.count("labels against their source")
        if stated[path] != float(label):
            file = "sealed_labels.parquet" if image in sealed else "manifest.parquet"
            tree.findings.add(
                "label-changed",
                tree.artifact("ingest", file),
                image,
                expected=f"{stated[path]:g} ({name})",
                found=f"{label:g}",
            )
