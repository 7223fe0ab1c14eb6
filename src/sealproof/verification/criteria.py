"""Acceptance criteria: judged anew from acceptance.yaml and the records, wherever their outcome is stated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sealproof.verification.formulas import close, exact_bounds
from sealproof.verification.records import all_records
from sealproof.verification.settings import parameters
from sealproof.verification.tree import Tree

_STATED = ("id", "title", "bound", "comparison", "limit", "rationale", "requirement", "risk")
_SIDES = {"low": ">=", "high": "<="}

#: Every score that a metric may be named by.
_SCORES = frozenset(
    {
        "mse",
        "mae",
        "psnr",
        "ssim",
        "g-ssim",
        "ms-ssim",
        "ms-g-ssim",
        "4-ssim",
        "4-g-ssim",
        "4-ms-ssim",
        "4-ms-g-ssim",
        "4-ms-ssim-upper",
        "4-ms-ssim-peak",
        "mahalanobis",
        "k-means",
        "fusion",
        "mocca",
        "cpcae",
        "padim",
        "padim-upper",
        "ag-padim",
        "ag-padim-upper",
        "rag-padim",
        "rag-padim-upper",
        "guided-padim",
        "guided-padim-upper",
        "patchcore",
        "patchcore-upper",
        "decision",
    }
)


def check_criteria(tree: Tree) -> None:
    """Judge every criterion anew and compare criteria.json and release.json with it."""
    acceptance = tree.yaml(tree.definition("acceptance.yaml"))
    file = tree.artifact("qualify", "criteria.json")
    stated = tree.dictionary(file)
    if not isinstance(acceptance, dict) or not stated:
        return
    with tree.findings.guard(file):
        outcomes = judge(tree, acceptance)
        settings = parameters(tree)
        expected = {
            "acceptance_sha256": tree.sha256(tree.definition("acceptance.yaml")),
            "score": settings["threshold"]["score"],
            "method": settings["threshold"]["method"],
            "confidence": settings["evaluate"]["confidence"],
            "demonstration": acceptance["demonstration"],
        }
        for key, value in expected.items():
            tree.findings.compare("criterion-changed", file, f"/{key}", expected=value, found=stated.get(key))
        _compare(tree, file, outcomes, stated["criteria"])
    with tree.findings.guard(tree.release, "/criteria"):
        release = tree.dictionary(tree.release, optional=True)
        if release:
            _compare(tree, tree.release, outcomes, release["criteria"])
            tree.findings.compare(
                "criterion-changed",
                tree.release,
                "/score",
                expected=expected["score"],
                found=release["score"],
            )


def _compare(tree: Tree, file: str, outcomes: list[dict[str, Any]], stated: list[dict[str, Any]]) -> None:
    names, found = [item["id"] for item in outcomes], [item["id"] for item in stated]
    tree.findings.compare("criterion-changed", file, "/criteria", expected=names, found=found)
    by_id = {item["id"]: item for item in stated}
    for item in outcomes:
        other = by_id.get(item["id"], {})
        tree.findings.count("criteria judged")
        for key, value in item.items():
            if not close(value, other.get(key)):
                tree.findings.add(
                    "criterion-changed",
                    file,
                    f"/criteria/{item['id']}/{key}",
                    expected=value,
                    found=other.get(key),
                )


def judge(tree: Tree, acceptance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each criterion with value, bound, units and whether it is met; the reason of None is not derived.

    Raises:
        KeyError, TypeError, ValueError: acceptance.yaml is not what it has to be.
    """
    settings, book = parameters(tree), all_records(tree)
    score, confidence = settings["threshold"]["score"], settings["evaluate"]["confidence"]
    return [_judge(criterion, book, str(score), float(confidence)) for criterion in acceptance["criteria"]]


def _judge(
    criterion: Mapping[str, Any], book: Mapping[str, Any], score: str, confidence: float
) -> dict[str, Any]:
    metric, side = criterion["metric"].replace("{score}", score), criterion["bound"]
    if _SIDES[side] != criterion["comparison"]:
        raise ValueError(f"{criterion['id']} compares the favourable side")
    counted = criterion.get("of") or criterion.get("sample")
    n = _units(book, counted) if counted else None
    if criterion.get("of"):
        value, bound = _share(_number(book, metric), n, side, confidence)
    else:
        value, bound = _number(book, metric), _number(book, f"{metric}.{side}")
    own = _names_score(metric, score)
    met = None
    if own and value is not None and bound is not None and _provable(criterion, counted, n, side, confidence):
        met = _holds(bound, criterion)
    fields = {key: criterion[key] for key in _STATED}
    return fields | {
        "metric": metric,
        "value": value,
        "bound_value": bound,
        "n": n,
        "met": met,
        "unit": criterion.get("unit", "1"),
    }


def _names_score(metric: str, score: str) -> bool:
    """Whether a metric is of the score in force, or of none."""
    named = [part for part in metric.split(".") if part in _SCORES]
    return not named or named[0] == score


def _provable(
    criterion: Mapping[str, Any], counted: str | None, n: int | None, side: str, confidence: float
) -> bool:
    """Whether so many units could meet the limit at all, with no error."""
    if not counted:
        return True
    if n is None:
        return False
    best = exact_bounds(n, n, confidence)[0] if side == "low" else exact_bounds(0, n, confidence)[1]
    return _holds(best, criterion)


def _holds(bound: float, criterion: Mapping[str, Any]) -> bool:
    limit = float(criterion["limit"])
    return bound >= limit if criterion["comparison"] == ">=" else bound <= limit


def _share(
    part: float | None, n: int | None, side: str, confidence: float
) -> tuple[float | None, float | None]:
    if part is None or n is None or part != int(part) or not 0 <= part <= n:
        return None, None
    low, high = exact_bounds(int(part), n, confidence)
    return part / n, low if side == "low" else high


def _number(book: Mapping[str, Any], name: str) -> float | None:
    value = book.get(name, {}).get("value")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _units(book: Mapping[str, Any], name: str) -> int | None:
    value = _number(book, name)
    return int(value) if value is not None and value >= 1 and value == int(value) else None
