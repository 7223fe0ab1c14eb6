"""One panel of the gallery: the full image, its regions of interest and its anomaly map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.datasets.images import confined, read_image

Image = NDArray[np.float32]
#: Longest side of an image in a gallery, in pixels: enough for print, and little memory whatever the camera.
LONGEST = 480
_REGION = ["x0", "y0", "x1", "y1", "row"]


@dataclass(frozen=True)
class Panel:
    """What is drawn of one image.

    Attributes:
        image: (h, w) grey values in [0, 1], reduced.
        heat: (h, w) local anomaly, 0 where no region of interest is.
        boxes: (x0, y0, x1, y1) in pixels of the reduced image.
    """

    image: Image
    heat: Image
    boxes: list[tuple[float, float, float, float]]


@dataclass(frozen=True)
class PanelSource:
    """Where panels come from.

    Attributes:
        root: data root that manifest paths are relative to.
        regions: regions.parquet.
        maps: maps.npy (rows, height, width), not loaded but mapped into memory.
    """

    root: Path
    regions: Mapping[str, pd.DataFrame]
    maps: NDArray[np.float16]

    @classmethod
    def load(cls, root: Path, regions: Path, maps: Path) -> PanelSource:
        """Open regions.parquet and maps.npy."""
        table = pd.read_parquet(regions).sort_values(["image_id", "patch"])
        groups = {str(image_id): group for image_id, group in table.groupby("image_id", sort=True)}
        return cls(root, groups, np.load(maps, mmap_mode="r", allow_pickle=False))

    def panel(self, image_id: str, path: str) -> Panel:
        """Read one image and lay its anomaly maps over its regions.

        Raises:
            DataError: the image cannot be read or its path leaves the data folder.
        """
        full = read_image(confined(self.root, path))
        scale = min(1.0, LONGEST / max(full.shape))
        size = (max(1, round(full.shape[1] * scale)), max(1, round(full.shape[0] * scale)))
        image = np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        heat, boxes = np.zeros_like(image), []
        found = self.regions.get(image_id)
        for *corners, row in found[_REGION].to_numpy(dtype=np.float64).tolist() if found is not None else []:
            x0, y0, x1, y1 = (corner * scale for corner in corners)
            boxes.append((x0, y0, x1, y1))
            if row >= 0:
                _lay(heat, np.asarray(self.maps[int(row)], dtype=np.float32), boxes[-1])
        return Panel(image, heat, boxes)

    def heat_range(self, normals: Sequence[str], shown: Sequence[str]) -> tuple[float, float]:
        """Local anomaly at which the colour begins and at which it is full, the same for all galleries.

        Args:
            normals: ids of held-out normals; it begins at the 95 % point of their maps.
            shown: ids of test images; it is full at the 99.9 % point of their maps.
        """
        usual, strong = self._values(normals), self._values(shown)
        low = float(np.quantile(usual, 0.95)) if usual.size else 0.0
        high = float(np.quantile(strong, 0.999)) if strong.size else low + 1.0
        return low, max(high, low + 1e-9)

    def _values(self, image_ids: Sequence[str], most: int = 2_000_000) -> Image:
        """Values of the maps of these images, thinned out evenly to bound time and memory."""
        chosen = [self.regions[name] for name in sorted(image_ids) if name in self.regions]
        rows = sorted(int(row) for group in chosen for row in group["row"] if row >= 0)
        total = len(rows) * int(np.prod(self.maps.shape[1:]))
        step = max(1, -(-total // most))
        parts = [np.asarray(self.maps[row], dtype=np.float32).ravel()[row % step :: step] for row in rows]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def _lay(heat: Image, patch: Image, box: tuple[float, ...]) -> None:
    """Put a patch's map into its box, resized to it; where boxes overlap the higher anomaly shows."""
    x0, y0 = max(0, round(box[0])), max(0, round(box[1]))
    x1, y1 = min(heat.shape[1], max(x0 + 1, round(box[2]))), min(heat.shape[0], max(y0 + 1, round(box[3])))
    if x1 <= x0 or y1 <= y0:
        return
    fitted = cv2.resize(patch, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    heat[y0:y1, x0:x1] = np.maximum(heat[y0:y1, x0:x1], fitted)
