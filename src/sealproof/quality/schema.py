"""The contract of the measured frame between measuring, checking and reporting."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors
from pandera.typing.pandas import Series

from sealproof.datasets.manifest import MODES, SPLITS

_NUMBERS = ("brightness", "contrast", "sharpness", "saturated")
_HASHES = ("perceptual_hash", "pixels_sha256")


class MeasuredImages(pa.DataFrameModel):
    """One row an image. What could not be read has no numbers; what could be read has all of them."""

    image_id: Series[pd.StringDtype] = pa.Field(unique=True)
    path: Series[pd.StringDtype]
    split: Series[pd.StringDtype] = pa.Field(isin=SPLITS)
    excluded: Series[bool]
    label: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    width: Series[int] = pa.Field(ge=0)
    height: Series[int] = pa.Field(ge=0)
    mode: Series[pd.StringDtype] = pa.Field(isin=MODES)
    sha256: Series[pd.StringDtype]
    readable: Series[bool]
    problem: Series[pd.StringDtype]
    sha256_found: Series[pd.StringDtype] = pa.Field(str_matches=r"^([0-9a-f]{64})?$")
    brightness: Series[float] = pa.Field(ge=0, le=1, nullable=True)
    contrast: Series[float] = pa.Field(ge=0, le=0.5 + 1e-6, nullable=True)
    sharpness: Series[float] = pa.Field(ge=0, nullable=True)
    saturated: Series[float] = pa.Field(ge=0, le=1, nullable=True)
    perceptual_hash: Series[pd.StringDtype] = pa.Field(str_matches=r"^([0-9a-f]{16})?$")
    pixels_sha256: Series[pd.StringDtype] = pa.Field(str_matches=r"^([0-9a-f]{64})?$")

    class Config:
        """No column more, none less, nothing coerced."""

        strict = True
        coerce = False

    @pa.dataframe_check(
        error="a readable image has all measures, an unreadable one none, and a problem instead"
    )
    def _measures_are_whole(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805 - pandera makes a class method of it
        measured = frame[list(_NUMBERS)].notna().all(axis=1) & (frame[list(_HASHES)] != "").all(axis=1)
        bare = frame[list(_NUMBERS)].isna().all(axis=1) & (frame[list(_HASHES)] == "").all(axis=1)
        readable = frame["readable"]
        return (readable & measured & (frame["problem"] == "")) | (
            ~readable & bare & (frame["problem"] != "")
        )


_TYPES = {
    "image_id": "string",
    "path": "string",
    "split": "string",
    "excluded": "bool",
    "label": "Int64",
    "width": "int64",
    "height": "int64",
    "mode": "string",
    "sha256": "string",
    "readable": "bool",
    "problem": "string",
    "sha256_found": "string",
    **dict.fromkeys(_NUMBERS, "float64"),
    **dict.fromkeys(_HASHES, "string"),
}


def validate_measured(frame: pd.DataFrame) -> pd.DataFrame:
    """Give every column its type and hold the frame to its contract.

    Raises:
        ValueError: with every failure; a frame that breaks this contract is a defect of the program, not of
            the data.
    """
    try:
        return MeasuredImages.validate(frame[list(_TYPES)].astype(_TYPES), lazy=True)
    except SchemaErrors as error:
        raise ValueError(
            f"the measured frame breaks its contract:\n{error.failure_cases.to_string()}"
        ) from error
