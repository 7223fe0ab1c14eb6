"""`sealproof challenger`: other settings against the champion, on development images alone."""

from __future__ import annotations

import contextlib
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from sealproof.commands.common import AsJson, Root
from sealproof.evidence.errors import DefinitionError
from sealproof.settings import load_settings

if TYPE_CHECKING:
    from sealproof.benchmark.challenger_comparison import Comparison
    from sealproof.benchmark.challenger_result import Result, Side

MARGIN = 0.02
_NOTE = (
    "Development figures: no test image was scored and no test label was read, and none of them is a claim on "
    "performance. Settings that were chosen on these images, the champion's or the challenger's, look better on them."
)


class Requirement(StrEnum):
    """What a CI job may ask for."""

    BETTER = "better"
    NOT_WORSE = "not-worse"


def challenger(
    file: Annotated[Path, typer.Argument(help="YAML with `train`, `score`, `roi` over the configured ones")],
    score: Annotated[
        str | None,
        typer.Option("--score", help="the challenger's; default: of FILE, the champion's, or its first"),
    ] = None,
    require: Annotated[
        Requirement | None, typer.Option("--require", help="exit 1 unless the lower bound shows it")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", min=0, max=1, help=f"AUROC that not-worse may lose; default {MARGIN}"),
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    root: Root = Path(),
) -> None:
    """Train other settings and compare them with the champion; exit 0 compared, 1 not as required, 2 no champion."""
    if margin is not None and require != Requirement.NOT_WORSE:
        raise DefinitionError(
            "there is nothing to lose a margin of",
            where="--margin",
            why="it goes with `--require not-worse`",
            mend="leave it out, or ask for not-worse",
        )
    settings = load_settings(root)
    from sealproof.benchmark.challenger import load_challenger  # the network library is slow to load
    from sealproof.benchmark.challenger_comparison import compare
    from sealproof.benchmark.challenger_result import write_result
    from sealproof.benchmark.champion import champion_on_record

    with contextlib.redirect_stdout(sys.stderr):  # progress is no result
        loaded = load_challenger(file, settings, score)
        found = compare(champion_on_record(settings), loaded)
    path = settings.workspace.relative(write_result(settings.workspace, found.result))
    limit = MARGIN if margin is None else margin
    met = None if require is None else found.result.meets(require.value, limit)
    required = {} if require is None else {"required": {"what": require.value, "margin": limit, "met": met}}
    if as_json:
        sys.stdout.write(_json(found, required))
    else:
        _print(Console(), found, path)
        if require is not None:
            asked = "better" if require == Requirement.BETTER else f"not worse by {limit:g} or more"
            typer.echo(f"required: {asked}; {'met' if met else 'not met'}")
    raise typer.Exit(1 if met is False else 0)


def _json(found: Comparison, required: dict[str, Any]) -> str:
    result = found.result
    content = result.model_dump(mode="json") | {"outcome": result.outcome, "challengers": result.challengers}
    measured = {"champion_ms": found.champion_ms, "challenger_ms": found.challenger_ms}
    return json.dumps(content | {"measured": measured} | required, indent=2, sort_keys=True) + "\n"


def _print(console: Console, found: Comparison, path: str) -> None:
    result = found.result
    console.print(_table(found))
    for text in (_difference(result), sentence(result), _NOTE, _count(result), *result.remarks):
        console.print(text, highlight=False, markup=False)
    console.print(f"written {path}", highlight=False, markup=False)


def _table(found: Comparison) -> Table:
    result = found.result
    table = Table(
        title=f"{result.product}: {result.images.normals} held-out normals, {result.images.defects} training defects",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("")
    table.add_column("champion", justify="right")
    table.add_column(f"challenger {result.file}", justify="right")
    sides = (result.champion, result.challenger)
    table.add_row("detector", *(side.detector for side in sides))
    table.add_row("score", *(side.score for side in sides))
    table.add_row("AUROC", f"{result.champion_auroc:.4f}", f"{result.challenger_auroc:.4f}")
    table.add_row(
        f"defects found at {100 * result.false_reject_rate:g} % false rejects",
        *(_detected(side) for side in sides),
    )
    table.add_row("undecided normals, defects", *(_undecided(side) for side in sides))
    table.add_row("ms an image, patches to score", f"{found.champion_ms:.1f}", f"{found.challenger_ms:.1f}")
    table.add_row("model, MiB", *(f"{side.model_bytes / 2**20:.1f}" for side in sides))
    return table


def _detected(side: Side) -> str:
    if side.detected is None or side.detected.rate is None:
        return "no threshold"
    return f"{side.detected.count} of {side.detected.of} ({100 * side.detected.rate:.1f} %)"


def _undecided(side: Side) -> str:
    return f"{side.undecided.normals}, {side.undecided.defects}"


def _difference(result: Result) -> str:
    percent = f"{100 * result.confidence:g} %"
    if result.low is None or result.high is None or result.p_value is None:
        return f"difference of AUROC {result.difference:+.4f}; it has no variance, so there are no {percent} bounds"
    return (
        f"difference of AUROC {result.difference:+.4f}, {percent} bounds {result.low:+.4f} to {result.high:+.4f}, "
        f"p = {result.p_value:.3g} (paired, DeLong)"
    )


def sentence(result: Result) -> str:
    """The outcome in words."""
    where = f"on these development images, at {100 * result.confidence:g} % confidence"
    if result.outcome == "no difference shown":
        return f"No difference is shown {where}; that is no proof of equality."
    return f"The challenger is {result.outcome} {where}."


def _count(result: Result) -> str:
    if result.challengers == 1:
        return "Challengers on record against this champion: 1."
    return (
        f"Challengers on record against this champion: {result.challengers}. The best of several on the same "
        f"images looks better than it is, and neither bounds nor p allow for it."
    )
