"""How far a tuning is: one bar with the best value on a terminal, a line a trial elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich import progress as bars
from rich.console import Console

from sealproof.tuning.result import best_trial
from sealproof.tuning.space import Step
from sealproof.tuning.trials import Rung, Trial


class Board:
    """Shows trials as they finish; use it as a context.

    Args:
        console: where to write; must not be redirected while trials run.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._shown = console, 0
        columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.MofNCompleteColumn())
        self._bar = bars.Progress(
            *columns,
            bars.TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: tuple[Step, bars.TaskID] | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def configured(self, found: Rung | None) -> None:
        """The configured settings are being trained with (None), or came to this."""
        text = (
            "training with the settings of params.yaml" if found is None else f"params.yaml: {_value(found)}"
        )
        self._console.print(text, highlight=False)

    def step(self, step: Step, trials: Sequence[Trial], of: int) -> None:
        """So many trials of a step are finished, of so many wanted."""
        best = best_trial(trials)
        text = f"step {step}, best {_value(best.rungs[-1])}" if best else f"step {step}"
        if self._task is None or self._task[0] != step:
            self._task = step, self._bar.add_task(text, total=of, completed=len(trials))
            if trials:
                self._console.print(f"step {step}: goes on after {len(trials)} trials", highlight=False)
        else:
            self._bar.update(self._task[1], description=text, completed=len(trials))
            self._console.print(f"step {step}, {line(trials[-1], of)}", highlight=False)


def line(trial: Trial, of: int) -> str:
    """A finished trial in one line.

    Example:
        >>> line(Trial(number=2, state="pruned", values={}, epochs=0, rungs=(), reason="too deep"), 40)
        'trial 2 of 40: given up: too deep'
    """
    found = "" if not trial.rungs else f"{_value(trial.rungs[-1])} "
    outcome = f"given up: {trial.reason}" if trial.reason else f"after {trial.epochs} epochs"
    return f"trial {trial.number} of {of}: {found}{outcome}"


def _value(rung: Rung) -> str:
    error = "" if rung.standard_error is None else f" ± {rung.standard_error:.3f}"
    return f"AUROC {rung.auroc:.4f}{error}"
