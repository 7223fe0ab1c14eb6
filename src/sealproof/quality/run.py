"""All checks, one after the other; nothing stops at the first finding."""

from __future__ import annotations

from collections.abc import Callable

from sealproof.quality import appearance, confounding, counts, drift, duplicates, integrity, neighbours
from sealproof.quality.examination import Examination
from sealproof.quality.findings import CHECKS, Finding, arrange

#: The function behind each reason code.
RUN: dict[str, Callable[[Examination], list[Finding]]] = {
    "unreadable_image": integrity.unreadable,
    "altered_file": integrity.altered,
    "image_too_small": appearance.too_small,
    "mixed_size": appearance.mixed_size,
    "mixed_mode": appearance.mixed_mode,
    "blank_image": appearance.blank,
    "brightness_range": appearance.brightness,
    "sharpness_low": appearance.sharpness,
    "saturated_image": appearance.saturated,
    "duplicate_across_splits": duplicates.same_file,
    "duplicate_pixels_across_splits": duplicates.same_pixels,
    "duplicate_within_split": duplicates.within_split,
    "duplicate_contradicts_label": duplicates.contradicting,
    "near_duplicate_across_splits": duplicates.near,
    "class_count": counts.class_count,
    "empty_split": counts.empty_split,
    "missing_class": counts.missing_class,
    "label_value": counts.label_value,
    "label_not_sealed": counts.label_not_sealed,
    "subgroup_predicts_class": confounding.predicts_class,
    "subgroup_lacks_class": confounding.lacks_class,
    "time_neighbours_across_splits": neighbours.time_neighbours,
    "drift_between_splits": drift.drift,
}
assert list(RUN) == list(CHECKS), "every documented check is run, and no other"  # noqa: S101 - holds at import


def run_checks(data: Examination) -> list[Finding]:
    """Carry out every check of `CHECKS`.

    Returns:
        All findings: errors first, then warnings and information, each in the order of `CHECKS`.
    """
    return arrange(finding for check in RUN.values() for finding in check(data))
