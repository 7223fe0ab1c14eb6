"""The challenge by seeded defects: defects of known size in held-out normals, scored by the released detector.

Images, places and directions are drawn by seed, type, size and image, so no other setting changes them. A
defect is drawn into the full image before the search for regions of interest, and lies inside one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track

from sealproof.challenges.disturbed import ScoresImages
from sealproof.challenges.seeded_settings import SeededSettings
from sealproof.challenges.seeding import KINDS, draw_placement, seed_defect, size_series
from sealproof.datasets.images import confined, read_image
from sealproof.datasets.registry import make_adapter
from sealproof.datasets.settings import DatasetSettings
from sealproof.evidence.errors import DataError
from sealproof.evidence.records import Recorder
from sealproof.thresholds.resampling import generator

Image = NDArray[np.float32]
Box = tuple[float, float, float, float]
#: Columns of seeded.parquet before those of the scores.
COLUMNS = ("image_id", "defect", "size_px", "size_mm", "contrast", "decided")


@dataclass(frozen=True)
class SeedingPlan:
    """What is drawn where.

    Attributes:
        sizes: pixels of the full image, rising.
        width: of lines, pixels.
        reference_side: shorter side of the smallest region of interest, pixels; sizes are shares of it.
        boxes: image_id -> the rectangles inside its regions of interest.
        chosen: (defect, size) -> image ids, sorted.
    """

    sizes: tuple[float, ...]
    width: float
    reference_side: float
    boxes: dict[str, list[Box]]
    chosen: dict[tuple[str, float], list[str]]

    def summary(self, settings: SeededSettings, pixel_mm: float | None) -> dict[str, Any]:
        """How the defects were seeded, as JSON types: for challenge.json."""
        return {
            "types": {kind: {"dark": dark, "size_is": measure} for kind, (dark, measure) in KINDS.items()},
            "sizes_px": list(self.sizes),
            "line_width_px": self.width,
            "reference_side_px": self.reference_side,
            "contrast": settings.contrast,
            "pixel_mm": pixel_mm,
            "images_available": len(self.boxes),
            "images_each": len(next(iter(self.chosen.values()))),
        }


def plan_seeding(
    manifest: pd.DataFrame, regions: pd.DataFrame, settings: SeededSettings, seed: int
) -> SeedingPlan:
    """Choose sizes, images and the rectangles that defects are drawn into.

    Args:
        manifest: columns image_id and split.
        regions: regions.parquet.
        settings: how many images, which sizes.
        seed: of the run.

    Raises:
        DataError: no held-out normal has confident regions of interest.
    """
    held_out = set(manifest.loc[manifest["split"] == "calibration", "image_id"])
    rows = regions[regions["image_id"].isin(held_out)].sort_values(["image_id", "patch"])
    undecided = set(rows.loc[~rows["decided"], "image_id"])
    boxes: dict[str, list[Box]] = defaultdict(list)
    decided = rows[~rows["image_id"].isin(undecided)]
    edges = decided[["x0", "y0", "x1", "y1", "tilt"]].to_numpy(dtype=np.float64).tolist()
    for image_id, (x0, y0, x1, y1, tilt) in zip(decided["image_id"], edges, strict=True):
        drop = abs(tilt) * (x1 - x0) / 2  # the rectangle inside a tilted region
        boxes[str(image_id)].append((x0, y0 + drop, x1, y1 - drop))
    if not boxes:
        raise DataError(
            "no defect can be seeded",
            where="split calibration of the manifest",
            why="no held-out normal has a confident region of interest",
            mend="correct `roi` in inspection.yaml, or hold more normals out",
        )
    side = min(min(x1 - x0, y1 - y0) for found in boxes.values() for x0, y0, x1, y1 in found)
    sizes = size_series(max(settings.smallest * side, 1.0), max(settings.largest * side, 2.0), settings.sizes)
    ids = sorted(boxes)
    count = min(settings.images, len(ids))
    chosen = {
        (kind, size): sorted(
            generator(seed, "seeded", kind, f"{number}").choice(ids, count, replace=False).tolist()
        )
        for kind in KINDS
        for number, size in enumerate(sizes)
    }
    width = round(max(settings.line_width * side, 1.0), 2)
    return SeedingPlan(tuple(sizes), width, round(side, 2), dict(boxes), chosen)


def challenge_seeded(
    plan: SeedingPlan,
    paths: dict[str, str],
    root: Path,
    detector: ScoresImages,
    settings: SeededSettings,
    *,
    seed: int,
    pixel_mm: float | None,
    scores: Sequence[str],
) -> pd.DataFrame:
    """Draw and score every planned defect.

    Args:
        plan: from `plan_seeding`.
        paths: image_id -> path below the data root.
        root: the data root.
        detector: the released one.
        settings: contrast.
        seed: of the run.
        pixel_mm: size of a pixel of the full image in millimetres; None when unknown.
        scores: names of the scores, in order.

    Returns:
        `COLUMNS` and one column a score, NaN where undecided; sorted by defect, size and image_id.

    Raises:
        DataError: an image cannot be read or its path leaves the data folder.
    """
    wanted: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for case, images in plan.chosen.items():
        for image_id in images:
            wanted[image_id].append(case)

    def drawn() -> Iterator[Image]:
        """Every image with its defect, one at a time, so that memory stays flat."""
        for image_id in track(sorted(wanted), description="seeded defects"):
            normal = read_image(confined(root, paths[image_id]))
            for case in wanted[image_id]:
                yield draw_case(plan, normal, image_id, case, settings.contrast, seed)

    order = [(image_id, *case) for image_id in sorted(wanted) for case in wanted[image_id]]
    rows: list[dict[str, Any]] = []
    for (image_id, kind, size), found in zip(order, detector.score_images(drawn()), strict=True):
        rows.append(
            {
                "image_id": image_id,
                "defect": kind,
                "size_px": size,
                "size_mm": float("nan") if pixel_mm is None else round(size * pixel_mm, 6),
                "contrast": settings.contrast,
                "decided": found is not None,
                **{name: float("nan") if found is None else found[name] for name in scores},
            }
        )
    table = pd.DataFrame(rows, columns=[*COLUMNS, *scores])
    return table.sort_values(["defect", "size_px", "image_id"], ignore_index=True)


def draw_case(
    plan: SeedingPlan, normal: Image, image_id: str, case: tuple[str, float], contrast: float, seed: int
) -> Image:
    """One image with one seeded defect; the same arguments give the same pixels."""
    kind, size = case
    number = plan.sizes.index(size)
    random = generator(seed, "seeded", kind, f"{number}", image_id)
    boxes = plan.boxes[image_id]
    box = boxes[int(random.integers(len(boxes)))]
    place = draw_placement(random, box, size / 2 + 1)
    return seed_defect(normal, kind, size, place, contrast=contrast, width=plan.width)


def pixel_size_mm(settings: DatasetSettings) -> float | None:
    """Size of a pixel in millimetres, where the data set's adapter states it (`dataset.options.pixel_mm`).

    Example:
        >>> pixel_size_mm(DatasetSettings(adapter="seal_sim", options={"pixel_mm": 0.2}))
        0.2
        >>> pixel_size_mm(DatasetSettings(adapter="elpv", options={"cell_type": "mono"})) is None
        True
    """
    options = getattr(make_adapter(settings), "options", None)
    found = getattr(options, "pixel_mm", None)
    return None if found is None else float(found)


def record_seeding(
    recorder: Recorder, summary: dict[str, Any], artefact: Path, pointer: str = "/seeded"
) -> None:
    """Record how the defects were seeded: `challenge.seeded.<figure>`.

    Args:
        recorder: of the stage challenge.
        summary: from `SeedingPlan.summary`, as written in challenge.json.
        artefact: challenge.json.
        pointer: where the summary stands in it.
    """
    for name, unit, definition in (
        (
            "contrast",
            "1",
            "share of the light that a seeded dark defect takes, or of the missing light a bright one adds",
        ),
        ("line_width_px", "px", "width of seeded lines in pixels of the full image"),
        (
            "reference_side_px",
            "px",
            "shorter side of the smallest region of interest; seeded sizes are shares of it",
        ),
        ("pixel_mm", "mm", "size of a pixel of the full image; none when the data set does not state it"),
        (
            "images_available",
            "images",
            "held-out normals with confident regions of interest, to seed defects in",
        ),
        ("images_each", "images", "held-out normals drawn for each type and size of seeded defect"),
    ):
        recorder.add(
            f"seeded.{name}",
            summary[name],
            unit=unit,
            definition=definition,
            artefact=artefact,
            pointer=f"{pointer}/{name}",
        )
