"""What the test set can carry of the acceptance criteria, derived anew from its numbers of images."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sealproof.verification.formulas import exact_bounds

#: A bound that misses its limit by the last digits of its arithmetic does not miss it.
_LAST_DIGITS = 1e-12


def plan(
    acceptance: Mapping[str, Any], score: str, units: Mapping[str, int], confidence: float
) -> dict[str, Any]:
    """The part `plan` of evaluation.json, but for the reasons in words.

    Args:
        acceptance: acceptance.yaml.
        score: in force.
        units: record -> number of images known before the opening.
        confidence: of the two-sided bounds that the criteria act on.
    """
    rows = {
        criterion["id"]: _claim(criterion, score) | _carried(criterion, units, confidence)
        for criterion in acceptance["criteria"]
    }
    return {"confidence": confidence, "one_sided_confidence": (1 + confidence) / 2, "criteria": rows}


def _claim(criterion: Mapping[str, Any], score: str) -> dict[str, Any]:
    return {
        "id": criterion["id"],
        "title": criterion["title"],
        "metric": criterion["metric"].replace("{score}", score),
        "bound": criterion["bound"],
        "limit": criterion["limit"],
        "units_record": criterion.get("of") or criterion.get("sample"),
    }


def _carried(criterion: Mapping[str, Any], units: Mapping[str, int], confidence: float) -> dict[str, Any]:
    """Units, best bound, failures allowed, units needed, and whether the units can carry the claim."""
    counted, limit = criterion.get("of") or criterion.get("sample"), float(criterion["limit"])
    nothing = {
        "units": None,
        "strongest": None,
        "failures_allowed": None,
        "units_needed": None,
        "carried": None,
    }
    if not counted:
        return nothing
    needed = units_needed(limit if criterion["bound"] == "low" else 1 - limit, confidence)
    n = units.get(counted)
    if n is None or n < 1:
        return nothing | {"units": n, "units_needed": needed, "carried": None if n is None else False}
    met = [_met(failures, n, criterion["bound"], limit, confidence) for failures in range(n + 1)]
    allowed = (met.index(False) if False in met else n + 1) - 1
    return {
        "units": n,
        "strongest": _bound(0, n, criterion["bound"], confidence),
        "failures_allowed": allowed if allowed >= 0 else None,
        "units_needed": needed,
        "carried": allowed >= 0,
    }


def _bound(failures: int, n: int, side: str, confidence: float) -> float:
    if side == "low":
        return exact_bounds(n - failures, n, confidence)[0]
    return exact_bounds(failures, n, confidence)[1]


def _met(failures: int, n: int, side: str, limit: float, confidence: float) -> bool:
    bound = _bound(failures, n, side, confidence)
    return bound >= limit if side == "low" else bound <= limit


def units_needed(reliability: float, confidence: float) -> int | None:
    """Fewest units without a failure whose two-sided bound reaches the reliability; None when no number does.

    Example:
        >>> units_needed(0.95, 0.90), units_needed(0.99, 0.90), units_needed(0.95, 0.95), units_needed(1.0, 0.95)
        (59, 299, 72, None)
    """
    if reliability >= 1:
        return None
    if reliability <= 0:
        return 1
    tail = (1 - confidence) / 2
    needed = max(1, math.floor(math.log(tail) / math.log(reliability)))
    return needed if reliability**needed <= tail * (1 + _LAST_DIGITS) else needed + 1


def units_of(test: Mapping[str, int], groups: list[dict[str, Any]]) -> dict[str, int]:
    """Record -> number of test images, of the whole set and of each subgroup whose record is no other's.

    Args:
        test: the part `test` of evaluation.json.
        groups: the part `subgroups/all`.

    Example:
        >>> group = {"column": "group_setup", "value": "Line 2", "images": 3, "normal": 2, "defective": 1}
        >>> found = units_of({"images": 3, "normal": 2, "defective": 1}, [group])
        >>> found["evaluate.subgroup.group_setup.line-2.normal"]
        2
    """
    found = {f"evaluate.test.{key}": int(test[key]) for key in ("images", "normal", "defective")}
    names = [_name(group["column"], group["value"]) for group in groups]
    same = Counter(names)
    for name, group in zip(names, groups, strict=True):
        if same[name] == 1:
            found |= {f"evaluate.{name}.{key}": int(group[key]) for key in ("images", "normal", "defective")}
    return found


def _name(column: str, value: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-") or "not-stated"
    return f"subgroup.{column.strip('_')}.{words}"
