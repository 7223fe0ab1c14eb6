"""Accept, reject or undecided on the test split, for each pair of limits: what a person would have to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from sealproof.evaluation.cases import verdicts
from sealproof.evaluation.counts import ConfusionCounts, count_verdicts
from sealproof.evaluation.intervals import Estimate, not_evaluable, proportion
from sealproof.evaluation.sheet import Sheet

_SHARES = {
    "all": "test images, at the test split's own share of defects",
    "normal": "normal test images",
    "defective": "defective test images",
}
_RATES = {
    ("decided", "recall"): "share of the decided defective test images that are rejected",
    ("decided", "specificity"): "share of the decided normal test images that are accepted",
    ("conservative", "recall"): "share of all defective test images that are rejected",
    ("conservative", "specificity"): "share of all normal test images that are accepted",
}


def three_way_json(
    cases: pd.DataFrame, score: str, settings: Iterable[Mapping[str, Any]], confidence: float
) -> list[dict[str, Any]]:
    """Section `three_way` of evaluation.json, a row a setting.

    Args:
        cases: test images with label, decided and scores.
        score: in force.
        settings: rows of thresholds.json, `three_way`: rates and the two limits.
        confidence: of the two-sided bounds.

    Returns:
        the rates and limits as they are there; `counts` (by verdict and label), `share_to_person` (of all, of normal
        and of defective images: no verdict, for want of a score or between the limits), `decided` and `conservative`
        (recall and specificity over decided images, and with undecided ones against the detector). Without both
        limits the counts are null and nothing is evaluable.
    """
    return [_row(cases, score, setting, confidence) for setting in settings]


def _row(cases: pd.DataFrame, score: str, setting: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    low, high = setting["accept_below"], setting["reject_from"]
    kept = {
        key: setting[key]
        for key in ("false_reject_rate", "missed_defect_rate", "accept_below", "reject_from", "reason")
    }
    if low is None or high is None:
        nothing = not_evaluable(f"there are no two limits: {setting['reason']}").as_json()
        return kept | {
            "counts": None,
            "share_to_person": dict.fromkeys(_SHARES, nothing),
            "decided": {"recall": nothing, "specificity": nothing},
            "conservative": {"recall": nothing, "specificity": nothing},
        }
    found = verdicts(cases[score], cases["decided"], high, low)
    counts = count_verdicts(cases["label"].to_numpy(), found)
    return kept | {
        "counts": by_verdict(counts),
        "share_to_person": {name: item.as_json() for name, item in to_person(counts, confidence).items()},
        "decided": _rates(counts.decided_only(), confidence),
        "conservative": _rates(counts.conservative(), confidence),
    }


def by_verdict(counts: ConfusionCounts) -> dict[str, dict[str, int]]:
    """Counts by verdict, then by label.

    Example:
        >>> by_verdict(ConfusionCounts(8, 1, 9, 2, undecided_normal=3))["undecided"]
        {'normal': 3, 'defective': 0}
    """
    return {
        "accept": {"normal": counts.tn, "defective": counts.fn},
        "reject": {"normal": counts.fp, "defective": counts.tp},
        "undecided": {"normal": counts.undecided_normal, "defective": counts.undecided_defective},
    }


def to_person(counts: ConfusionCounts, confidence: float) -> dict[str, Estimate]:
    """Share of all, of normal and of defective images without a verdict, with Clopper-Pearson bounds.

    Example:
        >>> to_person(ConfusionCounts(8, 1, 9, 2, undecided_normal=10), 0.95)["normal"].value
        0.5
    """
    rows = {
        "all": (counts.undecided, counts.total),
        "normal": (counts.undecided_normal, counts.normal),
        "defective": (counts.undecided_defective, counts.defective),
    }
    return {
        name: proportion(part, whole, confidence, "there is no such image")
        for name, (part, whole) in rows.items()
    }


def _rates(counts: ConfusionCounts, confidence: float) -> dict[str, Any]:
    empty = "there is no such image with a verdict"
    return {
        "recall": proportion(counts.tp, counts.defective, confidence, empty).as_json(),
        "specificity": proportion(counts.tn, counts.normal, confidence, empty).as_json(),
    }


def setting_id(setting: Mapping[str, Any]) -> str:
    """Record id of a setting.

    Example:
        >>> setting_id({"false_reject_rate": 0.05, "missed_defect_rate": 0.1})
        'three_way.reject-0_05.miss-0_1'
    """
    first, second = (
        f"{setting[key]:g}".replace(".", "_") for key in ("false_reject_rate", "missed_defect_rate")
    )
    return f"three_way.reject-{first}.miss-{second}"


def record_three_way(sheet: Sheet, rows: Iterable[Mapping[str, Any]]) -> None:
    """Record each setting: limits, counts, share sent to a person, rates. A setting given twice is recorded once."""
    names: set[str] = set()
    for place, row in enumerate(rows):
        name, pointer = setting_id(row), f"/three_way/{place}"
        if name in names:
            continue
        names.add(name)
        of = (
            f", score in force, limits for at most {row['false_reject_rate']:.4g} of normal parts rejected and "
            f"{row['missed_defect_rate']:.4g} of defective parts accepted"
        )
        for limit, words in (("accept_below", "accepted below"), ("reject_from", "rejected at or above")):
            why = "" if row[limit] is not None else f"; none: {row['reason']}"
            sheet.add(
                f"{name}.{limit}", row[limit], "score", f"limit: {words} it{of}{why}", f"{pointer}/{limit}"
            )
        for verdict, labels in (row["counts"] or {}).items():
            for label, number in labels.items():
                text = f"number of {label} test images with the verdict {verdict}{of}"
                at = f"{pointer}/counts/{verdict}/{label}"
                sheet.add(f"{name}.{verdict}.{label}", number, "images", text, at)
        for group, words in _SHARES.items():
            text = f"share of {words} that have no verdict and go to a person{of}"
            at = f"{pointer}/share_to_person/{group}"
            sheet.estimate(f"{name}.share_to_person.{group}", _read(row["share_to_person"][group]), text, at)
        for (kind, metric), words in _RATES.items():
            at = f"{pointer}/{kind}/{metric}"
            sheet.estimate(f"{name}.{kind}.{metric}", _read(row[kind][metric]), f"{words}{of}", at)


def _read(content: Mapping[str, Any]) -> Estimate:
    return Estimate(**content)
