"""The methods that the studies simulate, and a digest of their source."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sealproof.evidence.hashing import sha256_json
from sealproof.thresholds import (
    conformal,
    evt_pot,
    mean_sigma,
    percentile,
    recall_bound,
    tolerance_normal,
    tolerance_order,
)
from sealproof.thresholds.result import Basis, Floats, ThresholdResult
from sealproof.thresholds.settings import ThresholdSettings

Call = Callable[[Floats, Basis, ThresholdSettings], ThresholdResult]
#: Modules that word or parametrise, but compute nothing: a new sentence does not outdate a simulation, and the
#: parameters in use stand in the table itself.
_WORDS = {"settings", "promises"}
_FOLDER = Path(__file__).parents[1]
_PACKAGE = "sealproof.thresholds"


def _mean_sigma(normals: Floats, basis: Basis, settings: ThresholdSettings) -> ThresholdResult:
    return mean_sigma.mean_sigma(
        normals,
        sigmas=settings.sigmas,
        require_normality=settings.require_normality,
        normality_minimum=settings.normality_minimum,
        basis=basis,
    )


def _percentile(normals: Floats, basis: Basis, settings: ThresholdSettings) -> ThresholdResult:
    return percentile.percentile(normals, percent=settings.percentile, basis=basis)


def _evt_pot(normals: Floats, basis: Basis, settings: ThresholdSettings) -> ThresholdResult:
    return evt_pot.evt_pot(normals, settings=settings.evt, basis=basis)


def _conformal(normals: Floats, basis: Basis, settings: ThresholdSettings) -> ThresholdResult:
    rate = settings.conformal.false_reject_rate
    return conformal.conformal(normals, false_reject_rate=rate, basis=basis)


def _tolerance_normal(normals: Floats, basis: Basis, settings: ThresholdSettings) -> ThresholdResult:
    return tolerance_normal.tolerance_normal(
        normals,
        content=settings.tolerance.content,
        confidence=settings.tolerance.confidence,
        require_normality=settings.require_normality,
        normality_minimum=settings.normality_minimum,
        basis=basis,
    )


def _tolerance_order(normals: Floats, basis: Basis, settings: ThresholdSettings) -> ThresholdResult:
    limits = settings.tolerance
    return tolerance_order.tolerance_order(
        normals, content=limits.content, confidence=limits.confidence, basis=basis
    )


#: Methods that promise a false-reject rate, as the threshold stage calls them.
CALLS: Mapping[str, Call] = {
    mean_sigma.METHOD: _mean_sigma,
    percentile.METHOD: _percentile,
    evt_pot.METHOD: _evt_pot,
    conformal.METHOD: _conformal,
    tolerance_normal.METHOD: _tolerance_normal,
    tolerance_order.METHOD: _tolerance_order,
}


#: All that the table of guarantees simulates; the sample-size study simulates evt_pot alone.
ALL = (*CALLS, recall_bound.METHOD)
_COMMON = {"minimum_normals", "confidence"}
_OWN = {
    "evt_pot": {"evt"},
    "percentile": {"percentile"},
    "conformal": {"conformal"},
    "recall_bound": {"recall_bound"},
}
_OWN |= {"mean_sigma": {"sigmas", "require_normality", "normality_minimum"}, "tolerance_order": {"tolerance"}}
_OWN |= {"tolerance_normal": {"tolerance", "require_normality", "normality_minimum"}}


def parameters(settings: ThresholdSettings, methods: Sequence[str] = ALL) -> dict[str, Any]:
    """The settings that the methods depend on, JSON types only.

    Example:
        >>> parameters(ThresholdSettings())["conformal"]
        {'false_reject_rate': 0.05}
    """
    names = _COMMON.union(*(_OWN[method] for method in methods))
    found: dict[str, Any] = settings.model_dump(mode="json", include=names)
    return found


def modules(methods: Sequence[str] = ALL) -> list[str]:
    """Names of the modules of this room that compute the thresholds of these methods, sorted.

    Example:
        >>> {"conformal", "evt_pot", "tail_interval", "bounds"} <= set(modules())
        True
    """
    found: set[str] = set()
    waiting = [*methods]
    while waiting:
        name = waiting.pop()
        if name not in found | _WORDS:
            found.add(name)
            waiting += sorted(_imported(ast.parse((_FOLDER / f"{name}.py").read_text(encoding="utf-8"))))
    return sorted(found)


def _imported(tree: ast.AST) -> set[str]:
    return {
        node.module.removeprefix(f"{_PACKAGE}.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{_PACKAGE}.")
    }


def methods_digest(methods: Sequence[str] = ALL) -> str:
    """SHA-256 over the source of `modules(methods)`, without comments and docstrings: what a study belongs to.

    Example:
        >>> len(methods_digest())
        64
    """
    sources = {name: _normalised(_FOLDER / f"{name}.py") for name in modules(methods)}
    return sha256_json({name: hashlib.sha256(text.encode()).hexdigest() for name, text in sources.items()})


def _normalised(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
