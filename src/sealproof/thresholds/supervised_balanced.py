"""The threshold of highest balanced accuracy on normals and training defects."""

from __future__ import annotations

from numpy.typing import ArrayLike

from sealproof.thresholds.result import Basis, Fault, ThresholdResult
from sealproof.thresholds.supervised import Judged, Judgement, Weights, tuned_threshold

METHOD = "supervised_balanced"


def supervised_balanced(
    normals: ArrayLike, defects: ArrayLike, *, basis: Basis | None = None
) -> ThresholdResult:
    """T = arg max of (recall + specificity) / 2 over the midpoints between neighbouring different scores.

    Other than accuracy it does not depend on the calibration's share of defects. Of several equally good
    midpoints the lowest is taken: it misses the fewest defects. It promises no false-reject rate. It is not
    eligible when it is no better than one verdict for all parts, 0.5. Reference: Youden, Cancer 3 (1950)
    32-35, whose index is 2 times the balanced accuracy minus 1.

    Args:
        normals: (n,) finite scores of normal images.
        defects: (m,) finite scores of training defects; with none the method is not eligible.
        basis: calibration, confidence and resamples.

    Raises:
        ValueError: scores that are not finite or not one-dimensional.

    Example:
        >>> result = supervised_balanced(range(20), [16.5, 30.0])
        >>> result.threshold, round(result.details["balanced_accuracy"], 3)
        (16.25, 0.925)
    """
    return tuned_threshold(METHOD, normals, defects, basis or Basis(), weigh=_weigh, judge=_judge)


def _weigh(n: int, m: int) -> Weights:
    # Times 2 n m, so that all gains are whole numbers and ties are exact.
    return Weights(normal=float(m), defect=float(n))


def _judge(found: Judged) -> Judgement:
    n, m = found.normals.size, found.defects.size
    right = (m - found.missed) * n + (n - found.false_rejects) * m
    balanced = right / (2 * n * m)
    faults = []
    if right <= n * m:
        text = f"the best balanced accuracy, {balanced:.3f}, is not above 0.5, that of one verdict for all"
        faults.append(Fault("no-better-than-one-verdict", text))
    reason = f"highest balanced accuracy of all midpoints on {n} normals and {m} training defects"
    return {"balanced_accuracy": balanced}, faults, reason
