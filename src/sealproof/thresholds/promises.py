"""What threshold methods promise about new parts, in plain sentences with their conditions."""

from __future__ import annotations

from sealproof.thresholds.judgement import Promise
from sealproof.thresholds.result import Basis, CalibrationKind

#: What a promise on other normals than held-out ones depends on besides.
_CONDITIONS: dict[CalibrationKind, str] = {
    "held-out": "",
    "training": " This would hold if new parts scored like the parts that the detector was fitted to.",
    "cross-fit": (
        " This is computed with the detectors of the folds and carries over to the detector in force as far as "
        "both score alike."
    ),
}


def percent(rate: float) -> str:
    """A rate in percent, with as many decimals as it needs, three at most.

    Example:
        >>> percent(0.05), percent(0.0603448), percent(0.001)
        ('5 %', '6.034 %', '0.1 %')
    """
    return f"{100 * rate:.3f}".rstrip("0").rstrip(".") + " %"


def on_average(rate: float, basis: Basis, condition: str = "") -> Promise:
    """At most `rate` of new normal parts are rejected, on average over the calibration sets one could have
    drawn.

    Args:
        rate: share of new normal parts, 0 to 1.
        basis: calibration, on which the promise depends.
        condition: what else it depends on, a clause that follows a comma; "" when nothing.

    Example:
        >>> on_average(0.05, Basis()).text
        'On average over calibration sets, at most 5 % of new normal parts are rejected.'
    """
    text = f"On average over calibration sets, at most {percent(rate)} of new normal parts are rejected"
    return Promise(rate, _sentence(text, condition, basis))


def with_confidence(rate: float, confidence: float, basis: Basis, condition: str = "") -> Promise:
    """This very threshold rejects at most `rate` of new normal parts, with `confidence`.

    Args:
        rate: share of new normal parts, 0 to 1.
        confidence: 0 to 1.
        basis, condition: as in `on_average`.

    Example:
        >>> with_confidence(0.05, 0.95, Basis(), "if their scores are normally distributed").text
        'With 95 % confidence at most 5 % of new normal parts are rejected, if their scores are normally distributed.'
    """
    text = f"With {percent(confidence)} confidence at most {percent(rate)} of new normal parts are rejected"
    return Promise(rate, _sentence(text, condition, basis), confidence)


def _sentence(text: str, condition: str, basis: Basis) -> str:
    clause = f", {condition}" if condition else ""
    return f"{text}{clause}.{_CONDITIONS[basis.calibration]}"
