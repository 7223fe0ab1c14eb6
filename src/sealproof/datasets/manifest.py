"""The manifest: one row an image. Building, writing and reading it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandera.errors import SchemaErrors
from rich.console import Console
from rich.progress import track

from sealproof.datasets.contract import MODES, SPLITS, Manifest, SealedManifest, failures, typed, validate
from sealproof.datasets.images import confined, probe_image
from sealproof.datasets.sample import Sample
from sealproof.datasets.tables import listed
from sealproof.evidence.errors import DataError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import write_bytes
from sealproof.evidence.hashing import sha256_file

__all__ = [
    "MODES",
    "SPLITS",
    "Origin",
    "altered",
    "build_manifest",
    "parquet_bytes",
    "read_manifest",
    "read_parquet",
    "write_manifest",
]


@dataclass(frozen=True)
class Origin:
    """What holds for all images of a data set."""

    source: str
    licence: str
    simulated: bool


def build_manifest(
    samples: Iterable[Sample], root: Path, origin: Origin, *, progress: bool = False
) -> pd.DataFrame:
    """One row an image, hashed and probed; every image is `unused` or `excluded`, no split is drawn yet.

    An image that cannot be decoded stays in: mode `unreadable`, size 0 x 0. The check stage reports all of
    them at once.

    Args:
        samples: what the adapter found; at least one.
        root: the data root.
        origin: source, licence, simulated.
        progress: show a progress bar on the error stream.

    Raises:
        DataError: there is no image, two share an id, a path leaves the root, a file is missing, or an image
            that is not excluded has no label.
    """
    ordered = sorted(samples, key=lambda sample: sample.image_id)
    _refuse(ordered, root)
    names = sorted({name for sample in ordered for name in sample.groups})
    rows = [
        _row(sample, root, names)
        for sample in track(
            ordered,
            "hashing and decoding images",
            console=Console(stderr=True),
            disable=not progress,
            transient=True,
        )
    ]
    frame = pd.DataFrame(rows)
    frame["source"], frame["licence"], frame["simulated"] = origin.source, origin.licence, origin.simulated
    return validate(typed(frame), Manifest)


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """The frame as Parquet; the same frame gives the same bytes."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    return buffer.getvalue()


def write_manifest(path: Path, frame: pd.DataFrame) -> None:
    """Write a sealed manifest, whole or not at all.

    Raises:
        DataError: the frame breaks the contract; a test row that still carries its label does.
        OutputError: the place cannot be written.
    """
    write_bytes(path, parquet_bytes(validate(frame)))


def read_manifest(path: Path) -> pd.DataFrame:
    """Read the manifest that `ingest` wrote and hold it to the contract.

    Raises:
        EvidenceMissingError: the file is not there.
        EvidenceAlteredError: it is no Parquet file, or breaks the contract.
    """
    frame = read_parquet(path)
    try:
        return SealedManifest.validate(frame, lazy=True)
    except SchemaErrors as error:
        raise altered(path, failures(error)) from error


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table of an earlier stage; raises as `read_manifest`."""
    try:
        return pd.read_parquet(path, engine="pyarrow")
    except FileNotFoundError as error:
        raise EvidenceMissingError(
            "a table of the ingest stage is missing",
            where=str(path),
            why="the file does not exist",
            mend="run `dvc repro`",
        ) from error
    except (OSError, ValueError) as error:
        raise altered(path, f"it is no Parquet file: {error}") from error


def altered(path: Path, why: str) -> EvidenceAlteredError:
    """The one message for a table that is not what ingest wrote."""
    return EvidenceAlteredError(
        "a table of the ingest stage was altered",
        where=str(path),
        why=why,
        mend="delete it and run `dvc repro`",
    )


def _row(sample: Sample, root: Path, group_names: list[str]) -> dict[str, object]:
    path = confined(root, sample.path)
    width, height, mode = 0, 0, "unreadable"
    try:
        facts = probe_image(path)
        width, height, mode = facts.width, facts.height, facts.mode
    except DataError:
        pass  # kept as a row: the check stage names all unreadable images at once
    return {
        "image_id": sample.image_id,
        "path": sample.path,
        "sha256": sha256_file(path),
        "width": width,
        "height": height,
        "mode": mode,
        "label": sample.label if sample.label is not None else pd.NA,
        "defect_type": sample.defect_type,
        "split": "excluded" if sample.excluded_reason else "unused",
        "subset": "",
        **{f"group_{name}": sample.groups.get(name, "") for name in group_names},
        "captured_at": pd.Timestamp(sample.captured_at) if sample.captured_at else pd.NaT,
        "mask_path": sample.mask_path,
        "size_mm": sample.size_mm if sample.size_mm is not None else float("nan"),
        "excluded": bool(sample.excluded_reason),
        "excluded_reason": sample.excluded_reason,
    }


def _refuse(samples: list[Sample], root: Path) -> None:
    """All that is wrong with the list of samples, in one error."""
    ids = Counter(sample.image_id for sample in samples)
    problems = [
        f"{name}: {count} files share this name, apart from the ending"
        for name, count in ids.items()
        if count > 1
    ]
    problems += [
        f"{s.path}: has no label and is not excluded"
        for s in samples
        if s.label is None and not s.excluded_reason
    ]
    for sample in samples:
        for relative in filter(None, (sample.path, sample.mask_path)):
            if not confined(root, relative).is_file():
                problems.append(f"{relative}: the file does not exist")
    if not samples:
        problems = ["there is no image"]
    if problems:
        raise DataError(
            "the data set cannot be listed",
            where=str(root),
            why=listed(problems),
            mend="correct the files named above",
        )
