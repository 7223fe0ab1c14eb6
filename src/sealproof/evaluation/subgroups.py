"""Recall and specificity of every subgroup: set-up, cell type, defect type, whatever the data set names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sealproof.evaluation.claims import DEFECT_TYPE
from sealproof.evaluation.counts import ConfusionCounts, count_verdicts
from sealproof.evaluation.intervals import Estimate, rate_estimates


@dataclass(frozen=True)
class Subgroup:
    """One value of one subgroup column.

    Args:
        column: `group_setup`, `defect_type`, ...
        value: as in the manifest; empty means that the data set does not say.
        counts: as they are, undecided images apart.
        recall, specificity: undecided counts against the detector.
    """

    column: str
    value: str
    counts: ConfusionCounts
    recall: Estimate
    specificity: Estimate

    def as_json(self) -> dict[str, Any]:
        """The subgroup as JSON types."""
        return {
            "column": self.column,
            "value": self.value,
            "images": self.counts.total,
            "normal": self.counts.normal,
            "defective": self.counts.defective,
            "counts": self.counts.as_json(),
            "recall": self.recall.as_json(),
            "specificity": self.specificity.as_json(),
        }


def subgroups(cases: pd.DataFrame, known: dict[str, list[str]], confidence: float = 0.95) -> list[Subgroup]:
    """Rates of every subgroup, in the order of columns and values.

    Args:
        cases: test images with label, verdict, defect_type and group_* columns.
        known: column -> values that occur anywhere in the data set, so that those without a test image are
        named. confidence: of the bounds. They hold one by one, not for all subgroups at once.

    Example:
        >>> rows = {"label": [1], "verdict": ["reject"], "group_setup": ["12"], "defect_type": ["tear"]}
        >>> found = subgroups(pd.DataFrame(rows), {"group_setup": ["12", "20"]})
        >>> [(group.value, group.counts.total) for group in found]
        [('12', 1), ('20', 0), ('tear', 1)]
    """
    return list(_subgroups(cases, known, confidence))


def _subgroups(cases: pd.DataFrame, known: dict[str, list[str]], confidence: float) -> Iterator[Subgroup]:
    columns = [*sorted(name for name in cases.columns if name.startswith("group_")), DEFECT_TYPE]
    for column in columns:
        # A defect type says nothing of normal images: only defective ones are in its subgroups.
        table = cases[cases["label"] == 1] if column == DEFECT_TYPE else cases
        for value in sorted({*table[column], *known.get(column, [])}):
            members = table[table[column] == value]
            counts = count_verdicts(members["label"].to_numpy(), members["verdict"].to_numpy(dtype=str))
            found = rate_estimates(counts.conservative(), confidence)
            yield Subgroup(column, str(value), counts, found["recall"], found["specificity"])


def known_values(manifest: pd.DataFrame, cases: pd.DataFrame) -> dict[str, list[str]]:
    """Values of each subgroup column among all images that are not excluded, and all known defect types."""
    used = manifest[~manifest["excluded"]]
    columns = [name for name in used.columns if name.startswith("group_")]
    found = {name: sorted(used[name].unique()) for name in columns}
    types = {*used.loc[used["label"] == 1, DEFECT_TYPE], *cases.loc[cases["label"] == 1, DEFECT_TYPE]}
    return found | {DEFECT_TYPE: sorted(types)}


def smallest(groups: list[Subgroup]) -> Subgroup | None:
    """The subgroup with the fewest test images that has any: its bounds are the weakest statement.

    Of equally small ones the first by column and value; None when no subgroup has an image.
    """
    present = [group for group in groups if group.counts.total]
    return min(present, key=lambda group: (group.counts.total, group.column, group.value), default=None)


def without_images(groups: list[Subgroup]) -> list[Subgroup]:
    """Subgroups of the data set of which the test split has no image: nothing is known of them."""
    return [group for group in groups if not group.counts.total]
