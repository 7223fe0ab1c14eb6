"""Stage train: the detector learns from training normals; held-out normals are watched."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from sealproof.models.data import open_patches
from sealproof.models.detector import Fitted
from sealproof.models.plots import draw_examples, draw_learning_curves
from sealproof.models.registry import detector_class
from sealproof.models.report import record_training, training_facts
from sealproof.models.storage import save_detector
from sealproof.models.training_data import training_data
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Fit on split `train`, watch `calibration`; `tuning` is read only where a detector cannot do without."""
    params = stage.settings.params
    manifest = pd.read_parquet(
        stage.input("ingest", "manifest.parquet"), columns=["image_id", "split", "label"]
    )
    regions = pd.read_parquet(
        stage.input("roi", "regions.parquet"), columns=["image_id", "patch", "decided", "row"]
    )
    kind = detector_class(params.train.detector)
    data = training_data(
        open_patches(stage.input("roi", "patches.npy")), manifest, regions, defects=kind.needs_defects
    )
    clock = time.perf_counter()
    fitted = kind.fit(
        data, params.train, seed=params.seed, device=params.compute.device, threads=params.compute.threads
    )
    seconds = time.perf_counter() - clock
    facts = training_facts(fitted, data, regions, params.seed)

    description = stage.output("model.json")
    save_detector(fitted.detector, description.parent, facts)
    reports = stage.report("training")
    reports.mkdir()
    if len(fitted.history):
        _draw_history(stage, fitted, reports)
    name = "reconstructions.png" if fitted.detector.reconstructs else "maps.png"
    draw_examples(fitted.detector, data.held_out, reports / name)

    record_training(stage.recorder, facts, description)
    stage.params = {
        **params.train.model_dump(mode="json"),
        "seed": params.seed,
        **params.compute.model_dump(),
    }
    stage.metrics = {
        name: float(facts[name]) for name in ("train_loss", "calibration_loss", "kept_epoch") if name in facts
    } | {"training_seconds": seconds}
    stage.curves = {name: fitted.history[name].tolist() for name in ("train_loss", "calibration_loss")}
    _summarise(facts, fitted.detector.card().title)


def _draw_history(stage: Stage, fitted: Fitted, reports: Path) -> None:
    history = fitted.history.to_csv(index=False, lineterminator="\n")
    for path in (stage.output("history.csv"), reports / "history.csv"):
        path.write_text(history, encoding="utf-8")
    kept, loss = int(fitted.facts["kept_epoch"]), str(fitted.facts["loss"])
    draw_learning_curves(fitted.history, kept, loss, reports / "learning_curves.svg")


def _summarise(facts: dict[str, float | int | str], title: str) -> None:
    table = Table("training", "value", title=title)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else str(value))
    Console().print(table)


if __name__ == "__main__":
    run_stage("train", work)
