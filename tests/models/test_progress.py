from __future__ import annotations

import io
from types import SimpleNamespace

from rich.console import Console

from sealproof.models.progress import Progress


def run(epochs: int, *, terminal: bool, stop_at: int | None = None) -> str:
    stream = io.StringIO()
    progress = Progress(epochs, Console(file=stream, force_terminal=terminal, width=120))
    progress.on_train_start(None, None)
    for epoch in range(epochs):
        if epoch == stop_at:
            progress.on_exception(None, None, ValueError())
            return stream.getvalue()
        trainer = SimpleNamespace(
            current_epoch=epoch, callback_metrics={"calibration_loss": 0.5 / (epoch + 1)}
        )
        progress.on_validation_epoch_end(trainer, None)
    progress.on_train_end(None, None)
    return stream.getvalue()


def test_a_log_gets_about_ten_whole_lines_and_always_the_last_epoch() -> None:
    lines = run(64, terminal=False).splitlines()
    assert 10 <= len(lines) <= 12
    assert lines[-1] == "epoch 64 of 64: calibration loss 0.00781"
    assert not any("\r" in line or "\x1b" in line for line in lines)


def test_short_trainings_get_a_line_an_epoch() -> None:
    assert len(run(3, terminal=False).splitlines()) == 3


def test_a_terminal_gets_a_bar() -> None:
    shown = run(5, terminal=True)
    assert "5/5" in shown
    assert "calibration loss 0.10000" in shown


def test_the_bar_is_closed_when_training_fails() -> None:
    assert run(5, terminal=True, stop_at=2).count("\x1b[?25h") == 1
