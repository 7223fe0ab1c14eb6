"""The contract between all stages: the columns of the manifest, held by a strict pandera model."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors
from pandera.typing.pandas import Series

from sealproof.datasets.sample import DEFECTIVE, NORMAL
from sealproof.datasets.tables import listed
from sealproof.evidence.errors import DataError

MODES = ("grey8", "grey16", "rgb8", "rgb16", "unreadable")
SPLITS = ("train", "calibration", "tuning", "test", "unused", "excluded")
#: What is taken out of the rows of the test split.
SEALED_COLUMNS = ("label", "defect_type", "mask_path", "size_mm")
_TIME = pd.DatetimeTZDtype(unit="us", tz="UTC")
_BEFORE_GROUPS = (
    "image_id",
    "path",
    "sha256",
    "width",
    "height",
    "mode",
    "label",
    "defect_type",
    "split",
    "subset",
)
_AFTER_GROUPS = (
    "captured_at",
    "mask_path",
    "size_mm",
    "excluded",
    "excluded_reason",
    "source",
    "licence",
    "simulated",
)
_RELATIVE = r"(?!/)(?!.*(^|/)\.{1,2}(/|$))[^\\\x00]+"


class Manifest(pa.DataFrameModel):
    """The manifest while its test rows still carry their labels; it never leaves `datasets` like that."""

    image_id: Series[str] = pa.Field(unique=True, str_length={"min_value": 1})
    path: Series[str] = pa.Field(unique=True, str_matches=rf"^{_RELATIVE}$")
    sha256: Series[str] = pa.Field(str_matches=r"^[0-9a-f]{64}$")
    width: Series[int] = pa.Field(ge=0)
    height: Series[int] = pa.Field(ge=0)
    mode: Series[str] = pa.Field(isin=MODES)
    label: Series[pd.Int64Dtype] = pa.Field(isin=[NORMAL, DEFECTIVE], nullable=True)
    defect_type: Series[str]
    split: Series[str] = pa.Field(isin=SPLITS)
    subset: Series[str]
    group: Series[str] | None = pa.Field(alias=r"^group_[a-z0-9_]+$", regex=True)
    captured_at: Series[pd.DatetimeTZDtype] = pa.Field(
        dtype_kwargs={"unit": "us", "tz": "UTC"}, nullable=True
    )
    mask_path: Series[str] = pa.Field(str_matches=rf"^({_RELATIVE})?$")
    size_mm: Series[float] = pa.Field(nullable=True, ge=0)
    excluded: Series[bool]
    excluded_reason: Series[str]
    source: Series[str]
    licence: Series[str]
    simulated: Series[bool]

    class Config:
        """No column more, none less, nothing coerced."""

        strict = True
        coerce = False

    @pa.dataframe_check(error="rows are sorted by image_id")
    def _is_sorted(cls, frame: pd.DataFrame) -> bool:  # noqa: N805 - pandera makes a class method of it
        return bool(frame["image_id"].is_monotonic_increasing)

    @pa.dataframe_check(error="an unreadable image, and no other, has the size 0 x 0")
    def _unreadable_has_no_size(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805
        return (frame["mode"] == "unreadable") == ((frame["width"] == 0) & (frame["height"] == 0))

    @pa.dataframe_check(error="an excluded image, and no other, is in split `excluded` and has a reason")
    def _exclusion_has_a_reason(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805
        excluded = frame["excluded"]
        return (excluded == (frame["split"] == "excluded")) & (excluded == (frame["excluded_reason"] != ""))

    @pa.dataframe_check(error="a normal image has neither defect type, mask nor defect size")
    def _normals_have_no_defect(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805
        bare = (frame["defect_type"] == "") & (frame["mask_path"] == "") & frame["size_mm"].isna()
        return ~(frame["label"] == NORMAL).fillna(value=False) | bare

    @pa.dataframe_check(
        error="train and calibration hold normals, tuning holds defects, each with its subset"
    )
    def _splits_hold_their_class(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805
        wanted = (
            frame["split"].map({"train": NORMAL, "calibration": NORMAL, "tuning": DEFECTIVE}).astype("Int64")
        )
        right_class = wanted.isna() | (frame["label"] == wanted).fillna(value=False)
        used = frame["split"].isin(["train", "calibration", "tuning", "test"])
        return (
            right_class
            & (used == (frame["subset"] != ""))
            & ((frame["subset"] == "test") == (frame["split"] == "test"))
        )

    @pa.dataframe_check(error="an unreadable image is in no split")
    def _unreadable_is_unused(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805
        return (frame["mode"] != "unreadable") | frame["split"].isin(["unused", "excluded"])


class SealedManifest(Manifest):
    """The manifest as it lies on disk: test rows tell nothing of their class."""

    @pa.dataframe_check(error="a test row carries no label, defect type, mask or defect size")
    def _test_is_sealed(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805
        silent = (
            frame["label"].isna()
            & (frame["defect_type"] == "")
            & (frame["mask_path"] == "")
            & frame["size_mm"].isna()
        )
        return (frame["split"] != "test") | silent


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give every column its type and place; unknown columns stay at the end, to be refused."""
    groups = sorted(name for name in frame.columns if name.startswith("group_"))
    order = [*_BEFORE_GROUPS, *groups, *_AFTER_GROUPS]
    order += [name for name in frame.columns if name not in order]
    types: dict[str, Any] = dict.fromkeys([*_BEFORE_GROUPS, *groups, *_AFTER_GROUPS], "str")
    types |= {
        "width": "int64",
        "height": "int64",
        "label": "Int64",
        "captured_at": _TIME,
        "size_mm": "float64",
    }
    types |= {"excluded": "bool", "simulated": "bool"}
    times = pd.to_datetime(frame["captured_at"], utc=True)
    return frame.assign(captured_at=times)[order].astype(types).reset_index(drop=True)


def validate(frame: pd.DataFrame, model: type[Manifest] = SealedManifest) -> pd.DataFrame:
    """Hold a frame to the contract.

    Raises:
        DataError: with every failure, not the first.
    """
    try:
        return model.validate(frame, lazy=True)
    except SchemaErrors as error:
        raise DataError(
            "the manifest breaks its contract",
            where="manifest.parquet",
            why=failures(error),
            mend="the adapter has a defect; please report it with the lines above",
        ) from error


def failures(error: SchemaErrors) -> str:
    """The failures of a pandera validation: each broken rule once, with the number of rows and the first one."""
    cases = error.failure_cases
    lines = []
    for (context, check), part in cases.groupby(["schema_context", "check"], dropna=False, sort=True):
        columns = (
            "" if context == "DataFrameSchema" else ", ".join(sorted(set(part["column"].astype(str)))) + ": "
        )
        rows = sorted({int(row) for row in part["index"].dropna()})
        where = f" ({len(rows)} rows, first row {rows[0]})" if rows else f" ({part['failure_case'].iloc[0]})"
        lines.append(f"{columns}{check}{where}")
    return listed(lines)
