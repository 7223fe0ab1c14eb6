"""localisation.json: counts from labels and regions, rates from counts. Maps are not held against masks here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from sealproof.verification.cases import share
from sealproof.verification.differences import differences
from sealproof.verification.images import sealed_labels
from sealproof.verification.settings import parameters
from sealproof.verification.tree import Tree


def check_localisation(tree: Tree) -> None:
    """Hold localisation.json against sealed labels and regions, and its figures against each other."""
    file = tree.artifact("evaluate", "localisation.json")
    labels, regions = sealed_labels(tree), tree.table(tree.artifact("roi", "regions.parquet"))
    stated = tree.dictionary(file)
    if labels is None or regions is None or not stated:
        return
    with tree.findings.guard(file):
        confidence = float(parameters(tree)["evaluate"]["confidence"])
        for pointer, expected, found in localisation_problems(stated, labels, regions, confidence):
            tree.findings.add("localisation-changed", file, pointer, expected=expected, found=found)
        tree.findings.count("images with a mask", int(stated["with_mask"]))


def localisation_problems(
    stated: Mapping[str, Any], labels: pd.DataFrame, regions: pd.DataFrame, confidence: float
) -> Iterator[tuple[str, Any, Any]]:
    """(pointer, expected, found) of all that is wrong with localisation.json.

    Args:
        stated: its content.
        labels: the sealed labels.
        regions: regions.parquet.
        confidence: of the bounds of the pointing rate.
    """
    whole = regions.groupby("image_id")["decided"].all()
    decided = {*whole.index[whole]}
    defective = labels[labels["label"] == 1]
    masked = defective[defective["mask_path"] != ""]
    seen = int(masked["image_id"].isin(decided).sum())
    normal = int(labels.loc[labels["label"] == 0, "image_id"].isin(decided).sum()) if len(masked) else 0
    hits = int(stated["pointing"]["hits"])
    derived: dict[str, Any] = {
        "confidence": confidence,
        "defective": len(defective),
        "with_mask": len(masked),
        "without_mask": len(defective) - len(masked),
        "undecided": len(masked) - seen,
        "normal": normal,
        "pointing": share(hits, len(masked), confidence),
    }
    yield from differences(derived, stated)
    if not 0 <= hits <= seen - int(stated["outside"]) or not 0 <= int(stated["outside"]) <= seen:
        yield "/pointing/hits", f"at most {seen - int(stated['outside'])}", hits
    low, chance = derived["pointing"]["low"], stated["chance"]
    if (chance is None) is not (seen == 0):
        yield "/chance", "none" if seen == 0 else "a share", chance
    better = None if low is None or chance is None else low > chance
    yield from differences({"better_than_chance": better}, stated)
    for key in ("chance", "pixel_auroc", "pro"):
        if stated[key] is not None and not 0 <= stated[key] <= 1:
            yield f"/{key}", "between 0 and 1", stated[key]
    if not len(masked) and (stated["pixel_auroc"] is not None or stated["pro"] is not None):
        yield "/pixel_auroc", "none without masks", stated["pixel_auroc"]
