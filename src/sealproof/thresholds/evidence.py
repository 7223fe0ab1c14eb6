"""Evidence records of the threshold stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sealproof.evidence.records import Recorder
from sealproof.thresholds.compare import Comparison
from sealproof.thresholds.result import ThresholdResult

_SCORE = "score"


def record_thresholds(recorder: Recorder, comparison: Comparison, artefact: Path) -> None:
    """Record every threshold with its figures, and the one in force, readable in thresholds.json.

    Ids: `threshold.<score>.<method>.<field>` from held-out normals,
    `threshold.<score>.<method>.training.<field>` from training scores, `threshold.in_force.<field>`,
    `threshold.calibration.<group>`, `threshold.<score>.optimism.<field>`.
    """
    for score, result in comparison.rows():
        held_out = result.calibration == "held-out"
        prefix = f"{score}.{result.method}" + ("" if held_out else ".training")
        pointer = f"/{'scores' if held_out else 'training_scores'}/{score}/{result.method}"
        _record_result(recorder, prefix, pointer, result, artefact)
    _record_in_force(recorder, comparison, artefact)
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
    for field, value in (("score", comparison.score), ("method", comparison.method)):
        recorder.add(
            f"in_force.{field}",
            value,
            unit="1",
            definition=f"{field} in force, named in params.yaml before any test score existed",
            artefact=artefact,
            pointer=f"/in_force/{field}",
        )
    _record_result(recorder, "in_force", "/in_force", comparison.in_force, artefact)


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
            definition=f"number of {what} with a score",
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
    for name, (value, unit, definition, place) in _fields(result).items():
        text = f"{definition}, by {result.method} on {result.calibration} normals"
        if value is None:
            text += f"; none: {result.reason}"
        recorder.add(
            f"{prefix}.{name}",
            value,
            unit=unit,
            definition=text,
            artefact=artefact,
            pointer=f"{pointer}/{place}",
        )


def _fields(result: ThresholdResult) -> dict[str, tuple[Any, str, str, str]]:
    """Record name -> (value, unit, definition, pointer below the result)."""
    fields = {
        "threshold": (result.threshold, _SCORE, "threshold; a score at or above it is rejected", "threshold"),
        "low": (result.low, _SCORE, "lower end of the threshold's interval", "low"),
        "high": (result.high, _SCORE, "upper end of the threshold's interval", "high"),
        "n": (result.n, "images", "number of images the threshold was computed from", "n"),
        "eligible": (result.eligible, "1", "whether the threshold may be used", "eligible"),
        "reason_code": (
            result.reason_code,
            "1",
            "code of the reason why it may or may not be used",
            "reason_code",
        ),
        "reason": (result.reason, "1", "reason why the threshold may or may not be used", "reason"),
        "promised_false_reject_rate": (
            result.promised_false_reject_rate,
            "1",
            "share of new normal parts that the method promises to reject at most or on average",
            "promised_false_reject_rate",
        ),
    }
    return fields | _rates(result) | _numbers(result) | _tests(result)


def _rates(result: ThresholdResult) -> dict[str, tuple[Any, str, str, str]]:
    fields = {}
    for group, whose in (
        ("calibration_false_rejects", "the calibration normals"),
        ("held_out_false_rejects", "the held-out normals"),
    ):
        for field, what in (
            ("rejected", "number of rejected among"),
            ("rate", "share rejected of"),
            ("low", "lower Clopper-Pearson bound of the share rejected of"),
            ("high", "upper Clopper-Pearson bound of the share rejected of"),
            ("bound", "upper Dvoretzky-Kiefer-Wolfowitz bound of the share rejected, from"),
        ):
            if group in result.details:
                unit = "images" if field == "rejected" else "1"
                value = result.details[group][field]
                fields[f"{group}.{field}"] = (value, unit, f"{what} {whose}", f"details/{group}/{field}")
    return fields


def _numbers(result: ThresholdResult) -> dict[str, tuple[Any, str, str, str]]:
    """The method's own figures, those of an ineligible method included."""
    known = {
        "exceedances": ("images", "number of normals above the level of the tail"),
        "minimum_exceedances": ("images", "number of exceedances that the eligibility rule asks for"),
        "tail_fraction": ("1", "share of the normals that forms the tail"),
        "level": (_SCORE, "level above which the tail is fitted"),
        "shape": ("1", "shape of the generalised Pareto tail"),
        "scale": (_SCORE, "scale of the generalised Pareto tail"),
        "anderson_darling": ("1", "Anderson-Darling statistic of the tail's fit"),
        "fit_p_value": ("1", "p-value of the tail's fit by parametric bootstrap"),
        "estimate": (_SCORE, "threshold that the method would give if it were eligible"),
        "estimate_low": (_SCORE, "lower end of the interval of that estimate"),
        "estimate_high": (_SCORE, "upper end of the interval of that estimate"),
        "mean": (_SCORE, "mean of the normal scores (Equation 4)"),
        "standard_deviation": (_SCORE, "standard deviation of the normal scores (Equation 5)"),
        "sigmas": ("1", "number of standard deviations above the mean"),
        "normal_theory_expected_false_reject_rate": (
            "1",
            "expected share of rejected new normals if scores were normal, mean and deviation estimated",
        ),
        "percent": ("1", "percentile"),
        "false_reject_rate_bound": (
            "1",
            "upper bound of the share of rejected new normals, any distribution",
        ),
        "accuracy": ("1", "accuracy on the calibration normals and training defects"),
        "defects": ("images", "number of training defects used"),
        "defects_rejected": ("images", "number of training defects rejected"),
        "rank": ("1", "rank of the normal score above which the threshold lies"),
    }
    return {
        key: (result.details[key], unit, definition, f"details/{key}")
        for key, (unit, definition) in known.items()
        if key in result.details
    }


def _tests(result: ThresholdResult) -> dict[str, tuple[Any, str, str, str]]:
    """The normality test, which the method's promise hangs on."""
    return {
        f"normality.{field}": (
            value,
            "1",
            f"{field} of the test: {test.name}",
            f"assumptions/{place}/{field}",
        )
        for place, test in enumerate(result.assumptions)
        if test.name.startswith("normality")
        for field, value in (("statistic", test.statistic), ("p_value", test.p_value), ("holds", test.holds))
    }
