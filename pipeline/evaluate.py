"""Stage `evaluate`: opens the sealed test labels, on record, and judges every score and threshold."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from sealproof.datasets.manifest import parquet_bytes, read_manifest, read_parquet
from sealproof.evaluation import documents, figures
from sealproof.evaluation.cases import assemble_cases
from sealproof.evaluation.evaluate import Evaluation, evaluate
from sealproof.evaluation.evidence import record_evaluation, tracked_metrics
from sealproof.evaluation.gallery import galleries, gallery_figure
from sealproof.evaluation.opening import open_test_set
from sealproof.evaluation.panels import PanelSource
from sealproof.evaluation.tables import metrics_table, scores_table
from sealproof.evidence.files import read_json, write_bytes, write_json
from sealproof.stage import Stage, run_stage
from sealproof.thresholds.drawing import save


def work(stage: Stage) -> None:
    """Open, evaluate, write, draw and record."""
    settings = stage.settings.params.evaluate
    labels = open_test_set(stage.workspace)
    manifest = read_manifest(stage.input("ingest", "manifest.parquet"))
    cases = assemble_cases(labels, read_parquet(stage.input("score", "scores.parquet")), manifest)
    thresholds = read_json(stage.input("threshold", "thresholds.json"))
    evaluation = evaluate(cases, thresholds, manifest, settings, stage.settings.params.seed)

    artefact = stage.output("evaluation.json")
    write_json(artefact, documents.evaluation_json(evaluation))
    write_bytes(stage.output("predictions.parquet"), parquet_bytes(documents.predictions(evaluation)))
    write_json(stage.report("metrics.json"), documents.metrics_json(evaluation))
    folder = stage.report("evaluation")
    folder.mkdir()
    _write_curves(evaluation, folder)
    held_out = manifest.loc[manifest["split"] == "calibration", "image_id"].tolist()
    _write_galleries(stage, evaluation, held_out, folder)

    record_evaluation(stage.recorder, evaluation, artefact)
    stage.params = settings.model_dump()
    stage.metrics = tracked_metrics(evaluation)
    console = Console()
    console.print(metrics_table(evaluation))
    console.print(scores_table(evaluation))


def _write_curves(evaluation: Evaluation, folder: Path) -> None:
    curves = documents.score_curves(evaluation, evaluation.score)
    tables = {
        "roc.csv": documents.roc_table(curves),
        "pr.csv": documents.precision_recall_table(curves),
        "histogram.csv": documents.histogram_table(evaluation),
    }
    for name, table in tables.items():
        write_bytes(folder / name, table.to_csv(index=False).encode())
    save(figures.roc_figure(evaluation), folder / "roc.svg")
    save(figures.precision_recall_figure(evaluation), folder / "pr.svg")
    save(figures.histogram_figure(evaluation), folder / "histogram.svg")
    save(figures.confusion_figure(evaluation), folder / "confusion.svg")


def _write_galleries(stage: Stage, evaluation: Evaluation, held_out: list[str], folder: Path) -> None:
    source = PanelSource.load(
        stage.workspace.images, stage.input("roi", "regions.parquet"), stage.input("score", "maps.npy")
    )
    heat_range = source.heat_range(held_out, evaluation.cases["image_id"].tolist())
    for name, gallery in galleries(evaluation, stage.settings.params.evaluate.gallery).items():
        save(gallery_figure(gallery, evaluation, source, heat_range), folder / name)


if __name__ == "__main__":
    run_stage("evaluate", work)
