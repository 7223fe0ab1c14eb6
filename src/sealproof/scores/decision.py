"""Decision by Random Forest, SVM or logistic regression on all scores and texture features (paper, Table 4).

Fitted on normals and training defects. What is learned is a handful of arrays: they are stored as npz without pickled
objects and evaluated here, so that no code is executed from a file. The value is a score like any other; its threshold
is chosen on held-out normals that took no part in the fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sealproof.evidence.errors import DataError
from sealproof.scores.arrays import altered, load_arrays, save_arrays
from sealproof.scores.decision_values import Parts, evaluate, mismatches

Floats = NDArray[np.float64]
Kind = Literal["forest", "svm", "logistic"]
#: Fewer training defects show too little of what a defect looks like: with 4, the paper's recall fell to .61 (Table 5).
MINIMUM_DEFECTS = 10
MINIMUM_NORMALS = 20
_WHAT = "the decision"
_TREES, _SMALLEST_LEAF = 300, 2


@dataclass(frozen=True)
class Decision:
    """A fitted decision.

    Attributes:
        kind: `forest`, `svm` or `logistic`.
        names: (J,) inputs.
        mean: (J,) of the inputs at the fit.
        deviation: (J,) above 0; 1 where an input did not vary.
        parts: what the kind learned, see `scores.decision_values`.
    """

    kind: Kind
    names: tuple[str, ...]
    mean: Floats
    deviation: Floats
    parts: Parts = field(repr=False)

    def decide(self, inputs: Mapping[str, Floats]) -> Floats:
        """How much each image looks like a defect.

        Args:
            inputs: name -> (N,); more names than needed do no harm.

        Returns:
            (N,): the share of the trees' votes in [0, 1] (`forest`), else the decision function, 0 on the boundary.

        Raises:
            DataError: an input is missing, not finite, or of another length.
        """
        values = _columns(inputs, self.names)
        return evaluate(self.kind, self.parts, (values - self.mean) / self.deviation)


def fit_decision(
    inputs: Mapping[str, Floats], defective: NDArray[np.bool_], kind: Kind, seed: int
) -> Decision:
    """Fit a decision; both classes weigh the same however many there are.

    `forest`: 300 trees, at least 2 images a leaf (Breiman, Machine Learning 45 (2001) 5-32). `svm`: radial kernel, C =
    1, width by the variance of the inputs (Cortes and Vapnik, Machine Learning 20 (1995) 273-297); no probabilities.
    `logistic`: ridge penalty, C = 1. Inputs are standardised.

    Args:
        inputs: name -> (N,), scores and texture features, of training images alone.
        defective: (N,), True for training defects.
        kind: of decision.
        seed: of the forest.

    Raises:
        ValueError: the kind is unknown.
        DataError: fewer than `MINIMUM_DEFECTS` defects or `MINIMUM_NORMALS` normals, no inputs, or inputs that are not
            finite or of different lengths.

    Example:
        >>> score = np.r_[np.zeros(20), np.ones(20)] + np.arange(40) / 100
        >>> decision = fit_decision({"mse": score}, np.arange(40) >= 20, "logistic", seed=1)
        >>> (decision.decide({"mse": np.array([0.0, 2.0])}) > 0).tolist()
        [False, True]
    """
    if kind not in get_args(Kind):
        raise ValueError(f"unknown decision {kind!r}; one of {', '.join(get_args(Kind))}")
    names = tuple(inputs)
    values = _columns(inputs, names)
    _check_classes(defective, len(values))
    spread = values.std(axis=0)
    mean, deviation = values.mean(axis=0), np.where(spread > 0, spread, 1.0)
    parts = _FITS[kind]((values - mean) / deviation, defective, seed)
    return Decision(kind, names, mean, deviation, parts)


def fitted_logistic(points: Floats, defective: NDArray[np.bool_], seed: int) -> Parts:
    """Weights and intercept of a logistic regression."""
    del seed  # the solver draws nothing
    model = LogisticRegression(class_weight="balanced", max_iter=10_000, tol=1e-8).fit(points, defective)
    return {"weights": model.coef_[0].astype(np.float64), "intercept": np.array(float(model.intercept_[0]))}


def fitted_svm(points: Floats, defective: NDArray[np.bool_], seed: int) -> Parts:
    """Support vectors, their coefficients, intercept and kernel width."""
    del seed  # the solver draws nothing without probabilities
    variance = float(points.var())
    width = 1 / (points.shape[1] * (variance if variance > 0 else 1.0))
    model = SVC(kernel="rbf", gamma=width, class_weight="balanced").fit(points, defective)
    return {
        "vectors": np.asarray(model.support_vectors_, dtype=np.float64),
        "coefficients": np.asarray(model.dual_coef_[0], dtype=np.float64),
        "intercept": np.array(float(model.intercept_[0])),
        "width": np.array(width),
    }


def fitted_forest(points: Floats, defective: NDArray[np.bool_], seed: int) -> Parts:
    """Nodes of all trees, one tree after the other; children are numbered over all trees."""
    model = RandomForestClassifier(
        _TREES,
        min_samples_leaf=_SMALLEST_LEAF,
        class_weight="balanced",
        random_state=np.random.RandomState(seed % 2**32),
        n_jobs=1,
    ).fit(points.astype(np.float32), defective)
    trees = [estimator.tree_ for estimator in model.estimators_]
    starts = np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])]).astype(np.int64)

    def children(side: str) -> NDArray[np.int64]:
        moved = [
            np.where(getattr(tree, side) < 0, -1, getattr(tree, side) + start)
            for tree, start in zip(trees, starts, strict=False)
        ]
        return np.concatenate(moved).astype(np.int64)

    return {
        "roots": starts[:-1],
        "left": children("children_left"),
        "right": children("children_right"),
        "feature": np.concatenate([tree.feature for tree in trees]).astype(np.int64),
        "limit": np.concatenate([tree.threshold for tree in trees]).astype(np.float64),
        "share": np.concatenate([tree.value[:, 0, 1] for tree in trees]).astype(np.float64),
    }


_FITS = {"forest": fitted_forest, "svm": fitted_svm, "logistic": fitted_logistic}


def save_decision(decision: Decision, path: Path) -> None:
    """Write a decision as uncompressed npz without pickled objects; same decision, same bytes."""
    shared = {
        "kind": np.array(str(decision.kind)),
        "names": np.array(decision.names),
        "mean": decision.mean,
        "deviation": decision.deviation,
    }
    save_arrays(shared | decision.parts, path)


def load_decision(path: Path) -> Decision:
    """Read a decision; no code is executed from the file.

    Raises:
        EvidenceMissingError: there is no such file.
        EvidenceAlteredError: it is no decision, or its parts do not belong together; each that does not is named.
    """
    parts = load_arrays(path, _WHAT)
    problems = mismatches(parts)
    if problems:
        raise altered(path, _WHAT, "; ".join(problems))
    kind, names = parts.pop("kind").item(), tuple(str(name) for name in parts.pop("names"))
    return Decision(kind, names, parts.pop("mean"), parts.pop("deviation"), parts)


def _columns(inputs: Mapping[str, Floats], names: tuple[str, ...]) -> Floats:
    """(N, J) of the named inputs; every problem is reported at once."""
    problems = [] if names else ["no input is named"]
    columns = {name: np.asarray(inputs[name], dtype=np.float64) for name in names if name in inputs}
    problems += [f"{name}: missing" for name in names if name not in inputs]
    problems += [f"{name}: not one-dimensional" for name, column in columns.items() if column.ndim != 1]
    problems += [
        f"{name}: values are not finite" for name, column in columns.items() if not np.isfinite(column).all()
    ]
    if len({column.shape for column in columns.values()}) > 1:
        problems.append("the inputs are of different lengths")
    if problems:
        raise _unusable(problems)
    return np.stack([columns[name] for name in names], axis=1)


def _check_classes(defective: NDArray[np.bool_], count: int) -> None:
    problems = []
    if defective.dtype != np.bool_ or defective.shape != (count,):
        problems.append(f"{count} images, but labels are {defective.dtype} {defective.shape}")
    else:
        defects = int(defective.sum())
        if defects < MINIMUM_DEFECTS:
            problems.append(f"{defects} training defects, {MINIMUM_DEFECTS} are needed")
        if count - defects < MINIMUM_NORMALS:
            problems.append(f"{count - defects} normals, {MINIMUM_NORMALS} are needed")
    if problems:
        raise _unusable(problems)


def _unusable(problems: list[str]) -> DataError:
    return DataError(
        "the decision cannot be made from these images",
        where="the scores and texture features given to the decision",
        why="\n".join(problems),
        mend="add labelled training images (split `tuning` for defects), or leave undecided images out",
    )
