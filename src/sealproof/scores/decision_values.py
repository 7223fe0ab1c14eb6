"""Value of a decision from its arrays, and whether the arrays belong together.

- `logistic`: weights (J,), intercept ().
- `svm`: vectors (V, J), coefficients (V,), intercept (), width ().
- `forest`: roots (T,), and per node left, right, feature, limit, share (M,): a leaf has left = -1, and `share` is the
  weighted share of defects among the training images that reached a node.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Parts = dict[str, NDArray[Any]]
#: Name of an array, its type (U words, f floats, i integers) and its shape in letters.
_ALL = {"kind": ("U", ""), "names": ("U", "J"), "mean": ("f", "J"), "deviation": ("f", "J")}
_SHAPES: dict[str, dict[str, tuple[str, str]]] = {
    "logistic": {"weights": ("f", "J"), "intercept": ("f", "")},
    "svm": {"vectors": ("f", "VJ"), "coefficients": ("f", "V"), "intercept": ("f", ""), "width": ("f", "")},
    "forest": {
        "roots": ("i", "T"),
        "left": ("i", "M"),
        "right": ("i", "M"),
        "feature": ("i", "M"),
        "limit": ("f", "M"),
        "share": ("f", "M"),
    },
}


def evaluate(kind: str, parts: Parts, points: Floats) -> Floats:
    """Value of each point: (N, J) standardised -> (N,).

    Example:
        >>> parts = {"weights": np.array([2.0]), "intercept": np.array(-1.0)}
        >>> evaluate("logistic", parts, np.array([[0.5], [1.0]])).tolist()
        [0.0, 1.0]
    """
    if kind == "forest":
        return forest_value(parts, points)
    if kind == "svm":
        return svm_value(parts, points)
    return np.asarray((points * parts["weights"]).sum(axis=1) + parts["intercept"], dtype=np.float64)


def svm_value(parts: Parts, points: Floats) -> Floats:
    """Sum of coefficient x exp(-width |x - vector|^2), plus the intercept.

    Example:
        >>> parts = {"vectors": np.zeros((1, 1)), "coefficients": np.array([3.0])}
        >>> svm_value({**parts, "intercept": np.array(1.0), "width": np.array(1.0)}, np.zeros((1, 1))).tolist()
        [4.0]
    """
    total = np.full(len(points), float(parts["intercept"]))
    for vector, coefficient in zip(parts["vectors"], parts["coefficients"], strict=True):
        total += coefficient * np.exp(-float(parts["width"]) * np.square(points - vector).sum(axis=1))
    return total


def forest_value(parts: Parts, points: Floats) -> Floats:
    """Mean over the trees of the share of the leaf that a point reaches; left where value <= limit, in float32.

    Example:
        >>> tree = {"left": [1, -1, -1], "right": [2, -1, -1], "feature": [0, -2, -2]}
        >>> tree |= {"limit": [0.5, -2, -2], "share": [0.5, 0.0, 1.0], "roots": [0]}
        >>> parts = {key: np.array(value) for key, value in tree.items()}
        >>> forest_value(parts, np.array([[0.5], [0.6]])).tolist()
        [0.0, 1.0]
    """
    values = points.astype(np.float32)
    rows = np.arange(len(values))
    total = np.zeros(len(values))
    for root in parts["roots"]:
        node = np.full(len(values), root)
        while (inner := parts["left"][node] >= 0).any():
            goes_left = values[rows, np.maximum(parts["feature"][node], 0)] <= parts["limit"][node]
            node = np.where(inner, np.where(goes_left, parts["left"][node], parts["right"][node]), node)
        total += parts["share"][node]
    return total / parts["roots"].size


def mismatches(parts: Parts) -> list[str]:
    """Every array of a stored decision that is missing, unknown, or does not fit the others.

    Example:
        >>> mismatches({})
        ["kind: none, expected one of ['forest', 'logistic', 'svm']"]
    """
    kind = parts["kind"].tolist() if "kind" in parts else "none"
    if not isinstance(kind, str) or kind not in _SHAPES:
        return [f"kind: {kind}, expected one of {sorted(_SHAPES)}"]
    shapes = _ALL | _SHAPES[kind]
    problems = [f"{key}: missing" for key in shapes if key not in parts]
    problems += [f"{key}: unknown" for key in sorted(parts.keys() - shapes.keys())]
    sides: dict[str, int] = {}
    for key, (letter, axes) in shapes.items():
        if key in parts and (problem := _mismatch(parts[key], letter, axes, sides)):
            problems.append(f"{key}: {problem}")
    if not problems and (parts["deviation"] <= 0).any():
        problems.append("deviation: a value is not above 0")
    if not problems and kind == "forest":
        problems = _forest_problems(parts, sides)
    return problems


def _mismatch(array: NDArray[Any], letter: str, axes: str, sides: dict[str, int]) -> str | None:
    """What is wrong with one array; sides that are new become known."""
    expected = tuple(sides.get(axis) for axis in axes)
    if array.dtype.kind != letter:
        return f"{array.dtype}, expected kind {letter!r}"
    if array.ndim != len(axes) or any(
        known not in (None, side) for known, side in zip(expected, array.shape, strict=True)
    ):
        return f"{array.shape}, expected {expected}"
    if letter != "U" and not np.isfinite(array).all():
        return "a value is not finite"
    sides.update(zip(axes, array.shape, strict=True))
    return None


def _forest_problems(parts: Parts, sides: dict[str, int]) -> list[str]:
    """Children lie behind their parent, so that every walk ends; features exist."""
    nodes, inner = np.arange(sides["M"]), parts["left"] >= 0
    problems = []
    if not sides["T"] or (parts["roots"] < 0).any() or (parts["roots"] >= sides["M"]).any():
        problems.append("roots: none, or one that is no node")
    for side in ("left", "right"):
        child = parts[side][inner]
        if (child <= nodes[inner]).any() or (child >= sides["M"]).any():
            problems.append(f"{side}: a child that is no later node")
    if (parts["feature"][inner] < 0).any() or (parts["feature"][inner] >= sides["J"]).any():
        problems.append("feature: a number that is no input")
    return problems
