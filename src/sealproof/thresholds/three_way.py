"""Accept, reject or undecided, by label-conditional conformal p-values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sealproof.thresholds.conformal import conformal_rank
from sealproof.thresholds.promises import percent
from sealproof.thresholds.ranks import above_rank
from sealproof.thresholds.result import Floats, sorted_scores
from sealproof.thresholds.settings import ThreeWaySettings


@dataclass(frozen=True)
class ThreeWay:
    """Two limits: a score below `accept_below` is accepted, at or above `reject_from` rejected, else undecided.

    Attributes:
        false_reject_rate: of new normal parts, at most, on average over calibration sets.
        missed_defect_rate: of new defective parts like the training defects, at most, on average.
        accept_below: None when there are too few training defects for their rate.
        reject_from: None when there are too few normals for theirs.
        reason: what the limits hold, or why there is none, in a sentence.
        share_undecided: group (`calibration` normals, `tuning` defects) -> share that goes to a person; None
            when a limit is missing or the group empty.
    """

    false_reject_rate: float
    missed_defect_rate: float
    accept_below: float | None
    reject_from: float | None
    reason: str
    share_undecided: Mapping[str, float | None]

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON types."""
        return {
            "false_reject_rate": self.false_reject_rate,
            "missed_defect_rate": self.missed_defect_rate,
            "accept_below": self.accept_below,
            "reject_from": self.reject_from,
            "reason": self.reason,
            "share_undecided": dict(self.share_undecided),
        }


def three_way(
    normals: ArrayLike, defects: ArrayLike, *, false_reject_rate: float, missed_defect_rate: float
) -> ThreeWay:
    """The limits at which a part stops being plausible as a normal one, and as a defective one.

    p_normal(s) = (1 + normals scoring at least s) / (n + 1) and p_defect(s) = (1 + defects scoring at most s)
    / (m + 1). A part is rejected where p_normal <= `false_reject_rate`: at or above the next number above the
    k-th smallest normal, k = ceil((n + 1)(1 - rate)). It is accepted where p_defect <= `missed_defect_rate`:
    below the k-th smallest defect, k = floor((m + 1) rate). Where a score is both, too high for a normal and too
    low for a defect, it is undecided, and so is one that is neither. Each rate holds on average over calibration
    sets, for every distribution, for new parts that are exchangeable with the calibration's. Reference: Vovk,
    Gammerman and Shafer, Algorithmic Learning in a Random World (2005), section 4.5 (label-conditional).

    Args:
        normals: (n,) finite scores of normal images.
        defects: (m,) finite scores of training defects.
        false_reject_rate, missed_defect_rate: above 0 and below 1.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or a rate out of range.

    Example:
        >>> found = three_way(range(99), range(90, 109), false_reject_rate=0.05, missed_defect_rate=0.1)
        >>> round(found.accept_below, 6), round(found.reject_from, 6), found.share_undecided["calibration"]
        (91.0, 94.0, 0.04040404040404041)
    """
    for name, rate in (("false_reject_rate", false_reject_rate), ("missed_defect_rate", missed_defect_rate)):
        if not 0 < rate < 1:
            raise ValueError(f"{name} must be above 0 and below 1, not {rate}")
    good, bad = sorted_scores(normals), sorted_scores(defects)
    reject = _reject_from(good, false_reject_rate)
    accept = _accept_below(bad, missed_defect_rate)
    reason = _reason(good, bad, accept, reject, (false_reject_rate, missed_defect_rate))
    if accept is not None and reject is not None:
        accept, reject = min(accept, reject), max(accept, reject)
    shares = {"calibration": _between(good, accept, reject), "tuning": _between(bad, accept, reject)}
    return ThreeWay(false_reject_rate, missed_defect_rate, accept, reject, reason, shares)


def three_way_grid(normals: Floats, defects: Floats, settings: ThreeWaySettings) -> list[ThreeWay]:
    """The limits at every pair of rates that is reported, and at the pair that decides.

    Example:
        >>> found = three_way_grid(np.arange(99.0), np.arange(90.0, 109.0), ThreeWaySettings())
        >>> len(found), found[0].false_reject_rate, found[0].missed_defect_rate
        (12, 0.01, 0.05)
    """
    rejects = sorted({*settings.false_reject_rates, settings.false_reject_rate})
    misses = sorted({*settings.missed_defect_rates, settings.missed_defect_rate})
    return [
        three_way(normals, defects, false_reject_rate=reject, missed_defect_rate=miss)
        for reject in rejects
        for miss in misses
    ]


def _reject_from(normals: Floats, rate: float) -> float | None:
    rank = conformal_rank(normals.size, rate)
    return None if rank > normals.size else above_rank(normals, rank)


def _accept_below(defects: Floats, rate: float) -> float | None:
    rank = math.floor(round((defects.size + 1) * rate, 9))
    return None if rank == 0 else float(defects[rank - 1])


def _between(scores: Floats, accept: float | None, reject: float | None) -> float | None:
    if accept is None or reject is None or not scores.size:
        return None
    return float(np.mean((scores >= accept) & (scores < reject)))


def _reason(
    normals: Floats, defects: Floats, accept: float | None, reject: float | None, rates: tuple[float, float]
) -> str:
    missing = []
    for limit, count, what, rate in (
        (reject, normals.size, "normals", rates[0]),
        (accept, defects.size, "training defects", rates[1]),
    ):
        if limit is None:
            needed = math.ceil(round(1 / rate, 9)) - 1
            missing.append(f"{count} {what} cannot hold a rate of {percent(rate)}, {needed} can")
    if accept is None or reject is None:
        return "; ".join(missing)
    held = f"{normals.size} normals and {defects.size} training defects hold both rates"
    if accept > reject:
        return f"{held}; scores in between are too high for a normal part and too low for a defective one"
    return f"{held}; scores in between are plausible for both"
