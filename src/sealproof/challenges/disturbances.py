"""Disturbances of acquisition, applied to a full grey image: what a line may do to it before it is inspected.

| disturbance | amount | what is done |
| --- | --- | --- |
| shift | px | the image is moved, at sub-pixel steps, in a direction drawn for the image |
| tilt | degrees | the image is turned about its middle, one way or the other |
| brightness | share | every grey value is multiplied by 1 plus or minus the amount |
| contrast | share | distances from the mean grey value are multiplied by 1 plus or minus the amount |
| blur | px | convolution with a Gaussian of this standard deviation |
| noise | grey value | Gaussian noise of this standard deviation is added to each pixel |
| jpeg | quality | the image is rounded to 8 bits, compressed and read again |

What lies beyond the border was not photographed: the pixels of the edge are repeated. Grey values stay in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from sealproof.thresholds.resampling import generator

Image = NDArray[np.float32]
#: JPEG quality without any loss that is asked for; severities count from here.
BEST_QUALITY = 100


@dataclass(frozen=True)
class Circumstances:
    """What chance decides for one image: the same at every severity, so that severities can be compared.

    Attributes:
        shape: (H, W) of the image.
        signs: disturbance -> +1 or -1, of the signed ones.
        seed: of the run.
        image_id: names the image's own stream of random numbers.
    """

    shape: tuple[int, int]
    signs: dict[str, int]
    seed: int
    image_id: str

    @cached_property
    def direction(self) -> float:
        """Angle of the shift in radians."""
        return float(generator(self.seed, "shift", self.image_id).uniform(0, 2 * math.pi))

    @cached_property
    def noise(self) -> Image:
        """(H, W) standard normal numbers."""
        random = generator(self.seed, "noise", self.image_id)
        return random.standard_normal(self.shape, dtype=np.float32)


def shift(image: Image, amount: float, around: Circumstances) -> Image:
    """Moved by `amount` pixels in the image's direction."""
    x, y = amount * math.cos(around.direction), amount * math.sin(around.direction)
    return _warp(image, np.array([[1.0, 0.0, x], [0.0, 1.0, y]]))


def tilt(image: Image, amount: float, around: Circumstances) -> Image:
    """Turned by `amount` degrees about the middle of the image."""
    height, width = image.shape
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, around.signs["tilt"] * amount, 1.0)
    return _warp(image, np.asarray(matrix, dtype=np.float64))


def _warp(image: Image, matrix: NDArray[np.float64]) -> Image:
    height, width = image.shape
    warped = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.float32)


def _in_range(image: Image) -> Image:
    clipped: Image = np.clip(image, 0, 1)
    return clipped


def brightness(image: Image, amount: float, around: Circumstances) -> Image:
    """Every grey value times 1 plus or minus `amount`."""
    return _in_range(image * np.float32(1 + around.signs["brightness"] * amount))


def contrast(image: Image, amount: float, around: Circumstances) -> Image:
    """Distances from the mean grey value times 1 plus or minus `amount`."""
    mean = np.float32(image.mean(dtype=np.float64))
    return _in_range(mean + (image - mean) * np.float32(1 + around.signs["contrast"] * amount))


def blur(image: Image, amount: float, around: Circumstances) -> Image:
    """Convolved with a Gaussian of standard deviation `amount` pixels, cut off beyond four of them."""
    side = 2 * math.ceil(4 * amount) + 1
    blurred = cv2.GaussianBlur(image, (side, side), sigmaX=amount, borderType=cv2.BORDER_REPLICATE)
    return _in_range(np.asarray(blurred, dtype=np.float32))


def noise(image: Image, amount: float, around: Circumstances) -> Image:
    """With Gaussian noise of standard deviation `amount`."""
    return _in_range(image + np.float32(amount) * around.noise)


def jpeg(image: Image, amount: float, around: Circumstances) -> Image:
    """Rounded to 8 bits, compressed with quality `amount` and read again."""
    grey = np.rint(image * 255).astype(np.uint8)
    _, content = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, round(amount)])
    read = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    return np.asarray(read, dtype=np.float32) / np.float32(255)


@dataclass(frozen=True)
class Disturbance:
    """One kind of disturbance.

    Attributes:
        unit: of its amount.
        meaning: what is done, for readers.
        apply: (image, amount, circumstances) -> image.
        signed: whether it goes either way; half of the images then get each.
    """

    unit: str
    meaning: str
    apply: Callable[[Image, float, Circumstances], Image]
    signed: bool = False


DISTURBANCES: dict[str, Disturbance] = {
    "shift": Disturbance("px", "the image is moved in a direction drawn for it", shift),
    "tilt": Disturbance("degrees", "the image is turned about its middle", tilt, signed=True),
    "brightness": Disturbance(
        "share", "grey values are multiplied by 1 plus or minus the amount", brightness, signed=True
    ),
    "contrast": Disturbance(
        "share",
        "distances from the mean grey value are multiplied by 1 plus or minus the amount",
        contrast,
        signed=True,
    ),
    "blur": Disturbance("px", "convolution with a Gaussian of this standard deviation", blur),
    "noise": Disturbance(
        "grey value", "Gaussian noise of this standard deviation, on a scale from 0 to 1", noise
    ),
    "jpeg": Disturbance(
        "quality", "rounding to 8 bits and JPEG compression with this quality, 100 being the best", jpeg
    ),
}


def amount_at(name: str, limit: float, severity: float) -> float:
    """The amount of a disturbance at a multiple of its declared limit; a lower JPEG quality is more severe.

    Args:
        name: of `DISTURBANCES`.
        limit: as declared.
        severity: multiple of the limit, 0 or more.

    Returns:
        Share at most 1; quality a whole number, at least 1.

    Example:
        >>> amount_at("shift", 4.0, 1.5), amount_at("jpeg", 90, 2.0), amount_at("jpeg", 20, 2.0)
        (6.0, 80.0, 1.0)
    """
    if name == "jpeg":
        return float(max(1, round(BEST_QUALITY - severity * (BEST_QUALITY - limit))))
    amount = round(severity * limit, 9)
    return min(amount, 1.0) if name in ("brightness", "contrast", "noise") else amount


def alternating_signs(count: int, seed: int, name: str) -> list[int]:
    """+1 for one half of the images and -1 for the other, in an order drawn by seed and disturbance.

    Example:
        >>> sum(alternating_signs(10, 1, "tilt")), abs(sum(alternating_signs(11, 1, "tilt")))
        (0, 1)
    """
    signs = np.where(np.arange(count) % 2 == 0, 1, -1)
    return [int(sign) for sign in generator(seed, "sign", name).permutation(signs)]
