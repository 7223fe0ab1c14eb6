"""Are there as many images of each class as asked for, in the right splits, with labels that may be there?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from pandas.api.typing import NAType

from sealproof.quality.examination import Examination
from sealproof.quality.findings import Finding, Severity

_WANTED_LABEL = {"train": 0, "calibration": 0, "tuning": 1}
_NEEDED = {
    "train": "nothing can be learnt",
    "calibration": "no threshold can be set from held-out normals",
    "test": "nothing can be judged",
}
CLASSES = ("normal", "defective")


def class_count(data: Examination) -> list[Finding]:
    """Numbers of images that differ from the split settings.

    A shortfall of a set that declares `at_most` is a warning; every other difference is an error. So is a
    manifest that holds other numbers than the summary of its own splits.
    """
    findings = [_difference(number) for number in _stated(data)]
    present = data.manifest["split"].value_counts()
    for split, counts in sorted(data.summary["splits"].items()):
        found, told = int(present.get(split, 0)), sum(counts.values())
        if found != told:  # the summary is of another manifest
            findings.append(_difference(_Number(split, "all classes", told, found)))
    return [finding for finding in findings if finding is not None]


@dataclass(frozen=True)
class _Number:
    """How many images of one kind were asked for and found, and whether fewer are accepted."""

    where: str
    kind: str
    wanted: int
    found: int
    at_most: bool = False


def _stated(data: Examination) -> Iterator[_Number]:
    """Every number of images that the split settings state."""
    splits, subset = data.summary["splits"], data.split.subset
    training = data.split.subsets.get(subset)
    if training is not None:
        normals = splits["train"]["normal"] + splits["calibration"]["normal"]
        yield _Number(subset, "normal", training.normal, normals, training.at_most)
        defects = splits["tuning"]["defective"]
        yield _Number(subset, "defective", training.defective, defects, training.at_most)
    test = data.split.test
    if test is not None:
        yield _Number("test", "normal", test.normal, splits["test"]["normal"], test.at_most)
        yield _Number("test", "defective", test.defective, splits["test"]["defective"], test.at_most)


def _difference(number: _Number) -> Finding | None:
    if number.wanted == number.found:
        return None
    accepted = number.at_most and number.found < number.wanted
    severity: Severity = "warning" if accepted else "error"
    return Finding(
        code="class_count",
        severity=severity,
        what=f"set {number.where} has other numbers than asked for: {number.kind}",
        where=(f"{number.where}, {number.kind}",),
        expected=f"{number.wanted} images" + ("; fewer are accepted (at_most)" if number.at_most else ""),
        observed=f"{number.found} images",
        mend="provide the missing images, or correct the numbers under split and say why in the product file",
    )


def empty_split(data: Examination) -> list[Finding]:
    """Splits without any image that the pipeline cannot do without."""
    present = set(data.manifest["split"])
    return [
        Finding(
            code="empty_split",
            severity="error",
            what=f"split {split} is empty: {consequence}",
            where=(split,),
            expected="at least one image",
            observed="no image",
            mend="provide images of this kind, or correct the numbers and fractions under split",
        )
        for split, consequence in _NEEDED.items()
        if split not in present
    ]


def missing_class(data: Examination) -> list[Finding]:
    """No training defects (supervised thresholds cannot be set), or a test split of one class only."""
    findings = []
    if "tuning" not in set(data.manifest["split"]):
        findings.append(_lack("info", "tuning", "defective", "supervised thresholds cannot be computed"))
    counts = data.summary["splits"]["test"]
    for kind, measure in (("normal", "specificity"), ("defective", "recall")):
        if sum(counts.values()) and not counts[kind]:
            findings.append(_lack("warning", "test", kind, f"{measure} cannot be estimated"))
    return findings


def _lack(severity: Severity, split: str, kind: str, consequence: str) -> Finding:
    return Finding(
        code="missing_class",
        severity=severity,
        what=f"split {split} has no {kind} image: {consequence}",
        where=(split,),
        expected=f"at least one {kind} image",
        observed="none",
        mend=f"provide {kind} images, or accept that {consequence}",
    )


def label_value(data: Examination) -> list[Finding]:
    """Labels that are neither 0 nor 1, missing where needed, or of the wrong class for their split."""
    rows = data.manifest[data.manifest["split"] != "test"]
    wanted = rows["split"].map(_WANTED_LABEL)
    label = rows["label"].astype("Float64")
    known = label.isin([0, 1])
    allowed = known | (label.isna() & (rows["split"] == "excluded"))
    right = wanted.isna() | (known & (label == wanted.astype("Float64")).fillna(value=False))
    wrong = rows[~(allowed & right)]
    if wrong.empty:
        return []
    return [
        Finding(
            code="label_value",
            severity="error",
            what=f"{len(wrong)} images have an impossible label",
            where=tuple(
                f"{name} ({split}): {_text(label)}"
                for name, split, label in zip(wrong["image_id"], wrong["split"], wrong["label"], strict=True)
            ),
            expected="0 in train and calibration, 1 in tuning, 0 or 1 elsewhere; missing if excluded",
            observed=", ".join(sorted({_text(value) for value in wrong["label"]})),
            mend="correct the labels where the data set states them, then run `dvc repro`",
        )
    ]


def label_not_sealed(data: Examination) -> list[Finding]:
    """Rows of the test split whose label can be read."""
    rows = data.manifest[(data.manifest["split"] == "test") & data.manifest["label"].notna()]
    if rows.empty:
        return []
    return [
        Finding(
            code="label_not_sealed",
            severity="error",
            what=f"the label of {len(rows)} test images can be read",
            where=tuple(rows["image_id"]),
            expected="no label in the manifest's test rows",
            observed=f"{len(rows)} labels",
            mend="delete the artefacts of the ingest stage and run `dvc repro`",
        )
    ]


def _text(label: float | NAType) -> str:
    """A label in words.

    Example:
        >>> _text(2.0), _text(pd.NA)
        ('2', 'missing')
    """
    return "missing" if label is pd.NA or pd.isna(label) else f"{label:g}"
