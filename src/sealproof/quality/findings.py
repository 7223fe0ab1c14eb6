"""What a check finds: one `Finding` with a stable reason code, and the one error that lists them all.

The reason codes are the keys of `CHECKS`. They are stable: records, protocols and people refer to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from sealproof.evidence.errors import DataError

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
#: Images that a message or report names for one finding; the count of all of them is always given.
SHOWN = 20


@dataclass(frozen=True)
class Check:
    """What one reason code stands for.

    Args:
        question: what is asked, answered by "no" when all is well.
        reason: why it matters, in words for QA.
    """

    question: str
    reason: str


CHECKS: dict[str, Check] = {
    "unreadable_image": Check(
        "Is an image file missing, truncated, or not an image?",
        "Whatever is not decoded is not inspected.",
    ),
    "altered_file": Check(
        "Has an image changed since it was recorded (SHA-256)?",
        "Results would be about other images than the recorded ones.",
    ),
    "image_too_small": Check(
        "Is an image smaller than the smallest side allowed?",
        "Too few pixels to hold a region of interest.",
    ),
    "mixed_size": Check(
        "Do images differ in size?",
        "Another size means another camera or crop; a detector may learn the difference.",
    ),
    "mixed_mode": Check(
        "Do images differ in bit depth or colour mode?",
        "Another mode means another camera or export; grey values may not be comparable.",
    ),
    "blank_image": Check(
        "Is an image of one value only (black, white, grey)?",
        "A blank image shows no part; lamp, shutter or export failed.",
    ),
    "brightness_range": Check(
        "Is the mean brightness of an image outside its range?",
        "Exposure or lighting left the range that was declared.",
    ),
    "sharpness_low": Check(
        "Is an image less sharp than allowed (variance of the Laplacian)?",
        "Defects may be blurred away; focus or motion is at fault.",
    ),
    "saturated_image": Check(
        "Are too many pixels of an image at the top of the scale?",
        "Saturated pixels carry no information.",
    ),
    "duplicate_across_splits": Check(
        "Does the same file sit in two splits?",
        "What was learnt is asked again: results are too good.",
    ),
    "duplicate_pixels_across_splits": Check(
        "Does the same picture sit in two splits as different files?",
        "A copy in another format or with other metadata leaks like the file itself.",
    ),
    "duplicate_within_split": Check(
        "Does the same picture occur several times in one split?",
        "It counts several times, so sample sizes and bounds are not what they seem.",
    ),
    "duplicate_contradicts_label": Check(
        "Does the same picture carry two different labels?",
        "One of the two labels is wrong.",
    ),
    "near_duplicate_across_splits": Check(
        "Do two splits hold nearly the same picture (perceptual hash, confirmed on pixels)?",
        "A re-encoded, rescaled or repeated exposure leaks nearly as much as a copy.",
    ),
    "class_count": Check(
        "Do the numbers of images differ from what the split settings ask for?",
        "Sample sizes were justified for other numbers.",
    ),
    "empty_split": Check(
        "Is a split empty that the pipeline needs?",
        "Nothing can be learnt, calibrated or judged without images.",
    ),
    "missing_class": Check(
        "Does a split lack a class?",
        "Without defective images recall cannot be estimated, without normal ones specificity.",
    ),
    "label_value": Check(
        "Is a label not 0 or 1, missing, or of the wrong class for its split?",
        "Training and calibration hold normals, tuning holds defective images.",
    ),
    "label_not_sealed": Check(
        "Can a label of the test split be read in the manifest?",
        "The test split is judged once, by the evaluation alone.",
    ),
    "subgroup_predicts_class": Check(
        "Does a subgroup tell the class (bias-corrected Cramer's V)?",
        "A detector may learn the subgroup instead of the defect.",
    ),
    "subgroup_lacks_class": Check(
        "Has a subgroup no image of one class although several were to be expected?",
        "Nothing is known about the missing class there, and the subgroup gives the class away.",
    ),
    "time_neighbours_across_splits": Check(
        "Were images captured within seconds of each other divided between splits?",
        "Neighbours in time are not independent: results are too good by an unknown amount.",
    ),
    "drift_between_splits": Check(
        "Do brightness, contrast or sharpness of like images differ between splits (Kolmogorov-Smirnov)?",
        "Splits that differ in exposure or focus do not stand for one another.",
    ),
}


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Args:
        code: reason code, a key of `CHECKS`.
        severity: `error` stops the pipeline, `warning` goes on record, `info` is told.
        what: one sentence.
        where: image ids, groups of image ids, or subgroups; all of them.
        expected: what the rule asks for.
        observed: what was found.
        mend: what a person can do about it.
        evaluated: False when the check could not be carried out; `observed` then says why. Never a pass.

    Raises:
        ValueError: a reason code that is not documented.
    """

    code: str
    severity: Severity
    what: str
    where: tuple[str, ...]
    expected: str
    observed: str
    mend: str
    evaluated: bool = True

    def __post_init__(self) -> None:
        if self.code not in CHECKS or self.severity not in SEVERITIES:
            raise ValueError(f"undocumented reason code {self.code!r} or severity {self.severity!r}")


def not_evaluated(code: str, what: str, observed: str, mend: str) -> Finding:
    """The finding of a check that could not be carried out: on record, never a pass."""
    return Finding(code, "info", what, (), "the check can be carried out", observed, mend, evaluated=False)


def arrange(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then in the order of `CHECKS`; the sort is stable, so nothing else moves."""
    codes = list(CHECKS)
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), codes.index(f.code)))


def count(findings: Iterable[Finding]) -> dict[Severity, int]:
    """Findings of each severity.

    Example:
        >>> count([])
        {'error': 0, 'warning': 0, 'info': 0}
    """
    listed = list(findings)
    return {severity: sum(f.severity == severity for f in listed) for severity in SEVERITIES}


def shown(where: Sequence[str], limit: int = SHOWN) -> list[str]:
    """The first entries, and how many more there are.

    Example:
        >>> shown(["a", "b", "c"], limit=2)
        ['a', 'b', '... and 1 more (3 in all)']
    """
    rest = len(where) - limit
    return [*where[:limit], *([f"... and {rest} more ({len(where)} in all)"] if rest > 0 else [])]


def as_json(finding: Finding) -> dict[str, Any]:
    """The finding as plain JSON values."""
    return asdict(finding) | {"where": list(finding.where)}


def enforce(findings: Iterable[Finding]) -> None:
    """Stop when there is an error, with all errors at once; warnings and information pass.

    Raises:
        DataError: one message that lists each error with its code, images and remedy.
    """
    errors = [finding for finding in arrange(findings) if finding.severity == "error"]
    if not errors:
        return
    raise DataError(
        f"the data set has {len(errors)} error{'s' if len(errors) > 1 else ''}",
        where="\n".join(_located(finding) for finding in errors),
        why="\n".join(f"{f.code}: expected {f.expected}; observed {f.observed}" for f in errors),
        mend="\n".join(dict.fromkeys(f"{f.code}: {f.mend}" for f in errors)),
    )


def _located(finding: Finding) -> str:
    return "\n".join([f"{finding.code}: {finding.what}", *(f"  {entry}" for entry in shown(finding.where))])
