"""`sealproof repeatability`: the configured training again from other seeds, held against the released detector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from sealproof.commands.common import Root
from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import append_event
from sealproof.qualification.execution import EXECUTOR
from sealproof.repetition.result import Development, Run, SeedStudy, Spread, study_path
from sealproof.settings import load_settings

_NOTE = (
    "Development figures: no test label was read, and none of them is a claim on performance. "
    "Commit the file and run `dvc repro`: case PQ-031 carries it."
)


def repeatability(
    seeds: Annotated[
        int, typer.Option("--seeds", help="how many trainings; each takes as long as the first")
    ] = 3,
    root: Root = Path(),
) -> None:
    """Train the detector from other seeds; write products/PRODUCT/repeatability/seeds.json. Reads no test label."""
    from sealproof.repetition.seeds import other_seeds, study_seeds  # the network library is slow to load

    settings, console = load_settings(root), Console()
    study = study_seeds(
        settings,
        other_seeds(settings.params.seed, seeds),
        announce=lambda text: console.print(text, style="bold", highlight=False),
    )
    path = study_path(settings.workspace)
    write_json(path, study.model_dump(mode="json"))
    details = {"path": settings.workspace.relative(path), "sha256": sha256_file(path)}
    append_event(settings.workspace.trail, "repeatability.done", details, by=EXECUTOR)
    console.print(_table(study))
    console.print(_NOTE, highlight=False)
    console.print(f"written {settings.workspace.relative(path)}", highlight=False)


def _table(study: SeedStudy) -> Table:
    table = Table(
        title=f"{study.product}: {study.method} of {study.score}, from other training seeds",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("seed")
    for heading in ("threshold", "false rejects", "recall", "AUROC", "equal verdicts", "kappa"):
        table.add_column(heading, justify="right")
    table.add_row("released", *_figures(study.released), "-", "-")
    for run in study.runs:
        table.add_row(str(run.seed), *_figures(run), *_agreement(run))
    for name in ("mean", "low", "high"):
        table.add_row(name, *_spreads(study, name), style="dim")
    return table


def _figures(found: Development) -> tuple[str, ...]:
    rates = (found.false_rejects.rate, found.detected.rate, found.auroc)
    return _number(found.threshold), *(_number(rate) for rate in rates)


def _agreement(run: Run) -> tuple[str, str]:
    return _number(run.equal.rate), _number(run.kappa)


def _spreads(study: SeedStudy, name: str) -> tuple[str, ...]:
    found: list[Spread | None] = [getattr(study.summary, field) for field in type(study.summary).model_fields]
    return tuple("-" if spread is None else _number(getattr(spread, name)) for spread in found)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
