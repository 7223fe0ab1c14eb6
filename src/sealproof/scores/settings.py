"""Settings of the anomaly scores (`params.yaml`: score)."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, PositiveInt

from sealproof.evidence.strict import StrictModel

ScoreName = Literal["mse", "mae", "psnr", "ssim", "ms-ssim", "4-ssim", "4-ms-ssim", "mahalanobis"]
SCORE_NAMES: tuple[ScoreName, ...] = get_args(ScoreName)


class MahalanobisSettings(StrictModel):
    """Distance of random latent features (Equation 7); `plain` covariance needs more patches than features."""

    layer: int = Field(default=2, ge=1, le=4)
    features: PositiveInt = 500
    covariance: Literal["ledoit-wolf", "oas", "plain"] = "ledoit-wolf"


class ScoreSettings(StrictModel):
    """Which scores are computed and how patches become one image score."""

    batch_size: PositiveInt = 64
    mahalanobis: MahalanobisSettings = MahalanobisSettings()
