"""PQ and OQ checks of the test data: disjoint splits, independence, errors, every image accounted for."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pandas as pd

from sealproof.evidence.files import read_json
from sealproof.qualification.context import NO_THRESHOLD, Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check

SPLITS = ("train", "calibration", "tuning", "test")
#: Reason codes of the data checks that say whether test images are independent.
LEAKS = (
    "duplicate_across_splits",
    "duplicate_pixels_across_splits",
    "near_duplicate_across_splits",
    "label_not_sealed",
)


def shared_files(manifest: pd.DataFrame, first: str, second: str) -> list[str]:
    """SHA-256 of files that two splits share, sorted.

    Example:
        >>> table = pd.DataFrame({"split": ["train", "test", "test"], "sha256": ["a", "a", "b"]})
        >>> shared_files(table, "train", "test")
        ['a']
    """
    one, other = (set(manifest.loc[manifest["split"] == name, "sha256"]) for name in (first, second))
    return sorted(one & other)


@check("splits-disjoint", NoParameters)
def splits_disjoint(context: Context, parameters: NoParameters) -> Finding:
    """Is no image file in two splits?"""
    del parameters
    counts = {split: int((context.manifest["split"] == split).sum()) for split in SPLITS}
    shared = {
        f"{first} and {second}": len(shared_files(context.manifest, first, second))
        for first, second in combinations(SPLITS, 2)
    }
    total = sum(shared.values())
    listing = ", ".join(f"{split} {count}" for split, count in counts.items())
    return Finding(
        passed=total == 0 and counts["test"] > 0,
        actual=f"{total} files shared by any two splits; images: {listing}",
        values={"shared": shared, "images": counts},
        files=(context.artefact("ingest", "manifest.parquet"),),
    )


@check("test-independent", NoParameters)
def independence_of_test(context: Context, parameters: NoParameters) -> Finding:
    """Does no test image, nor a copy of one, sit in another split, by hash and by the data checks?"""
    del parameters
    others = [split for split in SPLITS if split != "test"]
    shared = sum(len(shared_files(context.manifest, split, "test")) for split in others)
    findings = _findings(context)
    problems = [
        f"{item['code']}: {item['what']}"
        for item in findings["findings"]
        if item["code"] in LEAKS and (item["severity"] == "error" or not item["evaluated"])
    ]
    problems += [f"{code}: not carried out" for code in LEAKS if code not in findings["checks"]]
    notes = sum(item["code"] in LEAKS and item["severity"] != "error" for item in findings["findings"])
    actual = (
        f"{shared} files shared with the test split; {len(LEAKS)} checks for copies and unsealed labels: "
        f"{len(problems)} errors or not evaluated, {notes} other findings{shown(problems)}"
    )
    return Finding(
        passed=shared == 0 and not problems,
        actual=actual,
        values={"shared": shared, "problems": problems, "other_findings": notes},
        files=(context.artefact("ingest", "manifest.parquet"), context.artefact("check", "findings.json")),
    )


@check("data-errors", NoParameters)
def data_errors(context: Context, parameters: NoParameters) -> Finding:
    """Has the data set that was judged no error?"""
    del parameters
    counts = _findings(context)["counts"]
    return Finding(
        passed=counts["error"] == 0,
        actual=f"{counts['error']} errors, {counts['warning']} warnings, {counts['info']} notes",
        values=dict(counts),
        files=(context.artefact("check", "findings.json"),),
    )


def _findings(context: Context) -> dict[str, Any]:
    return dict(read_json(context.artefact("check", "findings.json")))


@check("test-accounted-for", NoParameters)
def every_test_image(context: Context, parameters: NoParameters) -> Finding:
    """Has each test image one verdict, and does undecided count against the detector?"""
    del parameters
    wanted = set(context.manifest.loc[context.manifest["split"] == "test", "image_id"])
    table = context.predictions
    verdicts = table["verdict"].value_counts()
    problems = [f"{image}: no verdict" for image in sorted(wanted - set(table["image_id"]))]
    problems += [f"{image}: not in the test split" for image in sorted(set(table["image_id"]) - wanted)]
    problems += [
        f"{verdict}: unknown verdict"
        for verdict in sorted(set(verdicts.index) - {"accept", "reject", "undecided"})
    ]
    if not table["image_id"].is_unique:
        problems.append("an image has two verdicts")
    if context.has_threshold:
        problems += _flattered(context, table)
    accepted, rejected, undecided = (int(verdicts.get(name, 0)) for name in ("accept", "reject", "undecided"))
    actual = (
        f"{len(wanted)} test images: {accepted} accepted, {rejected} rejected, {undecided} undecided; "
        f"{len(problems)} contradictions{shown(problems)}"
    )
    sound = not problems and len(wanted) == accepted + rejected + undecided > 0
    unanswerable = sound and not context.has_threshold and undecided == len(wanted)
    return Finding(
        passed=None if unanswerable else sound and context.has_threshold,
        actual=f"{NO_THRESHOLD}: {actual}" if unanswerable else actual,
        values={"images": len(wanted), "accept": accepted, "reject": rejected, "undecided": undecided},
        files=(
            context.artefact("evaluate", "predictions.parquet"),
            context.workspace.reports / "metrics.json",
        ),
    )


def _flattered(context: Context, table: pd.DataFrame) -> list[str]:
    """Rates in metrics.json in which an undecided image does not count against the detector."""
    stated = context.metrics[context.thresholds["in_force"]["score"]]
    problems = []
    for name, label, right in (("recall", 1, "reject"), ("specificity", 0, "accept")):
        rows = table[table["label"] == label]
        expected = float((rows["verdict"] == right).mean()) if len(rows) else None
        found = stated[name]["value"]
        if (found is None) != (expected is None) or (found is not None and abs(found - expected) > 1e-12):
            problems.append(f"{name} is {found}, with undecided counted against the detector {expected}")
    return problems
