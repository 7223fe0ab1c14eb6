"""One pass over all images: what the checks need to know of each, and nothing of its class.

Images are read one at a time by a few threads and forgotten at once; only numbers, hashes and one small
thumbnail of each stay. The order of the result is the order of the manifest, whatever thread was first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

import cv2
import imagehash
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from sealproof.datasets.images import confined, read_image
from sealproof.evidence.errors import DataError
from sealproof.evidence.hashing import sha256_file
from sealproof.quality.schema import validate_measured

#: Side of the square thumbnail that near-duplicates are confirmed on, pixels.
THUMBNAIL = 32
#: Grey value from which a pixel counts as saturated: nearer to the top code of an 8-bit scale than to the
#: next one.
SATURATED = 1 - 0.5 / 255
_FROM_MANIFEST = ("image_id", "path", "split", "excluded", "label", "width", "height", "mode", "sha256")


@dataclass(frozen=True)
class ImageMeasures:
    """What is measured of one image; numbers are NaN and hashes empty when it cannot be read.

    Args:
        readable: whether it could be decoded.
        problem: why not, empty when it could.
        sha256_found: SHA-256 of the file as it is now, empty when there is none.
        brightness: mean grey value, 0 to 1.
        contrast: standard deviation of the grey values, 0 to 0.5.
        sharpness: variance of the Laplacian (4-neighbour kernel), 0 or more.
        saturated: share of pixels at or above `SATURATED`, 0 to 1.
        perceptual_hash: 64-bit hash as 16 hexadecimal digits.
        pixels_sha256: SHA-256 of size and grey values: equal for equal pictures in different files.
    """

    readable: bool = False
    problem: str = ""
    sha256_found: str = ""
    brightness: float = float("nan")
    contrast: float = float("nan")
    sharpness: float = float("nan")
    saturated: float = float("nan")
    perceptual_hash: str = ""
    pixels_sha256: str = ""


@dataclass(frozen=True)
class Measured:
    """What was measured of all images.

    Args:
        frame: one row an image, in the order of the manifest; see `sealproof.quality.schema`.
        thumbnails: float32 (images, THUMBNAIL * THUMBNAIL): mean 0, norm 1; all zero where the image is blank
            or unreadable.
    """

    frame: pd.DataFrame
    thumbnails: NDArray[np.float32]


def measure(manifest: pd.DataFrame, root: Path, threads: int = 2, *, progress: bool = True) -> Measured:
    """Measure every image of the manifest.

    Args:
        manifest: rows as in `docs/architecture.md`.
        root: the data root that its paths are relative to.
        threads: images that are decoded at the same time; the result does not depend on it.
        progress: show a progress bar on standard error.

    Raises:
        DataError: a path leaves the data root. An image that cannot be read is a row, not an error.
    """
    paths = [confined(root, path) for path in manifest["path"]]
    rows: list[ImageMeasures] = []
    thumbnails = np.zeros((len(paths), THUMBNAIL**2), np.float32)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for index, (row, thumbnail) in enumerate(
            _shown(pool.map(_measure_file, paths), len(paths), progress=progress)
        ):
            rows.append(row)
            thumbnails[index] = thumbnail
    measured = pd.DataFrame([asdict(row) for row in rows], columns=list(ImageMeasures.__dataclass_fields__))
    frame = pd.concat([manifest[list(_FROM_MANIFEST)].reset_index(drop=True), measured], axis=1)
    return Measured(validate_measured(frame), thumbnails)


class Numbers(TypedDict):
    """The numbers of `ImageMeasures`."""

    brightness: float
    contrast: float
    sharpness: float
    saturated: float


def measure_image(image: NDArray[np.float32]) -> Numbers:
    """Brightness, contrast, sharpness and saturated share of one image.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield
    microscopy", ICPR 2000), borders mirrored.

    Args:
        image: (H, W), grey values 0 to 1.

    Example:
        >>> measure_image(np.full((4, 4), 0.5, np.float32))
        {'brightness': 0.5, 'contrast': 0.0, 'sharpness': 0.0, 'saturated': 0.0}
    """
    laplacian = cv2.Laplacian(image, cv2.CV_32F, ksize=1)
    return {
        "brightness": float(image.mean(dtype=np.float64)),
        "contrast": float(image.std(dtype=np.float64)),
        "sharpness": float(laplacian.var(dtype=np.float64)),
        "saturated": float(np.count_nonzero(image >= SATURATED) / image.size),
    }


def perceptual_hash(image: NDArray[np.float32]) -> str:
    """The 64-bit perceptual hash: low frequencies of the cosine transform, above or below their median.

    Args:
        image: (H, W), grey values 0 to 1.

    Returns:
        16 hexadecimal digits, as the library `imagehash` prints its `phash`.

    Example:
        >>> perceptual_hash(np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1)))
        '8a00000000000000'
    """
    return str(imagehash.phash(Image.fromarray(np.round(image * 255).astype(np.uint8))))


def thumbnail(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The image averaged to THUMBNAIL x THUMBNAIL, flattened, mean 0, norm 1; zeros when it has one value.

    Example:
        >>> bool(thumbnail(np.ones((64, 64), np.float32)).any())
        False
    """
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    small -= small.mean()
    norm = float(np.linalg.norm(small))
    result: NDArray[np.float32] = (small / norm if norm > 1e-6 else np.zeros_like(small)).astype(np.float32)
    return result


def _measure_file(path: Path) -> tuple[ImageMeasures, NDArray[np.float32]]:
    try:
        digest = sha256_file(path)
        image = read_image(path)
    except OSError as error:
        return _unreadable(f"{error.strerror or error}", "")
    except DataError as error:
        return _unreadable(error.why, digest)
    pixels = hashlib.sha256(str(image.shape).encode() + image.tobytes()).hexdigest()
    row = ImageMeasures(
        readable=True,
        sha256_found=digest,
        **measure_image(image),
        perceptual_hash=perceptual_hash(image),
        pixels_sha256=pixels,
    )
    return row, thumbnail(image)


def _unreadable(problem: str, digest: str) -> tuple[ImageMeasures, NDArray[np.float32]]:
    return ImageMeasures(problem=problem, sha256_found=digest), np.zeros(THUMBNAIL**2, np.float32)


def _shown(
    results: Iterator[tuple[ImageMeasures, NDArray[np.float32]]], total: int, *, progress: bool
) -> Iterator[tuple[ImageMeasures, NDArray[np.float32]]]:
    """Pass the results on, behind a progress bar when a person is watching."""
    console = Console(stderr=True)
    yield from track(
        results, "measuring images", total=total, console=console, transient=True, disable=not progress
    )
