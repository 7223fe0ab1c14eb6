"""Logistic regression with a ridge penalty on standardised inputs, kept as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """A fitted logistic regression.

    Attributes:
        centre: (K,) mean of each input at the fit.
        weights: (K,) of the inputs less their mean; the deviations they were divided by are in them.
        intercept: log-odds at the mean, both classes weighing the same.
    """

    centre: Floats
    weights: Floats
    intercept: float

    @classmethod
    def fit(cls, inputs: Floats, defective: NDArray[np.bool_], inverse_penalty: float) -> Self:
        """Maximise the penalised likelihood; both classes weigh the same however many there are.

        Args:
            inputs: (N, K) finite; an input that does not vary gets no weight.
            defective: (N,), True for defects; both kinds are there.
            inverse_penalty: C of scikit-learn, above 0.

        Example:
            >>> inputs = np.array([[0.0, 5.0], [1.0, 5.0], [3.0, 5.0], [4.0, 5.0]])
            >>> found = Logistic.fit(inputs, np.array([False, False, True, True]), 1.0)
            >>> (found.odds(inputs) > 0).tolist(), float(found.weights[1])
            ([False, False, True, True], 0.0)
        """
        centre, deviation = inputs.mean(axis=0), inputs.std(axis=0)
        scale = np.where(deviation > 1e-12 * np.maximum(np.abs(centre), 1), deviation, np.inf)
        model = LogisticRegression(C=inverse_penalty, class_weight="balanced", max_iter=10_000, tol=1e-8)
        with threadpool_limits(limits=1):  # the order of a sum changes its last bits
            model.fit((inputs - centre) / scale, defective)
        return cls(centre, model.coef_[0].astype(np.float64) / scale, float(model.intercept_[0]))

    def odds(self, inputs: Floats) -> Floats:
        """Log-odds of a defect: (N, K) -> (N,); each row's sum is its own, so a batch changes no bit."""
        return np.asarray(((inputs - self.centre) * self.weights).sum(axis=1) + self.intercept)
