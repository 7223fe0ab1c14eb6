"""OQ checks of the promises of thresholds: the committed simulation belongs to this code, and a short one agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt

from sealproof.evidence.strict import StrictModel
from sealproof.qualification.context import Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, check
from sealproof.thresholds.studies.guarantees import Task
from sealproof.thresholds.studies.reading import outdated, read_guarantees
from sealproof.thresholds.studies.repeat import AGREE, Repetition, repeat


class TableParameters(StrictModel):
    """`file`: the committed table; `minimum_cells`: fewest cells it has to have."""

    file: str
    minimum_cells: PositiveInt


@check("guarantees-kept", TableParameters)
def guarantees_kept(context: Context, parameters: TableParameters) -> Finding:
    """Does the committed table belong to the methods and settings in use, and is no promise broken in it?"""
    path = _path(context, parameters.file)
    table = read_guarantees(path)
    reasons = outdated(table, context.settings.params.threshold)
    broken = [_cell(row) for row in table["rows"] if row["verdict"] == "broken"]
    narrow = [
        f"{row['interval']}, {row['distribution']}, n = {row['n']}"
        for row in table["coverage"]
        if row["verdict"] == "broken"
    ]
    counts = {
        word: sum(row["verdict"] == word for row in table["rows"]) for word in ("kept", "refused", "broken")
    }
    cells = len(table["rows"])
    unknown = cells - sum(counts.values())
    actual = (
        f"{cells} cells: {counts['kept']} kept, {counts['refused']} refused, {counts['broken']} broken"
        f"{shown(broken)}; {len(narrow)} of {len(table['coverage'])} rows of coverage below nominal{shown(narrow)}"
    )
    if reasons:
        actual += f"; simulated with other methods or settings: run `make guarantees`{shown(reasons)}"
    bad = bool(broken or narrow or unknown or cells < parameters.minimum_cells or not counts["kept"])
    return Finding(
        passed=False if bad else None if reasons else True,
        actual=actual,
        values=counts
        | {"cells": cells, "broken_cells": broken, "below_nominal": narrow, "outdated": reasons},
        files=(path,),
    )


def _cell(row: dict[str, Any]) -> str:
    return f"{row['method']}, {row['distribution']}, n = {row['n']}"


class CellParameters(StrictModel):
    """One cell to simulate: method, distribution, number of normals, and how many data sets."""

    method: str
    distribution: str
    n: PositiveInt
    sets: PositiveInt


class RepeatParameters(StrictModel):
    """`file`: the committed table; `seed`: another one than the table's; `cells`: what is simulated now."""

    file: str
    seed: PositiveInt
    cells: tuple[CellParameters, ...] = Field(min_length=1)


@check("guarantees-repeated", RepeatParameters)
def guarantees_repeated(context: Context, parameters: RepeatParameters) -> Finding:
    """Do cells that are simulated now, with another seed, agree with the committed table and keep their promise?"""
    path = _path(context, parameters.file)
    settings = context.settings.params.threshold
    table = read_guarantees(path)
    tasks = [Task(cell.method, cell.distribution, cell.n, cell.sets) for cell in parameters.cells]
    found = repeat(table, tasks, settings, parameters.seed)
    problems = [f"{item.cell}: {_words(item)}" for item in found if item.agrees is False]
    missing = [item.cell for item in found if item.agrees is None]
    reasons = outdated(table, settings)
    differences = [abs(item.difference) for item in found if item.difference is not None]
    actual = (
        f"{len(found)} cells simulated, {len(problems)} do not agree{shown(problems)}; largest difference "
        f"{max(differences, default=0.0):.1f} standard errors ({AGREE:g} allowed)"
    )
    if missing:
        actual += f"; {len(missing)} not in the table{shown(missing)}"
    if reasons:
        actual += (
            f"; the table was simulated with other methods or settings: run `make guarantees`{shown(reasons)}"
        )
    undecided = bool(missing or reasons)
    return Finding(
        passed=None if undecided else not problems,
        actual=actual,
        values={
            "cells": {item.cell: {"now": item.now, "difference": item.difference} for item in found},
            "problems": problems,
            "missing": missing,
            "outdated": reasons,
        },
        files=(path,),
    )


def _words(item: Repetition) -> str:
    now, stated = item.now["without_rule"]["observed"], (item.stated or {})["without_rule"]["observed"]
    return f"{now} observed now, {stated} in the table, now {item.now['verdict']}"


def _path(context: Context, file: str) -> Path:
    return context.existing(context.root / file)
