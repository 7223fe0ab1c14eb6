"""Peaks over threshold: the level by its rule, the tail a maximum of the likelihood, the threshold its quantile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from sealproof.verification.formulas import Floats, close
from sealproof.verification.tail_level import (
    FITTABLE,
    anderson_darling,
    candidates,
    rejected_by_forward_stop,
    split_tail,
)
from sealproof.verification.threshold_rules import Derived, Settings

#: How much more likely SciPy's tail may be, in units of log-likelihood, before the stated one is no maximum.
_SLACK = 1e-3
#: How far an Anderson-Darling statistic may differ: it hangs on where the search for the best tail ends.
_STATISTIC = 1e-4
Problem = tuple[str, Any, Any]


def tail_quantile(level: float, shape: float, scale: float, ratio: float) -> float:
    """level + scale/shape (ratio^(-shape) - 1), and its limit at shape 0.

    Example:
        >>> tail_quantile(0.0, 1.0, 2.0, 0.25)
        6.0
    """
    if abs(shape) < 1e-12:
        return level - scale * math.log(ratio)
    return level + scale * math.expm1(-shape * math.log(ratio)) / shape


def evt_pot(normals: Floats, stated: Mapping[str, Any], settings: Settings) -> tuple[Derived, list[Problem]]:
    """What the method gives, from the stated p-values and interval; and what is wrong with the figures behind it.

    Args:
        normals: sorted calibration scores.
        stated: the result in thresholds.json.
        settings: `threshold` of params.yaml.
    """
    rules, details = settings["evt"], stated["details"]
    none = Derived(None, faults=frozenset({"too-few-exceedances"}), rate=float(rules["false_reject_rate"]))
    if not normals.size:
        return none, []
    wrong = list(_level_problems(normals, details, rules))
    share, none_fits = _chosen(details, rules)
    level, excesses = split_tail(normals, share)
    figures: dict[str, Any] = {
        "exceedances": int(excesses.size),
        "minimum_exceedances": rules["minimum_exceedances"],
        "tail_fraction": share,
        "false_reject_rate": rules["false_reject_rate"],
        "nominal_false_reject_rate": rules["false_reject_rate"],
        "false_discovery_rate": rules["false_discovery_rate"],
        "maximum_relative_width": rules["maximum_relative_width"],
        "level_rule": rules["level"],
    }
    few = {"too-few-exceedances"} if excesses.size < rules["minimum_exceedances"] else set()
    fittable = np.unique(excesses).size >= FITTABLE
    if not fittable or excesses.size / normals.size <= rules["false_reject_rate"]:
        if "shape" in details:
            wrong.append(("details/shape", "no tail of so few excesses", details["shape"]))
        return replace(none, details=figures), wrong
    wrong += _fit_problems(excesses, details)
    if "shape" not in details:
        return none, wrong
    shape, scale = float(details["shape"]), float(details["scale"])
    ratio = rules["false_reject_rate"] / (excesses.size / normals.size)
    estimate = tail_quantile(level, shape, scale, ratio)
    ends = details["estimate_low"], details["estimate_high"]
    width = None if None in ends else (ends[1] - ends[0]) / (estimate - float(np.median(normals)))
    figures |= {"level": level, "estimate": estimate, "relative_width": width}
    faults = frozenset(few | _faults(details, rules, none_fits=none_fits, width=width))
    rate = float(details["expected_false_reject_rate"])
    return Derived(estimate, ends, faults, rate, told=(rate,), details=figures), wrong


def _chosen(details: Mapping[str, Any], rules: Mapping[str, Any]) -> tuple[float, bool]:
    """(share of the level that is fitted, whether every candidate was rejected), from the stated p-values."""
    if rules["level"] == "fraction":
        return float(rules["tail_fraction"]), False
    tried = details["candidates"]
    if not tried:
        return float(rules["candidates"][0]), False
    rejected = rejected_by_forward_stop([item["p_value"] for item in tried], rules["false_discovery_rate"])
    return float(tried[min(rejected, len(tried) - 1)]["share"]), rejected == len(tried)


def _level_problems(
    normals: Floats, details: Mapping[str, Any], rules: Mapping[str, Any]
) -> Iterator[Problem]:
    """Candidates with level, number and statistic; how many the stop rule rejects by their stated p-values."""
    wanted, tried = candidates(normals, rules), details["candidates"]
    if len(wanted) != len(tried):
        yield "details/candidates", f"{len(wanted)} levels", f"{len(tried)} levels"
        return
    for place, (item, one) in enumerate(zip(tried, wanted, strict=True)):
        for key, value in (("share", one.share), ("level", one.level), ("exceedances", one.exceedances)):
            if not close(value, item[key]):
                yield f"details/candidates/{place}/{key}", value, item[key]
        if abs(one.statistic - item["anderson_darling"]) > _STATISTIC:
            yield f"details/candidates/{place}/anderson_darling", one.statistic, item["anderson_darling"]
        if not 0 < item["p_value"] <= 1:
            yield f"details/candidates/{place}/p_value", "a probability", item["p_value"]
    rejected = rejected_by_forward_stop([item["p_value"] for item in tried], rules["false_discovery_rate"])
    if details["candidates_rejected"] != rejected:
        yield "details/candidates_rejected", rejected, details["candidates_rejected"]


def _fit_problems(excesses: Floats, details: Mapping[str, Any]) -> Iterator[Problem]:
    if "shape" not in details:
        yield "details/shape", "a fitted tail", "none"
        return
    shape, scale = float(details["shape"]), float(details["scale"])
    best, found = _best_likelihood(excesses), _likelihood(excesses, shape, scale)
    if found < best - _SLACK:
        yield "details/shape", f"a tail of log-likelihood {best:.6f}", f"{found:.6f}"
    statistic = anderson_darling(excesses, shape, scale)
    if abs(statistic - details["anderson_darling"]) > _STATISTIC:
        yield "details/anderson_darling", statistic, details["anderson_darling"]
    for key in ("fit_p_value", "expected_false_reject_rate"):
        if not 0 < details[key] < 1:
            yield f"details/{key}", "between 0 and 1", details[key]


def _faults(
    details: Mapping[str, Any], rules: Mapping[str, Any], *, none_fits: bool, width: float | None
) -> set[str]:
    poor = none_fits or details["fit_p_value"] < rules["minimum_fit_p_value"]
    wide = width is not None and width > rules["maximum_relative_width"]
    broken = {"poor-tail-fit": poor, "interval-not-finite": width is None, "interval-too-wide": wide}
    return {code for code, there in broken.items() if there}


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
