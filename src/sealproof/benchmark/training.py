"""The first half of a cell: splits, regions, weights and scores in the cell's own workspace; no test label is read."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from sealproof.benchmark.cells import Cell
from sealproof.benchmark.measuring import time_scoring
from sealproof.benchmark.result import ScoringTime
from sealproof.benchmark.workspace import CellWorkspace
from sealproof.datasets.ingest import ingest
from sealproof.datasets.manifest import parquet_bytes, write_manifest
from sealproof.datasets.sealing import write_sealed_labels
from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.evidence.files import write_bytes
from sealproof.inference.released import ReleasedDetector
from sealproof.inference.run import score_all
from sealproof.models import training  # noqa: F401 - loads Lightning before the clock starts
from sealproof.models.detector import Fitted
from sealproof.models.registry import detector_class
from sealproof.models.report import training_facts
from sealproof.models.storage import save_detector
from sealproof.models.training_data import training_data
from sealproof.repetition.detector import Images
from sealproof.roi.run import find_regions

#: Splits that are scored: all that thresholds and evaluation ask for.
SCORED = ("train", "calibration", "tuning", "test")


@dataclass(frozen=True)
class Trained:
    """A detector of a cell, and what it makes of the images.

    Attributes:
        manifest: of all images; labels of the test split are sealed.
        tables: scoring -> image_id, split, decided and one column a score.
        refused: scoring -> why it gave no scores.
        times: scoring -> how long an image takes.
        fit_seconds: of `Detector.fit` alone.
        patches_per_image: regions of interest of an image.
    """

    manifest: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    refused: dict[str, str]
    times: dict[str, ScoringTime]
    fit_seconds: float
    device: str
    patches_per_image: int


def prepare(cell: Cell, workspace: CellWorkspace) -> pd.DataFrame:
    """Draw the splits by the cell's seed, seal the test labels, find the regions; returns the manifest.

    Raises:
        DataError: the images are missing, too few, or no image has a confident region.
        DefinitionError: data set or split settings are wrong.
    """
    done = ingest(workspace.images, cell.dataset, cell.split, cell.seed)
    folder = workspace.artifacts("ingest")
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder / "manifest.parquet", done.manifest)
    write_sealed_labels(folder / "sealed_labels.parquet", done.sealed)
    kept = done.manifest[done.manifest["split"].isin(SCORED)]
    folder = workspace.artifacts("roi")
    folder.mkdir(parents=True, exist_ok=True)
    regions = find_regions(kept, workspace.images, cell.roi, folder / "patches.npy")
    write_bytes(folder / "regions.parquet", parquet_bytes(regions))
    return done.manifest


def train(cell: Cell, workspace: CellWorkspace) -> Trained:
    """Train once, score with every scoring; weights are stored as the release pipeline stores them.

    Raises:
        DataError, DefinitionError: the images cannot be trained on or scored; a scoring that `may_be_refused` is
            noted with the reason instead.
    """
    manifest = prepare(cell, workspace)
    with threadpool_limits(limits=cell.compute.threads):
        torch.set_num_threads(cell.compute.threads)
        images = Images.of(workspace, SCORED)
        kind = detector_class(cell.train.detector)
        data = training_data(images.patches, images.manifest, images.regions, defects=kind.needs_defects)
        clock = time.perf_counter()
        fitted = kind.fit(
            data,
            cell.train,
            seed=cell.seed,
            device=cell.compute.device,
            threads=cell.compute.threads,
        )
        seconds = time.perf_counter() - clock
        facts = training_facts(fitted, data, images.regions, cell.seed)
        save_detector(fitted.detector, workspace.artifacts("train"), facts)
        tables, refused, times = _score(cell, images, fitted)
    return Trained(
        manifest=manifest,
        tables=tables,
        refused=refused,
        times=times,
        fit_seconds=seconds,
        device=fitted.device,
        patches_per_image=int(images.regions["patch"].max()) + 1,
    )


def _score(
    cell: Cell, images: Images, fitted: Fitted
) -> tuple[dict[str, pd.DataFrame], dict[str, str], dict[str, ScoringTime]]:
    """(score tables, reasons of refusals, times), each by scoring."""
    tables, refused, times = {}, {}, {}
    detector = fitted.detector.to(fitted.device)
    rows = images.regions.merge(images.manifest[["image_id", "split"]], on="image_id", validate="many_to_one")
    for name, settings in cell.scorings.items():
        try:
            found = score_all(
                detector, images.patches, rows, settings, seed=cell.seed, maps=None, device=fitted.device
            )
        except (DataError, DefinitionError) as error:
            if name not in cell.may_be_refused:
                raise
            refused[name] = f"{error.what}: {error.why}"
            continue
        tables[name] = found.images
        scorer = ReleasedDetector(detector, found.distances, found.combined, settings, fitted.device)
        times[name] = time_scoring(scorer, images, cell.timing)
    return tables, refused, times
