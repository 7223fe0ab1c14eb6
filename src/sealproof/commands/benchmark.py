"""`sealproof benchmark`: detectors compared with the paper's tables and with each other, on a product of ours."""

from __future__ import annotations

import base64
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from markupsafe import Markup
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sealproof.benchmark.cells import Benchmark, Cell
from sealproof.benchmark.report import Report, build, selected
from sealproof.benchmark.runner import run_through_dvc
from sealproof.commands.common import Root
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError
from sealproof.evidence.files import write_bytes

_What = Annotated[str, typer.Argument(help="a product; or `run` with cells; or `report` with products")]
_Names = Annotated[
    list[str] | None,
    typer.Argument(help="run: cells as PRODUCT/CELL-SEED; report: products, all of them when none is named"),
]

#: What a run of the benchmark writes itself.
_OWN = re.compile(r"benchmark/(results/.*|dvc\.lock|[^/]+/(ledger|trail)\.jsonl)")


def benchmark(
    what: _What,
    names: _Names = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", help="how many of the declared seeds; default: as committed")
    ] = None,
    only: Annotated[str, typer.Option("--only", help="pattern of cell names, for example 'padim*'")] = "*",
    root: Root = Path(),
) -> None:
    """Run the cells of a product that are not up to date and build its report; it chooses nothing."""
    declared, console = Benchmark.load(root), Console()
    if what == "run":
        run_cells(declared, names or [], console)
    elif what == "report":
        products = names or list(declared.file.products)
        reports = {product: build(declared, product, seeds, only) for product in products}
        for product, report in reports.items():
            _write(declared, product, report, console)
    else:
        if names:
            raise _unknown_arguments(what, names)
        cells = selected(declared, what, seeds, only)
        _run_all(declared, cells, console)
        _write(declared, what, build(declared, what, seeds, only), console)


def _unknown_arguments(what: str, names: list[str]) -> DefinitionError:
    return DefinitionError(
        "one product at a time",
        where=f"sealproof benchmark {what} {' '.join(names)}",
        why="behind a product there can be options only",
        mend="run the command once a product; `sealproof benchmark report` takes several",
    )


def parse_cell(declared: Benchmark, text: str) -> Cell:
    """A cell from `PRODUCT/CELL-SEED`.

    Raises:
        DefinitionError: the text has another form, or names something that is not declared.
    """
    product, _, rest = text.partition("/")
    name, _, seed = rest.rpartition("-")
    if not (product and name and seed.isdecimal()):
        raise DefinitionError(
            f"{text!r} is not a cell",
            where="sealproof benchmark run",
            why="a cell is written PRODUCT/CELL-SEED, as its result file is named",
            mend="for example: sealproof benchmark run elpv-mono/padim-1",
        )
    return declared.cell(product, name, int(seed))


def run_cells(declared: Benchmark, names: list[str], console: Console) -> None:
    """One cell in this process; of several, each in a process of its own, so that peak memory is that of one.

    Raises:
        DefinitionError: no cell is named, or one that is not declared.
    """
    if not names:
        raise DefinitionError(
            "no cell is named",
            where="sealproof benchmark run",
            why="it runs the cells that stand behind it",
            mend="name some as PRODUCT/CELL-SEED, or run `sealproof benchmark PRODUCT`",
        )
    cells = [parse_cell(declared, name) for name in names]
    if len(cells) > 1:
        for cell in cells:
            _run_apart(declared.root, cell)
        return
    from sealproof.benchmark.execution import Circumstances, run_cell  # the network library is slow to load

    commit, modified = _checkout(declared.root)
    command = shlex.join(["sealproof", "benchmark", "run", cells[0].id])
    result = run_cell(
        declared.root,
        cells[0],
        Circumstances(command, commit, modified),
        announce=lambda text: console.print(text, highlight=False),
    )
    row = result.score(result.definition["headline"]["scoring"], result.definition["headline"]["score"])
    area = None if row is None or row.auroc is None else row.auroc.value
    console.print(f"{cells[0].id}: AUROC {'none' if area is None else f'{area:.3f}'}", highlight=False)


def _run_apart(root: Path, cell: Cell) -> None:
    command = [sys.executable, "-c", "from sealproof.cli import main; main()"]
    arguments = ["benchmark", "run", cell.id, "--root", str(root)]
    done = subprocess.run([*command, *arguments], check=False)  # noqa: S603 - our own command, a declared cell
    if done.returncode:
        raise typer.Exit(done.returncode)


def _checkout(root: Path) -> tuple[str, bool]:
    """(commit, whether the checkout differs from it); results of the benchmark itself do not count."""
    from sealproof.qualification.git import changed_files, head_commit

    try:
        changed = [path for path in changed_files(root) if not _OWN.fullmatch(path)]
        return head_commit(root).sha, bool(changed)
    except EvidenceMissingError:
        return "", True


def _run_all(declared: Benchmark, cells: list[Cell], console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("cells", total=len(cells))
        run_through_dvc(
            declared, cells, lambda cell, done: progress.update(task, completed=done, description=cell.id)
        )


def _write(declared: Benchmark, product: str, report: Report, console: Console) -> None:
    """Page and PDF into `reports/benchmark/`."""
    folder = declared.root / "reports" / "benchmark"
    for path, content in render(declared.root / "templates", report).items():
        write_bytes(folder / f"{product}{path}", content)
        console.print(f"written reports/benchmark/{product}{path}", highlight=False)


def render(templates: Path, report: Report) -> dict[str, bytes]:
    """`.html` and `.pdf`, the same bytes for the same results.

    Raises:
        DefinitionError: a template names something that does not exist, or cannot be laid out.
    """
    from sealproof.benchmark.figures import draw  # Matplotlib and the layout engine are slow to load
    from sealproof.dossier.render import render_html, render_pdf

    style, fonts = (_text(templates / "benchmark" / name) for name in ("report.css", "fonts.css"))
    with tempfile.TemporaryDirectory() as folder:
        figures = draw(report.overviews, report.reference, Path(folder))
        page = {"style": Markup(style), "figures": {name: _inline(path) for name, path in figures.items()}}  # noqa: S704
        paper = {"style": Markup(fonts + style), "figures": {name: f"figure:{name}" for name in figures}}  # noqa: S704
        name = "benchmark/report.html"
        html = render_html(templates, name, _with(report, page))
        printed = render_html(templates, name, _with(report, paper))
        pdf = render_pdf(printed, templates, figures, identifier=report.identifier)
    return {".html": html.encode(), ".pdf": pdf}


def _with(report: Report, more: Mapping[str, object]) -> dict[str, object]:
    return {**report.context, **more}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DefinitionError(
            "a template of the report is missing",
            where=str(path),
            why="the file does not exist",
            mend="restore it from the repository",
        ) from error


def _inline(path: Path) -> str:
    """A figure as an address that holds it, so that the page needs no other file."""
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"
