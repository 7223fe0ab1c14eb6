"""One stated result against what its method gives: threshold, interval, promise, eligibility, reasons, figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scipy import stats

from sealproof.verification.formulas import Floats, close
from sealproof.verification.supervised_rules import (
    cost,
    recall_bound,
    supervised_accuracy,
    supervised_balanced,
)
from sealproof.verification.tail import Problem, evt_pot
from sealproof.verification.threshold_rules import Derived, Settings, conformal, false_rejects, percentile
from sealproof.verification.threshold_scores import Calibration
from sealproof.verification.tolerance_rules import (
    NORMALITY_LEVEL,
    mean_sigma,
    normality_test,
    tolerance_normal,
    tolerance_order,
)

_RULES: dict[str, Callable[[Floats, Floats, Settings], Derived]] = {
    "mean_sigma": mean_sigma,
    "percentile": percentile,
    "conformal": conformal,
    "tolerance_normal": tolerance_normal,
    "tolerance_order": tolerance_order,
    "supervised_accuracy": supervised_accuracy,
    "supervised_balanced": supervised_balanced,
    "cost": cost,
    "recall_bound": recall_bound,
}
METHODS = (*_RULES, "evt_pot")
_BOTH = ("supervised_accuracy", "supervised_balanced", "cost")
#: Level of the test whether the detectors of the folds score like the one in force.
_LEVEL = 0.05


def problems(method: str, stated: Mapping[str, Any], calibration: Calibration) -> Iterator[Problem]:
    """(field, expected, found) of all that is wrong with a stated result.

    Args:
        method: one of METHODS.
        stated: the result in thresholds.json.
        calibration: the scores that it rests on, and `threshold` of params.yaml.
    """
    normals, defects, settings = calibration.normals, calibration.defects, calibration.settings
    if method == "evt_pot":
        derived, wrong = evt_pot(normals, stated, settings)
        yield from wrong
    else:
        derived = _RULES[method](normals, defects, settings)
    n = defects.size if method == "recall_bound" else normals.size + defects.size * (method in _BOTH)
    yield from different(stated, {"n": int(n), "calibration": calibration.name})
    faults = derived.faults | _common_faults(calibration)
    yield from _judged(stated, derived, faults)
    yield from _promised(stated, derived, eligible=not faults)
    yield from _rates(stated, derived, calibration, eligible=not faults)
    yield from _tests(method, stated, calibration)


def _common_faults(calibration: Calibration) -> set[str]:
    """Rules of every method: enough normals, not all alike, and detectors of folds that score like the one in force."""
    normals, faults = calibration.normals, set()
    if normals.size < calibration.settings["minimum_normals"]:
        faults.add("too-few-normals")
    if normals.size and normals[0] == normals[-1]:
        faults.add("constant-scores")
    if calibration.pairs is not None and not same_detector(*calibration.pairs):
        faults.add("assumption-not-met")
    return faults


def same_detector(own: Floats, cross_fit: Floats) -> bool:
    """Whether the signed-rank test finds no difference between two detectors on the same normals.

    Example:
        >>> import numpy as np
        >>> same_detector(np.arange(30.0), np.arange(30.0) + 1), same_detector(np.empty(0), np.empty(0))
        (False, False)
    """
    difference = cross_fit - own
    if not difference.size:
        return False
    if not difference.any():
        return True
    found = stats.wilcoxon(difference, zero_method="pratt", method="approx")
    return bool(found.pvalue >= _LEVEL)


def _judged(
    stated: Mapping[str, Any], derived: Derived, faults: set[str] | frozenset[str]
) -> Iterator[Problem]:
    """Threshold and interval stand in the result, or as estimate in its details, with every reason."""
    details, eligible = stated["details"], not faults
    threshold = derived.estimate if eligible else None
    ends = {
        key: value for key, value in zip(("low", "high"), derived.interval, strict=True) if value is not ...
    }
    none: dict[str, Any] = {"low": None, "high": None}
    yield from different(stated, {"eligible": eligible, "threshold": threshold})
    yield from different(stated, ends if eligible else none)
    yield from different(details, derived.details, "details/")
    if not eligible:
        if derived.estimate is None and "estimate" in details:
            yield "details/estimate", "none", details["estimate"]
        if derived.estimate is not None:
            estimated = {"estimate": derived.estimate} | {
                f"estimate_{key}": item for key, item in ends.items()
            }
            yield from different(details, estimated, "details/")
        codes = details.get("reason_codes", [])
        if sorted({*codes}) != sorted(faults):
            yield "details/reason_codes", sorted(faults), codes
        if stated["reason_code"] not in faults:
            yield "reason_code", sorted(faults), stated["reason_code"]
    elif stated["reason_code"] not in {"valid", "assumption-not-met"}:
        yield "reason_code", "valid", stated["reason_code"]
    prefix, place = ("", stated) if eligible else ("estimate_", details)
    low, high = place.get(f"{prefix}low"), place.get(f"{prefix}high")
    if low is not None and high is not None and low > high:
        yield f"{prefix}low", f"at most {high!r}", low


def _promised(stated: Mapping[str, Any], derived: Derived, *, eligible: bool) -> Iterator[Problem]:
    """Rate and confidence, and the same two in the words; no words where nothing is promised."""
    wanted = {"promised_false_reject_rate": derived.rate, "promise_confidence": derived.confidence}
    yield from different(stated, wanted)
    words = stated["promise"]
    told = [in_percent(rate) for rate in derived.told] if eligible else []
    found = re.findall(r"\d+(?:\.\d+)? %", words)
    if found != told or bool(words) is not bool(told):
        yield "promise", " and ".join(told) or "no promise", words


def in_percent(rate: float) -> str:
    """A rate in percent as promises name it: three decimals at most.

    Example:
        >>> in_percent(0.05), in_percent(0.0603448)
        ('5 %', '6.034 %')
    """
    text = f"{100 * rate:.3f}"
    return text.rstrip("0").rstrip(".") + " %"


def _rates(
    stated: Mapping[str, Any], derived: Derived, calibration: Calibration, *, eligible: bool
) -> Iterator[Problem]:
    """What the threshold rejects of its own normals and, where these are others, of the held-out ones."""
    if derived.estimate is None or not calibration.normals.size:
        return
    confidence = calibration.settings["confidence"]
    # The stated threshold agrees with the derived one to the last digits, which can decide a score.
    threshold = stated["threshold"] if stated["threshold"] is not None else stated["details"].get("estimate")
    if threshold is None:
        return
    expected = {"calibration_false_rejects": false_rejects(calibration.normals, threshold, confidence)}
    if calibration.name != "held-out" and eligible:
        expected["held_out_false_rejects"] = false_rejects(calibration.held_out, threshold, confidence)
    yield from different(stated["details"], expected, "details/")


def _tests(method: str, stated: Mapping[str, Any], calibration: Calibration) -> Iterator[Problem]:
    """The test of normality, on which two methods hang."""
    if method not in ("mean_sigma", "tolerance_normal"):
        return
    place = next(
        (i for i, test in enumerate(stated["assumptions"]) if test["name"].startswith("normality")), None
    )
    if place is None:
        yield "assumptions", "the test of normality", "none"
        return
    found = normality_test(calibration.normals)
    wanted: dict[str, Any] = {"statistic": None, "p_value": None, "holds": None}
    if found is not None:
        wanted = {"statistic": found[0], "p_value": found[1], "holds": found[1] >= NORMALITY_LEVEL}
    yield from different(stated["assumptions"][place], wanted, f"assumptions/{place}/")


def different(stated: Mapping[str, Any], expected: Mapping[str, Any], prefix: str = "") -> Iterator[Problem]:
    """(field, expected, found) of every derived field that is stated otherwise."""
    for key, value in expected.items():
        found = stated.get(key)
        if isinstance(value, Mapping):
            yield from different(found if isinstance(found, Mapping) else {}, value, f"{prefix}{key}/")
        elif key not in stated or not close(value, found):
            yield f"{prefix}{key}", value, found
