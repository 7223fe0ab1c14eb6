"""Mean and covariance of the cells of one position, summed patch by patch."""

from __future__ import annotations

from copy import copy
from functools import reduce
from operator import add

import torch
from torch import Tensor


class Moments:
    """First and second moments of the cells of one position, float64, shifted by the first patch.

    Sums of squares of what lies near zero keep the digits that sums of squares of raw features would lose.

    Args:
        cells: of a patch.
        features: of a cell.
        device: torch device of the sums.

    Example:
        >>> moments = Moments(1, 1, "cpu")
        >>> for value in (1.0, 2.0, 6.0):
        ...     moments.add(torch.tensor([[value]], dtype=torch.float64))
        >>> float(moments.mean), float(moments.covariance())
        (3.0, 7.0)
    """

    def __init__(self, cells: int, features: int, device: str) -> None:
        self.count = 0
        self._shift = torch.zeros(cells, features, dtype=torch.float64, device=device)
        self._sum = torch.zeros_like(self._shift)
        self._products = torch.zeros(cells, features, features, dtype=torch.float64, device=device)

    def add(self, cells: Tensor) -> None:
        """Count one patch, (cells, features) float64."""
        if self.count == 0:
            self._shift = cells.clone()
        moved = cells - self._shift
        self.count += 1
        self._sum += moved
        self._products.baddbmm_(moved[:, :, None], moved[:, None, :])

    @property
    def mean(self) -> Tensor:
        """(cells, features)."""
        return self._shift + self._sum / self.count

    def covariance(self) -> Tensor:
        """(cells, features, features), divisor n - 1; ends the counting, because it works in place."""
        centre = self._sum[:, :, None] @ self._sum[:, None, :] / self.count
        return self._products.sub_(centre).div_(self.count - 1)

    def empty(self) -> Moments:
        """The same, with nothing counted."""
        cells, features = self._shift.shape
        return Moments(cells, features, str(self._shift.device))

    def __add__(self, other: Moments) -> Moments:
        """Moments of the patches of both together; both stay as they are.

        With d between the two shifts, (x + d)(x + d)' is summed over the other's patches.

        Example:
            >>> one, two = Moments(1, 1, "cpu"), Moments(1, 1, "cpu")
            >>> for moments, values in ((one, (1.0, 2.0)), (two, (6.0,))):
            ...     for value in values:
            ...         moments.add(torch.tensor([[value]], dtype=torch.float64))
            >>> float((one + two).mean), round(float((one + two).covariance()), 12)
            (3.0, 7.0)
        """
        together = copy(self if self.count else other)
        if not self.count or not other.count:
            together._products = together._products.clone()
            return together
        apart = other._shift - self._shift
        crossed = other._sum[:, :, None] @ apart[:, None, :]
        together.count = self.count + other.count
        together._sum = self._sum + other._sum + other.count * apart
        together._products = self._products + other._products + crossed + crossed.mT
        together._products += other.count * (apart[:, :, None] @ apart[:, None, :])
        return together


def together(parts: list[Moments]) -> Moments:
    """Moments of the patches of all parts, one at least; the parts stay as they are."""
    return reduce(add, parts, parts[0].empty())
