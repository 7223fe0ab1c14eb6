"""What the challenge stage writes as JSON, puts on record and shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from sealproof.challenges.disturbed import UNDISTURBED
from sealproof.evidence.pointers import resolve
from sealproof.evidence.records import Recorder

_NO_VALUE = "no value where no image is decided"
_COUNTS = (
    ("disturbed.declared", "1", "whether the product declares an acquisition envelope"),
    ("disturbed.images.test", "images", "images of the test split"),
    (
        "disturbed.images.disturbed",
        "images",
        "test images that were disturbed, each in every way and severity",
    ),
    ("disturbed.images.sampled", "1", "whether these are a random sample instead of all test images"),
    ("disturbed.images.copies", "images", "disturbed copies of test images that were scored"),
    ("undisturbed.images", "images", "test images that were scored once more from the image file"),
    (
        "undisturbed.decided_otherwise",
        "images",
        "of these, images that have a region of interest this time and had none on record, or the reverse",
    ),
    (
        "undisturbed.largest_relative_difference",
        "1",
        f"largest relative difference of any of their scores from the score on record; {_NO_VALUE}",
    ),
)
_REPEATS = (
    ("images", "images", "decided test images that were scored again in other batch sizes and orders"),
    (
        "largest_relative_difference",
        "1",
        f"largest relative difference of a score in any repetition from the score on record; {_NO_VALUE}",
    ),
    ("unmatched", "scores", "scores that exist on record and not in a repetition, or the reverse"),
    (
        "verdict_flips",
        "verdicts",
        "verdicts changed by a repetition, over all images and repetitions; no value without a valid threshold",
    ),
)


def compare_undisturbed(disturbed: pd.DataFrame, recorded: pd.DataFrame) -> dict[str, Any]:
    """How the undisturbed images, scored from the image file, differ from the scores on record.

    Args:
        disturbed: disturbed.parquet.
        recorded: rows of scores.parquet of the test split.

    Returns:
        Number of images, how many are decided otherwise, and the largest relative difference of any score (None
        when no image is decided on both sides).
    """
    names = [name for name in recorded.columns if name not in ("image_id", "split", "decided")]
    own = disturbed[disturbed["disturbance"] == UNDISTURBED]
    joined = own.merge(recorded, on="image_id", suffixes=("", ".recorded"), validate="one_to_one")
    both = joined[joined["decided"] & joined["decided.recorded"]]
    first = both[[f"{name}.recorded" for name in names]].to_numpy()
    again = both[names].to_numpy()
    difference = np.abs(again - first) / np.maximum(np.abs(first), 1e-12)
    return {
        "images": len(own),
        "decided_otherwise": int((joined["decided"] != joined["decided.recorded"]).sum()),
        "largest_relative_difference": float(difference.max()) if difference.size else None,
    }


def record_challenge(
    recorder: Recorder,
    challenge: Mapping[str, Any],
    repeats: Mapping[str, Any],
    *,
    summary: Path,
    again: Path,
) -> None:
    """Record what a document may print of the challenges.

    Ids: `challenge.disturbed.<count>`, `challenge.undisturbed.<figure>`, `challenge.envelope.<disturbance>`,
    `challenge.repeats.<figure>`.

    Args:
        recorder: of the stage.
        challenge: content of challenge.json.
        repeats: content of repeatability.json.
        summary: challenge.json.
        again: repeatability.json.
    """
    for name, unit, definition in _COUNTS:
        pointer = "/" + name.replace(".", "/")
        value = resolve(challenge, pointer)
        recorder.add(name, value, unit=unit, definition=definition, artefact=summary, pointer=pointer)
    for name, declared in challenge["disturbed"]["envelope"].items():
        recorder.add(
            f"envelope.{name}",
            declared["limit"],
            unit=declared["unit"],
            definition=f"declared limit of {name}: the largest that the line is said to give; {declared['meaning']}",
            artefact=summary,
            pointer=f"/disturbed/envelope/{name}/limit",
        )
    for name, unit, definition in _REPEATS:
        recorder.add(
            f"repeats.{name}",
            repeats[name],
            unit=unit,
            definition=definition,
            artefact=again,
            pointer=f"/{name}",
        )


def challenge_table(challenge: Mapping[str, Any], repeats: Mapping[str, Any]) -> Table:
    """What was challenged, a line each, for the terminal."""
    images, rows = challenge["disturbed"]["images"], Table("challenge", "result", title="challenges")
    rows.add_row(
        "disturbances",
        f"{images['copies']} copies of {images['disturbed']} of {images['test']} test images"
        if challenge["disturbed"]["declared"]
        else "no acquisition envelope is declared (inspection.yaml, key acquisition)",
    )
    largest, flips = repeats["largest_relative_difference"], repeats["verdict_flips"]
    rows.add_row(
        f"{len(repeats['repeats'])} repetitions",
        f"largest relative difference {'none' if largest is None else f'{largest:.1e}'}, "
        f"{'no threshold' if flips is None else f'{flips} verdicts changed'}",
    )
    return rows
