"""`sealproof tune`: the two-step Bayesian optimisation of Tables 11 and 12, and its result into params.yaml."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from sealproof.commands.common import Root
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import write_bytes
from sealproof.evidence.strict import parse
from sealproof.models.settings import TrainSettings
from sealproof.settings import Settings, load_settings

if TYPE_CHECKING:
    from sealproof.tuning.result import Best

INTERRUPTED = 130
_STOPPED = "stopped: every finished trial is kept, and the same command goes on from there"
_NOTE = (
    "The best of many values, on the images that it was chosen on: new images give less. Read best.yaml, then "
    "`sealproof tune --apply`."
)


Apply = Annotated[
    bool,
    typer.Option("--apply", help="train nothing: show what best.yaml changes in params.yaml, ask, write"),
]
Yes = Annotated[bool, typer.Option("--yes", help="with --apply: do not ask")]


def tune(
    step: Annotated[
        int | None, typer.Option("--step", min=1, max=2, help="default: both, one after the other")
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="that a step shall have, over all runs")
    ] = 40,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0, help="begin no trial after so many minutes")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="trainings a trial; their mean counts")] = 1,
    apply: Apply = False,  # noqa: FBT002 - a flag
    yes: Yes = False,  # noqa: FBT002 - a flag
    root: Root = Path(),
) -> None:
    """Search settings of the autoencoder; write products/PRODUCT/tuning/best.yaml. Reads no test image."""
    settings = load_settings(root)
    if apply:
        _apply(settings, yes=yes)
        return
    if yes:
        raise DefinitionError(
            "there is nothing to say yes to", where="--yes", why="it goes with --apply", mend="leave it out"
        )
    _tune(settings, step, trials, minutes, seeds)


def _tune(settings: Settings, step: int | None, trials: int, minutes: float | None, seeds: int) -> None:
    from sealproof.tuning.progress import Board  # the network library is slow to load
    from sealproof.tuning.result import paths, write_result
    from sealproof.tuning.run import Limits
    from sealproof.tuning.run import tune as run
    from sealproof.tuning.space import STEPS

    console = Console(stderr=True)
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    steps = tuple(number for number in STEPS if step in (None, number))
    try:
        with Board(console) as board:
            found = run(settings, steps, seeds, Limits(trials, deadline), board)
    except (KeyboardInterrupt, SystemExit) as stop:
        console.print(_STOPPED, highlight=False)
        signal = stop.code if isinstance(stop, SystemExit) and isinstance(stop.code, int) else 0
        raise typer.Exit(signal if signal > INTERRUPTED else INTERRUPTED) from stop
    out = Console()
    if found is None:
        out.print("the time was up before a trial was finished; nothing is written", highlight=False)
        return
    best = write_result(settings.workspace, found)
    best_path, trials_path = (settings.workspace.relative(path) for path in paths(settings.workspace))
    if best is None:
        raise DefinitionError(
            "no trial was trained in full",
            where=trials_path,
            why="; ".join(sorted({trial.reason for result in found.steps for trial in result.trials})),
            mend="widen the search space (products/<product>/tuning/space.yaml), or let more trials run",
        )
    out.print(_table(best))
    out.print(_NOTE, highlight=False)
    out.print(f"written {best_path} and {trials_path}", highlight=False)


def _table(best: Best) -> Table:
    table = Table(
        title=f"{best.product}: AUROC of {best.score}, held-out normals against {best.objective.replace('-', ' ')}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("")
    for heading in ("AUROC", "standard error", "trials", "in full", "within one error"):
        table.add_column(heading, justify="right")
    table.add_row(
        "params.yaml", _number(best.configured.auroc), _number(best.configured.standard_error), *"---"
    )
    for step in best.steps:
        table.add_row(
            f"step {step.step}", _number(step.best_auroc), "", str(step.trials), str(step.complete),
            "-" if step.within_one_standard_error is None else str(step.within_one_standard_error),
        )  # fmt: skip
    table.add_row(
        f"best: step {best.found_in['step']}", _number(best.auroc), _number(best.standard_error), *"---"
    )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _apply(settings: Settings, *, yes: bool) -> None:
    from sealproof.tuning.apply import difference, edited
    from sealproof.tuning.result import paths, read_best

    workspace, console = settings.workspace, Console()
    best = read_best(workspace)
    source = workspace.relative(paths(workspace)[0])
    _check_fits(best, settings, source)
    path = workspace.root / "params.yaml"
    before = path.read_text(encoding="utf-8")
    after = edited(before, parse(TrainSettings, best.train, f"{source}, key `train`"))
    if after == before:
        console.print("params.yaml has these settings already", highlight=False)
        return
    console.print(difference(before, after), highlight=False, markup=False, soft_wrap=True)
    console.print(_table(best))
    if not yes and not typer.confirm("write this into params.yaml?"):
        console.print("params.yaml is as it was", highlight=False)
        raise typer.Exit(1)
    write_bytes(path, after.encode())
    console.print("params.yaml is written; `dvc repro` trains with it", highlight=False)


def _check_fits(best: Best, settings: Settings, source: str) -> None:
    """Settings that were found for another product, or for another score, are not what is asked for."""
    wanted = {"product": settings.workspace.product, "score": settings.params.threshold.score}
    differing = [name for name, value in wanted.items() if getattr(best, name) != value]
    if differing:
        raise DefinitionError(
            "these settings were found for something else",
            where=f"{source}: {', '.join(differing)}",
            why="; ".join(
                f"{name} {getattr(best, name)} there, {wanted[name]} in params.yaml" for name in differing
            ),
            mend="run `make tune` again, or paste the section `train` by hand",
        )
