"""What follows from the counts in force: predictive values, reliabilities, the three-way verdict, non-inferiority."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scipy import optimize, special

from sealproof.verification.cases import Cases, count, rates, share, verdicts
from sealproof.verification.formulas import exact_bounds

Counts = Mapping[str, int]
Problem = tuple[str, Any, Any]
_NOTHING: dict[str, float | None] = {"value": None, "low": None, "high": None}


def right_and_units(counts: Counts) -> dict[str, tuple[int, int]]:
    """(rightly judged, images) of recall and specificity; an undecided image is not rightly judged.

    Example:
        >>> names = ("true_positive", "false_positive", "true_negative", "false_negative")
        >>> counts = dict(zip(names, (8, 1, 9, 2))) | {"undecided_normal": 1, "undecided_defective": 0}
        >>> right_and_units(counts)
        {'recall': (8, 10), 'specificity': (9, 11)}
    """
    tp, tn = counts["true_positive"], counts["true_negative"]
    return {
        "recall": (tp, tp + counts["false_negative"] + counts["undecided_defective"]),
        "specificity": (tn, tn + counts["false_positive"] + counts["undecided_normal"]),
    }


def predictive(
    counts: Counts, prevalence: float | None, confidence: float, *, decided: bool
) -> dict[str, Any]:
    """The part `predictive` of evaluation.json: Bayes at the corners of the bounds of recall and specificity.

    Args:
        counts: in force.
        prevalence: share of defective parts in the field; None when nobody states it.
        confidence: two-sided, of both together.
        decided: whether there is a valid threshold.
    """
    both = right_and_units(counts)
    known = prevalence is not None and decided and all(units for _, units in both.values())
    found: dict[str, dict[str, float | None]] = {"positive": _NOTHING, "negative": _NOTHING}
    if known and prevalence is not None:
        each = math.sqrt(confidence)
        corners = {
            key: [(part / units, *exact_bounds(part, units, each))[place] for part, units in both.values()]
            for place, key in enumerate(("value", "low", "high"))
        }
        found = {
            name: {
                key: _bayes(name, recall, specificity, prevalence)
                for key, (recall, specificity) in corners.items()
            }
            for name in found
        }
    return {"provided": prevalence is not None, "field_prevalence": prevalence, **found}


def _bayes(name: str, recall: float, specificity: float, prevalence: float) -> float | None:
    good, bad = 1 - prevalence, prevalence
    part, rest = (recall * bad, (1 - specificity) * good)
    if name == "negative":
        part, rest = specificity * good, (1 - recall) * bad
    return part / (part + rest) if part + rest > 0 else None


def reliability(
    counts: Counts, groups: Sequence[Mapping[str, Any]], confidence: float, *, decided: bool
) -> dict[str, Any]:
    """The part `reliability` of evaluation.json, but for the statements in words."""
    rows = [
        {
            "column": group["column"],
            "value": group["value"],
            **_bounds(group["counts"], confidence, decided=decided),
        }
        for group in groups
    ]
    overall = _bounds(counts, confidence, decided=decided)
    smallest: dict[str, Any] = {}
    for metric in overall:
        some = [row for row in rows if row[metric]["units"]]
        least = min(some, key=lambda row: (row[metric]["units"], row["column"], row["value"]), default=None)
        smallest[metric] = (
            None if least is None else {"column": least["column"], "value": least["value"], **least[metric]}
        )
    return {"confidence": confidence, **overall, "subgroups": rows, "smallest": smallest}


def _bounds(counts: Counts, confidence: float, *, decided: bool) -> dict[str, Any]:
    return {
        metric: {
            "units": units,
            "failures": units - right,
            "reliability": provable(right, units, confidence) if decided and units else None,
        }
        for metric, (right, units) in right_and_units(counts).items()
    }


def provable(right: int, units: int, confidence: float) -> float:
    """One-sided exact lower bound of a share.

    Example:
        >>> round(provable(59, 59, 0.95), 4), provable(0, 5, 0.95)
        (0.9505, 0.0)
    """
    return float(special.betaincinv(right, units - right + 1, 1 - confidence)) if right else 0.0


def statement_problems(stated: Mapping[str, Any], place: str = "/reliability") -> Iterator[Problem]:
    """Statements whose figures are not those beside them; the bound is rounded down.

    Example:
        >>> row = {"units": 59, "failures": 0, "reliability": 0.95049}
        >>> row["statement"] = "recall is at least 0.9505 (0 of 59)"
        >>> [item[1:] for item in statement_problems({"confidence": 0.95, "recall": row})]
        [('95, 0.9504, 0, 59', 'recall is at least 0.9505 (0 of 59)')]
    """
    for pointer, row in _statements(stated, place):
        found = re.findall(r"\d+(?:\.\d+)?", row["statement"])
        bound = row["reliability"]
        if bound is None:
            if "not evaluable" not in row["statement"]:
                yield f"{pointer}/statement", "not evaluable", row["statement"]
            continue
        floor = f"{math.floor(bound * 1e4) / 1e4:.4f}"
        told = [f"{100 * stated['confidence']:g}", floor, str(row["failures"]), str(row["units"])]
        if found != told:
            yield f"{pointer}/statement", ", ".join(told), row["statement"]


def _statements(stated: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(stated, Mapping):
        if "statement" in stated:
            yield place, stated
        for key, value in stated.items():
            yield from _statements(value, f"{place}/{key}")
    elif isinstance(stated, list):
        for number, value in enumerate(stated):
            yield from _statements(value, f"{place}/{number}")


def three_way(
    cases: Cases, score: str, settings: Sequence[Mapping[str, Any]], confidence: float
) -> list[dict[str, Any]]:
    """The part `three_way` of evaluation.json: verdicts at every pair of limits of thresholds.json."""
    return [_setting(cases, score, item, confidence) for item in settings]


def _setting(cases: Cases, score: str, item: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    low, high = item["accept_below"], item["reject_from"]
    keys = ("false_reject_rate", "missed_defect_rate", "accept_below", "reject_from")
    kept = {key: item[key] for key in keys}
    nothing = {"recall": _NOTHING, "specificity": _NOTHING}
    if low is None or high is None:
        shares = dict.fromkeys(("all", "normal", "defective"), _NOTHING)
        return kept | {"counts": None, "share_to_person": shares, "decided": nothing, "conservative": nothing}
    counts = count(cases.labels, verdicts(cases.values(score), cases.decided, high, low))
    normal, defective = counts["undecided_normal"], counts["undecided_defective"]
    units = {"normal": int((cases.labels == 0).sum()), "defective": int((cases.labels == 1).sum())}
    by_verdict = {
        "accept": ("true_negative", "false_negative"),
        "reject": ("false_positive", "true_positive"),
        "undecided": ("undecided_normal", "undecided_defective"),
    }
    return kept | {
        "counts": {
            verdict: {"normal": counts[good], "defective": counts[bad]}
            for verdict, (good, bad) in by_verdict.items()
        },
        "share_to_person": {
            "all": share(normal + defective, sum(units.values()), confidence),
            "normal": share(normal, units["normal"], confidence),
            "defective": share(defective, units["defective"], confidence),
        },
        "decided": _both(rates(counts, confidence, conservative=False)),
        "conservative": _both(rates(counts, confidence)),
    }


def _both(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in ("recall", "specificity")}


def non_inferiority(
    counts: Counts, human: Mapping[str, Any] | None, confidence: float, *, decided: bool
) -> dict[str, Any]:
    """The part `non_inferiority` of evaluation.json, but for method and reasons in words.

    Args:
        counts: in force.
        human: `human_inspection` of product.yaml; None when nobody states it.
        confidence: one-sided.
        decided: whether there is a valid threshold.
    """
    stated = human or {}
    given = human is not None and stated.get("not_applicable") is None
    before = {"recall": ("found", "defective"), "specificity": ("accepted", "normal")}
    rows = {}
    for metric, (right, units) in right_and_units(counts).items():
        part, whole = (stated[key] for key in before[metric]) if given else (0, 0)
        known = decided and given and units > 0
        low = difference_low(right, units, part, whole, confidence) if known else None
        rows[metric] = {
            "machine": _side(right, units),
            "human": _side(part, whole) if given else None,
            "difference": right / units - part / whole if known else None,
            "low": low,
            "shown": None if low is None else low > -stated["margin"],
        }
    return {
        "provided": human is not None,
        "not_applicable": stated.get("not_applicable"),
        "confidence": confidence,
        "margin": stated.get("margin"),
        "source": stated.get("source"),
        **rows,
    }


def _side(right: int, units: int) -> dict[str, Any]:
    return {"right": right, "units": units, "share": right / units if units else None}


def difference_low(x: int, m: int, y: int, n: int, confidence: float) -> float:
    """One-sided lower bound of x/m - y/n by the score test of Miettinen and Nurminen (1985).

    The proportions under the hypothesis maximise the likelihood numerically, not by the closed form of its cubic.

    Example:
        >>> round(difference_low(56, 70, 48, 80, 0.975), 4)  # Newcombe, Statist. Med. 17 (1998) 873-890, table II
        0.0528
    """
    quantile, observed = float(special.ndtri(confidence)), x / m - y / n

    def excess(d: float) -> float:
        distance = observed - d
        p = _restricted(x, m, y, n, d)
        variance = (p * (1 - p) / m + (p - d) * (1 - p + d) / n) * (m + n) / (m + n - 1)
        if variance <= 1e-300:
            return math.inf if distance > 0 else -quantile
        return distance / math.sqrt(variance) - quantile

    low, high = -1.0, observed
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low


def _restricted(x: int, m: int, y: int, n: int, d: float) -> float:
    """The first proportion of greatest likelihood when the second is smaller by d: the root of the score."""
    low, high = max(0.0, d), min(1.0, 1 + d)

    def slope(p: float) -> float:
        q, total = p - d, 0.0
        for part, whole, chance in ((x, m, p), (y, n, q)):
            total += part / max(chance, 1e-300) if part else 0.0
            total -= (whole - part) / max(1 - chance, 1e-300) if whole - part else 0.0
        return total

    if high - low < 1e-15 or slope(low) <= 0:
        return low
    if slope(high) >= 0:
        return high
    return float(optimize.brentq(slope, low, high, xtol=1e-15, rtol=1e-15))
