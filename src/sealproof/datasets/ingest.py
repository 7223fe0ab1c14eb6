"""From a data folder to a manifest, sealed labels and a summary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sealproof.datasets.manifest import Origin, build_manifest
from sealproof.datasets.registry import make_adapter
from sealproof.datasets.sealing import seal
from sealproof.datasets.settings import DatasetSettings, SplitSettings
from sealproof.datasets.splits import assign_splits
from sealproof.datasets.summary import summarise


@dataclass(frozen=True)
class Ingested:
    """What the ingest stage writes."""

    manifest: pd.DataFrame
    sealed: pd.DataFrame
    summary: dict[str, Any]


def ingest(
    root: Path, dataset: DatasetSettings, split: SplitSettings, seed: int, *, progress: bool = False
) -> Ingested:
    """List, hash, probe and divide the images below a data root, and seal the test labels.

    Args:
        root: the data root, `data/<product>`.
        dataset: adapter, options, and what to print as source and licence.
        split: how to divide.
        seed: draws the splits.
        progress: show a progress bar.

    Raises:
        DataError: the data set is missing, contradicts itself, or holds fewer images than asked for.
        DefinitionError: an option or split setting is wrong.
    """
    adapter = make_adapter(dataset)
    samples = adapter.scan(root)
    origin = Origin(dataset.source or adapter.source, dataset.licence or adapter.licence, adapter.simulated)
    frame = build_manifest(samples, root, origin, progress=progress)
    division = assign_splits(frame, split, seed, {sample.image_id: sample.published for sample in samples})
    manifest, sealed = seal(division.frame)
    return Ingested(manifest, sealed, summarise(division, split, seed))
