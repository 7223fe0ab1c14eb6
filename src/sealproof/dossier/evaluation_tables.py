"""What gives the tables of the evaluation their rows: rows come from the results, figures from the named records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.ordering import known_first
from sealproof.evaluation.methods import SECTIONS
from sealproof.evaluation.robustness_result import severity_key
from sealproof.thresholds.settings import METHOD_NAMES

SEEDS_CHECK = "repeatability-over-seeds"
"""Check of the performance qualification whose observation says how far other seeds of training come to the same."""
_SOURCES = {"seeded": "seeded", "own": "test split"}


@dataclass(frozen=True)
class MethodOnTest:
    """A threshold method with one calibration, on the test split.

    Args:
        name: in words; empty in a row that belongs to the method above it.
        calibration: normals that the threshold was computed from.
        stem: of the ids of its records.
        eligible: whether the method may be used; if not, what is printed is for its estimate.
        in_force: whether it decides.
        refuted: whether it promises a rate that lies below the lower bound of what was observed.
    """

    name: str
    calibration: str
    stem: str
    eligible: bool
    in_force: bool
    refuted: bool


@dataclass(frozen=True)
class Disturbed:
    """A disturbance at its declared limit: stem of the ids of its records, and of those at that severity."""

    name: str
    meaning: str
    stem: str
    cell: str


@dataclass(frozen=True)
class DetectedType:
    """A defect type whose probability of detection is judged by size.

    Args:
        name: of the type.
        source: where its defects come from.
        stem: of the ids of its records.
        reason: why there is no curve, or a size is not stated; empty otherwise.
    """

    name: str
    source: str
    stem: str
    reason: str


def evaluation_context(inputs: DossierInputs) -> dict[str, Any]:
    """What the sections on the evaluation need beside the records."""
    return {
        **shared_context(inputs),
        "localisation": inputs.results["localisation"],
        "planned": planned_criteria(inputs.results["evaluation"]["plan"]),
        "seeds_case": seeds_case(inputs),
    }


def shared_context(inputs: DossierInputs) -> dict[str, Any]:
    """What the tables need that stand in the dossier and in a protocol."""
    return {
        "evaluation": inputs.results["evaluation"],
        "tested_methods": methods_on_test(inputs.results["evaluation"], inputs.judged.score),
        "robustness": inputs.results["robustness"],
        "disturbed": disturbed(inputs.results["robustness"]),
        "detection": inputs.results["detection"],
        "detected": detected(inputs.results["detection"]),
    }


def methods_on_test(evaluation: Mapping[str, Any], score: str) -> list[MethodOnTest]:
    """Every method of one score with each calibration below it, in the order of their room."""
    rows = {
        (row["method"], row["calibration"]): row for row in evaluation["methods"] if row["score"] == score
    }
    force, found = evaluation["in_force"], []
    for method in known_first(METHOD_NAMES, {method for method, _ in rows}):
        name = method.replace("_", " ")
        for calibration in SECTIONS:
            row = rows.get((method, calibration))
            if row is None:
                continue
            found.append(
                MethodOnTest(
                    name=name,
                    calibration=calibration,
                    stem=f"evaluate.method.{score}.{method}.{calibration}",
                    eligible=row["eligible"],
                    in_force=(method, calibration) == (force["method"], force["calibration"]),
                    refuted=refuted(row),
                )
            )
            name = ""
    return found


def refuted(row: Mapping[str, Any]) -> bool:
    """Whether a promised rate lies below the lower bound of the observed one; without a promise it is not.

    Example:
        >>> row = {"eligible": True, "promised_false_reject_rate": 0.05, "observed_false_reject_rate": {"low": 0.12}}
        >>> refuted(row), refuted(row | {"eligible": False})
        (True, False)
    """
    promised, low = row["promised_false_reject_rate"], row["observed_false_reject_rate"]["low"]
    return bool(row["eligible"] and promised is not None and low is not None and low > promised)


def planned_criteria(plan: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The acceptance criteria on shares of a known number of images, in their order; none without a plan."""
    return [] if plan is None else [row for row in plan["criteria"].values() if row["units"] is not None]


def disturbed(robustness: Mapping[str, Any]) -> list[Disturbed]:
    """Each disturbance at its declared limit; at the largest severity below it, or else the smallest, where the limit
    itself was not tested.

    Example:
        >>> cells = {"0_5": {"severity": 0.5}, "1_0": {"severity": 1.0}, "2_0": {"severity": 2.0}}
        >>> found = disturbed({"disturbances": {"blur": {"meaning": "m", "cells": cells}}})
        >>> found[0].stem, found[0].cell
        ('evaluate.robustness.blur', 'evaluate.robustness.blur.1_0')
    """
    found = []
    for name, series in robustness["disturbances"].items():
        tested = sorted(cell["severity"] for cell in series["cells"].values())
        severity = max((step for step in tested if step <= 1), default=tested[0])
        stem = f"evaluate.robustness.{name}"
        found.append(Disturbed(name, series["meaning"], stem, f"{stem}.{severity_key(severity)}"))
    return found


def detected(detection: Mapping[str, Any]) -> list[DetectedType]:
    """Each defect type whose size is known, seeded ones first."""
    return [
        DetectedType(item["defect"], words, f"evaluate.detection.{source}.{slug}", item["reason"])
        for source, words in _SOURCES.items()
        for slug, item in detection["curves"][source].items()
    ]


def seeds_case(inputs: DossierInputs) -> str | None:
    """Id of the test case on other seeds of training; None when the protocol has none."""
    cases = inputs.protocols["pq"].cases
    return next((case.id for case in cases if case.check == SEEDS_CHECK), None)
