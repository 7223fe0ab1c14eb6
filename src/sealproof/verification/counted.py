"""Records that say something about a part of a JSON file rather than copy a value out of it."""

from __future__ import annotations

from typing import Any

from sealproof.verification.columns import Derived
from sealproof.verification.pointers import resolve
from sealproof.verification.tree import Tree

_GROUPS = {
    "threshold.calibration.held_out_normals": ("scores", "mean_sigma"),
    "threshold.calibration.training_normals": ("training_scores", "mean_sigma"),
}


#: Record -> keys of the value in inspection.yaml (`inspection`) or params.yaml (`params`).
_SETTINGS = {
    "roi.confidence.limit": ("inspection", "roi", "minimum_confidence"),
    "roi.illumination": ("inspection", "roi", "illumination"),
    "roi.illumination-scale": ("inspection", "roi", "illumination_scale"),
    "roi.method": ("inspection", "roi", "method"),
    "roi.patch-height": ("inspection", "roi", "patch_height"),
    "roi.patch-width": ("inspection", "roi", "patch_width"),
    "ingest.adapter": ("inspection", "dataset", "adapter"),
    "score.mahalanobis.layer": ("params", "score", "mahalanobis", "layer"),
    "score.mahalanobis.features": ("params", "score", "mahalanobis", "features"),
    "score.mahalanobis.covariance": ("params", "score", "mahalanobis", "covariance"),
}


def derive_from_content(tree: Tree, row: dict[str, Any]) -> Derived | None:
    """The value of a record that has a rule of its own; None for all others."""
    name, file = row["id"], row["artefact"]
    if name == "qualify.criteria.met":
        criteria = resolve(tree.json(file), "/criteria")
        return Derived(sum(item["met"] is True for item in criteria))
    if name in {
        "evaluate.subgroups.smallest",
        "evaluate.subgroups.smallest.images",
        "evaluate.subgroups.not_evaluable",
    }:
        return _subgroups(name, resolve(tree.json(file), "/subgroups"))
    if name in _SETTINGS:
        return _setting(tree, *_SETTINGS[name])
    if name.startswith("roi.undecided."):
        return _undecided(tree, file, name.removeprefix("roi.undecided."))
    if name in _GROUPS:
        key, method = _GROUPS[name]
        content = tree.json(file)
        return Derived(content[key][content["in_force"]["score"]][method]["n"])
    return None


def _subgroups(name: str, content: dict[str, Any]) -> Derived:
    least = content["smallest"]
    if name.endswith(".images"):
        return Derived(0 if least is None else least["images"])
    if name.endswith(".smallest"):
        return Derived(None if least is None else _words(least))
    return Derived(", ".join(_words(group) for group in content["not_evaluable"]) or "none")


def _words(group: dict[str, Any]) -> str:
    return f"{group['column']} = {group['value'] or '(not stated)'}"


def _setting(tree: Tree, where: str, *keys: str) -> Derived | None:
    """A setting; None where the file does not state it, so that its default holds."""
    content = tree.yaml(
        "params.yaml" if where == "params" else tree.definition("inspection.yaml"), optional=True
    )
    for key in keys:
        if not isinstance(content, dict) or key not in content:
            return None
        content = content[key]
    return Derived(content)


def _undecided(tree: Tree, file: str, split: str) -> Derived | None:
    regions, listed = tree.table(file), tree.table(tree.artifact("ingest", "manifest.parquet"))
    if regions is None or listed is None:
        return None
    members = set(listed.loc[listed["split"] == split, "image_id"])
    decided = regions.groupby("image_id")["decided"].all()
    return Derived(int((~decided[decided.index.isin(members)]).sum()))
