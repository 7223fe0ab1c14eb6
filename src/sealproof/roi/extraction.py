"""Patches of a whole data set, streamed: one image in memory at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track
from threadpoolctl import threadpool_limits

from sealproof.datasets.images import confined, read_image
from sealproof.evidence.errors import DataError
from sealproof.roi.propose import propose
from sealproof.roi.region import Region
from sealproof.roi.resample import extract
from sealproof.roi.settings import RoiSettings

#: Patches are stored as unsigned 16-bit integers: value in [0, 1] times this.
VALUE_SCALE = 65535


def extract_all(root: Path, manifest: pd.DataFrame, settings: RoiSettings, target: Path) -> pd.DataFrame:
    """Find the regions of every image that is not excluded, and write the decided patches.

    Args:
        root: the data root.
        manifest: columns image_id, path and excluded, sorted by image_id.
        settings: mask function and patch size.
        target: `patches.npy`, uint16 (rows, patch_height, patch_width).

    Returns:
        The regions, a row a patch: image_id, patch, name, x0, y0, x1, y1, tilt, confidence, decided, row.

    Raises:
        DataError: an image cannot be read, its path leaves the data root, or no image has a confident region.
    """
    images = manifest.loc[~manifest["excluded"], ["image_id", "path"]]
    rows: list[dict[str, object]] = []
    # The products of one patch are too small to share between threads.
    with _PatchFile(target, settings) as patches, threadpool_limits(limits=1, user_api="blas"):
        for image_id, path in track(list(images.itertuples(index=False, name=None)), description="regions"):
            image = read_image(confined(root, path))
            regions = propose(image, settings)
            decided = [region for region in regions if region.decided]
            values = iter(extract(image, decided, settings.patch_height, settings.patch_width))
            for number, region in enumerate(regions):
                row = patches.append(next(values)) if region.decided else -1
                rows.append(_row(image_id, number, region, row))
        if not patches.count:
            raise _nothing_found(len(images), settings)
    return pd.DataFrame(rows)


def _row(image_id: str, number: int, region: Region, row: int) -> dict[str, object]:
    return {
        "image_id": image_id,
        "patch": number,
        "name": region.name,
        "x0": region.x0,
        "y0": region.y0,
        "x1": region.x1,
        "y1": region.y1,
        "tilt": region.tilt,
        "confidence": region.confidence,
        "decided": region.decided,
        "row": row,
    }


class _PatchFile:
    """An npy file that grows row by row; its header is written last, when the number of rows is known."""

    def __init__(self, path: Path, settings: RoiSettings) -> None:
        self._path, self._raw = path, path.with_suffix(".raw")
        self._shape = (settings.patch_height, settings.patch_width)
        self.count = 0

    def __enter__(self) -> _PatchFile:
        self._stream = self._raw.open("wb")
        return self

    def append(self, patch: np.ndarray) -> int:
        """Add one patch (H, W) with values in [0, 1]; returns its row."""
        self._stream.write(np.rint(patch * VALUE_SCALE).astype("<u2").tobytes())
        self.count += 1
        return self.count - 1

    def __exit__(self, kind: object, *_: object) -> None:
        self._stream.close()
        if kind is None:
            shape = (self.count, *self._shape)
            source = np.memmap(self._raw, dtype="<u2", mode="r", shape=shape)
            target = np.lib.format.open_memmap(self._path, mode="w+", dtype=np.dtype("<u2"), shape=shape)
            for start in range(0, self.count, 256):
                target[start : start + 256] = source[start : start + 256]
            target.flush()
        self._raw.unlink()


def _nothing_found(count: int, settings: RoiSettings) -> DataError:
    return DataError(
        "no image has a confident region of interest",
        where="inspection.yaml, key roi",
        why=f"{settings.method} was not confident in any of {count} images",
        mend="check roi.options against the images, or use another method",
    )
