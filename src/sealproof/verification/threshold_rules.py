"""Threshold methods, each derived anew from the calibration scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

from sealproof.verification.formulas import Floats, exact_bounds, order_bounds, quantile, rank_bound

Settings = Mapping[str, Any]
#: What a method gives: fields as thresholds.json names them; a field that is not derived is not there.
Fields = dict[str, Any]


def mean_sigma(normals: Floats, defects: Floats, settings: Settings) -> Fields:
    """T = mean + k s (Equations 3 to 5).

    Example:
        >>> import numpy as np
        >>> settings = {"sigmas": 2.0, "confidence": 0.95, "require_normality": False}
        >>> round(mean_sigma(np.arange(1.0, 22.0), np.empty(0), settings)["threshold"], 4)
        23.4097
    """
    del defects
    k, n = float(settings["sigmas"]), normals.size
    mean = math.fsum(normals) / n
    deviation = math.sqrt(math.fsum((normals - mean) ** 2) / (n - 1))
    found = {
        "threshold": mean + k * deviation,
        "promised_false_reject_rate": float(special.ndtr(-k)),
        "details": {"mean": mean, "standard_deviation": deviation, "sigmas": k},
    }
    # Where normality is required, eligibility hangs on the test that thresholds.json states.
    return found if settings["require_normality"] else found | {"eligible": True}


def percentile(normals: Floats, defects: Floats, settings: Settings) -> Fields:
    """T = the empirical percentile, with its interval from order statistics."""
    del defects
    share, n = float(settings["percentile"]) / 100, normals.size
    low, high = order_bounds(normals, share, settings["confidence"])
    rank = math.floor((n - 1) * float(settings["percentile"]) / 100) + 1
    reached = (n + 1) * (1 - share) >= 1
    return {
        "threshold": quantile(normals, share) if reached else None,
        "low": low if reached else None,
        "high": high if reached else None,
        "eligible": reached,
        "promised_false_reject_rate": 1 - share,
        "details": {"false_reject_rate_bound": rank_bound(n, rank, settings["confidence"])}
        if reached
        else {},
    }


def conformal(normals: Floats, defects: Floats, settings: Settings) -> Fields:
    """T = the next number above the k-th smallest score, k = ceil((n + 1)(1 - rate)).

    Example:
        >>> import numpy as np
        >>> settings = {"conformal": {"false_reject_rate": 0.05}, "confidence": 0.95}
        >>> found = conformal(np.arange(1.0, 100.0), np.empty(0), settings)
        >>> bool(found["threshold"] == np.nextafter(95.0, np.inf)), found["details"]["rank"]
        (True, 95)
    """
    del defects
    rate, n = float(settings["conformal"]["false_reject_rate"]), normals.size
    rank = math.ceil(round((n + 1) * (1 - rate), 9))
    if rank > n:
        return {
            "threshold": None,
            "low": None,
            "high": None,
            "eligible": False,
            "promised_false_reject_rate": rate,
        }
    low, high = order_bounds(normals, 1 - rate, settings["confidence"])
    return {
        "threshold": math.nextafter(float(normals[rank - 1]), math.inf),
        "low": low,
        "high": high,
        "eligible": True,
        "promised_false_reject_rate": rate,
        "details": {"rank": rank, "false_reject_rate_bound": rank_bound(n, rank, settings["confidence"])},
    }


def supervised_accuracy(normals: Floats, defects: Floats, settings: Settings) -> Fields:
    """T = the lowest of the most accurate midpoints between neighbouring scores (Equation 6), by trying all.

    Example:
        >>> import numpy as np
        >>> found = supervised_accuracy(np.arange(20.0), np.array([18.5, 30.0, 31.0]), {"confidence": 0.95})
        >>> found["threshold"]
        18.25
    """
    del settings
    if not defects.size:
        return {"threshold": None, "low": None, "high": None, "eligible": False}
    values = np.unique(np.concatenate([normals, defects]))
    best, hits = 0.0, -1
    for below, above in pairwise(values.tolist()):
        cut = max(below / 2 + above / 2, math.nextafter(below, math.inf))
        right = int((normals < cut).sum() + (defects >= cut).sum())
        if right > hits:
            best, hits = float(cut), right
    n = normals.size + defects.size
    details = {
        "accuracy": hits / n,
        "defects": int(defects.size),
        "defects_rejected": int((defects >= best).sum()),
    }
    if hits <= max(normals.size, defects.size):
        return {
            "threshold": None,
            "low": None,
            "high": None,
            "eligible": False,
            "details": details | {"estimate": best},
        }
    return {"threshold": best, "eligible": True, "promised_false_reject_rate": None, "details": details}


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
