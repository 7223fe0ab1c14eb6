"""What gives the tables of the thresholds their rows: rows come from the results, figures from the named records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.ordering import known_first
from sealproof.evaluation.three_way import setting_id
from sealproof.evidence.records import RecordBook
from sealproof.thresholds.settings import METHOD_NAMES

#: The method of the simulation whose every cell is printed: the paper's own.
SHOWN = "mean_sigma"


@dataclass(frozen=True)
class MethodRow:
    """A threshold method of the score in force.

    Args:
        name: in words.
        stem: of the ids of its records from held-out normals; those of another calibration stand below it.
        in_force: whether its threshold from held-out normals decides.
        promises: whether it states a promise; an empty one is not printed.
    """

    name: str
    stem: str
    in_force: bool
    promises: bool


@dataclass(frozen=True)
class Assumed:
    """An assumption of the method in force, with its p-value where a test gives one.

    Args:
        name, meaning: in the words of the test.
        holds: None when it could not be tested.
        p_value: id of the record; empty when there is no p-value.
    """

    name: str
    meaning: str
    holds: bool | None
    p_value: str


@dataclass(frozen=True)
class GuaranteeCell:
    """One number of normals on one distribution: id of the observed rate, and what became of the promise."""

    observed: str
    verdict: str
    would_break: bool


@dataclass(frozen=True)
class GuaranteeTable:
    """The simulated cells of one method: ids of the numbers of normals and of the promised rates, and the rows.

    Args:
        sizes: ids of the numbers of normals.
        promised: ids of the rate that each number of normals is promised.
        rows: (id of the distribution in words, its cells).
    """

    sizes: tuple[str, ...]
    promised: tuple[str, ...]
    rows: tuple[tuple[str, tuple[GuaranteeCell, ...]], ...]


@dataclass(frozen=True)
class Setting:
    """A setting of the three-way verdict.

    Args:
        stem: of the ids of its records from the calibration.
        tested: of the ids of its records from the test split.
        first: whether it is the first of its rate of false rejects.
        complete: whether it has both limits.
        in_force: whether it decides.
    """

    stem: str
    tested: str
    first: bool
    complete: bool
    in_force: bool


def threshold_context(inputs: DossierInputs) -> dict[str, Any]:
    """What the sections on thresholds need beside the records."""
    thresholds, score = inputs.results["thresholds"], inputs.judged.score
    return {
        "thresholds": thresholds,
        "method_rows": method_rows(thresholds, score),
        "assumptions": assumptions(thresholds["in_force"], inputs.book),
        "settings": three_way_settings(inputs),
        **study_context(inputs),
    }


def study_context(inputs: DossierInputs) -> dict[str, Any]:
    """What the tables of the simulation studies need beside the records."""
    table = inputs.results["guarantees"]
    return {
        "promising": known_first(METHOD_NAMES, table["summary"]["methods"]),
        "guaranteed": guarantee_table(table),
    }


def method_rows(thresholds: Mapping[str, Any], score: str) -> list[MethodRow]:
    """Every method for one score, in the order of their room.

    Example:
        >>> result = {"promise": "", "training": {}}
        >>> force = {"method": "cost", "calibration": "held-out"}
        >>> found = method_rows({"in_force": force, "scores": {"mse": {"cost": {"promise": ""}}}}, "mse")
        >>> found[0].stem, found[0].in_force, found[0].promises
        ('threshold.mse.cost', True, False)
    """
    force, methods = thresholds["in_force"], thresholds["scores"][score]
    return [
        MethodRow(
            name=method.replace("_", " "),
            stem=f"threshold.{score}.{method}",
            in_force=method == force["method"] and force["calibration"] == "held-out",
            promises=bool(methods[method]["promise"]),
        )
        for method in known_first(METHOD_NAMES, methods)
    ]


def assumptions(in_force: Mapping[str, Any], book: RecordBook) -> list[Assumed]:
    """The assumptions of the method in force; records are found by the place that they point to."""
    records = {}
    for record in book.under("threshold.in_force."):
        found = re.fullmatch(r"/in_force/assumptions/(\d+)/p_value", record.pointer)
        if found and record.value is not None:
            records[int(found[1])] = record.id
    return [
        Assumed(test["name"], test["meaning"], test["holds"], records.get(place, ""))
        for place, test in enumerate(in_force["assumptions"])
    ]


def guarantee_table(table: Mapping[str, Any]) -> GuaranteeTable:
    """The cells of `SHOWN`: rows of guarantees.json are sorted by distribution and number of normals.

    Example:
        >>> row = {"method": SHOWN, "distribution": "normal", "n": 20, "verdict": "refused"}
        >>> found = guarantee_table({"rows": [row | {"without_rule": {"verdict": "broken"}}]})
        >>> found.sizes, found.rows[0][0], found.rows[0][1][0].would_break
        (('dossier.guarantees.n.20',), 'dossier.guarantees.distribution.normal', True)
    """
    rows = [row for row in table["rows"] if row["method"] == SHOWN]
    shapes = [(name, list(part)) for name, part in groupby(rows, key=lambda row: row["distribution"])]
    first = shapes[0][1] if shapes else []
    return GuaranteeTable(
        sizes=tuple(f"dossier.guarantees.n.{row['n']}" for row in first),
        promised=tuple(f"{_cell(row)}.without_rule.promised" for row in first),
        rows=tuple(
            (f"dossier.guarantees.distribution.{name}", tuple(map(_guarantee, part))) for name, part in shapes
        ),
    )


def _cell(row: Mapping[str, Any]) -> str:
    return f"threshold.guarantees.{row['method']}.{row['distribution']}.{row['n']}"


def _guarantee(row: Mapping[str, Any]) -> GuaranteeCell:
    broken = row["without_rule"]["verdict"] == "broken"
    return GuaranteeCell(f"{_cell(row)}.without_rule.observed", row["verdict"], broken)


def three_way_settings(inputs: DossierInputs) -> list[Setting]:
    """Every setting of the three-way verdict of the score in force, by rising rates."""
    thresholds, score = inputs.results["thresholds"], inputs.judged.score
    asked = inputs.settings.params.threshold.three_way
    decides = (asked.false_reject_rate, asked.missed_defect_rate) if asked.in_force else None
    found, before = [], None
    for place, item in enumerate(thresholds["three_way"][score]):
        rates = (item["false_reject_rate"], item["missed_defect_rate"])
        found.append(
            Setting(
                stem=f"threshold.three_way.{score}.{place}",
                tested=f"evaluate.{setting_id(item)}",
                first=rates[0] != before,
                complete=item["accept_below"] is not None and item["reject_from"] is not None,
                in_force=rates == decides,
            )
        )
        before = rates[0]
    return found
