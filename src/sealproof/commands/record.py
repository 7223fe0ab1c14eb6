"""`sealproof record`: the execution of a test case by a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sealproof.commands.common import Product, Root, workspace_of
from sealproof.qualification.entries import record_case


def record(
    case: Annotated[str, typer.Argument(help="id of a test case for people")],
    verdict: Annotated[str, typer.Option("--verdict", help="pass or fail; a failed case opens a deviation")],
    observed: Annotated[str, typer.Option("--observed", help="what was observed")],
    by: Annotated[str, typer.Option("--by", help="name of the person who executed it")],
    role: Annotated[str, typer.Option("--role", help="the role that person acts in")],
    evidence: Annotated[
        list[Path] | None, typer.Option("--evidence", help="file below the project's folder; may be repeated")
    ] = None,
    root: Root = Path(),
    product: Product = None,
) -> None:
    """Record the execution of a case for people; it counts for the results as they are now, and no others."""
    workspace = workspace_of(root, product)
    path = record_case(
        workspace, case, verdict=verdict, observed=observed, by=by, role=role, evidence=evidence or []
    )
    console = Console()
    console.print(f"{case}: {verdict}, recorded by {by} ({role})", markup=False, highlight=False)
    if verdict == "fail":
        console.print(
            f"DEV-{case} is open until QA disposes of it: `sealproof dispose DEV-{case} ...`", highlight=False
        )
    console.print(f"written to {workspace.relative(path)}; commit it, then run `dvc repro`", highlight=False)
