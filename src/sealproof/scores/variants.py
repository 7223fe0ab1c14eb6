"""The eight members of the SSIM family, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

VariantName = Literal[
    "ssim", "g-ssim", "ms-ssim", "ms-g-ssim", "4-ssim", "4-g-ssim", "4-ms-ssim", "4-ms-g-ssim"
]
VARIANT_NAMES: tuple[VariantName, ...] = get_args(VariantName)
PresetName = Literal["published", "fixed-range"]
PRESET_NAMES: tuple[PresetName, ...] = get_args(PresetName)


@dataclass(frozen=True)
class Variant:
    """What one variant does.

    Args:
        weighted: pixels are weighted by region (the `4-` variants).
        multiscale: mean over four scales (`ms`).
        gradient: gradient magnitudes are compared instead of the images (`g`).
    """

    weighted: bool
    multiscale: bool
    gradient: bool


def parse_variant(name: str) -> Variant:
    """The variant of that name.

    Raises:
        ValueError: the name is unknown; the message lists all.

    Example:
        >>> parse_variant("4-ms-ssim")
        Variant(weighted=True, multiscale=True, gradient=False)
    """
    if name not in VARIANT_NAMES:
        raise ValueError(f"unknown variant {name!r}; one of {', '.join(VARIANT_NAMES)}")
    parts = name.split("-")
    return Variant("4" in parts, "ms" in parts, "g" in parts)


def check_preset(name: str) -> None:
    """Raises ValueError when `name` is no preset.

    Example:
        >>> check_preset("published")
    """
    if name not in PRESET_NAMES:
        raise ValueError(f"unknown preset {name!r}; one of {', '.join(PRESET_NAMES)}")
