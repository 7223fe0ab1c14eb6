"""`sealproof gate` and `sealproof show`: the verdict on the last run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sealproof.commands.common import AsJson, AsMarkdown, Product, Root, workspace_of
from sealproof.qualification.gate import GateResult, evaluate_gate

Released = Annotated[bool, typer.Option("--released", help="pass only a release that is signed by all roles")]
_VERDICTS = {
    0: ("green", "criteria met"),
    1: ("red", "criteria not met"),
    2: ("yellow", "evidence missing"),
    3: ("red", "evidence altered"),
}


def _print_gate(result: GateResult) -> None:
    console = Console()
    if result.rows:
        table = Table(title="Acceptance criteria", title_justify="left", header_style="bold")
        for heading in result.headings:
            table.add_column(heading)
        for row in result.rows:
            table.add_row(*row)
        console.print(table)
    for problem in result.problems:
        console.print(f"- {problem}", markup=False, highlight=False, soft_wrap=True)
    for note in result.notes:
        console.print(f"  {note}", markup=False, highlight=False, soft_wrap=True)
    colour, words = _VERDICTS[result.exit_code]
    console.print(f"[bold {colour}]{words}[/] (exit code {result.exit_code})", highlight=False)


def gate(
    root: Root = Path(),
    product: Product = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    markdown: AsMarkdown = False,  # noqa: FBT002 - a flag
    released: Released = False,  # noqa: FBT002 - a flag
) -> None:
    """Print the acceptance criteria and exit 0 met, 1 not met, 2 evidence missing, 3 evidence altered."""
    result = evaluate_gate(workspace_of(root, product), released=released)
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2, sort_keys=True, allow_nan=False))
    elif markdown:
        typer.echo(result.as_markdown())
    else:
        _print_gate(result)
    raise typer.Exit(result.exit_code)


def show(root: Root = Path(), product: Product = None) -> None:
    """Show what the last run produced; always exits 0 when there is something to show (the verdict is `gate`'s)."""
    workspace = workspace_of(root, product)
    _print_gate(evaluate_gate(workspace))
    console = Console()
    console.print(f"\nDocuments in [bold]{workspace.relative(workspace.reports)}/[/]")
    for name in (
        "dossier.pdf",
        "iq.pdf",
        "oq.pdf",
        "pq.pdf",
        "release.json",
        "provenance.json",
        "metrics.json",
        "data_docs/index.html",
    ):
        path = workspace.reports / name
        console.print(
            f"  {'present' if path.exists() else 'MISSING'}  {workspace.relative(path)}", highlight=False
        )
    signed = sorted(workspace.signed.glob("*.pdf"))
    for path in signed:
        console.print(f"  signed   {workspace.relative(path)}", highlight=False)
    if not signed:
        console.print("  unsigned: `sealproof sign --role author` is the first signature", highlight=False)
