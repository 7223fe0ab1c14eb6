"""Stage `threshold`: every method for every score, side by side; the one named in params.yaml is in force."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from sealproof.datasets.manifest import read_manifest
from sealproof.evidence.files import write_bytes, write_json
from sealproof.models.defects import scores_fitted_to_defects
from sealproof.stage import Stage, run_stage
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.cross_fit import cross_fit_scores, read_cross_fit
from sealproof.thresholds.drawing import save
from sealproof.thresholds.evidence import record_thresholds
from sealproof.thresholds.evt_figures import evt_stability_figure
from sealproof.thresholds.figures import evt_figure, thresholds_figure
from sealproof.thresholds.gap_figure import gap_figure
from sealproof.thresholds.selection import (
    calibration_scores,
    check_against_manifest,
    read_scores,
    score_names,
)
from sealproof.thresholds.studies.evidence import record_evt_study, record_guarantees, with_own_answer
from sealproof.thresholds.studies.reading import EVT_STUDY, GUARANTEES, read_evt_study, read_guarantees
from sealproof.thresholds.study_figures import evt_sample_size_figure, guarantees_figure
from sealproof.thresholds.tables import terminal_table, threshold_table, tracked_metrics


def work(stage: Stage) -> None:
    """Compute, compare, draw and record the thresholds."""
    settings = stage.settings.params.threshold
    table = read_scores(stage.input("score", "scores.parquet"))
    manifest = read_manifest(stage.input("ingest", "manifest.parquet"))
    check_against_manifest(table, manifest)
    crossed = cross_fit_scores(read_cross_fit(stage.input("cross_fit", "scores.parquet")), table, manifest)
    fitted = scores_fitted_to_defects(score_names(table), stage.settings.params.train.detector)
    scores = calibration_scores(table, manifest, fitted)
    comparison = compare(scores, settings, stage.settings.params.seed, crossed)

    artefact = stage.output("thresholds.json")
    write_json(artefact, thresholds_json(comparison))
    folder = stage.report("thresholds")
    folder.mkdir()
    write_bytes(folder / "thresholds.csv", threshold_table(comparison).to_csv(index=False).encode())
    save(thresholds_figure(comparison), folder / "thresholds.svg")
    save(gap_figure(comparison), folder / "calibration_gap.svg")
    save(evt_figure(comparison), folder / "evt.svg")
    save(evt_stability_figure(comparison), folder / "evt_stability.svg")
    _studies(stage, comparison.scores.held_out[comparison.score].size, folder)

    record_thresholds(stage.recorder, comparison, artefact)
    stage.params = settings.model_dump()
    stage.metrics = tracked_metrics(comparison)
    console = Console()
    console.print(terminal_table(comparison))
    console.print(comparison.in_force.reason, markup=False)


def _studies(stage: Stage, own_n: int, folder: Path) -> None:
    """Copy, draw and record the committed simulation studies."""
    root = stage.settings.workspace.root
    table = read_guarantees(root / GUARANTEES)
    study = with_own_answer(read_evt_study(root / EVT_STUDY), own_n)
    copies = {name: stage.output(name) for name in (GUARANTEES.name, EVT_STUDY.name)}
    write_json(copies[GUARANTEES.name], table)
    write_json(copies[EVT_STUDY.name], study)
    save(guarantees_figure(table), folder / "guarantees.svg")
    save(evt_sample_size_figure(study, own_n), folder / "evt_sample_size.svg")
    record_guarantees(stage.recorder, table, copies[GUARANTEES.name])
    record_evt_study(stage.recorder, study, copies[EVT_STUDY.name])


if __name__ == "__main__":
    run_stage("threshold", work)
