"""Evidence records of the probability of detection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sealproof.evidence.records import Recorder

_WHAT = {
    "seeded": "defects drawn into held-out normal images",
    "own": "defective test images whose label states the size of the defect",
}
_CALLS = {"held_out": "held-out normal images", "test": "normal test images"}


def record_detection(recorder: Recorder, found: dict[str, Any], artefact: Path) -> None:
    """Record what a document may print of detection.json.

    Ids: `evaluate.detection.<seeded|own>.<type>.<figure>`; `evaluate.detection.false_call_rate.<held_out|test>`
    with `.low`, `.high`, `.n` and `.undecided`; `evaluate.detection.types.<seeded|own>`;
    `evaluate.detection.own_reason`; `evaluate.detection.confidence`, `.score`, `.threshold`.

    Args:
        recorder: of the stage evaluate.
        found: detection.json.
        artefact: where it is written.
    """

    def add(name: str, value: object, unit: str, definition: str, pointer: str) -> None:
        recorder.add(
            f"detection.{name}", value, unit=unit, definition=definition, artefact=artefact, pointer=pointer
        )

    text = "confidence of the one-sided bounds of curves and sizes, and of the two-sided bounds of rates"
    add("confidence", found["confidence"], "1", text, "/confidence")
    add("score", found["score"], "1", "score in force, by which defects are detected", "/score")
    add("threshold", found["threshold"], "score", "threshold in force; at or above it is a hit", "/threshold")
    for place, what in _CALLS.items():
        calls, pointer = found["false_call_rate"][place], f"/false_call_rate/{place}"
        why = f"; not evaluable: {calls['reason']}" if calls["reason"] else ""
        text = (
            f"false-call rate: share of decided {what}, undisturbed, that the threshold in force rejects{why}"
        )
        add(f"false_call_rate.{place}", calls["value"], "1", text, f"{pointer}/value")
        for end, word in (("low", "lower"), ("high", "upper")):
            bound = f"{word} exact bound at {found['confidence']:.0%} two-sided confidence of the {text}"
            add(f"false_call_rate.{place}.{end}", calls[end], "1", bound, f"{pointer}/{end}")
        add(f"false_call_rate.{place}.n", calls["n"], "images", f"number of decided {what}", f"{pointer}/n")
        text = f"number of {what} without a confident region of interest"
        add(f"false_call_rate.{place}.undecided", calls["undecided"], "images", text, f"{pointer}/undecided")
    for source, what in _WHAT.items():
        text = f"defect types whose detection is judged by size: {what}"
        add(f"types.{source}", found["types"][source], "1", text, f"/types/{source}")
        for name, item in found["curves"][source].items():
            for figure, unit, definition in _figures(item, what, found["confidence"]):
                pointer = f"/curves/{source}/{name}/{figure}"
                add(f"{source}.{name}.{figure}", item[figure], unit, definition, pointer)
    text = "why no defect of the data set itself is judged by size; empty when some are"
    add("own_reason", found["own_reason"], "1", text, "/own_reason")


def _figures(item: dict[str, Any], what: str, confidence: float) -> list[tuple[str, str, str]]:
    """(figure, unit, definition) of everything that is recorded of one defect type."""
    kind, unit = item["defect"], item["unit"]
    of = f", defect type {kind} ({what})"
    why = f"; {item['reason']}" if item["reason"] else ""
    curve = "by the fitted curve of probability of detection over size (MIL-HDBK-1823A, hits and misses)"
    sure = f"{confidence:.0%} one-sided confidence"
    rows = [
        ("defect", "1", f"name of the defect type{of}"),
        ("unit", "1", f"unit of the sizes{of}"),
        ("n", "inspections", f"number of inspections{of}"),
        ("images", "images", f"number of different images inspected{of}"),
        ("hits", "inspections", f"inspections that the threshold in force rejects{of}"),
        ("undecided", "inspections", f"inspections without a verdict, which count as misses{of}"),
        ("smallest_size", unit, f"smallest size tested{of}"),
        ("largest_size", unit, f"largest size tested{of}"),
        ("a50", unit, f"size that is detected with probability 50 % {curve}{of}{why}"),
        ("a90", unit, f"size that is detected with probability 90 % {curve}{of}{why}"),
        (
            "a90_95",
            unit,
            f"upper bound at {sure} of the size detected with probability 90 % {curve}{of}{why}",
        ),
        (
            "a90_95_exact",
            unit,
            (
                f"smallest size tested from which on each size tested is detected with probability 90 % at {sure}, "
                f"by exact bounds and without a curve; none when the largest size tested does not show it or sizes "
                f"do not recur{of}"
            ),
        ),
        (
            "slope",
            "1",
            f"slope of the logit of the probability of detection over the logarithm of size{of}{why}",
        ),
        (
            "fit_p_value",
            "1",
            f"p-value of the deviance of the curve from the rates by size; small is a poor fit{of}",
        ),
        ("fit_adequate", "1", f"whether the curve fits at level 0.05; when not, the rates by size count{of}"),
        (
            "enough_inspections",
            "1",
            f"whether there are at least the 60 inspections MIL-HDBK-1823A asks for{of}",
        ),
        (
            "false_call_rate",
            "1",
            f"share of undisturbed normal images of the same kind that are rejected{of}",
        ),
        ("false_call_rate_low", "1", f"lower exact bound, two-sided, of the false-call rate{of}"),
        ("false_call_rate_high", "1", f"upper exact bound, two-sided, of the false-call rate{of}"),
        ("reason_code", "1", f"fitted, or why there is no curve{of}"),
        ("reason", "1", f"why there is no curve, or a size is not stated; empty otherwise{of}"),
    ]
    if "contrast" in item:
        rows.append(
            (
                "contrast",
                "1",
                f"share of the light that a dark defect takes, or of the missing light that a bright one adds{of}",
            )
        )
    return rows
