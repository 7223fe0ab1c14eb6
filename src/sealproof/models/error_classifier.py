"""A linear classifier of reconstruction errors: does an error look like those of normals, or of defects?"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from sealproof.models.grid import grid_means

#: Quantiles of a patch's errors that are among the features; 1 is the largest error.
QUANTILES = (0.5, 0.9, 0.99, 1.0)


def error_features(errors: Tensor, cells: int) -> Tensor:
    """Features of error maps that do not depend on where in the patch the error is.

    Mean, standard deviation and quantiles over the pixels, and the means over a grid of cells in falling order.

    Args:
        errors: (N, H, W), 0 or more.
        cells: of the grid, along each axis.

    Returns:
        (N, 6 + cells x cells) float64; fewer cells where a side has fewer pixels.

    Example:
        >>> error_features(torch.ones(1, 4, 4), 1).tolist()
        [[1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    errors = errors.double()
    pixels = errors.flatten(1).sort(dim=1).values
    at = [round(share * (pixels.shape[1] - 1)) for share in QUANTILES]
    means = grid_means(errors[:, None], cells).flatten(1).sort(dim=1, descending=True).values
    moments = torch.stack([pixels.mean(1), pixels.std(1, correction=0)], dim=1)
    return torch.cat([moments, pixels[:, at], means], dim=1)


class ErrorClassifier(nn.Module):
    """Logistic regression on standardised features of error maps; knows nothing until it is fitted.

    Args:
        cells: of the grid.
        height, width: of an error map.
    """

    def __init__(self, cells: int, height: int, width: int) -> None:
        super().__init__()
        self.cells = cells
        size = error_features(torch.zeros(1, height, width), cells).shape[1]
        for name, value in (("means", 0.0), ("scales", 1.0), ("coefficients", 0.0)):
            self.register_buffer(name, torch.full((size,), value, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros((), dtype=torch.float64))

    def forward(self, errors: Tensor) -> Tensor:
        """Logarithm of the odds that (N, H, W) error maps are of defects: (N,) float64."""
        standardised = (error_features(errors, self.cells) - self.get_buffer("means")) / self.get_buffer(
            "scales"
        )
        odds: Tensor = (standardised * self.get_buffer("coefficients")).sum(1) + self.get_buffer("intercept")
        return odds

    def fit(self, normals: Tensor, defects: Tensor, strength: float) -> None:
        """Fit to error maps of normals and of defects, (N, H, W) each; both kinds weigh the same in all.

        Args:
            normals: of patches that the autoencoder has not seen.
            defects: of training defects.
            strength: inverse of the penalty on large coefficients.
        """
        features = torch.cat([error_features(errors, self.cells) for errors in (normals, defects)])
        means, scales = features.mean(0), features.std(0, correction=0)
        scales = torch.where(scales > 0, scales, 1.0)
        labels = np.repeat([0, 1], [len(normals), len(defects)])
        regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000, tol=1e-8)
        regression.fit(((features - means) / scales).cpu().numpy(), labels)
        found = {
            "means": means,
            "scales": scales,
            "coefficients": torch.from_numpy(regression.coef_[0].copy()),
            "intercept": torch.tensor(float(regression.intercept_[0]), dtype=torch.float64),
        }
        for name, value in found.items():
            self.get_buffer(name).copy_(value)
