"""Peaks over threshold: the fitted tail has to be a maximum of the likelihood, and the threshold its quantile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from sealproof.verification.formulas import Floats

#: How much more likely SciPy's tail may be, in units of log-likelihood, before the stated one is no maximum.
_SLACK = 1e-3
_FITTABLE = 8


def split_tail(normals: Floats, share: float) -> tuple[float, Floats]:
    """(level, excesses): the upper `share` of sorted scores lies above the level.

    Example:
        >>> import numpy as np
        >>> level, excesses = split_tail(np.arange(10.0), 0.3)
        >>> level, excesses.tolist()
        (6.0, [1.0, 2.0, 3.0])
    """
    above = math.floor(round(normals.size * share, 9))
    level = float(normals[max(0, normals.size - above - 1)])
    return level, normals[normals > level] - level


def tail_quantile(level: float, shape: float, scale: float, ratio: float) -> float:
    """level + scale/shape (ratio^(-shape) - 1), and its limit at shape 0.

    Example:
        >>> tail_quantile(0.0, 1.0, 2.0, 0.25)
        6.0
    """
    if abs(shape) < 1e-12:
        return level - scale * math.log(ratio)
    return level + scale * math.expm1(-shape * math.log(ratio)) / shape


def tail_problems(
    normals: Floats, stated: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    """(field, expected, found) of all that is wrong with a stated `evt_pot` result.

    Args:
        normals: sorted calibration scores.
        stated: the result in thresholds.json.
        settings: `threshold` of params.yaml.
    """
    rules = settings["evt"]
    level, excesses = split_tail(normals, rules["tail_fraction"])
    details = stated["details"]
    wrong: list[tuple[str, Any, Any]] = []
    if details["exceedances"] != excesses.size:
        wrong.append(("details/exceedances", int(excesses.size), details["exceedances"]))
    if excesses.size < rules["minimum_exceedances"] and stated["eligible"]:
        wrong.append(("eligible", False, True))
    if "shape" not in details:
        if (
            np.unique(excesses).size >= _FITTABLE
            and excesses.size / normals.size > rules["false_reject_rate"]
        ):
            wrong.append(("details/shape", "a fitted tail", "none"))
        return wrong
    return [*wrong, *_fit_problems(normals, level, excesses, stated, rules)]


def _fit_problems(
    normals: Floats, level: float, excesses: Floats, stated: Mapping[str, Any], rules: Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    details = stated["details"]
    wrong: list[tuple[str, Any, Any]] = []
    shape, scale = float(details["shape"]), float(details["scale"])
    if not math.isclose(details["level"], level, rel_tol=1e-12):
        wrong.append(("details/level", level, details["level"]))
    best = _best_likelihood(excesses)
    found = _likelihood(excesses, shape, scale)
    if found < best - _SLACK:
        wrong.append(("details/shape", f"a tail of log-likelihood {best:.6f}", f"{found:.6f}"))
    ratio = rules["false_reject_rate"] / (excesses.size / normals.size)
    estimate = tail_quantile(level, shape, scale, ratio)
    fitting = details["fit_p_value"] >= rules["minimum_fit_p_value"]
    eligible = bool(
        fitting
        and excesses.size >= rules["minimum_exceedances"]
        and details["estimate_low"] is not None
        and details["estimate_high"] is not None
    )
    if not math.isclose(estimate, details["estimate"], rel_tol=1e-9):
        wrong.append(("details/estimate", estimate, details["estimate"]))
    if eligible is not stated["eligible"]:
        wrong.append(("eligible", eligible, stated["eligible"]))
    threshold = details["estimate"] if eligible else None
    if stated["threshold"] != threshold:
        wrong.append(("threshold", threshold, stated["threshold"]))
    return wrong


def _likelihood(excesses: Floats, shape: float, scale: float) -> float:
    return float(stats.genpareto.logpdf(excesses, shape, loc=0, scale=scale).sum())


def _best_likelihood(excesses: Floats) -> float:
    """Log-likelihood of SciPy's fit, from two starts; -inf where it goes where no maximum is (shape below -1)."""
    found = [-math.inf]
    for start in (0.1, -0.2):
        shape, _, scale = stats.genpareto.fit(excesses, start, floc=0, scale=float(excesses.mean()))
        if shape >= -1:
            found.append(_likelihood(excesses, shape, scale))
    return max(found)
