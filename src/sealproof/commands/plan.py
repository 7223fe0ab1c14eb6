"""`sealproof plan`: how many units a claim needs, what a test set can prove, and whether a product's claims stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from sealproof.commands.common import AsJson, Product, Root, workspace_of
from sealproof.evaluation.claims import Plan
from sealproof.evaluation.planning import provable_reliability, units_needed
from sealproof.evaluation.reliability import rounded_down
from sealproof.evaluation.tables import plan_table
from sealproof.evidence.errors import DefinitionError
from sealproof.qualification.acceptance import load_acceptance
from sealproof.qualification.carrying import plan_of

Of = Literal["recall", "specificity"]
_UNITS = {"recall": "defective parts", "specificity": "normal parts"}
_FAILURES = {"recall": "missed", "specificity": "falsely rejected"}
_CONFIDENCE = 0.95
#: A longer table nobody reads; the last line answers the question.
_MOST_LINES = 1000


def plan(
    reliability: Annotated[
        float | None, typer.Option("--reliability", help="share to be proved, such as 0.99")
    ] = None,
    units: Annotated[int | None, typer.Option("--units", help="parts there are: what do they prove?")] = None,
    failures: Annotated[int | None, typer.Option("--failures", help="failures allowed; default 0")] = None,
    confidence: Annotated[
        float | None, typer.Option("--confidence", help="one-sided confidence; default 0.95")
    ] = None,
    of: Annotated[Of | None, typer.Option("--of", help="what is claimed; default recall")] = None,
    root: Root = Path(),
    product: Product = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Plan a test set: units for a claim (--reliability), what units prove (--units), or the claims of a product.

    Without figures it reads the product's acceptance.yaml and the numbers of its test images (nothing is opened) and
    exits 1 when a claim cannot be carried.
    """
    figures = reliability, units, failures, confidence, of
    if all(figure is None for figure in figures):
        _plan_product(root, product, as_json=as_json)
        return
    _check(reliability, units, failures, confidence, product)
    found = _answer(reliability, units, failures or 0, confidence or _CONFIDENCE, of or "recall")
    if as_json:
        typer.echo(json.dumps(found, indent=2, sort_keys=True, allow_nan=False))
    else:
        _print(found, Console())


def _check(
    reliability: float | None,
    units: int | None,
    failures: int | None,
    confidence: float | None,
    product: str | None,
) -> None:
    """All that is wrong with a question, at once."""
    problems = list(_out_of_range(reliability, units, failures, confidence))
    if reliability is not None and units is not None:
        problems.append("--reliability and --units: one of them is the answer, so give one, not both")
    if reliability is None and units is None:
        problems.append("neither --reliability nor --units is given: there is nothing to compute from")
    if product is not None:
        problems.append("--product asks about a product's own criteria, whose figures stand in its files")
    if problems:
        raise DefinitionError(
            "the question has no answer",
            where="sealproof plan",
            why="\n".join(problems),
            mend="ask `--reliability R [--failures K]` for units, `--units N [--failures K]` for the reliability "
            "that they prove, or nothing inside a project for its acceptance criteria",
        )


def _out_of_range(
    reliability: float | None, units: int | None, failures: int | None, confidence: float | None
) -> Iterator[str]:
    for name, share in (("reliability", reliability), ("confidence", confidence)):
        if share is not None and not 0 < share < 1:
            certain = "; certainty needs every part there will ever be" if share == 1 else ""
            yield f"--{name} {share:g}: it lies between 0 and 1, both excluded{certain}"
    if units is not None and units < 1:
        yield f"--units {units}: at least 1 is needed"
    if failures is not None and failures < 0:
        yield f"--failures {failures}: it cannot be negative"
    if failures is not None and failures > _MOST_LINES:
        yield f"--failures {failures}: {_MOST_LINES} at most"
    if units is not None and failures is not None and 1 <= units <= failures:
        yield f"--failures {failures} of --units {units}: where all fail, nothing is proved"


def _answer(
    reliability: float | None, units: int | None, failures: int, confidence: float, of: Of
) -> dict[str, Any]:
    """Question and answer, a row a number of failures."""
    common = {"of": of, "confidence": confidence, "failures": failures}
    if units is None:
        wanted = reliability or 0.0
        rows = [{"failures": k, "units": _units(wanted, confidence, k)} for k in range(failures + 1)]
        return common | {"reliability": wanted, "units": rows[-1]["units"], "rows": rows, "asked": "units"}
    proved = [
        {"failures": k, "reliability": provable_reliability(units, k, confidence)}
        for k in range(failures + 1)
    ]
    last = proved[-1]["reliability"]
    return common | {"units": units, "reliability": last, "rows": proved, "asked": "reliability"}


def _units(reliability: float, confidence: float, failures: int) -> int:
    try:
        return units_needed(reliability, confidence, failures)
    except ValueError as error:
        raise DefinitionError(
            "the question has no answer",
            where="sealproof plan",
            why=str(error),
            mend="claim less: a lower --reliability, a lower --confidence, or fewer --failures",
        ) from error


def _print(found: dict[str, Any], console: Console) -> None:
    table = Table(box=box.SIMPLE)
    words, of = _FAILURES[found["of"]], found["of"]
    table.add_column(words, justify="right")
    if found["asked"] == "units":
        table.add_column(f"{_UNITS[of]} needed", justify="right")
        for row in found["rows"]:
            table.add_row(str(row["failures"]), str(row["units"]))
    else:
        table.add_column(f"{of} proved", justify="right")
        for row in found["rows"]:
            table.add_row(str(row["failures"]), f">= {rounded_down(row['reliability'])}")
    console.print(table)
    share = (
        rounded_down(found["reliability"]) if found["asked"] == "reliability" else f"{found['reliability']:g}"
    )
    console.print(
        f"{100 * found['confidence']:g} % confidence that {of} is at least {share}: "
        f"{found['units']} {_UNITS[of]} with {found['failures']} {words} (one-sided, exact binomial)",
        highlight=False,
    )


def _plan_product(root: Path, product: str | None, *, as_json: bool) -> None:
    workspace = workspace_of(root, product)
    found = plan_of(workspace, load_acceptance(workspace.definition / "acceptance.yaml"))
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2, sort_keys=True, allow_nan=False))
    else:
        _print_plan(found, Console())
    raise typer.Exit(1 if found.not_carried or found.unknown else 0)


def _print_plan(found: Plan, console: Console) -> None:
    console.print(plan_table(found))
    for item in found.claims:
        if item.carried is not True:
            console.print(f"- {item.claim.id}: {item.reason}", markup=False, highlight=False, soft_wrap=True)
    if found.not_carried or found.unknown:
        words, colour = "not every claim can be carried", "bold red"
    elif any(item.carried for item in found.claims):
        words, colour = "every claim on a proportion can be carried", "bold green"
    else:
        words, colour = "no criterion is on a proportion: there is nothing to plan", "bold yellow"
    console.print(f"[{colour}]{words}[/]", highlight=False)
