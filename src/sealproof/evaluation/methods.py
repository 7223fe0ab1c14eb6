"""Every threshold method on the test split, for the comparison; only the one in force was chosen beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sealproof.evaluation.cases import verdicts
from sealproof.evaluation.counts import ConfusionCounts, count_verdicts
from sealproof.evaluation.intervals import RATES, Estimate, not_evaluable, proportion, rate_estimates

NO_THRESHOLD = "there is no valid threshold, so nothing was decided"
#: Sections of thresholds.json, by the normals that the thresholds were computed from.
SECTIONS = {"held-out": "scores", "training": "training_scores", "cross-fit": "cross_fit_scores"}


@dataclass(frozen=True)
class MethodEvaluation:
    """One score with the threshold of one method and calibration.

    Attributes:
        threshold: None when the method is not eligible.
        eligible: whether the method may be used.
        judged_at: the threshold, or the estimate of a method that is not eligible; None when there is neither.
        promised: share of new normal parts that it promises to reject at most; None when nothing.
        promise: the promise in sentences.
        promise_confidence: of the promised rate; None when it holds on average over calibration sets.
        counts, metrics: with two verdicts at `judged_at`; a three-way verdict is no matter of a method.
        false_rejects: share of the normal images with a score that score at or above `judged_at`.
    """

    score: str
    method: str
    calibration: str
    threshold: float | None
    eligible: bool
    judged_at: float | None
    promised: float | None
    promise: str
    promise_confidence: float | None
    counts: ConfusionCounts
    metrics: Mapping[str, Estimate]
    false_rejects: Estimate

    def as_json(self) -> dict[str, Any]:
        """The row as JSON types."""
        return {
            "score": self.score,
            "method": self.method,
            "calibration": self.calibration,
            "threshold": self.threshold,
            "eligible": self.eligible,
            "judged_at": self.judged_at,
            "promised_false_reject_rate": self.promised,
            "promise": self.promise,
            "promise_confidence": self.promise_confidence,
            "observed_false_reject_rate": self.false_rejects.as_json(),
            "counts": self.counts.as_json(),
            "metrics": {name: found.as_json() for name, found in self.metrics.items()},
        }


def evaluate_methods(
    cases: pd.DataFrame, thresholds: Mapping[str, Any], confidence: float
) -> Iterator[MethodEvaluation]:
    """Every score, calibration and method of thresholds.json, in its order."""
    for section in SECTIONS.values():
        for name, methods in thresholds.get(section, {}).items():
            for method, result in methods.items():
                yield evaluate_method(cases, name, method, result, judged_at(result), confidence)


def judged_at(result: Mapping[str, Any]) -> float | None:
    """The threshold of a result, or what its method would give if it were eligible."""
    estimate: float | None = result["threshold"]
    return result.get("details", {}).get("estimate") if estimate is None else estimate


def evaluate_method(
    cases: pd.DataFrame,
    score: str,
    method: str,
    result: Mapping[str, Any],
    limit: float | None,
    confidence: float,
) -> MethodEvaluation:
    """One result of thresholds.json, judged at `limit`."""
    labels, decided = cases["label"].to_numpy(), cases["decided"].to_numpy()
    counts = count_verdicts(labels, verdicts(cases[score], decided, limit))
    return MethodEvaluation(
        score=score,
        method=method,
        calibration=result["calibration"],
        threshold=result["threshold"],
        eligible=result["threshold"] is not None,
        judged_at=limit,
        promised=result["promised_false_reject_rate"],
        promise=result.get("promise", ""),
        promise_confidence=result.get("promise_confidence"),
        counts=counts,
        metrics=rates_or_none(counts.conservative(), limit, confidence),
        false_rejects=_false_rejects(counts, limit, confidence),
    )


def rates_or_none(
    counts: ConfusionCounts, threshold: float | None, confidence: float
) -> Mapping[str, Estimate]:
    """All rates, none of them evaluable without a threshold."""
    if threshold is None:
        return dict.fromkeys(RATES, not_evaluable(NO_THRESHOLD))
    return rate_estimates(counts, confidence)


def _false_rejects(counts: ConfusionCounts, threshold: float | None, confidence: float) -> Estimate:
    """Share of the normal images with a score that are rejected: what a promised false-reject rate speaks of."""
    if threshold is None:
        return not_evaluable(NO_THRESHOLD)
    return proportion(counts.fp, counts.fp + counts.tn, confidence, "there is no normal image with a score")


def promise_kept(row: MethodEvaluation) -> bool | None:
    """False when the observed false rejects lie significantly above the promised rate; None without a promise.

    The same whether the rate is promised on average or with a confidence: the lower bound of what was observed is
    held against it. True does not prove the promise: it says that the test split does not refute it. A method that
    is not eligible promises nothing.
    """
    if not row.eligible or row.promised is None or row.false_rejects.low is None:
        return None
    return row.false_rejects.low <= row.promised
