"""Second implementations of the threshold methods, for checks only; other formulas than the pipeline's.

Nothing of this is used to compute a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist, fmean, stdev

from sealproof.qualification import reference
from sealproof.qualification.reference import Floats, binomial_at_most
from sealproof.thresholds.settings import ThresholdSettings

_POINTS = 4001  # of Simpson's rule, odd


def references(normals: Floats, defects: Floats, settings: ThresholdSettings) -> dict[str, float | None]:
    """Method -> its threshold by a second computation, eligible or not; None where there is none.

    `evt_pot` is left out: its fit has tests of its own.

    Args:
        normals: (n,) scores of normals, at least 2.
        defects: (m,) scores of training defects.
        settings: parameters of the methods.
    """
    tolerance, price = settings.tolerance, settings.cost
    found = {
        "mean_sigma": reference.mean_sigma(normals, settings.sigmas),
        "percentile": percentile_above(normals, settings.percentile),
        "conformal": after(reference.conformal(normals, settings.conformal.false_reject_rate)),
        "tolerance_normal": tolerance_normal(normals, tolerance.content, tolerance.confidence),
        "tolerance_order": after(tolerance_order(normals, tolerance.content, tolerance.confidence)),
        "recall_bound": recall_bound(defects, settings.recall_bound.recall, settings.confidence),
    }
    tuned = dict.fromkeys(("supervised_accuracy", "supervised_balanced", "cost"), (1.0, 1.0))
    if len(defects):
        tuned["supervised_balanced"] = (1 / len(normals), 1 / len(defects))
        if price.prevalence is not None:
            share, total = price.prevalence, (len(normals), len(defects))
            tuned["cost"] = (
                (1 - share) * price.false_positive / total[0],
                share * price.false_negative / total[1],
            )
    if price.prevalence is None:
        del tuned["cost"]
    return found | {
        method: cheapest(normals, defects, *weights) if len(defects) else None
        for method, weights in tuned.items()
    }


def after(value: float | None) -> float | None:
    """The next number above, so that a score equal to the old one lies below.

    Example:
        >>> after(1.0) > 1.0, after(None)
        (True, None)
    """
    return None if value is None else math.nextafter(value, math.inf)


def percentile_above(normals: Floats, percent: float) -> float:
    """The percentile by hand, raised to the next number where it is a score.

    Example:
        >>> import numpy as np
        >>> percentile_above(np.array([1.0, 2.0, 3.0]), 75.0)
        2.5
    """
    value = reference.percentile(normals, percent)
    return math.nextafter(value, math.inf) if value in normals.tolist() else value


def tolerance_normal(normals: Floats, content: float, confidence: float) -> float:
    """Mean plus the tolerance factor times the deviation, the factor by integration over the deviation.

    Example:
        >>> import numpy as np
        >>> values = np.array([-1.0, 1.0] * 5) * math.sqrt(0.9)  # mean 0, deviation 1
        >>> round(tolerance_normal(values, 0.95, 0.95), 3)
        2.911
    """
    values: list[float] = normals.tolist()
    return fmean(values) + _tolerance_factor(len(values), content, confidence) * stdev(values)


@lru_cache(maxsize=64)
def _tolerance_factor(n: int, content: float, confidence: float) -> float:
    """The factor at which `confidence` is just reached, by bisection; the same for all scores of a run."""
    z = NormalDist().inv_cdf(content)

    def too_small(factor: float) -> bool:
        return _covered(n, lambda s: (factor * s - z) * math.sqrt(n)) < confidence

    low, high = z - 1.0, z + 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if too_small(middle) else (low, middle)
    return (low + high) / 2


def _covered(n: int, argument: Callable[[float], float]) -> float:
    """E[Phi(argument(S))], S^2 = chi-square(n - 1)/(n - 1), by Simpson's rule over all of S that matters."""
    freedom = n - 1
    constant = math.log(2) + freedom / 2 * math.log(freedom / 2) - math.lgamma(freedom / 2)
    low, high = max(0.0, 1 - 9 / math.sqrt(freedom)), 1 + 9 / math.sqrt(freedom)
    step, normal = (high - low) / (_POINTS - 1), NormalDist()
    parts = []
    for place in range(_POINTS):
        s = low + place * step
        if s <= 0:
            continue
        density = math.exp(constant + (freedom - 1) * math.log(s) - freedom * s * s / 2)
        weight = 1 if place in {0, _POINTS - 1} else 4 if place % 2 else 2
        parts.append(weight * density * normal.cdf(argument(s)))
    return math.fsum(parts) * step / 3


def tolerance_order(normals: Floats, content: float, confidence: float) -> float | None:
    """The smallest score with `confidence` that the share `content` lies below the next larger one.

    Example:
        >>> import numpy as np
        >>> tolerance_order(np.arange(59.0), 0.95, 0.95), tolerance_order(np.arange(58.0), 0.95, 0.95)
        (58.0, None)
    """
    values: list[float] = sorted(normals.tolist())
    n = len(values)
    above = (value for rank, value in enumerate(values) if binomial_at_most(rank, n, content) >= confidence)
    return next(above, None)


def recall_bound(defects: Floats, recall: float, confidence: float) -> float | None:
    """The largest defect's score whose misses still prove the recall, counted down from the largest.

    Example:
        >>> import numpy as np
        >>> recall_bound(np.arange(29.0), 0.9, 0.95), recall_bound(np.arange(28.0), 0.9, 0.95)
        (0.0, None)
    """
    values: list[float] = sorted(defects.tolist())
    m = len(values)
    for missed in range(m - 1, -1, -1):
        # At a recall just short of the wanted one so few misses would be too rare to be chance.
        if binomial_at_most(missed, m, 1 - recall) <= 1 - confidence + 1e-12:
            return values[missed]
    return None


def cheapest(normals: Floats, defects: Floats, normal_weight: float, defect_weight: float) -> float | None:
    """The lowest of the best midpoints, each tried in exact fractions.

    Args:
        normals, defects: scores, at least one each.
        normal_weight, defect_weight: what a normal accepted, and a defect rejected, is worth.

    Example:
        >>> import numpy as np
        >>> cheapest(np.array([0.0, 1.0]), np.array([3.0]), 1.0, 1.0)
        2.0
    """
    values = sorted({*normals.tolist(), *defects.tolist()})
    best, chosen = None, None
    worth = (
        Fraction(normal_weight).limit_denominator(10**12),
        Fraction(defect_weight).limit_denominator(10**12),
    )
    for low, high in pairwise(values):
        cut = max((low + high) / 2, math.nextafter(low, math.inf))
        gain = worth[0] * int((normals < cut).sum()) + worth[1] * int((defects >= cut).sum())
        if best is None or gain > best:
            best, chosen = gain, cut
    return chosen
