"""Evidence records of the threshold stage."""

from __future__ import annotations

from pathlib import Path

from sealproof.evidence.records import Recorder
from sealproof.thresholds.compare import Comparison
from sealproof.thresholds.evidence_fields import SCORE, result_fields
from sealproof.thresholds.result import CalibrationKind, ThresholdResult

#: Calibration -> (part of the id, place in thresholds.json).
_PLACES: dict[CalibrationKind, tuple[str, str]] = {
    "held-out": ("", "scores"),
    "training": (".training", "training_scores"),
    "cross-fit": (".cross_fit", "cross_fit_scores"),
}
#: Field of a three-way verdict -> (unit, definition, pointer below it).
_THREE_WAY = {
    "false_reject_rate": ("1", "share of new normal parts rejected at most, on average", "false_reject_rate"),
    "missed_defect_rate": ("1", "share of new defects accepted at most, on average", "missed_defect_rate"),
    "accept_below": (SCORE, "a score below it is accepted", "accept_below"),
    "reject_from": (SCORE, "a score at or above it is rejected", "reject_from"),
    "reason": ("1", "what the two limits hold, or why there is none", "reason"),
    "share_undecided.calibration": (
        "1",
        "share of the calibration normals that goes to a person",
        "share_undecided/calibration",
    ),
    "share_undecided.tuning": (
        "1",
        "share of the training defects that goes to a person",
        "share_undecided/tuning",
    ),
}


def record_thresholds(recorder: Recorder, comparison: Comparison, artefact: Path) -> None:
    """Record every threshold with its figures, and the one in force, readable in thresholds.json.

    Ids: `threshold.<score>.<method>.<field>` from held-out normals,
    `threshold.<score>.<method>.training.<field>` from training scores,
    `threshold.<score>.<method>.cross_fit.<field>` where cross-fitting ran, `threshold.in_force.<field>`,
    `threshold.three_way.<score>.<place in the list>.<field>` for the score in force,
    `threshold.calibration.<group>`, `threshold.<score>.optimism.<field>`.
    """
    for score, result in comparison.rows():
        inside, place = _PLACES[result.calibration]
        pointer = f"/{place}/{score}/{result.method}"
        _record_result(recorder, f"{score}.{result.method}{inside}", pointer, result, artefact)
    _record_in_force(recorder, comparison, artefact)
    _record_three_way(recorder, comparison, artefact)
    _record_groups(recorder, comparison, artefact)
    for score, test in comparison.optimism.items():
        for field, value in (("statistic", test.statistic), ("p_value", test.p_value), ("holds", test.holds)):
            definition = f"{field} of the test: {test.name}, score {score}; {test.meaning}"
            recorder.add(
                f"{score}.optimism.{field}",
                value,
                unit="1",
                definition=definition,
                artefact=artefact,
                pointer=f"/optimism/{score}/{field}",
            )


def _record_in_force(recorder: Recorder, comparison: Comparison, artefact: Path) -> None:
    named = {
        "score": comparison.score,
        "method": comparison.method,
        "calibration": comparison.calibration,
    }
    for field, value in named.items():
        recorder.add(
            f"in_force.{field}",
            value,
            unit="1",
            definition=f"{field} in force, named in params.yaml before any test score existed",
            artefact=artefact,
            pointer=f"/in_force/{field}",
        )
    _record_result(recorder, "in_force", "/in_force", comparison.in_force, artefact)
    recorder.add(
        "in_force.accept_below",
        comparison.accept_below,
        unit=SCORE,
        definition="a score below it is accepted; between it and the threshold a part is undecided and goes to a "
        "person; none: the verdict is accept or reject alone, or there is no valid threshold",
        artefact=artefact,
        pointer="/in_force/accept_below",
    )


def _record_three_way(recorder: Recorder, comparison: Comparison, artefact: Path) -> None:
    score = comparison.score
    for place, item in enumerate(comparison.three_way[score]):
        content = item.as_json()
        shares = {f"share_undecided.{group}": share for group, share in item.share_undecided.items()}
        for field, (unit, definition, inside) in _THREE_WAY.items():
            value = (content | shares)[field]
            missing = f"; none: {item.reason}" if value is None else ""
            recorder.add(
                f"three_way.{score}.{place}.{field}",
                value,
                unit=unit,
                definition=f"{definition}, by label-conditional conformal p-values{missing}",
                artefact=artefact,
                pointer=f"/three_way/{score}/{place}/{inside}",
            )


_NOT_FITTED = " that was not fitted to them: none where the score learnt from defects"


def _record_groups(recorder: Recorder, comparison: Comparison, artefact: Path) -> None:
    groups = {
        "held_out_normals": ("calibration", comparison.scores.held_out),
        "training_normals": ("train", comparison.scores.training),
        "training_defects": ("tuning", comparison.scores.defects),
    }
    for name, (split, scores) in groups.items():
        what = name.replace("_", " ")
        recorder.add(
            f"calibration.{name}",
            int(scores[comparison.score].size),
            unit="images",
            definition=f"number of {what} with a score{_NOT_FITTED if split == 'tuning' else ''}",
            artefact=artefact,
        )
        recorder.add(
            f"calibration.{name}_undecided",
            comparison.scores.undecided[split],
            unit="images",
            definition=f"number of {what} that are undecided and therefore have no score",
            artefact=artefact,
            pointer=f"/undecided/{split}",
        )


def _record_result(
    recorder: Recorder, prefix: str, pointer: str, result: ThresholdResult, artefact: Path
) -> None:
    for name, (value, unit, definition, place) in result_fields(result).items():
        text = f"{definition}, by {result.method} on {result.calibration} normals"
        if value is None and not place.startswith("assumptions/") and name != "promise_confidence":
            text += f"; none: {'there is no such figure' if result.eligible else result.reason}"
        recorder.add(
            f"{prefix}.{name}",
            value,
            unit=unit,
            definition=text,
            artefact=artefact,
            pointer=f"{pointer}/{place}",
        )
