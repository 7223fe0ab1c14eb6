"""Thresholds that hold for normal scores, and tolerance limits (ISO 16269-6), each derived anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scipy import special, stats

from sealproof.verification.formulas import Floats, order_bounds, rank_bound
from sealproof.verification.normal_limits import limit_factor
from sealproof.verification.threshold_rules import Derived, Settings, above

#: Level of the test of normality that eligibility hangs on, and the number of scores up to which its p-value is right.
NORMALITY_LEVEL, NORMALITY_LIMIT = 0.05, 5000


def mean_sigma(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = mean + k s (Equations 3 to 5); promised is what normal scores keep when both are estimated.

    Example:
        >>> import numpy as np
        >>> settings = {"sigmas": 2.0, "confidence": 0.95, "require_normality": True, "normality_minimum": 100}
        >>> found = mean_sigma(np.arange(1.0, 22.0), np.empty(0), settings)
        >>> round(found.estimate, 4), round(found.rate, 4), sorted(found.faults)
        (23.4097, 0.0324, ['too-few-normals'])
    """
    del defects
    k, n = float(settings["sigmas"]), normals.size
    rate = float(special.stdtr(n - 1, -k / math.sqrt(1 + 1 / n))) if n > 1 else None
    nominal = {"nominal_false_reject_rate": float(special.ndtr(-k))}
    return _normal(normals, k, settings, rate, None, nominal)


def tolerance_normal(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = mean + K s: at least the content of new normals lies below, with the confidence, if scores are normal.

    Example:
        >>> import numpy as np
        >>> settings = {"tolerance": {"content": 0.95, "confidence": 0.95}, "confidence": 0.95}
        >>> settings |= {"require_normality": True, "normality_minimum": 8}
        >>> round(tolerance_normal(np.arange(10.0), np.empty(0), settings).details["factor"], 3)
        2.911
    """
    del defects
    content, confidence = _levels(settings)
    n = normals.size
    factor = limit_factor(n, float(special.ndtri(content)), confidence) if n > 2 else math.nan
    own = {"content": content, "content_confidence": confidence} | ({"factor": factor} if n > 2 else {})
    rate = 1 - content if n else None
    return _normal(normals, factor, settings, rate, confidence if n else None, own)


def _normal(
    normals: Floats,
    factor: float,
    settings: Settings,
    rate: float | None,
    confidence: float | None,
    own: Mapping[str, Any],
) -> Derived:
    """mean + factor s, with the rule that says when it may be used."""
    n, holds = normals.size, is_normal(normals)
    few = n < settings["normality_minimum"]
    refused = bool(settings["require_normality"]) and not holds
    faults = frozenset({"too-few-normals"} if few else ()) | ({"assumption-not-met"} if refused else set())
    told = () if rate is None else (rate,) if confidence is None else (confidence, rate)
    if n < 3 or normals[0] == normals[-1]:
        return Derived(None, faults=faults, rate=rate, confidence=confidence, told=told)
    mean = math.fsum(normals) / n
    deviation = math.sqrt(math.fsum((normals - mean) ** 2) / (n - 1))
    details = {
        "mean": mean,
        "standard_deviation": deviation,
        "sigmas": factor,
        "normal_theory_interval": [
            mean + deviation * limit_factor(n, factor, tail) for tail in _tails(settings)
        ],
        "normal_theory_expected_false_reject_rate": float(
            special.stdtr(n - 1, -factor / math.sqrt(1 + 1 / n))
        ),
    }
    return Derived(
        mean + factor * deviation,
        faults=faults,
        rate=rate,
        confidence=confidence,
        told=told,
        details={**details, **own},
    )


def is_normal(normals: Floats) -> bool:
    """Whether the test of Shapiro and Wilk finds no departure; a test that cannot be made finds one.

    Example:
        >>> import numpy as np
        >>> is_normal(special.ndtri((np.arange(50) + 0.5) / 50)), is_normal(np.exp(np.linspace(0, 5, 50)))
        (True, False)
    """
    found = normality_test(normals)
    return found is not None and found[1] >= NORMALITY_LEVEL


def normality_test(normals: Floats) -> tuple[float, float] | None:
    """(W, p-value); None for fewer than three scores or equal ones. Of very many, every so manyth is taken."""
    if normals.size < 3 or normals[0] == normals[-1]:
        return None
    if normals.size > NORMALITY_LIMIT:
        step = (normals.size - 1) / (NORMALITY_LIMIT - 1)
        normals = normals[[round(place * step) for place in range(NORMALITY_LIMIT)]]
    found = stats.shapiro((normals - normals.mean()) / normals.std())
    return float(found.statistic), float(found.pvalue)


def tolerance_order(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = the next number above the r-th smallest score, r the smallest with P(Bin(n, content) < r) >= confidence.

    Example:
        >>> import numpy as np
        >>> settings = {"tolerance": {"content": 0.95, "confidence": 0.95}, "confidence": 0.95}
        >>> [tolerance_order(np.arange(n), np.empty(0), settings).details.get("rank") for n in (58.0, 59.0, 93.0)]
        [None, 59, 92]
    """
    del defects
    content, confidence = _levels(settings)
    own = {"content": content, "content_confidence": confidence}
    promise: dict[str, Any] = {
        "rate": 1 - content,
        "confidence": confidence,
        "told": (confidence, 1 - content),
    }
    n = normals.size
    rank = tolerance_rank(n, content, confidence)
    if rank is None:
        return Derived(None, faults=frozenset({"promise-out-of-reach"}), details=own, **promise)
    details = {
        "rank": rank,
        "expected_false_reject_rate": (n + 1 - rank) / (n + 1),
        "false_reject_rate_bound": rank_bound(n, rank, confidence),
    }
    interval = order_bounds(normals, content, settings["confidence"])
    return Derived(above(normals, rank), interval, details=details | own, **promise)


def tolerance_rank(n: int, content: float, confidence: float) -> int | None:
    """Smallest rank whose order statistic covers the content with the confidence; None where n is too small.

    Example:
        >>> [tolerance_rank(n, 0.95, 0.95) for n in (58, 59, 92, 93)]
        [None, 59, 92, 92]
    """
    return next((rank for rank in range(1, n + 1) if special.bdtr(rank - 1, n, content) >= confidence), None)


def _levels(settings: Settings) -> tuple[float, float]:
    return float(settings["tolerance"]["content"]), float(settings["tolerance"]["confidence"])


def _tails(settings: Settings) -> tuple[float, float]:
    confidence = float(settings["confidence"])
    return (1 - confidence) / 2, (1 + confidence) / 2
