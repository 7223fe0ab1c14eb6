"""Feature distance: Mahalanobis distance of random latent features (paper, section III.B, Equation 7).

The paper leaves the covariance unregularised; with fewer images than features that matrix is singular, and every
training image then has the same distance. Here the covariance is shrunk (Ledoit-Wolf, or OAS); the plain one is
refused when it is singular.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import OAS, EmpiricalCovariance, LedoitWolf

from sealproof.evidence.errors import DataError, DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import write_bytes
from sealproof.scores.settings import MahalanobisSettings

Floats = NDArray[np.float64]
_ESTIMATORS = {"ledoit-wolf": LedoitWolf, "oas": OAS, "plain": EmpiricalCovariance}
_KEYS = ("selected", "positions", "means", "whitenings", "shrinkages", "counts")


def draw_features(total: int, wanted: int, seed: int) -> NDArray[np.int64]:
    """Indices of `wanted` of `total` features, drawn without replacement and sorted; all when there are fewer.

    Example:
        >>> draw_features(10, 3, seed=1).tolist() == draw_features(10, 3, seed=1).tolist()
        True
        >>> draw_features(2, 3, seed=1).tolist()
        [0, 1]
    """
    drawn = np.random.default_rng(seed).choice(total, size=min(wanted, total), replace=False)
    return np.sort(drawn).astype(np.int64)


@dataclass(frozen=True)
class FeatureDistance:
    """One Gaussian a patch position, as in the paper (mu_i, Sigma_i).

    Attributes:
        selected: (F,) indices of the features that were drawn.
        positions: (P,) patch numbers, ascending.
        means: (P, F).
        whitenings: (P, F, F); the distance is the length of (x - mean) @ whitening.
        shrinkages: (P,) in [0, 1], the share of the scaled identity in the covariance.
        counts: (P,) training patches.
    """

    selected: NDArray[np.int64]
    positions: NDArray[np.int64]
    means: Floats
    whitenings: Floats
    shrinkages: Floats
    counts: NDArray[np.int64]

    def distance(self, features: Floats, positions: NDArray[np.int64]) -> Floats:
        """Mahalanobis distance of each patch, Equation 7.

        Args:
            features: (N, F) of the selected features.
            positions: (N,) patch numbers.

        Returns:
            (N,), 0 or more.

        Raises:
            ValueError: another number of features, or a patch position that was not fitted.
        """
        if features.ndim != 2 or features.shape[1] != self.selected.size:
            raise ValueError(f"features must be (N, {self.selected.size}), not {features.shape}")
        unknown = sorted(set(positions.tolist()) - set(self.positions.tolist()))
        if unknown:
            raise ValueError(f"no distribution was fitted for patch positions {unknown}")
        distances = np.empty(len(features))
        for index, position in enumerate(self.positions):
            chosen = positions == position
            centred = features[chosen].astype(np.float64) - self.means[index]
            distances[chosen] = np.linalg.norm(centred @ self.whitenings[index], axis=1)
        return distances


def fit_distance(
    features: Floats, positions: NDArray[np.int64], selected: NDArray[np.int64], settings: MahalanobisSettings
) -> FeatureDistance:
    """Fit mean and covariance of each patch position.

    Args:
        features: (N, F) of training normals, the selected features only.
        positions: (N,) patch numbers.
        selected: (F,) which features they are.
        settings: the covariance estimator.

    Raises:
        DataError: a position has fewer than two patches, or its features do not vary.
        DefinitionError: the plain covariance is asked for and singular (errata of the paper, 6).

    Example:
        >>> points = np.random.default_rng(0).normal(size=(200, 2))
        >>> fitted = fit_distance(points, np.zeros(200, dtype=np.int64), np.arange(2), MahalanobisSettings())
        >>> bool(fitted.distance(np.array([[9.0, 9.0]]), np.array([0]))[0] > 5)
        True
    """
    known = np.unique(positions)
    fits = [_fit_one(features[positions == position], int(position), settings) for position in known]
    return FeatureDistance(
        selected=selected,
        positions=known,
        means=np.stack([fit[0] for fit in fits]),
        whitenings=np.stack([fit[1] for fit in fits]),
        shrinkages=np.array([fit[2] for fit in fits]),
        counts=np.array([int((positions == position).sum()) for position in known]),
    )


def _fit_one(features: Floats, position: int, settings: MahalanobisSettings) -> tuple[Floats, Floats, float]:
    points = features.astype(np.float64)
    if len(points) < 2 or not (points.std(axis=0) > 0).any():
        raise DataError(
            "the feature distance cannot be fitted",
            where=f"patch position {position}",
            why=f"{len(points)} training patches, and a covariance needs at least two that differ",
            mend="add training normals, or check that the region of interest shows the part",
        )
    estimator = _ESTIMATORS[settings.covariance]().fit(points)
    values, vectors = np.linalg.eigh(estimator.covariance_)
    if settings.covariance == "plain" and values[0] <= values[-1] * max(points.shape) * np.finfo(float).eps:
        raise _singular(points, position)
    whitening = vectors / np.sqrt(np.maximum(values, np.finfo(float).tiny))
    return estimator.location_, whitening, float(getattr(estimator, "shrinkage_", 0.0))


def _singular(points: Floats, position: int) -> DefinitionError:
    return DefinitionError(
        "the plain covariance of the features is singular",
        where=f"params.yaml, key `score.mahalanobis.covariance`; patch position {position}",
        why=f"it is estimated from {len(points)} training patches for {points.shape[1]} features, and its rank is "
        "at most one less than the number of patches; with a pseudo-inverse every training patch would have the "
        "same distance, (n - 1) / sqrt(n), and a threshold from such distances means nothing",
        mend="use ledoit-wolf or oas, or fewer features than training patches",
    )


def save_distance(fitted: FeatureDistance, path: Path) -> None:
    """Write a fit as uncompressed npz without pickled objects; same fit, same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **{key: getattr(fitted, key) for key in _KEYS})
    write_bytes(path, buffer.getvalue())


def load_distance(path: Path) -> FeatureDistance:
    """Read a fit; no code is executed from the file.

    Raises:
        EvidenceMissingError: there is no such file.
        EvidenceAlteredError: it is not a fit, or its parts do not belong together.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            parts: dict[str, Any] = {key: content[key] for key in _KEYS}
    except FileNotFoundError as error:
        raise EvidenceMissingError(
            "the feature distance is missing",
            where=str(path),
            why="the file does not exist",
            mend="run `dvc repro`",
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise _altered(path, str(error)) from error
    positions, features = parts["positions"].size, parts["selected"].size
    if parts["means"].shape != (positions, features) or parts["whitenings"].shape != (
        positions,
        features,
        features,
    ):
        raise _altered(path, "its arrays do not belong together")
    return FeatureDistance(**parts)


def _altered(path: Path, why: str) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "the feature distance cannot be read", where=str(path), why=why, mend="delete it and run `dvc repro`"
    )
