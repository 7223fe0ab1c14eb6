"""A short simulation, executed now, against the committed table of guarantees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.guarantees import Task, run_task

#: Two rates, simulated with different seeds, agree when they differ by less than so many standard errors.
AGREE = 4.0


@dataclass(frozen=True)
class Repetition:
    """One cell now and in the table: rates over all data sets, without the eligibility rule, and over eligible ones.

    `agrees` is None where the table has no such cell.
    """

    cell: str
    now: dict[str, Any]
    stated: dict[str, Any] | None
    difference: float | None
    agrees: bool | None


def repeat(
    table: dict[str, Any], tasks: Sequence[Task], settings: ThresholdSettings, seed: int
) -> list[Repetition]:
    """Simulate some cells with another seed and hold them against the table.

    A cell agrees when the observed rates without the rule differ by less than `AGREE` standard errors, and the promise
    is not broken now.

    Args:
        table: content of guarantees.json.
        tasks: cells and numbers of data sets.
        settings: of the methods.
        seed: another one than the table's, or the comparison proves nothing.

    Raises:
        ValueError: the table's own seed.
    """
    if seed == table["seed"]:
        raise ValueError(
            f"the table was simulated with seed {seed}: the same numbers would be compared with themselves"
        )
    stated = {(row["method"], row["distribution"], row["n"]): row for row in table["rows"]}
    return [_repeated(task, stated, settings, seed) for task in tasks]


def _repeated(
    task: Task, stated: dict[tuple[str, str, int], dict[str, Any]], settings: ThresholdSettings, seed: int
) -> Repetition:
    name = f"{task.kind}, {task.distribution}, n = {task.n}"
    now = run_task(task, settings, seed)["rows"][0]
    row = stated.get((task.kind, task.distribution, task.n))
    if row is None:
        return Repetition(name, now, None, None, None)
    here, there = now["without_rule"], row["without_rule"]
    if None in (here["observed"], there["observed"], here["standard_error"], there["standard_error"]):
        same = here["observed"] == there["observed"] and now["verdict"] == row["verdict"]
        return Repetition(name, now, row, None, same)
    error = math.hypot(here["standard_error"], there["standard_error"])
    difference = (here["observed"] - there["observed"]) / error
    return Repetition(name, now, row, difference, abs(difference) < AGREE and now["verdict"] != "broken")
