"""From what a method computed to its result: a threshold with its promise, or the reasons why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sealproof.thresholds.result import Assumption, Basis, Fault, ReasonCode, ThresholdResult, no_threshold


@dataclass(frozen=True)
class Promise:
    """What a method promises about new normal parts.

    Args:
        rate: share rejected at most; None when the method promises none.
        text: the promise with its condition, in sentences.
        confidence: of the rate for this very threshold; None when it holds on average over calibration sets.
    """

    rate: float | None = None
    text: str = ""
    confidence: float | None = None


#: Of methods that look for the best verdict on known parts and say nothing about new ones.
NO_PROMISE = Promise()


@dataclass(frozen=True)
class Estimate:
    """A threshold as computed, before it is judged, with its interval; None where there is no such bound."""

    threshold: float
    low: float | None
    high: float | None


def threshold_result(
    method: str,
    n: int,
    basis: Basis,
    *,
    estimate: Estimate | None,
    faults: list[Fault],
    promise: Promise = NO_PROMISE,
    reason: str,
    reason_code: ReasonCode = "valid",
    assumptions: tuple[Assumption, ...] = (),
    details: dict[str, Any] | None = None,
) -> ThresholdResult:
    """The result of a method: its estimate as threshold, or with any fault "no valid threshold".

    A method that is not eligible promises nothing; its estimate stands in `details`, and the rate that it
    would promise beside it.

    Args:
        method, n, basis: as in the result.
        estimate: None when nothing could be computed; then there has to be a fault.
        faults: broken rules of eligibility.
        promise: what holds when it is eligible.
        reason, reason_code: when it is eligible.
        assumptions, details: as in the result.

    Raises:
        ValueError: neither an estimate nor a fault.

    Example:
        >>> found = Estimate(1.0, 0.9, None)
        >>> threshold_result("percentile", 20, Basis(), estimate=found, faults=[], reason="").threshold
        1.0
        >>> fault = Fault("too-few-normals", "3 normals")
        >>> result = threshold_result("percentile", 3, Basis(), estimate=found, faults=[fault], reason="")
        >>> result.threshold, result.details["estimate"]
        (None, 1.0)
    """
    details = dict(details or {})
    if faults:
        return no_threshold(
            method,
            n,
            basis,
            faults,
            promised_false_reject_rate=promise.rate,
            promise_confidence=promise.confidence,
            assumptions=assumptions,
            details=details | _estimated(estimate),
        )
    if estimate is None:
        raise ValueError(f"{method}: neither a threshold nor a reason why there is none")
    return ThresholdResult(
        method=method,
        threshold=estimate.threshold,
        low=estimate.low,
        high=estimate.high,
        n=n,
        calibration=basis.calibration,
        promised_false_reject_rate=promise.rate,
        eligible=True,
        reason_code=reason_code,
        reason=reason,
        assumptions=assumptions,
        details=details,
        promise=promise.text,
        promise_confidence=promise.confidence,
    )


def withdrawn(result: ThresholdResult, fault: Fault) -> ThresholdResult:
    """The same result, not eligible because of one more fault; what was its threshold becomes an estimate.

    Example:
        >>> found = Estimate(1.0, 0.9, 1.1)
        >>> result = threshold_result("percentile", 20, Basis(), estimate=found, faults=[], reason="")
        >>> withdrawn(result, Fault("assumption-not-met", "they differ")).details["estimate"]
        1.0
    """
    if result.threshold is None:
        codes = [*result.details.get("reason_codes", [result.reason_code]), fault.code]
        reason = f"{result.reason}; {fault.text}"
        return replace(result, reason=reason, details=result.details | {"reason_codes": codes})
    found = _estimated(Estimate(result.threshold, result.low, result.high))
    return replace(
        result,
        threshold=None,
        low=None,
        high=None,
        eligible=False,
        reason_code=fault.code,
        reason=fault.text,
        promise="",
        details=result.details | found | {"reason_codes": [fault.code]},
    )


def _estimated(estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {}
    return {
        "estimate": estimate.threshold,
        "estimate_low": estimate.low,
        "estimate_high": estimate.high,
    }
