"""Stage `evaluate`: opens the sealed test labels, on record, and judges every score and threshold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from sealproof.datasets.manifest import parquet_bytes, read_manifest, read_parquet
from sealproof.dossier.product import load_product
from sealproof.evaluation import documents, figures
from sealproof.evaluation.cases import assemble_cases
from sealproof.evaluation.claims import plan_claims, units_before_opening
from sealproof.evaluation.detection import curve_table, detection
from sealproof.evaluation.detection_evidence import record_detection
from sealproof.evaluation.detection_figures import detection_figure
from sealproof.evaluation.evaluate import Beforehand, Evaluation, evaluate
from sealproof.evaluation.evidence import record_evaluation, tracked_metrics
from sealproof.evaluation.gallery import galleries, gallery_figure
from sealproof.evaluation.localisation import localisation
from sealproof.evaluation.localisation_evidence import record_localisation
from sealproof.evaluation.opening import open_test_set
from sealproof.evaluation.panels import PanelSource
from sealproof.evaluation.robustness import evaluate_robustness
from sealproof.evaluation.robustness_evidence import record_robustness
from sealproof.evaluation.robustness_figures import robustness_figure
from sealproof.evaluation.robustness_result import Rule
from sealproof.evaluation.tables import methods_table, metrics_table, plan_table, scores_table
from sealproof.evidence.files import read_json, write_bytes, write_json
from sealproof.qualification.acceptance import claims, load_acceptance
from sealproof.stage import Stage, run_stage
from sealproof.thresholds.drawing import save


def work(stage: Stage) -> None:
    """Open, evaluate, write, draw and record."""
    settings = stage.settings.params.evaluate
    thresholds = read_json(stage.input("threshold", "thresholds.json"))
    console, beforehand = Console(), _beforehand(stage, thresholds["in_force"]["score"])
    if beforehand.plan is not None:
        console.print(plan_table(beforehand.plan))
    labels = open_test_set(stage.workspace)
    manifest = read_manifest(stage.input("ingest", "manifest.parquet"))
    cases = assemble_cases(labels, read_parquet(stage.input("score", "scores.parquet")), manifest)
    evaluation = evaluate(cases, thresholds, manifest, settings, stage.settings.params.seed, beforehand)

    artefact = stage.output("evaluation.json")
    write_json(artefact, documents.evaluation_json(evaluation))
    write_bytes(stage.output("predictions.parquet"), parquet_bytes(documents.predictions(evaluation)))
    write_json(stage.report("metrics.json"), documents.metrics_json(evaluation))
    folder = stage.report("evaluation")
    folder.mkdir()
    _write_curves(evaluation, folder)
    held_out = manifest.loc[manifest["split"] == "calibration", "image_id"].tolist()
    _write_galleries(stage, evaluation, held_out, folder)

    _write_robustness(stage, cases, thresholds["in_force"], folder)
    record_evaluation(stage.recorder, evaluation, artefact)
    _judge_detection(stage, cases, thresholds, folder)
    _judge_localisation(stage, labels, manifest)
    stage.params = settings.model_dump()
    stage.metrics = tracked_metrics(evaluation)
    console.print(metrics_table(evaluation))
    console.print(scores_table(evaluation))
    console.print(methods_table(evaluation))


def _beforehand(stage: Stage, score: str) -> Beforehand:
    """What is known, and what the test set can carry, while it is still sealed."""
    definition, confidence = stage.workspace.definition, stage.settings.params.evaluate.confidence
    path, acceptance = definition / "product.yaml", definition / "acceptance.yaml"
    product = load_product(path) if path.is_file() else None
    prevalence = product.field_prevalence if product else None
    human = product.human_inspection if product else None
    if not acceptance.is_file():  # the opening refuses
        return Beforehand(None, prevalence, human)
    wanted = claims(load_acceptance(acceptance), score)
    units = units_before_opening(read_json(stage.input("ingest", "split_summary.json")))
    return Beforehand(plan_claims(wanted, units, confidence), prevalence, human)


def _write_robustness(stage: Stage, cases: pd.DataFrame, force: dict[str, Any], folder: Path) -> None:
    """What disturbances of acquisition do to the verdicts in force."""
    criteria = claims(load_acceptance(stage.workspace.definition / "acceptance.yaml"), str(force["score"]))
    found = evaluate_robustness(
        read_parquet(stage.input("challenge", "disturbed.parquet")),
        read_json(stage.input("challenge", "challenge.json"))["disturbed"],
        cases,
        Rule.of(force, stage.settings.params.evaluate.confidence, criteria),
    )
    artefact = stage.output("robustness.json")
    write_json(artefact, found.as_json())
    save(robustness_figure(found), folder / "robustness.svg")
    record_robustness(stage.recorder, found, artefact)


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


def _judge_detection(stage: Stage, cases: pd.DataFrame, thresholds: dict[str, Any], folder: Path) -> None:
    """Probability of detection: of seeded defects, and of the data set's own where sizes are known."""
    scores = read_parquet(stage.input("score", "scores.parquet"))
    found = detection(
        read_parquet(stage.input("challenge", "seeded.parquet")),
        scores[scores["split"] == "calibration"],
        cases,
        thresholds,
        stage.settings.params.evaluate.confidence,
    )
    artefact = stage.output("detection.json")
    write_json(artefact, found)
    write_bytes(folder / "detection.csv", curve_table(found).to_csv(index=False).encode())
    save(detection_figure(found), folder / "detection.svg")
    record_detection(stage.recorder, found, artefact)


def _judge_localisation(stage: Stage, labels: pd.DataFrame, manifest: pd.DataFrame) -> None:
    """How often anomaly maps point at the defect, where there are masks."""
    sides = manifest[["height", "width"]].itertuples(index=False, name=None)
    found = localisation(
        labels,
        dict(zip(manifest["image_id"], sides, strict=True)),
        stage.workspace.images,
        pd.read_parquet(stage.input("roi", "regions.parquet")),
        np.load(stage.input("score", "maps.npy"), mmap_mode="r", allow_pickle=False),
        stage.settings.params.evaluate.confidence,
    )
    artefact = stage.output("localisation.json")
    write_json(artefact, found)
    record_localisation(stage.recorder, found, artefact)


def _write_galleries(stage: Stage, evaluation: Evaluation, held_out: list[str], folder: Path) -> None:
    source = PanelSource.load(
        stage.workspace.images, stage.input("roi", "regions.parquet"), stage.input("score", "maps.npy")
    )
    heat_range = source.heat_range(held_out, evaluation.cases["image_id"].tolist())
    for name, gallery in galleries(evaluation, stage.settings.params.evaluate.gallery).items():
        save(gallery_figure(gallery, evaluation, source, heat_range), folder / name)


if __name__ == "__main__":
    run_stage("evaluate", work)
