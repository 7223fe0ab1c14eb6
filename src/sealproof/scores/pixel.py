"""Pixel scores of a patch and its reconstruction: MSE, MAE and PSNR."""

from __future__ import annotations

from torch import Tensor

#: PSNR of identical images would be infinite. 8-bit images that differ at all, in one grey value of one pixel out of
#: 10^8, stay below this ceiling, so it changes no order between images that do differ.
PSNR_CEILING = 128.0


def mean_squared_error(image: Tensor, reconstruction: Tensor) -> Tensor:
    """Mean squared difference of each pair.

    Args:
        image: (N, H, W), values in [0, 1].
        reconstruction: (N, H, W), the same.

    Returns:
        (N,) in [0, 1].

    Example:
        >>> import torch
        >>> mean_squared_error(torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.5)).tolist()
        [0.25]
    """
    return (image - reconstruction).square().mean(dim=(1, 2))


def mean_absolute_error(image: Tensor, reconstruction: Tensor) -> Tensor:
    """Mean absolute difference of each pair; arguments as in `mean_squared_error`.

    Example:
        >>> import torch
        >>> mean_absolute_error(torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.5)).tolist()
        [0.5]
    """
    return (image - reconstruction).abs().mean(dim=(1, 2))


def peak_signal_to_noise_ratio(image: Tensor, reconstruction: Tensor) -> Tensor:
    """10 log10(1 / MSE) in dB, at most `PSNR_CEILING`; arguments as in `mean_squared_error`.

    Example:
        >>> import torch
        >>> peak_signal_to_noise_ratio(torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.1)).round().tolist()
        [20.0]
    """
    error = mean_squared_error(image, reconstruction)
    return -10.0 * error.clamp_min(10.0 ** (-PSNR_CEILING / 10.0)).log10()
