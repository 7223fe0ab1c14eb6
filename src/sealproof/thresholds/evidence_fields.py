"""What is recorded of one threshold result: name, value, unit, definition and place of each figure."""

from __future__ import annotations

from typing import Any

from sealproof.thresholds.result import ThresholdResult

SCORE = "score"
Field = tuple[Any, str, str, str]

#: Figures of the methods in `details`: name -> unit, definition.
_FIGURES = {
    "exceedances": ("images", "number of normals above the level of the tail"),
    "minimum_exceedances": ("images", "number of exceedances that the eligibility rule asks for"),
    "tail_fraction": ("1", "share of the normals that forms the tail"),
    "level_rule": (
        "1",
        "how the level is chosen: by sequential tests of fit, or a fixed share of the normals",
    ),
    "candidates_rejected": ("1", "number of candidate levels whose tail the tests of fit reject"),
    "false_discovery_rate": ("1", "false-discovery rate at which the sequential tests of fit stop"),
    "relative_width": ("1", "width of the interval over the threshold's distance from the median normal"),
    "maximum_relative_width": ("1", "relative width of the interval that the eligibility rule allows"),
    "level": (SCORE, "level above which the tail is fitted"),
    "shape": ("1", "shape of the generalised Pareto tail"),
    "scale": (SCORE, "scale of the generalised Pareto tail"),
    "anderson_darling": ("1", "Anderson-Darling statistic of the tail's fit"),
    "fit_p_value": ("1", "p-value of the tail's fit by parametric bootstrap"),
    "mean": (SCORE, "mean of the normal scores (Equation 4)"),
    "standard_deviation": (SCORE, "standard deviation of the normal scores (Equation 5)"),
    "sigmas": ("1", "number of standard deviations above the mean"),
    "factor": ("1", "one-sided tolerance factor: number of standard deviations above the mean"),
    "content": ("1", "share of new normal parts that the tolerance limit is to hold"),
    "content_confidence": ("1", "confidence of the tolerance limit"),
    "nominal_false_reject_rate": (
        "1",
        "false-reject rate that the method is named for, without allowance for the number of normals",
    ),
    "expected_false_reject_rate": ("1", "expected share of rejected new normals"),
    "normal_theory_expected_false_reject_rate": (
        "1",
        "expected share of rejected new normals if scores were normal, mean and deviation estimated",
    ),
    "percent": ("1", "percentile"),
    "false_reject_rate_bound": ("1", "upper bound of the share of rejected new normals, any distribution"),
    "accuracy": ("1", "accuracy on the calibration normals and training defects"),
    "balanced_accuracy": ("1", "mean of recall and specificity on calibration normals and training defects"),
    "expected_cost": ("1", "expected cost of a part at the field prevalence, in the unit of the two costs"),
    "cost_of_rejecting_all": ("1", "expected cost of a part if all parts were rejected"),
    "cost_of_accepting_all": ("1", "expected cost of a part if all parts were accepted"),
    "false_negative_cost": ("1", "cost of a missed defect, stated in params.yaml"),
    "false_positive_cost": ("1", "cost of a rejected normal part, stated in params.yaml"),
    "prevalence": ("1", "share of defective parts in the field, stated in params.yaml"),
    "promised_recall": ("1", "share of new defective parts that is rejected at least, with the confidence"),
    "recall_bound": ("1", "one-sided lower bound of recall, from the training defects"),
    "defects": ("images", "number of training defects used"),
    "defects_rejected": ("images", "number of training defects rejected"),
    "rank": ("1", "rank of the score that the threshold is taken from, 1 = smallest"),
}
_TESTS = {
    "normality": "normality",
    "continuity": "ties",
    "exchangeability": "exchangeability",
    "the folds": "same_detector",
}


def result_fields(result: ThresholdResult) -> dict[str, Field]:
    """Record name -> (value, unit, definition, pointer below the result).

    Example:
        >>> from sealproof.thresholds.conformal import conformal
        >>> result_fields(conformal(range(99)))["rank"][0]
        95
    """
    return _common(result) | _estimates(result) | _rates(result) | _figures(result) | _tests(result)


def _common(result: ThresholdResult) -> dict[str, Field]:
    return {
        "threshold": (result.threshold, SCORE, "threshold; a score at or above it is rejected", "threshold"),
        "low": (result.low, SCORE, "lower end of the threshold's interval", "low"),
        "high": (result.high, SCORE, "upper end of the threshold's interval", "high"),
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
            "share of new normal parts that the method promises to reject at most",
            "promised_false_reject_rate",
        ),
        "promise": (
            result.promise,
            "1",
            "what is promised, to whom and on what condition; empty when nothing is",
            "promise",
        ),
        "promise_confidence": (
            result.promise_confidence,
            "1",
            "confidence of the promise for this very threshold; none: it holds on average over calibration sets",
            "promise_confidence",
        ),
    }


def _estimates(result: ThresholdResult) -> dict[str, Field]:
    """The threshold as computed: its own place when it may be used, the details' otherwise."""
    fields = {}
    for name, own, what in (
        ("estimate", "threshold", "threshold as computed, whether or not it may be used"),
        ("estimate_low", "low", "lower end of the interval of the threshold as computed"),
        ("estimate_high", "high", "upper end of the interval of the threshold as computed"),
    ):
        inside = name in result.details
        value = result.details[name] if inside else getattr(result, own)
        fields[name] = (value, SCORE, what, f"details/{name}" if inside else own)
    return fields


def _rates(result: ThresholdResult) -> dict[str, Field]:
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


def _figures(result: ThresholdResult) -> dict[str, Field]:
    """The method's own figures, those of an ineligible method included."""
    fields = {
        key: (result.details[key], unit, definition, f"details/{key}")
        for key, (unit, definition) in _FIGURES.items()
        if key in result.details and not isinstance(result.details[key], list)
    }
    for end in ("value", "low", "high") if "recall_on_defects" in result.details else ():
        what = {"value": "share", "low": "lower bound of the share", "high": "upper bound of the share"}[end]
        fields[f"recall_on_defects.{end}"] = (
            result.details["recall_on_defects"][end],
            "1",
            f"{what} rejected of the training defects (Clopper-Pearson)",
            f"details/recall_on_defects/{end}",
        )
    return fields


def _tests(result: ThresholdResult) -> dict[str, Field]:
    """The tests of what the promise hangs on."""
    return {
        f"{name}.{field}": (
            value,
            "1",
            f"{field} of the test: {test.name}; {test.meaning}",
            f"assumptions/{place}/{field}",
        )
        for place, test in enumerate(result.assumptions)
        for prefix, name in _TESTS.items()
        if test.name.startswith(prefix)
        for field, value in (("statistic", test.statistic), ("p_value", test.p_value), ("holds", test.holds))
    }
