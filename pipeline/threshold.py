"""Stage `threshold`: every method for every score, side by side; the one named in params.yaml is in force."""

from __future__ import annotations

from rich.console import Console

from sealproof.datasets.manifest import read_manifest
from sealproof.evidence.files import write_bytes, write_json
from sealproof.stage import Stage, run_stage
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.drawing import save
from sealproof.thresholds.evidence import record_thresholds
from sealproof.thresholds.figures import evt_figure, thresholds_figure
from sealproof.thresholds.selection import calibration_scores, check_against_manifest, read_scores
from sealproof.thresholds.tables import terminal_table, threshold_table, tracked_metrics


def work(stage: Stage) -> None:
    """Compute, compare, draw and record the thresholds."""
    settings = stage.settings.params.threshold
    table = read_scores(stage.input("score", "scores.parquet"))
    check_against_manifest(table, read_manifest(stage.input("ingest", "manifest.parquet")))
    comparison = compare(calibration_scores(table), settings, stage.settings.params.seed)

    artefact = stage.output("thresholds.json")
    write_json(artefact, thresholds_json(comparison))
    folder = stage.report("thresholds")
    folder.mkdir()
    write_bytes(folder / "thresholds.csv", threshold_table(comparison).to_csv(index=False).encode())
    save(thresholds_figure(comparison), folder / "thresholds.svg")
    save(evt_figure(comparison), folder / "evt.svg")

    record_thresholds(stage.recorder, comparison, artefact)
    stage.params = settings.model_dump()
    stage.metrics = tracked_metrics(comparison)
    console = Console()
    console.print(terminal_table(comparison))
    console.print(comparison.in_force.reason, markup=False)


if __name__ == "__main__":
    run_stage("threshold", work)
