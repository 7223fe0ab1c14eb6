"""Distance to the nearest of K centres of the standardised features: the paper's K-Means variant (Table 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from sealproof.evidence.errors import DataError
from sealproof.scores.reduction import FeatureReduction, Floats

Positions = NDArray[np.int64]
_STARTS = 10


@dataclass(frozen=True)
class ClusterDistance:
    """K centres a patch position.

    Attributes:
        reduction: which features, and how they are projected.
        positions: (P,) patch numbers, ascending.
        means: (P, R) of the reduced features.
        deviations: (P, R), above 0; 1 where a feature did not vary.
        centres: (P, K, R) of the standardised features.
        counts: (P,) training patches.
    """

    reduction: FeatureReduction
    positions: Positions
    means: Floats
    deviations: Floats
    centres: Floats
    counts: Positions

    @property
    def selected(self) -> Positions:
        """(S,) indices of the features that `distance` takes."""
        return self.reduction.selected

    def distance(self, features: Floats, positions: Positions) -> Floats:
        """Euclidean distance to the nearest centre over the root of R, so that it compares between sizes.

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
            points = (reduced[chosen] - self.means[index]) / self.deviations[index]
            distances[chosen] = nearest(points, self.centres[index]) / np.sqrt(points.shape[1])
        return distances


def nearest(points: Floats, centres: Floats) -> Floats:
    """Euclidean distance of each point to the nearest centre: (N, R), (K, R) -> (N,).

    Centre by centre: the difference is taken before it is squared, so that a point in a centre is at 0.

    Example:
        >>> nearest(np.array([[0.0, 3.0]]), np.array([[0.0, 0.0], [0.0, 2.0]])).tolist()
        [1.0]
    """
    squares = np.stack([np.square(points - centre).sum(axis=1) for centre in centres])
    distances: Floats = np.sqrt(squares.min(axis=0))
    return distances


def check_positions(positions: Positions, known: Positions) -> None:
    """Raises ValueError when a patch position was not fitted."""
    unknown = sorted(set(positions.tolist()) - set(known.tolist()))
    if unknown:
        raise ValueError(f"no distribution was fitted for patch positions {unknown}")


def fit_clusters(
    reduced: Floats, positions: Positions, reduction: FeatureReduction, clusters: int, seed: int
) -> ClusterDistance:
    """Fit the centres of each patch position; K-Means with k-means++ and 10 starts (Lloyd 1982; Arthur and
    Vassilvitskii 2007).

    Args:
        reduced: (N, R) of training normals.
        positions: (N,) patch numbers.
        reduction: how they were reduced.
        clusters: K.
        seed: of the starts.

    Raises:
        DataError: a position has fewer different patches than centres.

    Example:
        >>> points = np.array([[0.0], [0.1], [9.0], [9.1]])
        >>> fitted = fit_clusters(points, np.zeros(4, int), FeatureReduction(np.array([0])), 2, seed=1)
        >>> fitted.distance(np.array([[0.05], [4.5]]), np.zeros(2, int)).round(3).tolist()
        [0.0, 0.989]
    """
    known = np.unique(positions)
    fits = [_fit_one(reduced[positions == position], int(position), clusters, seed) for position in known]
    means, deviations, centres = (np.stack(parts) for parts in zip(*fits, strict=True))
    counts = np.array([int((positions == position).sum()) for position in known])
    return ClusterDistance(reduction, known, means, deviations, centres, counts)


def _fit_one(points: Floats, position: int, clusters: int, seed: int) -> tuple[Floats, Floats, Floats]:
    different = len(np.unique(points, axis=0))
    if different < max(clusters, 2):
        raise DataError(
            "the centres of the features cannot be fitted",
            where=f"patch position {position}",
            why=f"{different} different training patches for {clusters} centres",
            mend="add training normals, or lower `score.k_means.clusters`",
        )
    spread = points.std(axis=0)
    mean, deviation = points.mean(axis=0), np.where(spread > 0, spread, 1.0)
    model = KMeans(clusters, n_init=_STARTS, random_state=np.random.RandomState(seed % 2**32))
    centres = model.fit((points - mean) / deviation).cluster_centers_
    # in one order whatever the start: the first coordinate decides, then the next
    return mean, deviation, centres[np.lexsort(centres.T[::-1])]
