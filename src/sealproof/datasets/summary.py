"""What may be known of the splits without opening the seal: counts, never rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
from rich.table import Table

from sealproof.datasets.contract import SPLITS
from sealproof.datasets.sample import DEFECTIVE, NORMAL
from sealproof.datasets.settings import SplitSettings
from sealproof.datasets.splits import Division

_NAMES = {NORMAL: "normal", DEFECTIVE: "defective"}
CLASS_NAMES = ("normal", "defective", "unlabelled")


def summarise(division: Division, settings: SplitSettings, seed: int) -> dict[str, Any]:
    """The content of `split_summary.json`.

    Args:
        division: the splits, labels not sealed yet.
        settings: how they were asked for.
        seed: what they were drawn with.

    Returns:
        - `images`: number of images; `source`, `licence`, `simulated`: of the data set;
        - `split`: `source`, `subset`, `group_by`, `seed`, fractions;
        - `splits`: split -> class -> images, each split and class present even when 0;
        - `defect_types`: split -> defect type -> images, for defects whose type is known;
        - `subgroups`: column -> value -> split -> class -> images;
        - `sets`: name -> class -> {wanted, found, shortfall, at_most, in_use}; `wanted` is null where none is
          stated;
        - `excluded_reasons`: reason -> images; `unreadable`: number of images that cannot be decoded;
        - `modes`, `sizes`: mode or `width x height` -> images;
        - `captured`: first and last time of capture and the number of images with a time.
    """
    frame = division.frame
    table = frame.assign(
        _class=frame["label"].map(_NAMES).astype("object").where(frame["label"].notna(), "unlabelled")
    )
    groups = [name for name in frame.columns if name.startswith("group_")]
    return {
        "images": len(frame),
        "source": str(frame["source"].iloc[0]),
        "licence": str(frame["licence"].iloc[0]),
        "simulated": bool(frame["simulated"].iloc[0]),
        "split": {
            "source": settings.source,
            "subset": settings.subset,
            "group_by": settings.group_by,
            "seed": seed,
            "test_fraction": None
            if settings.test or settings.source == "published"
            else settings.test_fraction,
            "calibration_fraction": settings.calibration_fraction,
        },
        "splits": _by_split(table),
        "defect_types": _defect_types(table),
        "subgroups": {name: {str(v): _by_split(part) for v, part in table.groupby(name)} for name in groups},
        "sets": _sets(division),
        "excluded_reasons": _count(table.loc[table["excluded"], "excluded_reason"]),
        "unreadable": int((table["mode"] == "unreadable").sum()),
        "modes": _count(table["mode"]),
        "sizes": _count(table["width"].astype(str) + " x " + table["height"].astype(str)),
        "captured": _captured(table["captured_at"]),
    }


def _by_split(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    counts = Counter(zip(table["split"], table["_class"], strict=True))
    return {split: {name: counts[split, name] for name in CLASS_NAMES} for split in SPLITS}


def _defect_types(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    known = table[table["defect_type"] != ""]
    return {str(split): _count(part["defect_type"]) for split, part in known.groupby("split")}


def _sets(division: Division) -> dict[str, dict[str, dict[str, Any]]]:
    sets: dict[str, dict[str, dict[str, Any]]] = {}
    for draw in division.draws:
        sets.setdefault(draw.name, {})[draw.label] = {
            "wanted": draw.wanted,
            "found": draw.found,
            "shortfall": draw.shortfall,
            "at_most": draw.at_most,
            "in_use": draw.in_use,
        }
    return sets


def _count(values: pd.Series) -> dict[str, int]:
    return {str(name): int(number) for name, number in sorted(Counter(values).items())}


def _captured(times: pd.Series) -> dict[str, Any]:
    known = times.dropna()
    first, last = (known.min().isoformat(), known.max().isoformat()) if len(known) else (None, None)
    return {"images": len(known), "first": first, "last": last}


def summary_table(summary: dict[str, Any]) -> Table:
    """The splits as a table for the terminal."""
    table = Table(
        title=f"{summary['images']} images, subset {summary['split']['subset']}", title_justify="left"
    )
    table.add_column("split")
    for name in CLASS_NAMES:
        table.add_column(name, justify="right")
    for split in SPLITS:
        table.add_row(split, *(str(summary["splits"][split][name]) for name in CLASS_NAMES))
    for name, classes in summary["sets"].items():
        for word, draw in classes.items():
            if draw["shortfall"]:
                text = f"{draw['shortfall']} of {draw['wanted']} wanted are not there"
                table.caption = "\n".join(filter(None, [str(table.caption or ""), f"{name}, {word}: {text}"]))
    return table
