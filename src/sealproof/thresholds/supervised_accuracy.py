"""The threshold of highest accuracy on normals and training defects (Equation 6)."""

from __future__ import annotations

from numpy.typing import ArrayLike

from sealproof.thresholds.result import Basis, Fault, ThresholdResult
from sealproof.thresholds.supervised import Judged, Judgement, Weights, tuned_threshold

METHOD = "supervised_accuracy"


def supervised_accuracy(
    normals: ArrayLike, defects: ArrayLike, *, basis: Basis | None = None
) -> ThresholdResult:
    """T = arg max of mean(1[(score >= T) = label]) over the midpoints between neighbouring different scores.

    Equation 6, searched where the scores are (they need not lie in [0, 1]). Of several equally accurate
    midpoints the lowest is taken: it misses the fewest defects. It promises no false-reject rate, and the
    accuracy it maximises is that of the calibration's own share of defects. It is not eligible when one
    verdict for all parts is as accurate.

    Args:
        normals: (n,) finite scores of normal images.
        defects: (m,) finite scores of training defects; with none the method is not eligible.
        basis: calibration, confidence and resamples.

    Raises:
        ValueError: scores that are not finite or not one-dimensional.

    Example:
        >>> result = supervised_accuracy(range(20), [18.5, 30.0, 31.0])
        >>> result.threshold, round(result.details["accuracy"], 3)
        (18.25, 0.957)
    """
    return tuned_threshold(
        METHOD, normals, defects, basis or Basis(), weigh=lambda n, m: Weights(), judge=_judge
    )


def _judge(found: Judged) -> Judgement:
    n, m = found.normals.size, found.defects.size
    accuracy = (n + m - found.missed - found.false_rejects) / (n + m)
    majority = max(n, m) / (n + m)
    faults = []
    if accuracy <= majority:
        text = f"the best accuracy, {accuracy:.3f}, is not above {majority:.3f}, that of one verdict for all"
        faults.append(Fault("no-better-than-majority", text))
    reason = f"most accurate of all midpoints on {n} normals and {m} training defects"
    return {"accuracy": accuracy}, faults, reason
