"""Every threshold method with its settings, in the order in which they are shown."""

from __future__ import annotations

from numpy.typing import ArrayLike

from sealproof.thresholds.conformal import conformal
from sealproof.thresholds.cost import cost
from sealproof.thresholds.evt_pot import evt_pot
from sealproof.thresholds.mean_sigma import mean_sigma
from sealproof.thresholds.percentile import percentile
from sealproof.thresholds.recall_bound import recall_bound
from sealproof.thresholds.result import Basis, ThresholdResult
from sealproof.thresholds.settings import METHOD_NAMES, ThresholdSettings
from sealproof.thresholds.supervised_accuracy import supervised_accuracy
from sealproof.thresholds.supervised_balanced import supervised_balanced
from sealproof.thresholds.tolerance_normal import tolerance_normal
from sealproof.thresholds.tolerance_order import tolerance_order


def all_methods(
    normals: ArrayLike, defects: ArrayLike, settings: ThresholdSettings, basis: Basis
) -> dict[str, ThresholdResult]:
    """Method -> its result, all of them, in the order of `METHOD_NAMES`.

    Args:
        normals: (n,) finite scores of normal images.
        defects: (m,) finite scores of training defects.
        settings: parameters of the methods.
        basis: calibration, confidence, resamples and seed.

    Raises:
        ValueError: scores that are not finite or not one-dimensional.

    Example:
        >>> found = all_methods(range(60), range(50, 90), ThresholdSettings(), Basis(resamples=20))
        >>> [method for method, result in found.items() if not result.eligible]
        ['mean_sigma', 'evt_pot', 'tolerance_normal']
    """
    required, minimum = settings.require_normality, settings.normality_minimum
    content, confidence = settings.tolerance.content, settings.tolerance.confidence
    results = (
        mean_sigma(
            normals,
            sigmas=settings.sigmas,
            require_normality=required,
            normality_minimum=minimum,
            basis=basis,
        ),
        percentile(normals, percent=settings.percentile, basis=basis),
        evt_pot(normals, settings=settings.evt, basis=basis),
        conformal(normals, false_reject_rate=settings.conformal.false_reject_rate, basis=basis),
        tolerance_normal(
            normals,
            content=content,
            confidence=confidence,
            require_normality=required,
            normality_minimum=minimum,
            basis=basis,
        ),
        tolerance_order(normals, content=content, confidence=confidence, basis=basis),
        supervised_accuracy(normals, defects, basis=basis),
        supervised_balanced(normals, defects, basis=basis),
        cost(normals, defects, settings=settings.cost, basis=basis),
        recall_bound(normals, defects, recall=settings.recall_bound.recall, basis=basis),
    )
    found = {result.method: result for result in results}
    return {method: found[method] for method in METHOD_NAMES}
