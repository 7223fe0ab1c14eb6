"""Accept, reject, or undecided: the grid of settings, and the limit in force, derived anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sealproof.verification.formulas import Floats
from sealproof.verification.threshold_rules import above, conformal_rank


def three_way_grid(normals: Floats, defects: Floats, rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Both limits and the shares that go to a person, at every pair of rates; reasons are not derived.

    Args:
        normals, defects: sorted scores.
        rules: `threshold.three_way` of params.yaml.

    Example:
        >>> import numpy as np
        >>> rules = {"false_reject_rates": [0.05], "missed_defect_rates": [0.1]}
        >>> rules |= {"false_reject_rate": 0.05, "missed_defect_rate": 0.1}
        >>> found = three_way_grid(np.arange(99.0), np.arange(90.0, 109.0), rules)[0]
        >>> found["accept_below"], round(found["reject_from"]), round(found["share_undecided"]["tuning"], 3)
        (91.0, 94, 0.211)
    """
    rejects = sorted({*rules["false_reject_rates"], rules["false_reject_rate"]})
    misses = sorted({*rules["missed_defect_rates"], rules["missed_defect_rate"]})
    return [_limits(normals, defects, reject, miss) for reject in rejects for miss in misses]


def _limits(normals: Floats, defects: Floats, reject: float, miss: float) -> dict[str, Any]:
    low, high = accept_below(defects, miss), reject_from(normals, reject)
    if low is not None and high is not None and low > high:
        low, high = high, low  # too high for a normal part, too low for a defective one
    return {
        "false_reject_rate": reject,
        "missed_defect_rate": miss,
        "accept_below": low,
        "reject_from": high,
        "share_undecided": {
            "calibration": share_between(normals, low, high),
            "tuning": share_between(defects, low, high),
        },
    }


def reject_from(normals: Floats, rate: float) -> float | None:
    """The conformal threshold: a new normal part scores at or above it with probability `rate` at most.

    Example:
        >>> import numpy as np
        >>> reject_from(np.arange(18.0), 0.05), round(reject_from(np.arange(19.0), 0.05))
        (None, 18)
    """
    rank = conformal_rank(normals.size, rate)
    return None if rank > normals.size else above(normals, rank)


def accept_below(defects: Floats, rate: float) -> float | None:
    """The conformal limit of the other class: a new defect scores below it with probability `rate` at most.

    Example:
        >>> import numpy as np
        >>> [accept_below(np.arange(n), 0.1) for n in (8.0, 9.0, 19.0)]
        [None, 0.0, 1.0]
    """
    rank = math.floor(round((defects.size + 1) * rate, 9))
    return None if rank < 1 else float(defects[rank - 1])


def share_between(scores: Floats, low: float | None, high: float | None) -> float | None:
    """Share of scores at or above the lower limit and below the upper one; None without limits or scores.

    Example:
        >>> import numpy as np
        >>> share_between(np.arange(4.0), 1.0, 3.0), share_between(np.arange(4.0), None, 3.0)
        (0.5, None)
    """
    if low is None or high is None or not scores.size:
        return None
    return int(((low <= scores) & (scores < high)).sum()) / int(scores.size)


def in_force(
    row: Mapping[str, Any], grid: list[dict[str, Any]], rules: Mapping[str, Any]
) -> tuple[bool, float | None]:
    """(whether the threshold in force is withdrawn, the limit below which a part is accepted).

    A three-way verdict that is asked for and could accept nothing leaves no valid threshold.

    Args:
        row: the result of the score, method and calibration in force.
        grid: of that score.
        rules: `threshold.three_way` of params.yaml.
    """
    if not rules["in_force"]:
        return False, None
    pair = (rules["false_reject_rate"], rules["missed_defect_rate"])
    found = next(item for item in grid if (item["false_reject_rate"], item["missed_defect_rate"]) == pair)
    if found["accept_below"] is None:
        return True, None
    if row["threshold"] is None:
        return False, None
    return False, min(found["accept_below"], row["threshold"])
