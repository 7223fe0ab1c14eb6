"""OQ check of the data checks: faults that are put in on purpose have to be found, a faultless set passes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.datasets.acquisition import acquire
from sealproof.datasets.images import read_image
from sealproof.datasets.ingest import Ingested, ingest
from sealproof.datasets.settings import ClassCounts, DatasetSettings, SplitSettings
from sealproof.evidence.hashing import sha256_file
from sealproof.qualification.context import Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check
from sealproof.quality.examination import Examination
from sealproof.quality.measure import measure
from sealproof.quality.run import run_checks
from sealproof.quality.settings import CheckSettings

_OPTIONS = {"normal": 60, "defective": 24, "height": 64, "width": 128}
_SPLIT = SplitSettings(
    subset="part",
    subsets={"part": ClassCounts(normal=40, defective=12)},
    test=ClassCounts(normal=12, defective=12),
)
_NEAR = np.float32(2.0)

#: Reason code that each seeded fault has to be reported under.
SEEDED: dict[str, str] = {
    "unreadable_image": "a truncated file",
    "blank_image": "an image of one value",
    "duplicate_across_splits": "one file in training and test",
    "duplicate_pixels_across_splits": "one picture in training and test, as different files",
    "near_duplicate_across_splits": "nearly one picture in training and test",
    "altered_file": "a file altered after it was recorded",
    "label_not_sealed": "a test label left in the manifest",
    "subgroup_predicts_class": "a subgroup that tells the class",
}


@check("seeded-data-faults", NoParameters)
def seeded_data_faults(context: Context, parameters: NoParameters) -> Finding:
    """Is each seeded fault reported under its reason code, and a faultless set free of errors?"""
    del parameters
    dataset = DatasetSettings(adapter="seal_sim", options=dict(_OPTIONS))
    seed = context.settings.params.seed
    with context.scratch() as folder, context.silent_decoders():
        images = folder / "images"
        acquire(images, dataset, seed)
        ingested = ingest(images, dataset, _SPLIT, seed)
        clean = _codes(ingested.manifest, ingested, images)
        faulty = seed_faults(ingested.manifest, images)
        found = _codes(faulty, ingested, images)
    errors = [code for code, severity in clean.items() if severity == "error"]
    missed = [f"{fault} ({code})" for code, fault in SEEDED.items() if code not in found]
    actual = (
        f"{len(SEEDED)} faults, {len(SEEDED) - len(missed)} reported under their code{shown(missed)}; "
        f"faultless set of {len(ingested.manifest)} images: {len(errors)} errors{shown(errors)}"
    )
    return Finding(
        passed=not missed and not errors,
        actual=actual,
        values={"seeded": SEEDED, "reported": found, "missed": missed, "faultless": clean},
    )


def _codes(manifest: pd.DataFrame, ingested: Ingested, root: Path) -> dict[str, str]:
    """Reason code -> gravest severity of what the checks report."""
    measured = measure(manifest, root, progress=False)
    summary: Mapping[str, Any] = ingested.summary
    findings = run_checks(Examination(manifest, measured, summary, CheckSettings(), _SPLIT))
    reported = [finding for finding in findings if finding.evaluated]
    return {finding.code: finding.severity for finding in reversed(reported)}


def seed_faults(manifest: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Put the faults of `SEEDED` into a data set whose splits are drawn.

    Args:
        manifest: of a faultless set with at least 6 training and 4 test images; not changed.
        root: its data root; files are changed.

    Returns:
        the manifest as if the faults had been there from the beginning, but for the file altered afterwards.
    """
    faulty = manifest.copy()
    train = [root / path for path in faulty.loc[faulty["split"] == "train", "path"]]
    test = [root / path for path in faulty.loc[faulty["split"] == "test", "path"]]
    test[0].write_bytes(train[0].read_bytes())
    _write(test[1], _read(train[1]), compression=0)
    _write(
        test[2],
        np.clip(_read(train[2]) + _NEAR * (np.indices(_read(train[2]).shape).sum(axis=0) % 2), 0, 255),
    )
    train[3].write_bytes(train[3].read_bytes()[:200])
    _write(train[4], np.full_like(_read(train[4]), 90))
    recorded = {path.relative_to(root).as_posix(): sha256_file(path) for path in (*train[:5], *test[:3])}
    faulty["sha256"] = faulty["path"].map(recorded).fillna(faulty["sha256"])
    _write(train[5], 255 - _read(train[5]))
    first_test = faulty.index[faulty["split"] == "test"][3]
    faulty.loc[first_test, "label"] = 0
    known = faulty["label"].notna()
    faulty.loc[known, "group_setup"] = faulty.loc[known, "label"].map({0: "12", 1: "20"}).astype("string")
    return faulty


def _read(path: Path) -> NDArray[np.float32]:
    return np.rint(read_image(path) * 255).astype(np.float32)


def _write(path: Path, image: Any, compression: int = 9) -> None:
    encoded = cv2.imencode(
        ".png", np.rint(image).astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, compression]
    )[1]
    path.write_bytes(encoded.tobytes())
