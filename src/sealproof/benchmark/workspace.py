"""Where a cell works, and where the benchmark keeps its results, its ledger and its trail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sealproof.benchmark.cells import Cell
from sealproof.benchmark.declaration import FOLDER
from sealproof.evidence.workspace import Workspace


@dataclass(frozen=True)
class CellWorkspace(Workspace):
    """A workspace whose artefacts lie below `benchmark/work/` and whose ledger is the benchmark's own.

    Images and the manufacturer's definitions are those of the project. Nothing below `artifacts/` is touched, and no
    opening is written into the ledger of the release.

    Example:
        >>> CellWorkspace(Path("."), "elpv-mono", "padim-1").ledger.as_posix()
        'benchmark/elpv-mono/ledger.jsonl'
    """

    cell: str

    @classmethod
    def of(cls, root: Path, cell: Cell) -> Self:
        """The workspace of one cell below a project's root."""
        return cls(root, cell.product, f"{cell.name}-{cell.seed}")

    @property
    def work(self) -> Path:
        """What the cell writes while it runs; not committed, removed afterwards."""
        return self.root / FOLDER / "work" / self.product / self.cell

    def artifacts(self, stage: str) -> Path:
        """The folder that a step of the cell writes."""
        return self.work / stage

    @property
    def ledger(self) -> Path:
        """Openings of the benchmark's test splits; committed."""
        return self.root / FOLDER / self.product / "ledger.jsonl"

    @property
    def trail(self) -> Path:
        """The trail that names every opening once more; committed."""
        return self.root / FOLDER / self.product / "trail.jsonl"

    @property
    def result(self) -> Path:
        """The one file that stays of a cell; committed."""
        return results_folder(self.root, self.product) / f"{self.cell}.json"


def results_folder(root: Path, product: str) -> Path:
    """Where the results of a product lie.

    Example:
        >>> results_folder(Path("."), "elpv-mono").as_posix()
        'benchmark/results/elpv-mono'
    """
    return root / FOLDER / "results" / product
