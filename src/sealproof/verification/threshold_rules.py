"""Threshold methods from the ranks of normal scores, each derived anew, and what every method gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sealproof.verification.formulas import Floats, exact_bounds, order_bounds, quantile, rank_bound

Settings = Mapping[str, Any]
#: Ends of an interval that come from seeded resampling, and so are not derived here.
NOT_DERIVED: tuple[Any, Any] = (..., ...)


@dataclass(frozen=True)
class Derived:
    """What a method gives on scores, before it is judged.

    Args:
        estimate: the threshold as computed; None when nothing could be.
        interval: its ends; `NOT_DERIVED` where they come from resampling.
        faults: codes of the rules of eligibility that are broken, beside those of every method.
        rate: promised share of rejected normals; `...` where it comes from resampling.
        confidence: of that rate for this very threshold; None for a promise on average, or none.
        told: the rates that the words of the promise name, in their order; empty when it promises nothing.
        details: figures of the method by their names in thresholds.json.
    """

    estimate: float | None
    interval: tuple[Any, Any] = NOT_DERIVED
    faults: frozenset[str] = frozenset()
    rate: Any = None
    confidence: float | None = None
    told: tuple[float, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def above(ordered: Floats, rank: int) -> float:
    """The next number above the `rank`-th smallest score: at or above it is the same as above that score."""
    return math.nextafter(float(ordered[rank - 1]), math.inf)


def conformal_rank(n: int, rate: float) -> int:
    """ceil((n + 1)(1 - rate)), but for the last bit of the product.

    Example:
        >>> conformal_rank(99, 0.05), conformal_rank(18, 0.05)
        (95, 19)
    """
    return math.ceil(round((n + 1) * (1 - rate), 9))


def percentile(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = the empirical percentile, and above the order statistic below it where both are equal.

    It promises (n + 1 - j)/(n + 1), j the rank of that order statistic: what any distribution keeps on average.

    Example:
        >>> import numpy as np
        >>> found = percentile(np.arange(1.0, 102.0), np.empty(0), {"percentile": 95.0, "confidence": 0.95})
        >>> bool(found.estimate == np.nextafter(96.0, np.inf)), round(found.rate, 4)
        (True, 0.0588)
    """
    del defects
    share, n = float(settings["percentile"]) / 100, normals.size
    faults = frozenset({"promise-out-of-reach"} if (n + 1) * (1 - share) < 1 else ())
    if not n:
        return Derived(None, faults=faults)
    rank = math.floor((n - 1) * float(settings["percentile"]) / 100) + 1
    rate = (n + 1 - rank) / (n + 1)
    details = _ranked(n, rank, settings) | {
        "percent": float(settings["percentile"]),
        "nominal_false_reject_rate": 1 - share,
        "expected_false_reject_rate": [(n - rank) / (n + 1), rate],
    }
    return Derived(
        max(quantile(normals, share), above(normals, rank)),
        order_bounds(normals, share, settings["confidence"]),
        faults,
        rate,
        told=(rate,),
        details=details,
    )


def conformal(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = the next number above the k-th smallest score, k = ceil((n + 1)(1 - rate)).

    Example:
        >>> import numpy as np
        >>> settings = {"conformal": {"false_reject_rate": 0.05}, "confidence": 0.95}
        >>> found = conformal(np.arange(1.0, 100.0), np.empty(0), settings)
        >>> bool(found.estimate == np.nextafter(95.0, np.inf)), found.details["rank"]
        (True, 95)
    """
    del defects
    rate, n = float(settings["conformal"]["false_reject_rate"]), normals.size
    rank = conformal_rank(n, rate)
    if rank > n:
        return Derived(None, faults=frozenset({"promise-out-of-reach"}), rate=rate, told=(rate,))
    return Derived(
        above(normals, rank),
        order_bounds(normals, 1 - rate, settings["confidence"]),
        rate=rate,
        told=(rate,),
        details=_ranked(n, rank, settings),
    )


def _ranked(n: int, rank: int, settings: Settings) -> dict[str, Any]:
    return {
        "rank": rank,
        "expected_false_reject_rate": (n + 1 - rank) / (n + 1),
        "false_reject_rate_bound": rank_bound(n, rank, settings["confidence"]),
    }


def false_rejects(normals: Floats, threshold: float, confidence: float) -> dict[str, Any]:
    """Share of normal scores at or above a threshold, with exact bounds and a bound that holds for any threshold.

    Example:
        >>> import numpy as np
        >>> found = false_rejects(np.arange(100.0), 98.0, 0.95)
        >>> found["rejected"], round(found["bound"], 3)
        (2, 0.142)
    """
    rejected, n = int((normals >= threshold).sum()), int(normals.size)
    low, high = exact_bounds(rejected, n, confidence)
    bound = min(1.0, rejected / n + math.sqrt(math.log(1 / (1 - confidence)) / (2 * n)))
    return {
        "normals": n,
        "rejected": rejected,
        "rate": rejected / n,
        "low": low,
        "high": high,
        "bound": bound,
    }
