"""Do the images look like images of one camera: size, mode, brightness, sharpness, saturation, blank ones."""

from __future__ import annotations

import pandas as pd

from sealproof.quality.examination import Examination
from sealproof.quality.findings import Finding, Severity


def too_small(data: Examination) -> list[Finding]:
    """Images with a side below `minimum_side`."""
    limit = data.checks.minimum_side
    frame = data.readable
    side = frame[["width", "height"]].min(axis=1)
    rows = frame[side < limit]
    if rows.empty:
        return []
    return [
        Finding(
            code="image_too_small",
            severity="error",
            what=f"{len(rows)} images are too small",
            where=tuple(f"{row.image_id} ({row.width} x {row.height})" for row in rows.itertuples()),
            expected=f"both sides at least {limit} px",
            observed=f"smallest side {side.min()} px",
            mend="use the images as the camera delivers them; lower checks.minimum_side if they are meant so",
        )
    ]


def mixed_size(data: Examination) -> list[Finding]:
    """Images of another size than most."""
    frame = data.readable
    kinds = frame["width"].astype(str) + " x " + frame["height"].astype(str)
    return _mixed(data, "mixed_size", "size", kinds, strict=data.checks.same_size)


def mixed_mode(data: Examination) -> list[Finding]:
    """Images of another bit depth or colour mode than most."""
    return _mixed(data, "mixed_mode", "mode", data.readable["mode"], strict=data.checks.same_mode)


def _mixed(data: Examination, code: str, word: str, kinds: pd.Series[str], *, strict: bool) -> list[Finding]:
    counts = (
        kinds.value_counts()
        .rename_axis("kind")
        .reset_index(name="n")
        .sort_values(["n", "kind"], ascending=[False, True])
    )
    if len(counts) < 2:
        return []
    others = kinds[kinds != counts["kind"].iloc[0]]
    ids = data.readable.loc[others.index, "image_id"]
    return [
        Finding(
            code=code,
            severity="error" if strict else "warning",
            what=f"images have {len(counts)} different {word}s",
            where=tuple(f"{name} ({kind})" for name, kind in zip(ids, others, strict=True)),
            expected=f"one {word} for all images",
            observed=", ".join(f"{kind}: {n}" for kind, n in zip(counts["kind"], counts["n"], strict=True)),
            mend=f"export all images with one {word}; set checks.same_{word} to false if they are meant so",
        )
    ]


def blank(data: Examination) -> list[Finding]:
    """Images of one value only: all black, all white, or all of one grey."""
    limit = data.checks.blank_deviation
    rows = data.readable[data.readable["contrast"] <= limit]
    if rows.empty:
        return []
    return [
        Finding(
            code="blank_image",
            severity="error",
            what=f"{len(rows)} images are blank",
            where=tuple(
                f"{path}: {_shade(value)}"
                for path, value in zip(rows["path"], rows["brightness"], strict=True)
            ),
            expected=f"grey values that deviate more than {limit:g} from their mean",
            observed=f"deviations of {rows['contrast'].min():.4g} to {rows['contrast'].max():.4g}",
            mend="take the pictures again, or remove the files from the data folder and run `dvc repro`",
        )
    ]


def _shade(brightness: float) -> str:
    """Words for a blank image.

    Example:
        >>> _shade(0.0), _shade(1.0), _shade(0.25)
        ('all black', 'all white', 'one grey value, 0.250')
    """
    named = {0.0: "all black", 1.0: "all white"}
    return named.get(round(brightness, 3), f"one grey value, {brightness:.3f}")


def brightness(data: Examination) -> list[Finding]:
    """Images whose mean grey value is outside the range."""
    limits = data.checks.brightness
    return _outside(
        data,
        "brightness_range",
        "brightness",
        limits.low,
        limits.high,
        "mean grey value",
        "exposure and lighting",
    )


def sharpness(data: Examination) -> list[Finding]:
    """Images whose variance of the Laplacian is below the minimum."""
    limit = data.checks.sharpness_minimum
    return _outside(
        data,
        "sharpness_low",
        "sharpness",
        limit,
        float("inf"),
        "variance of the Laplacian",
        "focus and motion",
    )


def saturated(data: Examination) -> list[Finding]:
    """Images with too many pixels at the top of the scale."""
    limit = data.checks.saturated_maximum
    return _outside(
        data, "saturated_image", "saturated", 0.0, limit, "share of saturated pixels", "exposure and gain"
    )


def _outside(
    data: Examination, code: str, column: str, low: float, high: float, name: str, look: str
) -> list[Finding]:
    """A warning for the images whose measure lies outside [low, high]; blank ones have their own finding."""
    values = data.pictures[column]
    rows = data.pictures[(values < low) | (values > high)]
    if rows.empty:
        return []
    severity: Severity = "warning"
    limits = f"{low:g} or more" if high == float("inf") else f"{low:g} to {high:g}"
    return [
        Finding(
            code=code,
            severity=severity,
            what=f"the {name} of {len(rows)} images is out of range",
            where=tuple(f"{i} ({v:.4g})" for i, v in zip(rows["image_id"], rows[column], strict=True)),
            expected=f"{name} {limits}",
            observed=f"{rows[column].min():.4g} to {rows[column].max():.4g}",
            mend=f"check {look} at the time of capture; correct the range under checks if they are meant so",
        )
    ]
