"""DVC stage `ingest`: one manifest row an image; the labels of the test split are sealed."""

from rich.console import Console

from sealproof.datasets.ingest import ingest
from sealproof.datasets.manifest import write_manifest
from sealproof.datasets.recording import record_ingest
from sealproof.datasets.sealing import write_sealed_labels
from sealproof.datasets.summary import summary_table
from sealproof.evidence.files import write_json
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Read the data folder, write manifest, sealed labels and summary."""
    dataset, split = stage.settings.inspection.dataset, stage.settings.inspection.split
    seed = stage.settings.params.seed
    ingested = ingest(stage.workspace.images, dataset, split, seed, progress=True)
    manifest, summary = stage.output("manifest.parquet"), stage.output("split_summary.json")
    write_manifest(manifest, ingested.manifest)
    write_sealed_labels(stage.output("sealed_labels.parquet"), ingested.sealed)
    write_json(summary, ingested.summary)
    record_ingest(stage.recorder, ingested, dataset, manifest, summary)
    stage.params = {"seed": seed, "dataset": dataset.model_dump(), "split": split.model_dump()}
    stage.metrics = {
        f"images.{name}": float(sum(counts.values())) for name, counts in ingested.summary["splits"].items()
    }
    Console().print(summary_table(ingested.summary))


if __name__ == "__main__":
    run_stage("ingest", work)
