"""Stage train: the attention autoencoder learns from training normals; held-out normals choose the epoch."""

from __future__ import annotations

import time

import pandas as pd
from rich.console import Console
from rich.table import Table

from sealproof.models.data import normal_rows, open_patches
from sealproof.models.plots import draw_learning_curves, draw_reconstructions
from sealproof.models.report import record_training, training_facts
from sealproof.models.storage import save_model
from sealproof.models.training import fit
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Train on split `train`, choose the epoch on `calibration`; no other row of the patches is read."""
    params = stage.settings.params
    manifest = pd.read_parquet(
        stage.input("ingest", "manifest.parquet"), columns=["image_id", "split", "label"]
    )
    regions = pd.read_parquet(stage.input("roi", "regions.parquet"), columns=["image_id", "decided", "row"])
    patches = open_patches(stage.input("roi", "patches.npy"))
    rows = {split: normal_rows(manifest, regions, split) for split in ("train", "calibration")}
    clock = time.perf_counter()
    fitted = fit(
        patches,
        rows["train"],
        rows["calibration"],
        params.train,
        seed=params.seed,
        device=params.compute.device,
        threads=params.compute.threads,
    )
    seconds = time.perf_counter() - clock
    facts = training_facts(fitted, regions, rows, params.train, params.seed)

    description = stage.output("model.json")
    save_model(fitted.model, description.parent, facts)
    history = fitted.history.to_csv(index=False, lineterminator="\n")
    stage.output("history.csv").write_text(history, encoding="utf-8")
    reports = stage.report("training")
    reports.mkdir()
    (reports / "history.csv").write_text(history, encoding="utf-8")
    draw_learning_curves(fitted.history, fitted.kept_epoch, reports / "learning_curves.svg")
    draw_reconstructions(fitted.model, patches, rows["calibration"], reports / "reconstructions.png")

    record_training(stage.recorder, facts, description)
    stage.params = {
        **params.train.model_dump(mode="json"),
        "seed": params.seed,
        **params.compute.model_dump(),
    }
    stage.metrics = fitted.losses | {"kept_epoch": fitted.kept_epoch, "training_seconds": seconds}
    stage.curves = {name: fitted.history[name].tolist() for name in ("train_loss", "calibration_loss")}
    _summarise(facts)


def _summarise(facts: dict[str, float | int | str]) -> None:
    table = Table("training", "value", title="attention autoencoder")
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else str(value))
    Console().print(table)


if __name__ == "__main__":
    run_stage("train", work)
