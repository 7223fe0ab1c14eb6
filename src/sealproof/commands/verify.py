"""`sealproof verify`: what was altered, what is missing, what never belonged together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sealproof.evidence.errors import OutputError


def verify(
    path: Annotated[
        Path, typer.Argument(help="a project, a release archive, a folder reports/PRODUCT, or a PDF")
    ] = Path(),
    product: Annotated[
        str | None, typer.Option("--product", help="default: the one named in params.yaml")
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option("--trust", help="PEM file with root certificates that are trusted; repeatable"),
    ] = None,
    require_signatures: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--require-signatures", help="a release without all signatures is incomplete")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,  # noqa: FBT002 - a flag
    report: Annotated[
        Path | None, typer.Option("--report", help="also write a report: FILE.html or FILE.md")
    ] = None,
) -> None:
    """Verify a release offline and exit 0 sound, 2 incomplete, 3 altered; every finding is listed."""
    # SciPy, pandas and pyHanko are slow to import: only this command pays for them.
    from sealproof.verification import report as reports
    from sealproof.verification.signed import load_roots
    from sealproof.verification.verify import verify as run

    roots = load_roots(trust) if trust else None
    done = run(path, product, roots=roots, require_signatures=require_signatures)
    if report is not None:
        _write(
            report, reports.as_html(done) if report.suffix in {".html", ".htm"} else reports.as_markdown(done)
        )
    if as_json:
        typer.echo(json.dumps(reports.as_json(done), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        console = Console()
        if len(done.findings):
            console.print(reports.terminal_table(done))
        checked = ", ".join(f"{number} {what}" for what, number in sorted(done.findings.checked.items()))
        console.print(f"checked: {checked}", highlight=False, markup=False)
        console.print(reports.headline(done), style="bold", highlight=False, markup=False)
    raise typer.Exit(int(done.findings.exit_code))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            "the report cannot be written",
            where=str(path),
            why=error.strerror or str(error),
            mend="name another file with --report",
        ) from error
