"""Gaussian of a set of features: mean, shrunk covariance, and the whitening that Mahalanobis distances need.

A shrunk covariance is (1 - rho) S + rho mu I, mu the mean variance. With fewer patches than features S has rank
below the number of patches; all other directions have the variance rho mu. Only the directions of S are stored, so
16,000 features from 300 patches take the room of 300 x 16,000 numbers and not of 16,000 x 16,000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sealproof.evidence.errors import DefinitionError
from sealproof.scores.settings import Covariance

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Gaussian:
    """A fitted Gaussian.

    Attributes:
        mean: (F,).
        whitening: (F, K), orthogonal columns: eigenvector k of the covariance over the root of its eigenvalue.
        residual: 1 over the root of the eigenvalue of every direction that is no column; 0 when K = F.
        shrinkage: rho in [0, 1].
    """

    mean: Floats
    whitening: Floats
    residual: float
    shrinkage: float


def ledoit_wolf_shrinkage(centred: Floats) -> float:
    """Share of the scaled identity by Ledoit and Wolf, J. Multivariate Analysis 88 (2004) 365-411.

    Args:
        centred: (N, F), mean 0 along N.

    Returns:
        rho in [0, 1]; 0 for one feature.

    Example:
        >>> ledoit_wolf_shrinkage(np.array([[1.0, 0.0], [-1.0, 0.0]]))
        0.0
    """
    n, p = centred.shape
    trace, squared = _moments(centred)
    if p == 1:
        return 0.0
    fourth = np.square(np.square(centred).sum(axis=1)).sum() / n
    beta = (fourth - squared) / (p * n)
    delta = (squared - trace**2 / p) / p
    beta = min(beta, delta)
    return float(beta / delta) if beta > 0 else 0.0


def oas_shrinkage(centred: Floats) -> float:
    """Share of the scaled identity by Chen, Wiesel, Eldar and Hero, IEEE Trans. Signal Processing 58 (2010)
    5016-5029, as scikit-learn corrects it.

    Args:
        centred: (N, F), mean 0 along N.

    Returns:
        rho in [0, 1]; 0 for one feature.

    Example:
        >>> oas_shrinkage(np.array([[1.0, 0.0], [-1.0, 0.0]]))
        1.0
    """
    n, p = centred.shape
    if p == 1:
        return 0.0
    trace, squared = _moments(centred)
    alpha, mu = squared / p**2, trace / p
    below = (n + 1) * (alpha - mu**2 / p)
    return 1.0 if below == 0 else float(min((alpha + mu**2) / below, 1.0))


def _moments(centred: Floats) -> tuple[float, float]:
    """Trace and squared Frobenius norm of the empirical covariance, from the smaller of its two Gram matrices."""
    n, p = centred.shape
    gram = centred @ centred.T if n < p else centred.T @ centred
    return float(np.trace(gram)) / n, float(np.square(gram).sum()) / n**2


def fit_gaussian(points: Floats, covariance: Covariance, where: str) -> Gaussian:
    """Mean and whitening of the covariance (maximum likelihood, divisor N, shrunk).

    Args:
        points: (N, F) float64, N at least 2, not all equal.
        covariance: the estimator; `plain` does not shrink.
        where: what the message names.

    Raises:
        DefinitionError: the covariance is singular (errata of the paper, 6).

    Example:
        >>> gaussian = fit_gaussian(np.array([[-2.0], [2.0]]), "plain", "here")
        >>> gaussian.mean.tolist(), np.abs(gaussian.whitening).tolist()
        ([0.0], [[0.5]])
    """
    mean = points.mean(axis=0)
    centred = points - mean
    estimate = {"ledoit-wolf": ledoit_wolf_shrinkage, "oas": oas_shrinkage}.get(covariance)
    rho = 0.0 if estimate is None else estimate(centred)
    n, p = centred.shape
    _, scales, rows = np.linalg.svd(centred, full_matrices=False)
    variances = np.square(scales) / n
    known = variances > variances[0] * max(n, p) * np.finfo(float).eps
    floor = rho * variances.sum() / p
    if floor <= 0 and int(known.sum()) < p:
        raise _singular(covariance, centred, where)
    eigenvalues = (1 - rho) * variances[known] + floor
    whole = int(known.sum()) == p
    return Gaussian(mean, rows[known].T / np.sqrt(eigenvalues), 0.0 if whole else float(floor**-0.5), rho)


def precisions(whitening: Floats) -> Floats:
    """(K,) squared lengths of the columns of a whitening (F, K), 1 over the eigenvalues; computed once a Gaussian.

    Example:
        >>> precisions(np.array([[0.5, 0.0], [0.0, 2.0]])).tolist()
        [0.25, 4.0]
    """
    found: Floats = np.square(whitening).sum(axis=0)
    return found


def mahalanobis(centred: Floats, whitening: Floats, residual: float, known: Floats | None = None) -> Floats:
    """Length of each whitened row, Equation 7.

    Args:
        centred: (N, F), features less the mean.
        whitening: (F, K) as in `Gaussian`; columns of zeros count as not there.
        residual: as in `Gaussian`.
        known: `precisions` of the whitening, where they are at hand: for one row they take longer than all the rest.

    Returns:
        (N,), 0 or more.

    Example:
        >>> mahalanobis(np.array([[3.0, 4.0]]), np.array([[1.0], [0.0]]), 0.5).tolist() == [13**0.5]
        True
    """
    along = centred @ whitening
    squares = np.square(along).sum(axis=1)
    if residual:
        norms = precisions(whitening) if known is None else known
        inside = np.square(along) @ np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        squares += residual**2 * np.maximum(np.square(centred).sum(axis=1) - inside, 0.0)
    distances: Floats = np.sqrt(squares)
    return distances


def _singular(covariance: str, centred: Floats, where: str) -> DefinitionError:
    patches, features = centred.shape
    constant = int((centred == 0).all(axis=0).sum())
    return DefinitionError(
        f"the {covariance} covariance of the features is singular",
        where=f"params.yaml, key `score.mahalanobis.covariance`; {where}",
        why=f"it is estimated from {patches} training patches for {features} features, of which {constant} do not "
        "vary at all, and its rank is at most one less than the number of patches; with a pseudo-inverse every "
        "training patch would have the same distance, (n - 1) / sqrt(n), and a threshold from such distances "
        "means nothing",
        mend="use ledoit-wolf or oas, or fewer features than training patches, all of which vary",
    )
