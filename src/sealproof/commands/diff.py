"""`sealproof diff OLD NEW`: two releases claim by claim, each change with its class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sealproof.change import printing
from sealproof.change.comparison import Comparison, compare
from sealproof.commands.common import AsJson, AsMarkdown, Product

_COLOURS = {"none": "dim", "predetermined": "green", "requalification": "bold red"}
_VERDICTS = {0: "green", 1: "red", 2: "yellow", 3: "red"}


def diff(
    old: Annotated[
        Path, typer.Argument(help="the old release: root of a project, or a folder below releases/")
    ],
    new: Annotated[Path, typer.Argument(help="the new release")],
    product: Product = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    markdown: AsMarkdown = False,  # noqa: FBT002 - a flag
) -> None:
    """Compare two releases; exit 0 nothing or planned, 1 requalification, 2 evidence missing, 3 evidence altered."""
    comparison = compare(old, new, product)
    if as_json:
        typer.echo(json.dumps(comparison.as_dict(), indent=2, sort_keys=True, allow_nan=False))
    elif markdown:
        typer.echo(printing.as_markdown(comparison))
    else:
        _print(comparison)
    raise typer.Exit(comparison.exit_code)


def _print(comparison: Comparison) -> None:
    console = Console()
    for name, changes in printing.sections(comparison).items():
        table = _table(name, printing.HEADINGS)
        for change in changes:
            cells = [Text(cell) for cell in printing.row(change)]
            cells[4].stylize(_COLOURS[change.classification.word])
            table.add_row(*cells)
        console.print(table)
    if comparison.paired:
        table = _table("Same test images", printing.PAIRED_HEADINGS)
        for texts in printing.paired_rows(comparison):
            table.add_row(*(Text(text) for text in texts))
        console.print(table)
    for note in printing.notes(comparison):
        console.print(f"- {note}", markup=False, highlight=False, soft_wrap=True)
    colour = _VERDICTS[comparison.exit_code]
    console.print(
        f"[{colour}]{printing.summary(comparison)}[/] (exit code {comparison.exit_code})", highlight=False
    )
    console.print(printing.NO_CLAIM, style="dim", highlight=False)


def _table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD
    )
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
