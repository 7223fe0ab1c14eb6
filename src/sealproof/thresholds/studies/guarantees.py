"""The table of guarantees: every method that promises something, on every distribution, for many numbers of normals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from sealproof.thresholds.recall_bound import recall_bound
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import Basis
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.cells import Outcome, cell, outcomes
from sealproof.thresholds.studies.coverage import bca_row, clopper_pearson_rows, coverage_rows
from sealproof.thresholds.studies.distributions import SHAPES, Distribution
from sealproof.thresholds.studies.rounding import rounded
from sealproof.thresholds.studies.simulated import ALL, CALLS, methods_digest, parameters
from sealproof.thresholds.studies.summary import summary

COMMAND = "make guarantees"
RECALL = "recall_bound"
#: Normals in a data set -> data sets. Data sets that are sure to be refused, or cost much, are fewer.
SETS = {20: 1000, 50: 1000, 100: 1000, 200: 1000, 500: 1000, 1000: 1000, 5000: 400}
EVT_SETS = {20: 40, 50: 40, 100: 40, 200: 400, 500: 300, 1000: 200, 5000: 60}
DEFECTS = {20: 1000, 50: 1000, 100: 1000, 200: 1000, 500: 1000}
BCA_SETS = {50: 300, 200: 300, 1000: 300}
_NORMALS = 100


@dataclass(frozen=True)
class Task:
    """One piece of work for a process: `kind` is a method, or `bca`."""

    kind: str
    distribution: str
    n: int
    sets: int


def plan() -> list[Task]:
    """All tasks of the full table, the longest first."""
    shapes = [distribution.name for distribution in SHAPES]
    sizes = {method: EVT_SETS if method == "evt_pot" else SETS for method in CALLS}
    sizes |= {RECALL: DEFECTS, "bca": BCA_SETS}
    tasks = [
        Task(kind, shape, n, sets)
        for kind, numbers in sizes.items()
        for shape in shapes
        for n, sets in numbers.items()
    ]
    return sorted(
        tasks, key=lambda task: task.n * task.sets * (5 if task.kind == "evt_pot" else 1), reverse=True
    )


def run_task(task: Task, settings: ThresholdSettings, seed: int) -> dict[str, Any]:
    """`rows` and `coverage` of one task."""
    distribution = next(shape for shape in SHAPES if shape.name == task.distribution)
    if task.kind == "bca":
        return {"rows": [], "coverage": [bca_row(distribution, task.n, task.sets, settings, seed)]}
    if task.kind == RECALL:
        found = recall_outcomes(distribution, task.n, task.sets, settings, seed)
    else:
        found = outcomes(task.kind, distribution, task.n, task.sets, settings, seed)
    confidence = next((x.result.promise_confidence for x in found), None)
    row = cell(task.kind, distribution, task.n, found, confidence)
    row["quantity"] = "missed-defect rate" if task.kind == RECALL else "false-reject rate"
    covered = [] if task.kind == RECALL else coverage_rows(task.kind, distribution, task.n, found, settings)
    return {"rows": [row], "coverage": covered}


def recall_outcomes(
    distribution: Distribution, defects: int, sets: int, settings: ThresholdSettings, seed: int
) -> list[Outcome]:
    """`recall_bound` on training defects of a known distribution: the rate is that of missed defects."""
    random = generator(seed, "guarantees", RECALL, distribution.name, str(defects))
    recall = settings.recall_bound.recall
    found = []
    for index in range(sets):
        basis = Basis("held-out", settings.confidence, 20, seed + index, settings.minimum_normals)
        normals, bad = random.normal(size=_NORMALS) - 3, distribution.draw(random, defects)
        result = recall_bound(normals, bad, recall=recall, basis=basis)
        threshold = result.threshold if result.eligible else result.details.get("estimate")
        missed = math.nan if threshold is None else 1 - distribution.rejected(threshold)
        found.append(Outcome(result.eligible, 1 - recall, missed, result))
    return found


def run_tasks(
    tasks: Sequence[Task], settings: ThresholdSettings, seed: int, processes: int = 1
) -> Iterable[dict[str, Any]]:
    """Results in the order of the tasks, whatever the number of processes."""
    if processes == 1:
        return [run_task(task, settings, seed) for task in tasks]
    count = len(tasks)
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(run_task, tasks, [settings] * count, [seed] * count))


def guarantees(
    settings: ThresholdSettings, seed: int, tasks: Sequence[Task], processes: int = 1
) -> dict[str, Any]:
    """Content of guarantees.json.

    Keys: command, seed, methods, methods_sha256 (of the source of the methods), parameters, distributions, rows
    (see `cells.cell`), coverage (see `coverage.coverage_row`), summary.
    """
    found = list(run_tasks(tasks, settings, seed, processes))
    order = {name: place for place, name in enumerate([*CALLS, RECALL])}
    shapes = {shape.name: place for place, shape in enumerate(SHAPES)}
    rows = [row for part in found for row in part["rows"]]
    rows.sort(key=lambda row: (order[row["method"]], shapes[row["distribution"]], row["n"]))
    covered = [row for part in found for row in part["coverage"]]
    covered.sort(key=lambda row: (row["interval"], shapes[row["distribution"]], row["n"]))
    covered += clopper_pearson_rows(settings.confidence)
    document = {
        "command": COMMAND,
        "seed": seed,
        "methods": list(ALL),
        "methods_sha256": methods_digest(),
        "parameters": parameters(settings),
        "distributions": {shape.name: shape.words for shape in SHAPES},
        "rows": rows,
        "coverage": covered,
        "summary": summary(rows, covered),
    }
    result: dict[str, Any] = rounded(document)
    return result
