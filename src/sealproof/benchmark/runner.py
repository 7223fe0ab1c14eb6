"""Cells through DVC: one target each, so that what has not changed is not run again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealproof.benchmark.cells import Benchmark, Cell
from sealproof.benchmark.declaration import FOLDER
from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.evidence.telemetry import SILENCE

_KEPT_LINES = 12


@dataclass(frozen=True)
class Failure:
    """A cell that did not run through, with the end of what it printed."""

    cell: Cell
    text: str


def target(benchmark: Benchmark, cell: Cell) -> str:
    """The DVC target of a cell, as benchmark/dvc.yaml names it: `benchmark/dvc.yaml:cell@elpv-mono-1-padim`."""
    stage = "configured" if cell.name in benchmark.file.configured else "cell"
    return f"{FOLDER}/dvc.yaml:{stage}@{cell.product}-{cell.seed}-{cell.name}"


def run_through_dvc(
    benchmark: Benchmark, cells: Sequence[Cell], announce: Callable[[Cell, int], object]
) -> None:
    """Bring all these cells up to date; a cell that fails does not keep the others from running.

    Args:
        benchmark: the declaration, below whose root DVC runs.
        cells: in this order, at least one.
        announce: told which cell comes next, and how many are done.

    Raises:
        DefinitionError: benchmark/dvc.yaml is not there.
        DataError: cells failed; all are named with the end of what they printed.
    """
    place = benchmark.root / FOLDER / "dvc.yaml"
    if not place.is_file():
        raise DefinitionError(
            "the pipeline of the benchmark is missing",
            where=str(place),
            why="the file does not exist",
            mend="restore it from the repository",
        )
    failures = []
    for number, cell in enumerate(cells):
        announce(cell, number)
        text = _repro(benchmark.root, target(benchmark, cell))
        if text is not None:
            failures.append(Failure(cell, text))
    announce(cells[-1], len(cells))
    if failures:
        raise DataError(
            f"{len(failures)} of {len(cells)} cells failed",
            where=str(place),
            why="\n".join(f"{item.cell.id}: {item.text}" for item in failures),
            mend="correct what is named above and run the command again; finished cells are not run again",
        )


def _repro(root: Path, name: str) -> str | None:
    """None when the target is up to date, else the last lines of output."""
    command = [sys.executable, "-m", "dvc", "repro", name]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | SILENCE | {"PATH": path}
    found = subprocess.run(  # noqa: S603 - fixed command, target from a checked declaration
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    if found.returncode == 0:
        return None
    lines = (found.stdout + found.stderr).strip().splitlines()
    return "\n".join(lines[-_KEPT_LINES:])
