"""Reading one image: any of the supported formats becomes grey values in [0, 1], or one clear refusal.

Two decoders look at every file. OpenCV keeps 16-bit colour; Pillow refuses broken streams by name and knows
what the samples mean (palette, CMYK, pages). Only what both accept is an image.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from sealproof.evidence.errors import DataError

#: Formats that are read, by Pillow's names; all of them can hold grey values without loss except JPEG.
FORMATS = ("BMP", "JPEG", "PNG", "TIFF")
#: File name endings of these formats.
ENDINGS = frozenset({".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff"})
#: Largest image that is decoded; a small file that unpacks to more is refused unread.
MAXIMUM_PIXELS = 80_000_000
#: Weights of red, green and blue in the grey value (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)

_REFUSED_MODES = {
    "CMYK": "it holds printing inks (CMYK), which have no defined brightness",
    "YCbCr": "its colour space (YCbCr) is not RGB",
    "LAB": "its colour space (CIELAB) is not RGB",
    "F": "it holds floating-point values without a defined range",
    "I": "it holds 32-bit integers without a defined range",
}
_PHOTOMETRIC_TAG, _WHITE_IS_ZERO = 262, 0
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    OverflowError,
    TypeError,
    KeyError,
    IndexError,
)

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # we say it once, in a message of our own


@dataclass(frozen=True)
class ImageFacts:
    """Size in pixels and sample layout of an image: `grey8`, `grey16`, `rgb8` or `rgb16`."""

    width: int
    height: int
    mode: str


def read_image(path: Path) -> NDArray[np.float32]:
    """Decode an image to grey values.

    8-bit samples are divided by 255, 16-bit samples by 65535 (also when the camera delivers 10 or 12 bits in
    them), RGB becomes 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) without rounding. A palette is expanded, an
    alpha channel that is opaque everywhere is dropped. EXIF orientation is not applied: pixels stay as the
    camera wrote them.

    Args:
        path: a PNG, BMP, TIFF or JPEG file.

    Returns:
        float32 (height, width), values in [0, 1].

    Raises:
        DataError: naming the file, when it is missing, empty, truncated, of another format, has transparency,
            several pages, floating-point or CMYK samples, or more than `MAXIMUM_PIXELS` pixels.
    """
    pixels = _decode(path)
    scale = np.float32(1.0 / np.iinfo(pixels.dtype).max)
    if pixels.ndim == 2:
        return pixels.astype(np.float32) * scale
    blue, green, red = (pixels[..., channel].astype(np.float32) for channel in range(3))
    grey = np.float32(LUMA[0]) * red + np.float32(LUMA[1]) * green + np.float32(LUMA[2]) * blue
    clipped: NDArray[np.float32] = np.minimum(grey * scale, np.float32(1.0))
    return clipped


def probe_image(path: Path) -> ImageFacts:
    """Size and mode of an image, after decoding all of it, so that a truncated file does not pass.

    Raises:
        DataError: as `read_image`.
    """
    pixels = _decode(path)
    kind = "grey" if pixels.ndim == 2 else "rgb"
    return ImageFacts(pixels.shape[1], pixels.shape[0], f"{kind}{8 * pixels.dtype.itemsize}")


def _decode(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Samples as stored: uint8 or uint16, (H, W) or (H, W, 3) in the order blue, green, red."""
    content = _content(path)
    header = _inspect(path, content)
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        why = "one of two decoders gives up: its end is damaged, or it is a rare variant of its format"
        raise _unreadable(path, why, "copy it again from its source, or save it again as PNG")
    samples = _colours(path, pixels, header)
    if not _agree(samples, header.seen):
        raise _unreadable(path, "two decoders disagree about its pixels", "save it again as PNG")
    return samples


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error), "check the path and the permissions") from error
    if not content:
        raise _unreadable(path, "the file has 0 bytes", "copy it again from its source, or remove it")
    return content


@dataclass(frozen=True)
class _Header:
    """What Pillow says, and sees: (H, W) or (H, W, channels), with 16-bit colours cut to 8 bits."""

    grey: bool
    white_is_zero: bool
    seen: NDArray[np.generic] | None


def _inspect(path: Path, content: bytes) -> _Header:
    """What Pillow says of the file; every sample is decoded once, so that a truncated file does not pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _refuse(path, image)
                image.load()
                comparable = image.format != "JPEG" and image.mode not in {"1", "P"}
                seen = np.asarray(image) if comparable else None
                header = _Header(_is_grey(image), _is_white_zero(image), seen)
        except Image.DecompressionBombError as error:
            raise _too_large(path) from error
        except UnidentifiedImageError as error:
            raise _not_an_image(path, content) from error
        except _BROKEN as error:
            why = f"its data end too early or are damaged ({error})"
            raise _unreadable(path, why, "copy it again from its source, or exclude it") from error
    return header


def _refuse(path: Path, image: Image.Image) -> None:
    """Refuse, before decoding, what cannot be turned into one grey image without guessing."""
    if image.width * image.height > MAXIMUM_PIXELS:
        raise _too_large(path)
    if getattr(image, "n_frames", 1) > 1:
        raise _unreadable(
            path, "it holds several pages, and it is not known which one counts", "save one page as PNG"
        )
    if image.mode in _REFUSED_MODES:
        raise _unreadable(path, _REFUSED_MODES[image.mode], "convert it to 8- or 16-bit grey or RGB")


def _agree(samples: NDArray[np.uint8] | NDArray[np.uint16], seen: NDArray[np.generic] | None) -> bool:
    """Whether OpenCV's samples are what Pillow saw; colours are compared by their upper eight bits."""
    if seen is None:
        return True
    other = seen[..., : 1 if samples.ndim == 2 else 3] if seen.ndim == 3 else seen[..., None]
    mine = samples[..., None] if samples.ndim == 2 else samples[..., ::-1]
    if mine.shape != other.shape:
        return False
    cut = 8 if mine.dtype.itemsize > other.dtype.itemsize else 0
    return bool(np.array_equal(mine >> cut, other))


def _is_grey(image: Image.Image) -> bool:
    return image.mode in {"1", "L", "LA", "La"} or image.mode.startswith("I;16")


def _is_white_zero(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO and image.mode.startswith("I;16")


def _colours(
    path: Path, pixels: NDArray[np.generic], header: _Header
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Drop an opaque alpha channel; refuse what is not 8- or 16-bit grey or RGB."""
    if pixels.dtype not in (np.uint8, np.uint16) or header.white_is_zero:
        why = (
            "16-bit samples with white as zero" if header.white_is_zero else f"samples of type {pixels.dtype}"
        )
        raise _unreadable(path, f"it holds {why}", "convert it to 8- or 16-bit grey or RGB, black as zero")
    samples: NDArray[np.uint8] | NDArray[np.uint16] = pixels  # type: ignore[assignment]  # narrowed by the dtype above
    if samples.ndim == 3 and samples.shape[2] in (2, 4):
        if (samples[..., -1] != np.iinfo(samples.dtype).max).any():
            raise _unreadable(
                path, "it is partly transparent: such pixels have no brightness", "save it without alpha"
            )
        samples = samples[..., :-1]
    if samples.ndim == 3 and (samples.shape[2] == 1 or header.grey):
        samples = samples[..., 0]
    if samples.ndim == 3 and samples.shape[2] != 3:
        raise _unreadable(path, f"it has {samples.shape[2]} channels", "convert it to grey or RGB")
    return samples


def confined(root: Path, relative: str) -> Path:
    """The path of a manifest entry, guaranteed to lie below `root` after every symbolic link is followed.

    Args:
        root: the data root.
        relative: path with forward slashes.

    Raises:
        DataError: an absolute path, a step upwards, a backslash or a NUL, or a link that leads outside.

    Example:
        >>> confined(Path("/srv/data"), "good/a.png").as_posix()
        '/srv/data/good/a.png'
        >>> confined(Path("/srv/data"), "../a.png")
        Traceback (most recent call last):
        sealproof.evidence.errors.DataError: path leaves the data folder
        ...
    """
    parts = relative.split("/")
    if (
        not relative
        or "\0" in relative
        or "\\" in relative
        or ":" in parts[0]
        or {"", ".", ".."} & set(parts)
    ):
        raise _leaves(root, relative, "a path is relative, with forward slashes and without steps upwards")
    home = root.resolve()
    path = home / relative
    target = path.resolve()
    if not target.is_relative_to(home):
        raise _leaves(root, relative, f"a symbolic link leads to {target}")
    return path


def _leaves(root: Path, relative: str, why: str) -> DataError:
    return DataError(
        "path leaves the data folder",
        where=f"{relative!r} below {root}",
        why=why,
        mend="keep the images themselves inside the data folder (copy them; links may not lead out of it)",
    )


def _unreadable(path: Path, why: str, mend: str) -> DataError:
    return DataError("image cannot be read", where=str(path), why=why, mend=mend)


def _too_large(path: Path) -> DataError:
    why = f"it unpacks to more than {MAXIMUM_PIXELS} pixels"
    return _unreadable(path, why, "crop it, or check whether it is damaged or hostile")


def _not_an_image(path: Path, content: bytes) -> DataError:
    known = ", ".join(FORMATS)
    text = content[:512].isascii() and not content[:512].translate(None, b"\t\n\r").translate(
        None, bytes(range(32, 127))
    )
    why = (
        f"it holds text, not an image ({known})"
        if text
        else f"its content is none of {known}, whatever its name says"
    )
    return _unreadable(path, why, "replace it by the image it should be, or remove it")
