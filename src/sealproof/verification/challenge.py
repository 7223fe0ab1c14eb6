"""The challenges: tables of disturbed, repeated and seeded images against challenge.json and repeatability.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sealproof.verification.cases import verdicts
from sealproof.verification.differences import differences
from sealproof.verification.images import manifest
from sealproof.verification.scores import image_scores, score_names
from sealproof.verification.settings import parameters
from sealproof.verification.tree import Tree

UNDISTURBED = "none"
#: Disturbances in the order in which they are tried.
KINDS = ("shift", "tilt", "brightness", "contrast", "blur", "noise", "jpeg")
_SIGNED = ("tilt", "brightness", "contrast")
_SHARES = ("brightness", "contrast", "noise")
_TINY = 1e-12


def check_challenge(tree: Tree) -> None:
    """Derive what the stage `challenge` says of its tables, and hold the tables against what was declared."""
    scored, listed = image_scores(tree), manifest(tree)
    if scored is None or listed is None:
        return
    test = scored[scored["split"] == "test"]
    disturbed = tree.table(tree.artifact("challenge", "disturbed.parquet"))
    summary = tree.artifact("challenge", "challenge.json")
    stated = tree.dictionary(summary)
    if disturbed is not None and stated:
        with tree.findings.guard(summary):
            _check_disturbed(tree, summary, stated, disturbed, test)
    repeats = tree.table(tree.artifact("challenge", "repeats.parquet"))
    again = tree.artifact("challenge", "repeatability.json")
    if repeats is not None and tree.dictionary(again):
        with tree.findings.guard(again):
            force = tree.dictionary(tree.artifact("threshold", "thresholds.json"))["in_force"]
            derived = repeatability(repeats, test, force)
            tree.findings.count("repeated scores", len(repeats))
            _name(tree, "repeatability-changed", again, derived, tree.dictionary(again))
            _check_repeats(tree, repeats, again)
    seeded = tree.table(tree.artifact("challenge", "seeded.parquet"))
    if seeded is not None:
        file = tree.artifact("challenge", "seeded.parquet")
        with tree.findings.guard(file):
            held_out = {*listed.loc[listed["split"] == "calibration", "image_id"]}
            _check_finite(tree, file, seeded)
            for image in sorted({*seeded["image_id"]} - held_out):
                _wrong(tree, file, image, "a held-out normal", "another image")


def _name(tree: Tree, code: str, file: str, derived: Any, stated: Any) -> None:
    for pointer, expected, found in differences(derived, stated):
        tree.findings.add(code, file, pointer, expected=expected, found=found)


def _wrong(tree: Tree, file: str, place: object, expected: object, found: object) -> None:
    tree.findings.add("challenge-changed", file, place, expected=expected, found=found)


def amount(name: str, limit: float, severity: float) -> float:
    """What is done at a multiple of a declared limit; of JPEG, severities count from quality 100 downwards.

    Example:
        >>> amount("shift", 4.0, 1.5), amount("jpeg", 90, 2.0), amount("noise", 0.4, 3.0)
        (6.0, 80.0, 1.0)
    """
    if name == "jpeg":
        return float(max(1, round(100 - severity * (100 - limit))))
    found = round(severity * limit, 9)
    return min(found, 1.0) if name in _SHARES else found


def _check_disturbed(
    tree: Tree, file: str, stated: Mapping[str, Any], table: pd.DataFrame, test: pd.DataFrame
) -> None:
    settings = parameters(tree)["challenge"]
    inspection = tree.yaml(tree.definition("inspection.yaml"), optional=True) or {}
    declared = inspection.get("acquisition") or {}
    limits = {name: float(declared[name]) for name in KINDS if declared.get(name) is not None}
    severities = [float(step) for step in settings["severities"]]
    most = len(test) if settings["images"] is None else min(int(settings["images"]), len(test))
    images = most if limits else 0
    copies = images * len(limits) * len(severities)
    derived = {
        "disturbed": {
            "declared": bool(limits),
            "severities": severities,
            "envelope": {
                name: {"limit": limit, "amounts": [amount(name, limit, step) for step in severities]}
                for name, limit in limits.items()
            },
            "images": {
                "test": len(test),
                "disturbed": images,
                "sampled": 0 < images < len(test),
                "copies": copies,
            },
        },
        "undisturbed": undisturbed(table, test),
    }
    _name(tree, "challenge-changed", file, derived, stated)
    tree.findings.count("disturbed images", len(table))
    place = tree.artifact("challenge", "disturbed.parquet")
    _check_finite(tree, place, table)
    _check_cells(tree, place, table, {*test["image_id"]}, images, limits, severities)


def _check_cells(
    tree: Tree,
    file: str,
    table: pd.DataFrame,
    test: set[str],
    images: int,
    limits: Mapping[str, float],
    severities: list[float],
) -> None:
    """Each disturbance at each severity holds the same test images, each once, with the amount that was declared."""
    wanted = {
        (name, step): amount(name, limit, step) for name, limit in limits.items() for step in severities
    }
    wanted |= {(UNDISTURBED, 0.0): 0.0} if images else {}
    found = {
        (str(name), float(str(step))): rows
        for (name, step), rows in table.groupby(["disturbance", "severity"])
    }
    for key in sorted(wanted.keys() ^ found.keys()):
        _wrong(tree, file, key, "what was declared", "missing" if key in wanted else "not declared")
    first = sorted(found[UNDISTURBED, 0.0]["image_id"]) if (UNDISTURBED, 0.0) in found else []
    if len(first) != images or not {*first} <= test:
        _wrong(tree, file, UNDISTURBED, f"{images} test images", f"{len(first)} images")
    for key in sorted(wanted.keys() & found.keys()):
        rows = found[key]
        if sorted(rows["image_id"]) != first:
            _wrong(tree, file, key, "the undisturbed images, each once", "other images")
        amounts = rows["amount"].abs() if key[0] in _SIGNED else rows["amount"]
        if not np.isclose(amounts, wanted[key], rtol=1e-12).all():
            _wrong(tree, file, key, f"the amount {wanted[key]}", sorted({*amounts})[:5])


def _check_finite(tree: Tree, file: str, table: pd.DataFrame) -> None:
    """A decided image has every score, an undecided one none."""
    names = [
        name
        for name in score_names(table)
        if name not in ("severity", "amount", "size_px", "size_mm", "contrast")
    ]
    finite = np.isfinite(table[names].to_numpy(dtype=np.float64))
    decided = table["decided"].to_numpy(dtype=bool)
    for image in table.loc[(finite.all(axis=1) != decided) | (finite.any(axis=1) != decided), "image_id"]:
        _wrong(tree, file, image, "every score where decided, none elsewhere", "otherwise")


def undisturbed(table: pd.DataFrame, test: pd.DataFrame) -> dict[str, Any]:
    """How the undisturbed images differ from the scores on record.

    Args:
        table: disturbed.parquet.
        test: rows of scores.parquet of the test split.
    """
    names = score_names(test)
    own = table[table["disturbance"] == UNDISTURBED].set_index("image_id")
    known = test.set_index("image_id").loc[own.index]
    both = (own["decided"] & known["decided"]).to_numpy(dtype=bool)
    again, first = (part[names].to_numpy(dtype=np.float64)[both] for part in (own, known))
    return {
        "images": len(own),
        "decided_otherwise": int((own["decided"] != known["decided"]).sum()),
        "largest_relative_difference": _largest(first, again),
    }


def _largest(first: np.ndarray, again: np.ndarray) -> float | None:
    return float((np.abs(again - first) / np.maximum(np.abs(first), _TINY)).max()) if first.size else None


def repeatability(repeats: pd.DataFrame, test: pd.DataFrame, force: Mapping[str, Any]) -> dict[str, Any]:
    """repeatability.json: how far repetitions are from the scores on record, and the verdicts that they change.

    Args:
        repeats: repeats.parquet.
        test: rows of scores.parquet of the test split.
        force: `in_force` of thresholds.json.
    """
    names, known = score_names(test), test[test["decided"]].set_index("image_id")
    first = known.reindex(repeats["image_id"])
    differences_of: dict[str, float | None] = {}
    uneven = 0
    for name in names:
        one, two = first[name].to_numpy(dtype=np.float64), repeats[name].to_numpy(dtype=np.float64)
        both = np.isfinite(one) & np.isfinite(two)
        uneven = max(uneven, int((~both).sum()))
        differences_of[name] = _largest(one[both], two[both])
    counts = repeats.groupby("repeat")["image_id"].nunique()
    found = [value for value in differences_of.values() if value is not None]
    cases = repeats.drop_duplicates("repeat").sort_values("repeat")
    return {
        "images": len(known),
        "undecided": len(test) - len(known),
        "repeats": [
            {"repeat": number, "batch_size": size, "order": order}
            for number, size, order in cases[["repeat", "batch_size", "order"]].to_numpy().tolist()
        ],
        **{key: force[key] for key in ("score", "threshold", "accept_below")},
        "scores": {name: {"largest_relative_difference": value} for name, value in differences_of.items()},
        "largest_relative_difference": max(found, default=None),
        "unmatched": uneven + sum(max(0, len(known) - number) for number in counts.tolist()),
        "verdict_flips": None if force["threshold"] is None else _flips(first, repeats, force),
    }


def _flips(first: pd.DataFrame, repeats: pd.DataFrame, force: Mapping[str, Any]) -> int:
    given = [
        verdicts(values, np.isfinite(values), force["threshold"], force["accept_below"])
        for values in (table[force["score"]].to_numpy(dtype=np.float64) for table in (first, repeats))
    ]
    return sum(one != two for one, two in zip(*given, strict=True))


def _check_repeats(tree: Tree, repeats: pd.DataFrame, file: str) -> None:
    """One repetition for each batch size of params.yaml, each image once in each."""
    sizes = [int(size) for size in parameters(tree)["challenge"]["repeat_batch_sizes"]]
    found = repeats.groupby("repeat")["batch_size"].unique()
    if [item.tolist() for item in found] != [[size] for size in sizes]:
        _wrong(tree, file, "/repeats", f"one repetition each of batch sizes {sizes}", list(found))
    if repeats.duplicated(["repeat", "image_id"]).any():
        _wrong(tree, file, "/repeats", "each image once in a repetition", "an image twice")
