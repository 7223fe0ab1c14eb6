"""What every threshold method returns: a threshold with its evidence, or the reason why there is none."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
CalibrationKind = Literal["held-out", "training", "cross-fit"]
ReasonCode = Literal[
    "valid",
    "assumption-not-met",
    "too-few-normals",
    "constant-scores",
    "no-defects",
    "no-prevalence",
    "no-better-than-majority",
    "no-better-than-one-verdict",
    "too-few-exceedances",
    "poor-tail-fit",
    "interval-not-finite",
    "interval-too-wide",
    "promise-out-of-reach",
    "acceptance-out-of-reach",
]


@dataclass(frozen=True)
class Basis:
    """On what a threshold is computed and judged, the same for all methods.

    Args:
        calibration: `held-out` normals, the `training` normals (the paper's way, optimistic), or all of them,
            each scored by a detector that was not fitted to it (`cross-fit`).
        confidence: of every interval and bound, in (0.5, 1).
        resamples: of bootstrap intervals and tests.
        seed: of the bootstrap.
        minimum_normals: fewer normals than this make every method ineligible.
    """

    calibration: CalibrationKind = "held-out"
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0
    minimum_normals: int = 20


@dataclass(frozen=True)
class Assumption:
    """An assumption of a method and the test of it.

    Args:
        name: of the test.
        statistic: its value; None when it could not be computed.
        p_value: None where the test has none.
        holds: True, False, or None when it could not be tested.
        meaning: what follows, in a sentence.
    """

    name: str
    statistic: float | None
    p_value: float | None
    holds: bool | None
    meaning: str


@dataclass(frozen=True)
class ThresholdResult:
    """A threshold, or the statement that there is no valid one. A score at or above it is rejected.

    Args:
        method: name of the method.
        threshold: None exactly when the method is not eligible.
        low, high: interval of the threshold at the basis' confidence; None where there is no such bound.
        n: scores it was computed from (normals, and defects where the method uses them).
        calibration: which normals they were.
        promised_false_reject_rate: what the method promises for new normal parts; None when nothing.
        eligible: whether it may be used.
        reason_code, reason: why, or why not.
        assumptions: tests of what the method assumes.
        details: figures of the method, JSON types only.
        promise: what is promised, to whom and on what condition, in sentences; "" when nothing is.
        promise_confidence: of the promised rate for this very threshold; None when the rate holds on average
            over calibration sets.

    Raises:
        ValueError: eligible without a threshold, or a threshold although not eligible.
    """

    method: str
    threshold: float | None
    low: float | None
    high: float | None
    n: int
    calibration: CalibrationKind
    promised_false_reject_rate: float | None
    eligible: bool
    reason_code: ReasonCode
    reason: str
    assumptions: tuple[Assumption, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    promise: str = ""
    promise_confidence: float | None = None

    def __post_init__(self) -> None:
        if self.eligible != (self.threshold is not None):
            raise ValueError(
                f"{self.method}: eligible is {self.eligible}, but the threshold is {self.threshold}"
            )

    def as_json(self) -> dict[str, Any]:
        """All fields but the method's name, as JSON types."""
        content = asdict(self) | {"assumptions": [asdict(test) for test in self.assumptions]}
        return {key: value for key, value in content.items() if key != "method"}


@dataclass(frozen=True)
class Fault:
    """One rule of eligibility that is broken."""

    code: ReasonCode
    text: str


def no_threshold(method: str, n: int, basis: Basis, faults: list[Fault], **fields: Any) -> ThresholdResult:
    """The result "no valid threshold", naming every broken rule.

    Example:
        >>> no_threshold("percentile", 3, Basis(), [Fault("too-few-normals", "3 normals")]).threshold is None
        True
    """
    details = fields.pop("details", {}) | {"reason_codes": [fault.code for fault in faults]}
    fields.setdefault("promised_false_reject_rate", None)
    return ThresholdResult(
        method=method,
        threshold=None,
        low=None,
        high=None,
        n=n,
        calibration=basis.calibration,
        eligible=False,
        reason_code=faults[0].code,
        reason="; ".join(fault.text for fault in faults),
        details=details,
        **fields,
    )


def sorted_scores(values: ArrayLike) -> Floats:
    """Scores as a sorted float64 vector, so that their order never changes a result.

    Args:
        values: (n,) finite scores, higher = more anomalous.

    Raises:
        ValueError: not one-dimensional, or a value is NaN or infinite.

    Example:
        >>> sorted_scores([3, 1, 2]).tolist()
        [1.0, 2.0, 3.0]
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"scores must be one-dimensional, not of shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {scores.size} scores are not finite")
    return np.sort(scores)


def common_faults(scores: Floats, basis: Basis) -> list[Fault]:
    """Rules that every method has: enough normals, and scores that differ.

    Example:
        >>> [fault.code for fault in common_faults(np.zeros(5), Basis())]
        ['too-few-normals', 'constant-scores']
    """
    faults = []
    if scores.size < basis.minimum_normals:
        faults.append(
            Fault(
                "too-few-normals",
                f"{scores.size} {basis.calibration} normals, {basis.minimum_normals} are needed",
            )
        )
    if scores.size and scores[0] == scores[-1]:
        faults.append(Fault("constant-scores", "all normal scores are equal, so they tell nothing apart"))
    return faults


def is_rejected(scores: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """The one decision rule: a score at or above the threshold is rejected. NaN is not rejected here: it is
    undecided.

    Example:
        >>> is_rejected([0.9, 1.0, 1.1], 1.0).tolist()
        [False, True, True]
    """
    decided: NDArray[np.bool_] = np.asarray(scores, dtype=np.float64) >= threshold
    return decided
