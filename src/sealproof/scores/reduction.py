"""Fewer features for a feature distance: random drop, PCA, ICA, ranking by variance or by attention.

Learned from normals alone. Paper, section IV.C.b (random drop, PCA at 95 %, ICA) and section VII (attention-based
ranking instead of a random choice, left to future work there).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from sealproof.evidence.errors import DefinitionError
from sealproof.scores.settings import FeatureSettings

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
_ICA_STEPS, _ICA_TOLERANCE = 2000, 1e-4


@dataclass(frozen=True)
class FeatureReduction:
    """Which features are used, and how they are projected.

    Attributes:
        selected: (S,) indices of features, ascending.
        centre: (S,) mean that is subtracted before the projection, or None.
        projection: (S, R), or None: the selected features as they are.
    """

    selected: Indices
    centre: Floats | None = None
    projection: Floats | None = None

    @property
    def size(self) -> int:
        """Number of features that come out, R."""
        return self.selected.size if self.projection is None else int(self.projection.shape[1])

    def apply(self, features: Floats) -> Floats:
        """The reduced features.

        Args:
            features: (N, S), the selected features only.

        Returns:
            (N, R) float64.

        Raises:
            ValueError: another number of features, or a value that is not finite.

        Example:
            >>> FeatureReduction(np.array([0, 3])).apply(np.array([[1, 2]])).tolist()
            [[1.0, 2.0]]
        """
        if features.ndim != 2 or features.shape[1] != self.selected.size:
            raise ValueError(f"features must be (N, {self.selected.size}), not {features.shape}")
        values = features.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError("a feature is not finite")
        if self.projection is None or self.centre is None:
            return values
        projected: Floats = (values - self.centre) @ self.projection
        return projected


def draw_features(total: int, wanted: int, seed: int) -> Indices:
    """Indices of `wanted` of `total` features, drawn without replacement and sorted; all when there are fewer.

    Example:
        >>> draw_features(10, 3, seed=1).tolist() == draw_features(10, 3, seed=1).tolist()
        True
        >>> draw_features(2, 3, seed=1).tolist()
        [0, 1]
    """
    drawn = np.random.default_rng(seed).choice(total, size=min(wanted, total), replace=False)
    return np.sort(drawn).astype(np.int64)


def needed_features(total: int, settings: FeatureSettings, seed: int) -> Indices:
    """Indices of the features that `fit_reduction` has to see: those drawn for `random`, else all of them.

    Example:
        >>> needed_features(3, FeatureSettings(reduction="pca"), seed=1).tolist()
        [0, 1, 2]
        >>> needed_features(9, FeatureSettings(features=4), seed=1).size
        4
    """
    if settings.reduction == "random":
        return draw_features(total, settings.features, seed)
    return np.arange(total, dtype=np.int64)


def fit_reduction(features: Floats, settings: FeatureSettings, seed: int) -> FeatureReduction:
    """Learn a reduction from the features of training normals, all patch positions together.

    - `random`: as many as `settings.features`, drawn by the seed (paper, section III.B).
    - `variance`: those of the largest variance.
    - `attention`: those of the largest mean square. Zagoruyko and Komodakis (Paying More Attention to
      Attention, ICLR 2017, section 3.1) define the attention of a layer by its squared activations; here each
      activation is ranked for itself, and no defect is needed.
    - `pca`: principal components that explain `settings.explained` of the variance, at most `settings.features`.
    - `ica`: independent components of those principal components (Hyvaerinen, IEEE Transactions on Neural
      Networks 10 (1999) 626-634; FastICA, log cosh). They are whitened principal components, rotated: a distance
      that does not change under rotation, as both of ours, is that of the whitened principal components.
    - `none`: all features as they are.

    Ties in a ranking go to the lower index. The largest entry of each component is positive.

    Args:
        features: (N, F), finite.
        settings: kind and size.
        seed: of the draw and of FastICA's start.

    Raises:
        ValueError: not (N, F), or not finite.
        DefinitionError: FastICA does not converge.

    Example:
        >>> features = np.array([[0.0, 5.0, 1.0], [0.0, 5.0, 2.0], [0.0, 5.0, 3.0]])
        >>> one = {"features": 1}
        >>> fit_reduction(features, FeatureSettings(reduction="variance", **one), 0).selected.tolist()
        [2]
        >>> fit_reduction(features, FeatureSettings(reduction="attention", **one), 0).selected.tolist()
        [1]
    """
    if features.ndim != 2 or not features.size or not np.isfinite(features).all():
        raise ValueError(f"finite features (N, F) are needed, not {features.shape}")
    total = features.shape[1]
    if settings.reduction == "none":
        return FeatureReduction(np.arange(total, dtype=np.int64))
    if settings.reduction == "random":
        return FeatureReduction(draw_features(total, settings.features, seed))
    values = features.astype(np.float64)
    if settings.reduction == "variance":
        return FeatureReduction(_largest(values.var(axis=0), settings.features))
    if settings.reduction == "attention":
        return FeatureReduction(_largest(np.square(values).mean(axis=0), settings.features))
    centre, components = principal_components(values, settings.explained, settings.features)
    if settings.reduction == "ica":
        components = components @ _unmixing((values - centre) @ components, seed)
    return FeatureReduction(np.arange(total, dtype=np.int64), centre, _with_signs(components))


def principal_components(points: Floats, explained: float, largest: int) -> tuple[Floats, Floats]:
    """Mean and leading principal components.

    Args:
        points: (N, F).
        explained: share of the variance that the components explain at least, in (0, 1].
        largest: number of components at most.

    Returns:
        (F,) and (F, R) with orthonormal columns, R at least 1; signs such that the largest entry is positive.

    Example:
        >>> centre, components = principal_components(np.array([[0.0, 0.0], [2.0, 2.0]]), 0.95, 5)
        >>> centre.tolist(), components.round(3).tolist()
        ([1.0, 1.0], [[0.707], [0.707]])
    """
    centre = points.mean(axis=0)
    _, scales, rows = np.linalg.svd(points - centre, full_matrices=False)
    variances = np.square(scales)
    known = int((scales > scales[0] * max(points.shape) * np.finfo(float).eps).sum())
    shares = np.cumsum(variances[:known]) / variances.sum() if known else np.zeros(0)
    enough = int((shares < explained - 1e-12).sum()) + 1  # shares of 1 up to the last bits count as 1
    return centre, _with_signs(rows[: max(1, min(enough, known, largest))].T)


def _unmixing(points: Floats, seed: int) -> Floats:
    """FastICA's matrix (R, R): points @ matrix are independent as far as they can be, with variance 1.

    The points are principal components, so dividing by their spread whitens them.
    """
    spread = points.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    model = FastICA(
        whiten=False,
        max_iter=_ICA_STEPS,
        tol=_ICA_TOLERANCE,
        random_state=np.random.RandomState(seed % 2**32),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(points / spread)
        except ConvergenceWarning as error:
            raise DefinitionError(
                "the independent components of the features were not found",
                where="params.yaml, key `score`, `reduction: ica`",
                why=f"FastICA did not converge in {_ICA_STEPS} steps on {points.shape[0]} patches and "
                f"{points.shape[1]} principal components",
                mend="lower `explained` or `features`, add training normals, or take another reduction",
            ) from error
    return np.asarray(model.components_.T / spread[:, None], dtype=np.float64)


def _largest(ranked: Floats, wanted: int) -> Indices:
    return np.sort(np.argsort(-ranked, kind="stable")[:wanted]).astype(np.int64)


def _with_signs(components: Floats) -> Floats:
    """(F, R) with the sign of each column such that its largest entry in absolute value is positive."""
    rows = np.abs(components).argmax(axis=0)
    signs = np.sign(components[rows, np.arange(components.shape[1])])
    return components * np.where(signs == 0, 1.0, signs)
