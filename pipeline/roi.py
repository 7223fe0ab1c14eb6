"""DVC stage `roi`: regions of interest and the patches in them, Equation 1."""

from rich.console import Console

from sealproof.datasets.manifest import parquet_bytes, read_manifest
from sealproof.evidence.files import write_bytes
from sealproof.roi.report import by_image, record_regions, region_table
from sealproof.roi.run import find_regions
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Find the regions of every image, store their patches, record how many images stay undecided."""
    settings = stage.settings.inspection.roi
    manifest = read_manifest(stage.input("ingest", "manifest.parquet"))
    regions = find_regions(manifest, stage.workspace.images, settings, stage.output("patches.npy"))
    path = stage.output("regions.parquet")
    write_bytes(path, parquet_bytes(regions))
    images = by_image(regions, manifest)
    record_regions(stage.recorder, regions, images, settings, path)
    stage.params = settings.model_dump(mode="json")
    stage.metrics = {
        "undecided": float((~images["decided"]).sum()),
        "confidence.median": float(images["confidence"].median()),
    }
    Console().print(region_table(images))


if __name__ == "__main__":
    run_stage("roi", work)
