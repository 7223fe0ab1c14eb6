"""Evidence records of the localisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sealproof.evidence.pointers import resolve
from sealproof.evidence.records import Recorder


def record_localisation(recorder: Recorder, found: dict[str, Any], artefact: Path) -> None:
    """Record what a document may print of localisation.json.

    Ids: `evaluate.localisation.<figure>`, with `evaluate.localisation.pointing`, `.pointing.low`, `.high`, `.hits`.

    Args:
        recorder: of the stage evaluate.
        found: localisation.json.
        artefact: where it is written.
    """
    why = f"; not evaluable: {found['reason']}" if found["reason"] else ""
    pixel = f"patch pixels of {found['patch_width']} x {found['patch_height']} a region of interest"
    rate = (
        "share of defective test images with a mask in which the largest local anomaly lies on the defect; "
        "undecided images and defects outside the regions of interest count as not pointed at"
    )
    bound = f"exact bound at {found['confidence']:.0%} two-sided confidence of the {rate}"
    rows = [
        ("pointing", "/pointing/value", "1", rate + why),
        ("pointing.low", "/pointing/low", "1", f"lower {bound}{why}"),
        ("pointing.high", "/pointing/high", "1", f"upper {bound}{why}"),
        ("pointing.hits", "/pointing/hits", "images", f"number of images in the {rate}"),
        (
            "chance",
            "/chance",
            "1",
            (
                "share of patch pixels on the defect or within the tolerance of it, mean over the decided defective "
                f"test images with a mask: how often a point at random would lie there{why}"
            ),
        ),
        (
            "better_than_chance",
            "/better_than_chance",
            "1",
            f"whether the lower bound of the pointing rate lies above chance{why}",
        ),
        ("tolerance_px", "/tolerance_px", "px", f"distance that still counts as on the defect, in {pixel}"),
        (
            "pixel_auroc",
            "/pixel_auroc",
            "1",
            (
                "chance that a defect pixel has a larger local anomaly than another pixel, over all decided normal "
                f"test images and those with a mask, in {pixel}; no bounds, because pixels of an image go together{why}"
            ),
        ),
        (
            "pro",
            "/pro",
            "1",
            (
                "PRO: mean share of a defect region that is found, averaged over false-positive rates of pixels from 0 "
                f"to {found['pro_limit']:.0%} (Bergmann et al. 2021); 1 is perfect{why}"
            ),
        ),
        ("regions", "/regions", "regions", "connected defect regions inside the regions of interest"),
        ("defective", "/defective", "images", "number of defective test images"),
        ("with_mask", "/with_mask", "images", "number of defective test images with a mask"),
        (
            "without_mask",
            "/without_mask",
            "images",
            "number of defective test images without a mask: not judged here",
        ),
        (
            "undecided",
            "/undecided",
            "images",
            "number of defective test images with a mask that are undecided",
        ),
        (
            "outside",
            "/outside",
            "images",
            "number of those whose defect lies outside every region of interest",
        ),
        (
            "normal",
            "/normal",
            "images",
            "number of decided normal test images whose pixels count as free of defects",
        ),
        ("reason", "/reason", "1", "why localisation cannot be evaluated; empty otherwise"),
    ]
    for name, pointer, unit, definition in rows:
        recorder.add(
            f"localisation.{name}",
            resolve(found, pointer),
            unit=unit,
            definition=definition,
            artefact=artefact,
            pointer=pointer,
        )
