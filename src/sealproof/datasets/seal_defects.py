"""The four defects of a simulated seal, each with its size, its place and its ground-truth mask.

| defect | what happens to the seal | `size_mm` |
| --- | --- | --- |
| channel | a narrow unsealed path from the web through the band | width of the path |
| wrinkle | a fold across the band: a bright ridge beside its shadow | length of the fold |
| trapped contamination | a particle or smear under the seal darkens it | diameter of a disc of its area |
| incomplete seal | the band begins too late: the line steps back | depth of the missing seal |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sealproof.datasets.seal_drawing import Field, Scene, smooth_noise, step


@dataclass(frozen=True)
class Defect:
    """A defect drawn into a scene.

    Args:
        sealed: share of sealed material with the defect in it, (H, W).
        gain: local brightness relative to the scene, (H, W).
        mask: where the defect is, bool (H, W).
        row: height of the defect's centre, pixels.
        column: its column, pixels.
    """

    sealed: Field
    gain: Field
    mask: NDArray[np.bool_]
    row: float
    column: float


@dataclass(frozen=True)
class Kind:
    """A defect type: how it is drawn and the range of its sizes in millimetres."""

    draw: Callable[[Scene, float, float, np.random.Generator], Defect]
    smallest_mm: float
    largest_mm: float


def draw_channel(scene: Scene, width: float, column: float, rng: np.random.Generator) -> Defect:
    """An unsealed path, `width` pixels wide, that leaves the line at `column` and runs through the band."""
    rows, columns = _grid(scene)
    start = _line_at(scene, column)
    slant = rng.normal(0, 0.25)
    wander = 0.25 * width * smooth_noise(rows.shape[0], 14.0, rng)
    wander -= wander[min(round(start), wander.size - 1)]
    course = column + slant * (rows[:, 0] - start) + wander
    half = width / 2 * np.hypot(1, slant)
    reach = start + scene.scale * rng.uniform(26, 60)
    along = step((rows - start + 3) / 1.5) * step((reach - rows) / 3.0)
    shape = along * step((half - np.abs(columns - course[:, None])) / 0.8)
    sealed = scene.sealed * (1 - rng.uniform(0.35, 0.85) * shape)
    mask = (shape >= 0.5) & (rows >= scene.line)
    return Defect(_f(sealed), _untouched(scene), mask, (start + reach) / 2, column)


def draw_wrinkle(scene: Scene, length: float, column: float, rng: np.random.Generator) -> Defect:
    """A fold `length` pixels long across line and band: bright on one flank, dark on the other."""
    rows, columns = _grid(scene)
    angle = rng.choice([-1.0, 1.0]) * np.radians(rng.uniform(35, 80))
    row = _line_at(scene, column) + scene.scale * rng.uniform(2, 20)
    along, across = _turned(rows - row, columns - column, angle)
    across = across + rng.normal(0, 0.10) * (along / length) ** 2 * length
    width = rng.uniform(1.6, 2.8)
    taper = step((length / 2 - np.abs(along)) / (0.08 * length + 1))
    ridge, shadow = (np.exp(-0.5 * ((across - side * width) / width) ** 2) for side in (1, -1))
    gain = 1 + rng.uniform(0.12, 0.32) * taper * (ridge - 0.8 * shadow)
    mask = (taper >= 0.5) & (np.abs(across) < 2.2 * width)
    return Defect(scene.sealed, _f(gain), mask, row, column)


def draw_contamination(scene: Scene, diameter: float, column: float, rng: np.random.Generator) -> Defect:
    """A ragged particle under the seal, of the area of a disc of `diameter` pixels, darker than the seal."""
    rows, columns = _grid(scene)
    row = _line_at(scene, column) + scene.scale * rng.uniform(1, 26)
    stretch = rng.uniform(1.0, 1.4)
    along, across = _turned(rows - row, columns - column, rng.uniform(0, np.pi))
    along, across = along / stretch, across * stretch
    terms = [(order, rng.normal(0, 0.30 / order), rng.uniform(0, 2 * np.pi)) for order in (2, 3, 4, 5)]
    circle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    mean_square = float(np.mean(_outline(circle, terms) ** 2))
    edge = diameter / 2 / np.sqrt(mean_square) * _outline(np.arctan2(across, along), terms)
    shape = step((edge - np.hypot(along, across)) / 0.8)
    gain = 1 - rng.uniform(0.18, 0.50) * shape
    return Defect(scene.sealed, _f(gain), shape >= 0.5, row, column)


def draw_incomplete(scene: Scene, depth: float, column: float, rng: np.random.Generator) -> Defect:
    """The line steps back by at most `depth` pixels over a stretch: no seal where there should be one."""
    rows, columns = _grid(scene)
    half = scene.scale * rng.uniform(12, 34)
    dent = step((half - np.abs(columns[0] - column)) / (0.18 * half + 1))
    uneven = dent * (1 + 0.12 * smooth_noise(columns.shape[1], 6, rng))
    dent = _f(uneven * (depth / uneven.max()))
    missing = step((scene.line + dent - rows) / 1.2) * step((rows - scene.line + 1.5) / 1.2)
    missing = missing * np.clip(dent / 1.5, 0, 1)  # the line stays as it is where nothing is missing
    sealed = scene.sealed * (1 - rng.uniform(0.55, 0.95) * missing)
    mask = (rows >= scene.line) & (rows < scene.line + dent) & (dent >= 1)
    return Defect(_f(sealed), _untouched(scene), mask, _line_at(scene, column) + depth / 2, column)


KINDS: dict[str, Kind] = {
    "channel": Kind(draw_channel, 0.4, 1.6),
    "wrinkle": Kind(draw_wrinkle, 2.5, 8.0),
    "trapped contamination": Kind(draw_contamination, 0.6, 2.6),
    "incomplete seal": Kind(draw_incomplete, 0.6, 2.4),
}


def _outline(angle: NDArray[np.floating], terms: list[tuple[int, float, float]]) -> NDArray[np.float64]:
    """Radius of a ragged particle over the angle, around 1."""
    waves = [size * np.cos(order * angle + phase) for order, size, phase in terms]
    outline: NDArray[np.float64] = np.clip(1.0 + np.sum(waves, axis=0), 0.4, 1.8)
    return outline


def _turned(
    rows: NDArray[np.floating], columns: NDArray[np.floating], angle: float
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Coordinates along and across a direction."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return columns * cosine + rows * sine, rows * cosine - columns * sine


def _untouched(scene: Scene) -> Field:
    return np.ones_like(scene.sealed)


def _f(values: NDArray[np.floating]) -> Field:
    return np.ascontiguousarray(values, dtype=np.float32)


def _grid(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    height, width = scene.sealed.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows, columns


def _line_at(scene: Scene, column: float) -> float:
    return float(np.interp(column, np.arange(scene.line.size), scene.line))
