"""Stage `cross_fit`: every normal scored by a detector that did not see it; off unless `cross_fit.folds` says so."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from sealproof.evidence.files import write_json
from sealproof.repetition.folds import NORMAL_SPLITS, CrossFit, no_scores
from sealproof.stage import Stage, run_stage

_COUNTS = (
    ("folds", "1", "number of folds, and of detectors trained without one; 0 where cross-fitting is off"),
    ("images", "images", "normal images that were scored by a detector that did not see them"),
    ("undecided", "images", "normal images of the folds without a confident region, hence without a score"),
)


def work(stage: Stage) -> None:
    """Train a detector a fold and score the fold with it; images of other splits are not looked at."""
    settings = stage.settings.params.cross_fit
    found = _cross_fit(stage, settings.folds) if settings.folds else CrossFit(no_scores(), ())
    found.scores.to_parquet(stage.output("scores.parquet"), index=False)
    summary, content = stage.output("cross_fit.json"), found.as_json()
    write_json(summary, content)
    for name, unit, definition in _COUNTS:
        stage.recorder.add(
            name, content[name], unit=unit, definition=definition, artefact=summary, pointer=f"/{name}"
        )
    stage.params = settings.model_dump(mode="json")
    stage.metrics = {"images": float(content["images"])}
    _summarise(content)


def _cross_fit(stage: Stage, folds: int) -> CrossFit:
    from sealproof.repetition.crossfit import cross_fit  # the network library: only where it is needed
    from sealproof.repetition.detector import Images

    params, console = stage.settings.params, Console(stderr=True)
    return cross_fit(
        Images.of(stage.workspace, NORMAL_SPLITS),
        params,
        folds=folds,
        seed=params.seed,
        announce=lambda text: console.print(text, style="bold", highlight=False),
    )


def _summarise(content: dict[str, Any]) -> None:
    if not content["folds"]:
        Console().print("cross-fitting is off (params.yaml, key cross_fit.folds)", highlight=False)
        return
    table = Table("fold", "trained on", "epoch chosen on", "scored", "kept epoch", title="cross-fitting")
    for fold in content["detectors"]:
        names = ("fold", "training_images", "epoch_images", "scored_images", "kept_epoch")
        table.add_row(*(str(fold[name]) for name in names))
    Console().print(table)


if __name__ == "__main__":
    run_stage("cross_fit", work)
