"""`sealproof reproduce`: the results made again from a fresh clone, compared output by output."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sealproof.change.reproduction import Reproduction
from sealproof.change.reproduction import reproduce as run_reproduction
from sealproof.change.reproduction_report import OPENING, SIGNATURE, observed, record
from sealproof.commands.common import Product, Root, workspace_of
from sealproof.evidence.errors import OutputError

Everything = Annotated[
    bool, typer.Option("--all", help="run protocols and documents as well, not only up to the results")
]
_COLOURS = {"identical": "green", "within tolerance": "yellow", "different": "bold red"}


def reproduce(
    root: Root = Path(),
    product: Product = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="make the clone in this folder, which must be empty, and keep it"),
    ] = None,
    tolerance_file: Annotated[
        Path | None, typer.Option("--tolerance-file", help="default: protocols/tolerances.yaml")
    ] = None,
    everything: Everything = False,  # noqa: FBT002 - a flag
) -> None:
    """Make the results again from a fresh clone; exit 0 reproduced, 1 not reproduced, 2 evidence missing."""
    workspace, console = workspace_of(root, product), Console()
    with _folder(keep) as folder:
        found = run_reproduction(
            workspace,
            folder,
            tolerance_file=tolerance_file,
            everything=everything,
            progress=_progress(console),
        )
    written = record(workspace, found)
    _print(console, found)
    for path in written:
        console.print(f"written {workspace.relative(path)}", highlight=False)
    raise typer.Exit(0 if found.reproduced else 1)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """An empty folder for the clone, removed afterwards unless it is to be kept."""
    if keep is not None:
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise OutputError(
                "the clone cannot be made there",
                where=str(keep),
                why="the folder is not empty, or is no folder",
                mend="name one that does not exist yet",
            )
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="sealproof-reproduce-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _progress(console: Console) -> Callable[[str], None]:
    """Prints the stages as they start, with the time since the beginning; everything else stays with DVC."""
    start = time.perf_counter()

    def show(line: str) -> None:
        if line.startswith("Running stage"):
            console.print(f"{time.perf_counter() - start:7.1f} s  {line}", markup=False, highlight=False)

    return show


def _print(console: Console, found: Reproduction) -> None:
    differing = [output for output in found.outputs if output.verdict != "identical"]
    table = Table(
        title="Outputs that are not identical", title_justify="left", header_style="bold", box=box.SIMPLE_HEAD
    )
    for heading in ("output", "verdict", "largest deviation", "remark"):
        table.add_column(heading, overflow="fold")
    for output in differing:
        deviation = "" if output.absolute is None else f"{output.absolute:.3g} ({output.where})"
        verdict = Text(output.verdict, style=_COLOURS[output.verdict])
        table.add_row(Text(output.path), verdict, Text(deviation), Text(output.why))
    if differing:
        console.print(table)
    if found.stopped:
        console.print(found.stopped, markup=False, highlight=False)
    colour, word = ("green", "reproduced") if found.reproduced else ("red", "not reproduced")
    console.print(f"[bold {colour}]{word}[/] in {found.seconds:.0f} s", highlight=False)
    for text in (observed(found), OPENING, SIGNATURE):
        console.print(text, markup=False, highlight=False)
