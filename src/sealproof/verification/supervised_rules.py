"""Threshold methods that look at training defects as well, each derived anew by trying every cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

from sealproof.verification.formulas import Floats, exact_bounds, order_bounds
from sealproof.verification.threshold_rules import Derived, Settings

#: Values that differ by less, relative to the largest possible, differ by rounding alone.
_TIE = 1e-12
_NO_DEFECTS = Derived(None, faults=frozenset({"no-defects"}))


def cuts(normals: Floats, defects: Floats) -> Iterator[tuple[float, int, int]]:
    """(cut, normals below it, defects at or above it) of each midpoint of neighbouring different scores, rising.

    Example:
        >>> list(cuts(np.array([0.0, 1.0]), np.array([1.0, 3.0])))
        [(0.5, 1, 2), (2.0, 2, 1)]
    """
    for below, above in pairwise(np.unique(np.concatenate([normals, defects])).tolist()):
        cut = max(below / 2 + above / 2, math.nextafter(below, math.inf))
        yield (
            cut,
            int(np.searchsorted(normals, cut)),
            int(defects.size - np.searchsorted(defects, cut)),
        )


def _tuned(
    normals: Floats,
    defects: Floats,
    settings: Settings,
    value: Callable[[int, int], float],
    judge: Callable[[int, int], tuple[dict[str, Any], str]],
) -> Derived:
    """The lowest of the cuts of largest value.

    Args:
        normals, defects: sorted scores.
        settings: `threshold` of params.yaml.
        value: (normals below, defects above) -> what the cut is worth.
        judge: the same at the best cut -> details, and the code of the rule that it breaks ("" for none).
    """
    if not defects.size:
        return _NO_DEFECTS
    tried = [(cut, value(right, caught), right, caught) for cut, right, caught in cuts(normals, defects)]
    if not normals.size or not tried:
        return Derived(None)
    worths = [worth for _, worth, _, _ in tried]
    slack = _TIE * max(abs(worth) for worth in worths)
    cut, _, right, caught = next(item for item in tried if item[1] >= max(worths) - slack)
    details, fault = judge(right, caught)
    return Derived(
        cut,
        faults=frozenset({fault} if fault else ()),
        details=_on_defects(normals, defects, caught, settings) | details,
    )


def _on_defects(normals: Floats, defects: Floats, caught: int, settings: Settings) -> dict[str, Any]:
    low, high = exact_bounds(caught, defects.size, settings["confidence"])
    return {
        "normals": int(normals.size),
        "defects": int(defects.size),
        "defects_rejected": caught,
        "recall_on_defects": {"value": caught / int(defects.size), "low": low, "high": high},
    }


def supervised_accuracy(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = the lowest of the most accurate midpoints between neighbouring scores (Equation 6).

    Example:
        >>> found = supervised_accuracy(np.arange(20.0), np.array([18.5, 30.0, 31.0]), {"confidence": 0.95})
        >>> found.estimate, round(found.details["accuracy"], 3)
        (18.25, 0.957)
    """
    n, m = int(normals.size), int(defects.size)

    def judge(right: int, caught: int) -> tuple[dict[str, Any], str]:
        better = right + caught > max(n, m)
        return {"accuracy": (right + caught) / (n + m)}, "" if better else "no-better-than-majority"

    return _tuned(normals, defects, settings, lambda right, caught: right + caught, judge)


def supervised_balanced(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = the lowest of the midpoints of largest balanced accuracy.

    Example:
        >>> found = supervised_balanced(np.arange(20.0), np.array([16.5, 30.0]), {"confidence": 0.95})
        >>> found.estimate, round(found.details["balanced_accuracy"], 3)
        (16.25, 0.925)
    """
    n, m = int(normals.size), int(defects.size)

    def worth(right: int, caught: int) -> float:
        return right * m + caught * n  # in whole numbers, so that equal values tie exactly

    def judge(right: int, caught: int) -> tuple[dict[str, Any], str]:
        better = worth(right, caught) > n * m
        found = {"balanced_accuracy": worth(right, caught) / (2 * n * m)}
        return found, "" if better else "no-better-than-one-verdict"

    return _tuned(normals, defects, settings, worth, judge)


def cost(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = the lowest of the midpoints of least expected cost a part.

    prevalence x cost of a miss x share missed + (1 - prevalence) x cost of a false reject x share rejected. Not
    eligible without a prevalence, or where rejecting or accepting everything is as cheap.

    Example:
        >>> settings = {"cost": {"false_negative": 10.0, "false_positive": 1.0, "prevalence": 0.1}, "confidence": 0.95}
        >>> found = cost(np.arange(20.0), np.array([16.5, 30.0]), settings)
        >>> found.estimate, round(found.details["expected_cost"], 3)
        (16.25, 0.135)
    """
    stated, n, m = settings["cost"], int(normals.size), int(defects.size)
    given = {
        "false_negative_cost": float(stated["false_negative"]),
        "false_positive_cost": float(stated["false_positive"]),
        "prevalence": stated["prevalence"],
    }
    if stated["prevalence"] is None:
        lacking = {"no-prevalence"} | (set() if m else {"no-defects"})
        return Derived(None, faults=frozenset(lacking), details=given)
    all_missed = float(stated["prevalence"]) * given["false_negative_cost"]
    all_rejected = (1 - float(stated["prevalence"])) * given["false_positive_cost"]

    def spent(right: int, caught: int) -> float:
        return float(all_missed * (m - caught) / m + all_rejected * (n - right) / n)

    def judge(right: int, caught: int) -> tuple[dict[str, Any], str]:
        least = min(all_missed, all_rejected)
        cheaper = spent(right, caught) < least * (1 - _TIE)
        found = {
            "expected_cost": spent(right, caught),
            "cost_of_rejecting_all": all_rejected,
            "cost_of_accepting_all": all_missed,
        }
        return found, "" if cheaper else "no-better-than-one-verdict"

    found = _tuned(normals, defects, settings, lambda right, caught: -spent(right, caught), judge)
    return _with(found, given)


def _with(found: Derived, details: Mapping[str, Any]) -> Derived:
    return Derived(found.estimate, found.interval, found.faults, details={**found.details, **details})


def recall_bound(normals: Floats, defects: Floats, settings: Settings) -> Derived:
    """T = the highest score of a training defect at which the exact lower bound of recall reaches the target.

    At the j-th smallest of m defects that bound is the (1 - confidence)-quantile of Beta(m + 1 - j, j), whatever the
    distribution.

    Example:
        >>> settings = {"recall_bound": {"recall": 0.9}, "confidence": 0.95}
        >>> [recall_bound(np.arange(5.0), np.arange(m), settings).estimate for m in (28.0, 29.0, 46.0)]
        [None, 0.0, 1.0]
    """
    target, confidence = float(settings["recall_bound"]["recall"]), float(settings["confidence"])
    m, own = int(defects.size), {"promised_recall": target}
    promise: dict[str, Any] = {"confidence": confidence, "told": (confidence, target)}
    bounds = [float(special.betaincinv(m + 1 - rank, rank, 1 - confidence)) for rank in range(1, m + 1)]
    reached = [rank for rank, bound in enumerate(bounds, start=1) if bound >= target]
    if not reached:
        faults = {"promise-out-of-reach"} | (set() if m else {"no-defects"})
        return Derived(None, faults=frozenset(faults), details=own, **promise)
    rank = reached[-1]
    threshold = float(defects[rank - 1])
    caught = int((defects >= threshold).sum())
    details = _on_defects(normals, defects, caught, settings) | {
        "rank": rank,
        "recall_bound": bounds[rank - 1],
    }
    interval = order_bounds(defects, 1 - target, confidence)
    return Derived(threshold, interval, details=(details if normals.size else {}) | own, **promise)
