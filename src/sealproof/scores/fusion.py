"""Fusion of several scores into one by their ranks among reference normals, so that two modes give one verdict.

Each score becomes a surprise, minus the logarithm of the share of reference normals that score as high; Fisher's rule
adds surprises, the smallest p-value is their maximum.

Is a conformal threshold on the fused score exact? Its proof needs one thing: the function that makes the score was
fixed without the normals that calibrate the threshold. If the same held-out normals give the ranks and calibrate, it
is not: none of them can lie beyond its own ranks, a new part can, and is rejected too often (19 normals, 4 scores,
5 % promised: 8 % by Fisher's rule, 19 % by the smallest p; `tests/scores/test_fusion.py` counts such rejects).
Therefore the reference normals take no part in the calibration: they are the training normals, or a share of the
held-out ones that `reference_share` draws. The fused score is then a fixed, increasing function of the scores, and
every threshold method keeps its promise on it, ties, dependent scores, small and overfitted references included. A
poor reference costs power, never the promise.

Ranks end at the largest reference score: all beyond it would be alike. There the share falls on as 1 / (1 + z), z the
distance beyond in units of the tail's mean excess: a generalised Pareto tail of shape 1. It keeps the order of large
scores, and it is heavy on purpose: in a feature distance, normals lie far beyond an overfitted reference, and a
lighter tail would let that score alone decide. The tail needs not be true for the promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sealproof.evidence.errors import DataError
from sealproof.scores.arrays import altered, load_arrays, save_arrays

Floats = NDArray[np.float64]
Rule = Literal["fisher", "smallest-p"]
#: Fewer reference normals tell too little of the tail of a score.
MINIMUM_REFERENCE = 20
#: Share of the reference normals whose mean excess is the scale of the tail.
_TAIL = 0.2
_WHAT = "the fusion of the scores"
_KEYS = ("names", "reference", "rule")


@dataclass(frozen=True)
class Fusion:
    """A fixed function from several scores to one.

    Attributes:
        names: (J,) the scores.
        reference: (n, J) of reference normals, each column sorted on its own.
        rule: `fisher`: the sum of the surprises, half of Fisher's statistic (Statistical Methods for Research
            Workers, 4th ed. 1932, section 21.1); `smallest-p`: their maximum (Tippett 1931).
    """

    names: tuple[str, ...]
    reference: Floats
    rule: Rule

    def fuse(self, scores: Mapping[str, Floats]) -> Floats:
        """The fused score: never falls when a score rises.

        Args:
            scores: name -> (N,), higher = more anomalous; more names than needed do no harm.

        Returns:
            (N,), 0 or more, in nats.

        Raises:
            DataError: a score is missing, not finite, or of another length.

        Example:
            >>> known = np.arange(99.0)
            >>> fusion = fit_fusion({"a": known, "b": known}, "fisher")
            >>> found = fusion.fuse({"a": np.array([98.0, 98.0, 500.0]), "b": np.array([98.0, 49.0, 49.0])})
            >>> (found / np.log(10)).round(2).tolist()
            [4.0, 2.3, 3.92]
        """
        columns = _columns({name: scores[name] for name in self.names if name in scores}, self.names)
        surprises = np.stack(
            [surprise(column, known) for column, known in zip(columns.T, self.reference.T, strict=True)]
        )
        fused: Floats = surprises.sum(axis=0) if self.rule == "fisher" else surprises.max(axis=0)
        return fused


def fit_fusion(scores: Mapping[str, Floats], rule: Rule = "fisher") -> Fusion:
    """Learn the ranks from reference normals, none of which may calibrate a threshold on the fused score.

    Args:
        scores: name -> (n,) of reference normals.
        rule: `fisher` or `smallest-p`.

    Raises:
        ValueError: the rule is unknown.
        DataError: no scores, fewer than `MINIMUM_REFERENCE` normals, values that are not finite, or a score that is
            the same for all of them.
    """
    if rule not in get_args(Rule):
        raise ValueError(f"unknown rule {rule!r}; one of {', '.join(get_args(Rule))}")
    names = tuple(scores)
    reference = np.sort(_columns(scores, names), axis=0)
    problems = []
    if len(reference) < MINIMUM_REFERENCE:
        problems.append(f"{len(reference)} reference normals, {MINIMUM_REFERENCE} are needed")
    else:
        constant = [name for name, column in zip(names, reference.T, strict=True) if column[0] == column[-1]]
        problems += [f"{name}: the same for all reference normals" for name in constant]
    if problems:
        raise _unusable(problems)
    return Fusion(names, reference, rule)


def reference_share(count: int, seed: int, share: float = 0.5) -> NDArray[np.bool_]:
    """Which of `count` held-out normals give the ranks; the others calibrate.

    Args:
        count: of held-out normals, in an order that does not depend on their scores.
        seed: of the draw.
        share: that gives the ranks, between 0 and 1; rounded down.

    Returns:
        (count,), True for reference normals.

    Raises:
        ValueError: a share out of range.

    Example:
        >>> int(reference_share(115, seed=1).sum())
        57
    """
    if not 0 < share < 1:
        raise ValueError(f"the share must be between 0 and 1, not {share}")
    chosen = np.zeros(count, dtype=np.bool_)
    chosen[np.random.default_rng(seed).permutation(count)[: int(share * count)]] = True
    return chosen


def surprise(values: Floats, reference: Floats) -> Floats:
    """Minus the natural logarithm of the share of reference scores at or above each value.

    At a reference score that r of n reach, ln((n + 1) / r); straight lines between; beyond the largest ln(n + 1) +
    ln(1 + z), z the distance beyond over the mean excess of the highest fifth; below the smallest an exponential
    towards 0.

    Args:
        values: (N,) finite.
        reference: (n,) sorted, not all equal.

    Returns:
        (N,), 0 or more, never falling as the value rises.

    Example:
        >>> surprise(np.array([0.0, 97.5, 98.0]), np.arange(99.0)).round(3).tolist()
        [0.01, 4.259, 4.605]
    """
    n = reference.size
    knots, counts = np.unique(reference, return_counts=True)
    reaching = n - np.concatenate([[0], np.cumsum(counts)[:-1]])
    heights = np.log((n + 1) / reaching)
    top = max(1, int(_TAIL * n))
    scale = float((reference[-top:] - reference[-top - 1]).mean()) or float(reference.std())
    inner = np.interp(values, knots, heights)
    above = np.log1p(np.maximum(values - knots[-1], 0.0) / scale)
    below = np.exp(np.minimum(values - knots[0], 0.0) / float(reference.std()))
    found: Floats = (inner + above) * below
    return found


def save_fusion(fusion: Fusion, path: Path) -> None:
    """Write a fusion as uncompressed npz without pickled objects; same fusion, same bytes."""
    parts = (np.array(fusion.names), fusion.reference, np.array(str(fusion.rule)))
    save_arrays(dict(zip(_KEYS, parts, strict=True)), path)


def load_fusion(path: Path) -> Fusion:
    """Read a fusion; no code is executed from the file.

    Raises:
        EvidenceMissingError: there is no such file.
        EvidenceAlteredError: it is no fusion, or its parts do not belong together; each that does not is named.
    """
    parts = load_arrays(path, _WHAT)
    problems = [f"{key}: missing" for key in _KEYS if key not in parts]
    problems = problems or _mismatches(*(parts[key] for key in _KEYS))
    if problems:
        raise altered(path, _WHAT, "; ".join(problems))
    return Fusion(tuple(str(name) for name in parts["names"]), parts["reference"], parts["rule"].item())


def _mismatches(names: NDArray[Any], reference: NDArray[Any], rule: NDArray[Any]) -> list[str]:
    problems = []
    if names.dtype.kind != "U" or names.ndim != 1 or len(set(names.tolist())) < names.size:
        problems.append("names: not a list of different words")
    if rule.shape != () or rule.item() not in get_args(Rule):
        problems.append(f"rule: {rule.tolist()!r}, expected one of {', '.join(get_args(Rule))}")
    if reference.dtype != np.float64 or reference.ndim != 2 or reference.shape[1:] != names.shape:
        problems.append(f"reference: {reference.dtype} {reference.shape}, expected float64, a column a name")
    elif len(reference) < MINIMUM_REFERENCE or not np.isfinite(reference).all():
        problems.append(f"reference: {len(reference)} rows, or values that are not finite")
    elif (np.diff(reference, axis=0) < 0).any() or (reference[0] == reference[-1]).any():
        problems.append("reference: a column is not sorted, or does not vary")
    return problems


def _columns(scores: Mapping[str, Floats], names: tuple[str, ...]) -> Floats:
    """(N, J) of the named scores; every problem is reported at once."""
    problems = [] if names else ["no score is named"]
    columns = {name: np.asarray(scores[name], dtype=np.float64) for name in names if name in scores}
    problems += [f"{name}: missing" for name in names if name not in scores]
    problems += [f"{name}: not one-dimensional" for name, column in columns.items() if column.ndim != 1]
    problems += [
        f"{name}: {int((~np.isfinite(column)).sum())} values are not finite"
        for name, column in columns.items()
        if not np.isfinite(column).all()
    ]
    if len({column.shape for column in columns.values()}) > 1:
        problems.append("the scores are of different lengths")
    if problems:
        raise _unusable(problems)
    return np.stack([columns[name] for name in names], axis=1)


def _unusable(problems: list[str]) -> DataError:
    return DataError(
        "the scores cannot be fused",
        where="the scores given to the fusion",
        why="\n".join(problems),
        mend="leave undecided images out, name scores that were computed, or add normals",
    )
