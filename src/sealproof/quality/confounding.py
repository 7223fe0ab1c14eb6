"""Does a subgroup (set-up, lot, cell type) tell the class? A detector may learn it instead of the defect.

Labels of the training side are in the manifest; of the test split only the counts of each subgroup and class
are known, which is all that is needed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from sealproof.quality.counts import CLASSES
from sealproof.quality.examination import Examination
from sealproof.quality.findings import Finding, not_evaluated

#: A class is missed in a subgroup when, independent of it, at least so many images were to be expected there.
#: With 5 expected, none at all happens by chance in fewer than 1 of 100 cases (Poisson, exp(-5) = 0.0067).
EXPECTED = 5.0
Counts = dict[str, dict[str, int]]
_TRAINING = ("train", "calibration", "tuning")


@dataclass(frozen=True)
class Association:
    """Subgroup and class of one pool of images.

    Args:
        pool: `training` (train, calibration and tuning) or `test`.
        column: `group_setup`.
        counts: subgroup -> class -> images.
        cramers_v: bias-corrected Cramer's V, 0 to 1; None when there is one subgroup or one class only.
        p_value: of the chi-square test of independence, None as above.
    """

    pool: str
    column: str
    counts: Counts
    cramers_v: float | None
    p_value: float | None

    @property
    def name(self) -> str:
        """The subgroup's name in words: `setup`."""
        return self.column.removeprefix("group_").replace("_", " ")


def cramers_v(counts: NDArray[np.integer]) -> float:
    r"""Cramer's V of a contingency table, corrected for its bias.

    With $\varphi^2 = \chi^2 / n$ of an r x k table (no continuity correction):
    $\tilde\varphi^2 = \max(0, \varphi^2 - (k-1)(r-1)/(n-1))$, $\tilde k = k - (k-1)^2/(n-1)$, $\tilde r$
    likewise, $V = \sqrt{\tilde\varphi^2 / \min(\tilde k - 1, \tilde r - 1)}$. Bergsma, "A bias-correction for
    Cramer's V and Tschuprow's T", Journal of the Korean Statistical Society 42 (2013).

    Args:
        counts: (r, k) numbers of images, r and k at least 2, no empty row or column.

    Returns:
        0 (independent) to 1 (the subgroup tells the class).

    Raises:
        ValueError: fewer than two rows or columns, or one of them is empty.

    Example:
        >>> cramers_v(np.array([[50, 0], [0, 50]]))
        1.0
        >>> cramers_v(np.array([[25, 25], [25, 25]]))
        0.0
    """
    rows, columns = counts.shape
    if min(rows, columns) < 2 or not counts.any(axis=0).all() or not counts.any(axis=1).all():
        raise ValueError("Cramer's V needs two rows and two columns with images")
    n = int(counts.sum())
    phi2 = float(chi2_contingency(counts, correction=False).statistic) / n
    corrected = max(0.0, phi2 - (columns - 1) * (rows - 1) / (n - 1))
    smaller = min(side - (side - 1) ** 2 / (n - 1) for side in (rows, columns)) - 1
    return float(min(1.0, np.sqrt(corrected / smaller))) if smaller > 0 else 0.0


def associations(data: Examination) -> list[Association]:
    """Subgroup against class, for each pool and subgroup column, sorted by column then pool."""
    columns = sorted(name for name in data.manifest.columns if name.startswith("group_"))
    return [
        _associate(pool, column, counts)
        for column in columns
        for pool, counts in (("training", _training(data, column)), ("test", _test(data, column)))
    ]


def _training(data: Examination, column: str) -> Counts:
    rows = data.manifest[data.manifest["split"].isin(_TRAINING) & data.manifest["label"].isin([0, 1])]
    pairs = Counter(zip(rows[column].astype(str), rows["label"].astype(int), strict=True))
    groups = sorted({group for group, _ in pairs})
    return {group: {kind: pairs[group, label] for label, kind in enumerate(CLASSES)} for group in groups}


def _test(data: Examination, column: str) -> Counts:
    groups = sorted(data.summary["subgroups"].get(column, {}).items())
    counts = {str(value): {kind: int(splits["test"][kind]) for kind in CLASSES} for value, splits in groups}
    return {value: row for value, row in counts.items() if sum(row.values())}


def _associate(pool: str, column: str, counts: Counts) -> Association:
    table = np.array([[row[kind] for kind in CLASSES] for row in counts.values()], dtype=np.int64)
    if len(table) < 2 or (table.sum(axis=0) == 0).any():
        return Association(pool, column, counts, None, None)
    p_value = float(chi2_contingency(table, correction=False).pvalue)
    return Association(pool, column, counts, cramers_v(table), p_value)


def predicts_class(data: Examination) -> list[Finding]:
    """Subgroup columns whose Cramer's V with the class is above the limit."""
    limit = data.checks.confounding_limit
    found = associations(data)
    strong = [_prediction(a, limit) for a in found if a.cramers_v is not None and a.cramers_v > limit]
    return strong + [_one_class(a) for a in found if len(a.counts) > 1 and a.cramers_v is None]


def _prediction(found: Association, limit: float) -> Finding:
    shares = [
        f"{value}: {row['defective']} of {sum(row.values())} defective" for value, row in found.counts.items()
    ]
    return Finding(
        code="subgroup_predicts_class",
        severity="warning",
        what=f"in {found.pool}, the {found.name} partly tells the class",
        where=tuple(f"{found.name} {share}" for share in shares),
        expected=f"bias-corrected Cramer's V at most {limit:g}",
        observed=f"Cramer's V {found.cramers_v:.3f}, chi-square test of independence p = {found.p_value:.2g}",
        mend=f"collect the missing classes, and judge every result per {found.name}",
    )


def _one_class(found: Association) -> Finding:
    return not_evaluated(
        "subgroup_predicts_class",
        f"in {found.pool}, it cannot be told whether the {found.name} predicts the class",
        f"{found.pool} holds images of one class only",
        "provide images of both classes",
    )


def lacks_class(data: Examination) -> list[Finding]:
    """Subgroups without any image of one class where at least `EXPECTED` were to be expected."""
    return [finding for found in associations(data) for finding in _lacks(found)]


def _lacks(found: Association) -> Iterator[Finding]:
    totals = {kind: sum(row[kind] for row in found.counts.values()) for kind in CLASSES}
    for value, row in found.counts.items():
        size = sum(row.values())
        for kind, other in (CLASSES, CLASSES[::-1]):
            expected = size * totals[kind] / sum(totals.values())
            if row[kind] == 0 and expected >= EXPECTED:
                yield Finding(
                    code="subgroup_lacks_class",
                    severity="warning",
                    what=f"in {found.pool}, {found.name} {value} has no {kind} image",
                    where=(f"{found.name} {value}",),
                    expected=f"about {expected:.0f} of its {size} images, if the {found.name} did not matter",
                    observed=f"0 {kind}, {row[other]} {other}",
                    mend=f"collect {kind} images of {found.name} {value}; results do not cover it until then",
                )
