"""How far training is: a live bar on a terminal, a line now and then elsewhere (DVC, CI logs)."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as lightning
from rich import progress as bars
from rich.console import Console

#: Lines printed over a whole training when the output is no terminal.
LINES = 10


class Progress(lightning.Callback):  # type: ignore[misc]  # Lightning is not typed for us: mypy skips its imports
    """Shows epoch, training loss and calibration loss.

    Args:
        epochs: how many there will be.
        console: where to write; standard error by default.
    """

    def __init__(self, epochs: int, console: Console | None = None) -> None:
        self._epochs = epochs
        self._console = console or Console(stderr=True)
        self._every = max(1, round(epochs / LINES))
        self._bar: bars.Progress | None = None

    def on_train_start(self, _trainer: Any, _model: Any) -> None:
        """Open the bar, on a terminal."""
        if self._console.is_terminal:
            columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.MofNCompleteColumn())
            self._bar = bars.Progress(*columns, bars.TimeRemainingColumn(), console=self._console)
            self._bar.add_task("training", total=self._epochs)
            self._bar.start()

    def on_validation_epoch_end(self, trainer: Any, _model: Any) -> None:
        """Move the bar on, or print a line."""
        epoch = trainer.current_epoch + 1
        loss = float(trainer.callback_metrics["calibration_loss"])
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0], completed=epoch, description=f"calibration loss {loss:.5f}"
            )
        elif epoch % self._every == 0 or epoch == self._epochs:
            self._console.print(
                f"epoch {epoch} of {self._epochs}: calibration loss {loss:.5f}", highlight=False
            )

    def on_train_end(self, _trainer: Any, _model: Any) -> None:
        """Close the bar."""
        self._close()

    def on_exception(self, _trainer: Any, _model: Any, _exception: BaseException) -> None:
        """Close the bar, so that the error message stands alone."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
