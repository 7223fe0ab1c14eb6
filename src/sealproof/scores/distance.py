"""Feature distance: Mahalanobis distance of latent features (paper, section III.B, Equation 7), or K-Means.

The paper leaves the covariance unregularised; with fewer images than features that matrix is singular, and every
training image then has the same distance. Here the covariance is shrunk (Ledoit-Wolf, or OAS); the plain one is
refused when it is singular.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sealproof.evidence.errors import DataError
from sealproof.scores.arrays import altered, load_arrays, save_arrays
from sealproof.scores.clusters import ClusterDistance, Positions, check_positions, fit_clusters
from sealproof.scores.covariance import fit_gaussian, mahalanobis, precisions
from sealproof.scores.reduction import FeatureReduction, Floats, draw_features, fit_reduction, needed_features
from sealproof.scores.settings import KMeansSettings, MahalanobisSettings

__all__ = [
    "ClusterDistance",
    "FeatureDistance",
    "PatchDistance",
    "draw_features",
    "fit_distance",
    "load_distance",
    "needed_features",
    "save_distance",
]
_WHAT = "the feature distance"
#: Share of the mean deviation that is added to the deviation of each feature before it divides.
_FLOOR = 0.1
#: Name of an array and its shape in letters: S selected, R reduced features, P positions, K axes or centres.
_SHARED = {"selected": "S", "positions": "P", "means": "PR", "counts": "P"}
_GAUSSIAN = {**_SHARED, "scales": "PR", "whitenings": "PRK", "residuals": "P", "shrinkages": "P"}
_CLUSTERS = {**_SHARED, "deviations": "PR", "centres": "PKR"}
_PROJECTED = {"centre": "S", "projection": "SR"}


class PatchDistance(Protocol):
    """What both distances have in common."""

    @property
    def selected(self) -> Positions:
        """(S,) indices of the features that `distance` takes."""

    @property
    def counts(self) -> Positions:
        """(P,) training patches of each position."""

    def distance(self, features: Floats, positions: Positions) -> Floats:
        """(N, S) features and (N,) patch numbers -> (N,), 0 or more."""


@dataclass(frozen=True)
class FeatureDistance:
    """One Gaussian a patch position, as in the paper (mu_i, Sigma_i).

    Attributes:
        reduction: which features, and how they are projected.
        positions: (P,) patch numbers, ascending.
        means: (P, R) of the reduced features.
        scales: (P, R), above 0: what each feature is divided by; 1 unless features are standardised.
        whitenings: (P, R, K), see `scores.covariance.Gaussian`; columns of zeros fill positions of fewer axes.
        residuals: (P,), as there.
        shrinkages: (P,) in [0, 1], the share of the scaled identity in the covariance.
        counts: (P,) training patches.
    """

    reduction: FeatureReduction
    positions: Positions
    means: Floats
    scales: Floats
    whitenings: Floats
    residuals: Floats
    shrinkages: Floats
    counts: Positions

    @property
    def selected(self) -> Positions:
        """(S,) indices of the features that `distance` takes."""
        return self.reduction.selected

    def distance(self, features: Floats, positions: Positions) -> Floats:
        """Mahalanobis distance of each patch, Equation 7.

        Args:
            features: (N, S) of the selected features.
            positions: (N,) patch numbers.

        Returns:
            (N,), 0 or more.

        Raises:
            ValueError: another number of features, one that is not finite, or a position that was not fitted.
        """
        reduced = self.reduction.apply(features)
        check_positions(positions, self.positions)
        distances = np.empty(len(reduced))
        for index, position in enumerate(self.positions):
            chosen = positions == position
            centred = (reduced[chosen] - self.means[index]) / self.scales[index]
            distances[chosen] = mahalanobis(
                centred, self.whitenings[index], float(self.residuals[index]), self._precisions[index]
            )
        return distances

    @cached_property
    def _precisions(self) -> list[Floats]:
        return [precisions(whitening) for whitening in self.whitenings]


def fit_distance(
    features: Floats,
    positions: Positions,
    selected: Positions,
    settings: MahalanobisSettings | KMeansSettings,
    seed: int = 0,
) -> FeatureDistance | ClusterDistance:
    """Reduce the features, then fit a Gaussian or centres to each patch position.

    Args:
        features: (N, S) of training normals.
        positions: (N,) patch numbers.
        selected: (S,) which features of the layer they are, ascending: `needed_features`.
        settings: reduction, and covariance or number of centres.
        seed: of the draw, of FastICA and of K-Means.

    Raises:
        ValueError: features that are not finite, or do not belong to `selected`.
        DataError: a position has fewer than two patches, or its features do not vary.
        DefinitionError: the covariance is singular (errata of the paper, 6), or FastICA does not converge.

    Example:
        >>> points = np.random.default_rng(0).normal(size=(200, 2))
        >>> fitted = fit_distance(points, np.zeros(200, dtype=np.int64), np.arange(2), MahalanobisSettings())
        >>> bool(fitted.distance(np.array([[9.0, 9.0]]), np.array([0]))[0] > 5)
        True
    """
    if features.ndim != 2 or selected.shape != (features.shape[1],):
        raise ValueError(f"{selected.size} selected features, but features are {features.shape}")
    for position in np.unique(positions):
        _check_patches(features[positions == position], int(position))
    local = fit_reduction(features, settings, seed)
    reduced = local.apply(features[:, local.selected])
    reduction = FeatureReduction(selected[local.selected], local.centre, local.projection)
    if isinstance(settings, KMeansSettings):
        return fit_clusters(reduced, positions, reduction, settings.clusters, seed)
    return _fit_gaussians(reduced, positions, reduction, settings)


def _fit_gaussians(
    reduced: Floats, positions: Positions, reduction: FeatureReduction, settings: MahalanobisSettings
) -> FeatureDistance:
    known = np.unique(positions)
    fits, scales = [], []
    for position in known:
        points = reduced[positions == position]
        _check_patches(points, int(position))
        scales.append(_scales(points) if settings.standardised else np.ones(reduction.size))
        points = points / scales[-1]
        fits.append(fit_gaussian(points, settings.covariance, f"patch position {position}"))
    whitenings = np.zeros((known.size, reduction.size, max(fit.whitening.shape[1] for fit in fits)))
    for whitening, fit in zip(whitenings, fits, strict=True):
        whitening[:, : fit.whitening.shape[1]] = fit.whitening
    return FeatureDistance(
        reduction=reduction,
        positions=known,
        means=np.stack([fit.mean * scale for fit, scale in zip(fits, scales, strict=True)]),
        scales=np.stack(scales),
        whitenings=whitenings,
        residuals=np.array([fit.residual for fit in fits]),
        shrinkages=np.array([fit.shrinkage for fit in fits]),
        counts=np.array([int((positions == position).sum()) for position in known]),
    )


def _scales(points: Floats) -> Floats:
    """Spread of each feature plus a share of the mean spread, so that a feature that hardly varies counts little."""
    deviations = points.std(axis=0)
    scales: Floats = deviations + _FLOOR * deviations.mean()
    return scales


def _check_patches(points: Floats, position: int) -> None:
    if len(points) < 2 or not (points.std(axis=0) > 0).any():
        raise DataError(
            "the feature distance cannot be fitted",
            where=f"patch position {position}",
            why=f"{len(points)} training patches, and a covariance needs at least two that differ",
            mend="add training normals, or check that the region of interest shows the part",
        )


def save_distance(fitted: FeatureDistance | ClusterDistance, path: Path) -> None:
    """Write a fit as uncompressed npz without pickled objects; same fit, same bytes."""
    shapes = _CLUSTERS if isinstance(fitted, ClusterDistance) else _GAUSSIAN
    parts = {key: np.asarray(getattr(fitted, key)) for key in shapes}
    if fitted.reduction.projection is not None:
        parts |= {key: np.asarray(getattr(fitted.reduction, key)) for key in _PROJECTED}
    save_arrays(parts, path)


def load_distance(path: Path) -> FeatureDistance | ClusterDistance:
    """Read a fit; no code is executed from the file.

    Raises:
        EvidenceMissingError: there is no such file.
        EvidenceAlteredError: it is not a fit, or its parts do not belong together; each that does not is named.
    """
    parts: dict[str, Any] = load_arrays(path, _WHAT)
    clusters = bool({"centres", "deviations"} & parts.keys())
    shapes = {
        **(_CLUSTERS if clusters else _GAUSSIAN),
        **(_PROJECTED if _PROJECTED.keys() & parts.keys() else {}),
    }
    problems = _mismatches(parts, shapes)
    if problems:
        raise altered(path, _WHAT, "its arrays do not belong together: " + "; ".join(problems))
    reduction = FeatureReduction(
        parts.pop("selected"), parts.pop("centre", None), parts.pop("projection", None)
    )
    return ClusterDistance(reduction, **parts) if clusters else FeatureDistance(reduction, **parts)


def _mismatches(parts: dict[str, Any], shapes: dict[str, str]) -> list[str]:
    """Every array that is missing, unknown, not finite, or whose sides disagree with those of the others."""
    problems = [f"{key}: missing" for key in shapes if key not in parts]
    problems += [f"{key}: unknown" for key in sorted(parts.keys() - shapes.keys())]
    sides: dict[str, int] = {}
    for key, letters in shapes.items():
        if key not in parts:
            continue
        array = parts[key]
        if key == "scales" and array.dtype.kind == "f" and not (array > 0).all():
            problems.append("scales: not above 0")
        wanted = "iu" if key in {"selected", "positions", "counts"} else "f"
        if array.dtype.kind not in wanted or not np.isfinite(array).all():
            problems.append(f"{key}: not finite numbers of the right kind ({array.dtype})")
        expected = tuple(sides.get(letter) for letter in letters)
        if array.ndim != len(letters) or any(
            known not in (None, side) for known, side in zip(expected, array.shape, strict=True)
        ):
            problems.append(f"{key}: {array.shape}, expected {expected}")
            continue
        sides.update(zip(letters, array.shape, strict=True))
    if "projection" not in parts and not problems and sides["S"] != sides["R"]:
        problems.append(f"means: {sides['R']} features, expected {sides['S']} as selected")
    if not problems and "K" in sides and "residuals" in shapes and sides["K"] < sides["R"]:
        lost = (parts["residuals"] <= 0).any()  # directions that neither an axis nor a residual covers
        problems += ["whitenings: fewer axes than features, and no residual"] if lost else []
    return problems
