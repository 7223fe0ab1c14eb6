"""The seal on the test labels: taken out of the manifest, kept in a file that evaluation alone opens."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors
from pandera.typing.pandas import Series

from sealproof.datasets.contract import SEALED_COLUMNS, failures, validate
from sealproof.datasets.manifest import altered, parquet_bytes, read_parquet
from sealproof.datasets.sample import DEFECTIVE, NORMAL
from sealproof.evidence.files import write_bytes


class SealedLabels(pa.DataFrameModel):
    """What is known of the test rows."""

    image_id: Series[str] = pa.Field(unique=True)
    label: Series[pd.Int64Dtype] = pa.Field(isin=[NORMAL, DEFECTIVE])
    defect_type: Series[str]
    mask_path: Series[str]
    size_mm: Series[float] = pa.Field(nullable=True, ge=0)

    class Config:
        """No column more, none less."""

        strict = True
        ordered = True


def seal(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the labels of the test rows out of a manifest.

    The seal keeps code from reading labels by accident or by habit; it is no encryption, and it does not
    change file
    names: where a data set puts the class into the path (`test/good/`), the path still tells it.

    Args:
        frame: manifest with splits.

    Returns:
        (manifest without test labels, sealed labels of the test rows), both sorted by image_id.

    Raises:
        DataError: the sealed manifest breaks its contract.
    """
    test = frame["split"] == "test"
    sealed = frame.loc[test, ["image_id", *SEALED_COLUMNS]].reset_index(drop=True)
    manifest = frame.copy()
    manifest.loc[test, "label"] = pd.NA
    manifest.loc[test, ["defect_type", "mask_path"]] = ""
    manifest.loc[test, "size_mm"] = float("nan")
    return validate(manifest), SealedLabels.validate(sealed)


def write_sealed_labels(path: Path, sealed: pd.DataFrame) -> None:
    """Write the sealed labels, whole or not at all; the same labels give the same bytes."""
    write_bytes(path, parquet_bytes(sealed))


def open_sealed_labels(path: Path) -> pd.DataFrame:
    """Read the labels of the test split; for evaluation alone, once the opening stands in the ledger.

    Returns:
        image_id, label (0 or 1), defect_type, mask_path, size_mm; sorted by image_id.

    Raises:
        EvidenceMissingError: the file is not there.
        EvidenceAlteredError: it is not what ingest wrote.
    """
    frame = read_parquet(path)
    try:
        return SealedLabels.validate(frame, lazy=True)
    except SchemaErrors as error:
        raise altered(path, failures(error)) from error
