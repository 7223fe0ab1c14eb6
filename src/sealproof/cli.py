"""`sealproof`: the command line.

Exit codes of `gate`: 0 criteria met, 1 not met, 2 evidence missing, 3 evidence altered. A command that was typed
wrongly exits 64, so that a misspelt option in a CI job can never be taken for a verdict.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sealproof import __version__
from sealproof.datasets.scaffold import init_product
from sealproof.evidence.errors import DefinitionError, SealproofError
from sealproof.evidence.files import write_bytes
from sealproof.evidence.telemetry import silence
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.gate import GateResult, evaluate_gate
from sealproof.qualification.scaffold import write_acceptance_model
from sealproof.settings import load_settings

USAGE_ERROR = 64
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From inspection images to a qualified detector and a dossier in which every figure is traceable.",
)
Root = Annotated[Path, typer.Option("--root", help="folder with dvc.yaml and params.yaml", file_okay=False)]
Images = Annotated[Path | None, typer.Option("--images", help="your images; they are copied to data/NAME/")]
Product = Annotated[str | None, typer.Option("--product", help="default: the one named in params.yaml")]


@app.command()
def gate(
    root: Root = Path(),
    product: Product = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,  # noqa: FBT002 - a flag
    markdown: Annotated[bool, typer.Option("--markdown", help="print a table for a CI summary")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Print the acceptance criteria and exit 0 met, 1 not met, 2 evidence missing, 3 evidence altered."""
    result = evaluate_gate(_workspace(root, product))
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2, sort_keys=True, allow_nan=False))
    elif markdown:
        typer.echo(result.as_markdown())
    else:
        _print_gate(result)
    raise typer.Exit(result.exit_code)


@app.command()
def show(root: Root = Path(), product: Product = None) -> None:
    """Show what the last run produced; always exits 0 when there is something to show (the verdict is `gate`'s)."""
    workspace = _workspace(root, product)
    _print_gate(evaluate_gate(workspace))
    console = Console()
    console.print(f"\nDocuments in [bold]{workspace.relative(workspace.reports)}/[/]")
    for name in (
        "dossier.pdf",
        "iq.pdf",
        "oq.pdf",
        "pq.pdf",
        "release.json",
        "metrics.json",
        "data_docs/index.html",
    ):
        path = workspace.reports / name
        console.print(
            f"  {'present' if path.exists() else 'MISSING'}  {workspace.relative(path)}", highlight=False
        )


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="name of the new product: lower-case words joined by '-'")],
    images: Annotated[
        Path | None, typer.Option("--images", help="folder with your images; copied to data/NAME/")
    ] = None,
    root: Root = Path(),
) -> None:
    """Create products/NAME/ for your own images: inspection.yaml, acceptance.yaml and product.yaml."""
    for path in [*init_product(root, name, images), *_write_definitions(root, name)]:
        typer.echo(f"created {path.resolve().relative_to(root.resolve()).as_posix()}")
    typer.echo(f"next: read these files, set `product: {name}` in params.yaml, run `dvc repro dossier`")


def _write_definitions(root: Path, name: str) -> list[Path]:
    definition = root / "products" / name
    template = (root / "templates" / "product" / "product.yaml").read_text(encoding="utf-8")
    path = definition / "product.yaml"
    write_bytes(path, template.replace("{title}", name).replace("{prefix}", name.upper()).encode())
    return [write_acceptance_model(definition), path]


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _workspace(root: Path, product: str | None) -> Workspace:
    if not (root / "params.yaml").exists():
        raise DefinitionError(
            "this is not a sealproof project",
            where=str(root.resolve()),
            why="there is no params.yaml",
            mend="change to the project's folder, or name it with --root",
        )
    if product is not None:
        return Workspace(root, product)
    return load_settings(root).workspace


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
    colour, words = _VERDICTS[result.exit_code]
    console.print(f"[bold {colour}]{words}[/] (exit code {result.exit_code})", highlight=False)


def main() -> None:
    """Entry point: one clear message instead of a traceback, and exit codes that mean one thing each."""
    silence()
    try:
        code = app(standalone_mode=False)
    except SealproofError as error:
        Console(stderr=True).print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        Console(stderr=True).print(
            f"sealproof: {error}; see `sealproof --help`", markup=False, highlight=False
        )
        sys.exit(USAGE_ERROR)
    except typer.Abort:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
