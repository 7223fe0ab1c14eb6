"""Drawing a simulated pouch seal: web above, bright sealed band below the transition line, outer margin.

The picture is built from what a camera sees of a heat-sealed, fibrous (Tyvek-like) pouch under oblique light:
fibres in every direction, faint pressure ribs of the seal bar, a transition line that wanders, tilts and
changes in contrast, a slow illumination gradient, the blur of the lens and the noise of the sensor.
Brightness is in [0, 1], lengths are pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

Field = NDArray[np.float32]

_FIBRE_ANGLES = 6
_FIBRE_LENGTH, _FIBRE_WIDTH = 11.0, 1.0


@dataclass(frozen=True)
class SetUp:
    """What a machine set-up changes in the picture.

    Args:
        line: mean height of the transition line, share of the image height.
        web: brightness of the unsealed web.
        contrast: rise of brightness at the transition line.
        fibres: standard deviation of the fibre texture.
        ribs: amplitude of the pressure ribs.
        rib_period: distance of the ribs, pixels.
        light: direction of the illumination gradient, radians.
        blur: standard deviation of the lens blur, pixels.
    """

    line: float
    web: float
    contrast: float
    fibres: float
    ribs: float
    rib_period: float
    light: float
    blur: float


#: Named as in the Surface Seal Image dataset; the optical values are ours.
SETUPS: dict[str, SetUp] = {
    "12": SetUp(
        line=0.40, web=0.30, contrast=0.30, fibres=0.0120, ribs=0.007, rib_period=9.0, light=0.4, blur=0.8
    ),
    "20": SetUp(
        line=0.45, web=0.34, contrast=0.27, fibres=0.0110, ribs=0.006, rib_period=9.0, light=1.5, blur=0.9
    ),
    "23": SetUp(
        line=0.42, web=0.27, contrast=0.33, fibres=0.0130, ribs=0.008, rib_period=7.5, light=2.7, blur=0.7
    ),
}


@dataclass(frozen=True)
class Scene:
    """A seal before noise: where the line runs and how bright web and seal are.

    Args:
        line: row of the transition line, a column (W,).
        sealed: share of sealed material, (H, W), 0 above the line, 1 in the band, 0 in the margin.
        web: brightness of unsealed material, (H, W).
        seal: brightness of sealed material, (H, W).
        light: illumination, (H, W), around 1.
        blur: standard deviation of the lens blur, pixels.
    """

    line: Field
    sealed: Field
    web: Field
    seal: Field
    light: Field
    blur: float

    @property
    def scale(self) -> float:
        """Image height relative to the 192 pixels that all distances are stated for."""
        return float(self.sealed.shape[0] / 192)


def draw_scene(setup: SetUp, shape: tuple[int, int], rng: np.random.Generator) -> Scene:
    """Draw one seal of a set-up.

    The line's height varies with a standard deviation of 4 % of the image height, its tilt by up to 1.1
    degrees, the contrast by 7 %, and its course wanders by about a pixel.

    Args:
        setup: what the machine changes.
        shape: height and width, pixels.
        rng: source of all variation.
    """
    height, width = shape
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)
    tilt = np.tan(np.radians(rng.uniform(-1.1, 1.1)))
    centre = (setup.line + rng.normal(0, 0.04)) * height
    line = centre + tilt * (columns - width / 2) + _wander(width, rng, amplitude=0.8)
    band = 0.38 * height * rng.normal(1.0, 0.02)
    softness = rng.uniform(0.8, 1.9)
    upper = step((rows - line) / softness)
    lower = step((line + band + _wander(width, rng, amplitude=1.2) - rows) / 2.8)
    texture = _fibres(shape, rng)
    contrast = setup.contrast * rng.normal(1.0, 0.07)
    web = setup.web * rng.normal(1.0, 0.05) + 1.25 * setup.fibres * texture + _clouds(shape, rng, 0.006)
    phase, slant = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.03)
    ribs = (
        setup.ribs
        * rng.uniform(0.6, 1.3)
        * np.sin(2 * np.pi * (rows + slant * columns) / setup.rib_period + phase)
    )
    seal = web + contrast - 0.45 * setup.fibres * texture + ribs
    margin = 0.42 * step((rows - line - band / 2) / 2.8)
    sealed = upper * (lower + (1 - lower) * margin)
    light = _light(setup.light + rng.normal(0, 0.25), shape, rng)
    return Scene(_f(line), _f(sealed), _f(web), _f(seal), light, setup.blur * rng.uniform(0.9, 1.2))


def render(scene: Scene, sealed: Field, gain: Field, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What the camera delivers: 8-bit grey.

    Args:
        scene: the seal.
        sealed: share of sealed material, (H, W); `scene.sealed`, or that with a defect in it.
        gain: local brightness relative to the scene, (H, W); 1 where nothing lies on the seal.
        rng: sensor noise.

    Returns:
        uint8 (H, W).
    """
    ideal = (scene.web + sealed * (scene.seal - scene.web)) * gain * scene.light
    seen = cv2.GaussianBlur(_f(ideal), (0, 0), scene.blur)
    noise = rng.standard_normal(seen.shape, dtype=np.float32)
    seen = seen + noise * np.sqrt(0.003**2 + 0.006**2 * np.clip(seen, 0, 1), dtype=np.float32)
    grey: NDArray[np.uint8] = np.rint(np.clip(seen, 0, 1) * 255).astype(np.uint8)
    return grey


def specks(shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Harmless dust: a few faint points on some parts, as on any real line; gain (H, W)."""
    gain = np.ones(shape, dtype=np.float32)
    for _ in range(rng.poisson(1.0)):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        gain *= 1 + rng.choice([-1.0, 0.6]) * rng.uniform(0.04, 0.26) * blob(
            shape, row, column, rng.uniform(0.8, 2.2)
        )
    return gain


def blob(shape: tuple[int, int], row: float, column: float, radius: float) -> Field:
    """A round spot with soft rim: 1 in its middle, 0.5 at `radius`; (H, W)."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(row)
    columns = np.arange(shape[1], dtype=np.float32) - np.float32(column)
    return step((radius - np.sqrt(rows**2 + columns**2)) / max(0.35, 0.18 * radius))


def smooth_noise(length: int, scale: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Smooth random curve with mean 0 and standard deviation 1; `scale` is its correlation length."""
    pad = int(4 * scale) + 1
    raw = rng.standard_normal(length + 2 * pad)
    kernel = np.exp(-0.5 * (np.arange(-pad, pad + 1) / scale) ** 2)
    curve = np.convolve(raw, kernel, mode="same")[pad : pad + length] / np.sqrt(np.sum(kernel**2))
    return np.asarray(curve, dtype=np.float64)


def _f(values: NDArray[np.floating]) -> Field:
    return np.ascontiguousarray(values, dtype=np.float32)


def step(distance: NDArray[np.floating]) -> Field:
    """Smooth step from 0 to 1 around distance 0 (logistic), computed in float32."""
    return _f(1.0 / (1.0 + np.exp(-np.clip(_f(2.0 * distance), -40, 40))))


def _wander(width: int, rng: np.random.Generator, amplitude: float) -> NDArray[np.float64]:
    return amplitude * (0.7 * smooth_noise(width, 45.0, rng) + 0.3 * smooth_noise(width, 7.0, rng))


def _light(direction: float, shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Illumination: a slope of up to 7 % and a slight fall-off to the corners."""
    rows = np.linspace(-1, 1, shape[0])[:, None]
    columns = np.linspace(-1, 1, shape[1])
    slope = rng.uniform(0.02, 0.07)
    fall_off = rng.uniform(0.01, 0.04)
    light = (
        1
        + slope * (np.sin(direction) * rows + np.cos(direction) * columns)
        - fall_off * (rows**2 + columns**2) / 2
    )
    return _f(light * rng.normal(1.0, 0.025))


def _clouds(shape: tuple[int, int], rng: np.random.Generator, amplitude: float) -> Field:
    """Slow changes of the material's density."""
    coarse = rng.standard_normal((shape[0] // 24 + 3, shape[1] // 24 + 3)).astype(np.float32)
    return amplitude * cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def _fibres(shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Felt of fibres in several directions, mean 0 and standard deviation 1; (H, W)."""
    spectrum = scipy.fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    layers = scipy.fft.irfft2(spectrum * _fibre_filters(shape), s=shape)
    layers /= layers.std(axis=(1, 2), keepdims=True)
    felt = (np.sqrt(np.abs(layers)) * layers).sum(axis=0)
    return _f((felt - felt.mean()) / felt.std())


@lru_cache(maxsize=4)
def _fibre_filters(shape: tuple[int, int]) -> Field:
    """Transfer functions of elongated Gaussians, a direction each."""
    vertical = np.fft.fftfreq(shape[0])[:, None]
    horizontal = np.fft.rfftfreq(shape[1])[None, :]
    filters = []
    for angle in np.arange(_FIBRE_ANGLES) * np.pi / _FIBRE_ANGLES + 0.2:
        along = horizontal * np.cos(angle) + vertical * np.sin(angle)
        across = -horizontal * np.sin(angle) + vertical * np.cos(angle)
        filters.append(
            np.exp(-2 * np.pi**2 * ((_FIBRE_LENGTH / 2 * along) ** 2 + (_FIBRE_WIDTH * across) ** 2))
        )
    return np.stack(filters).astype(np.float32)
