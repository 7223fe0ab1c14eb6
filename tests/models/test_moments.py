from __future__ import annotations

import numpy as np
import pytest
import torch

from sealproof.models.moments import Moments, together


def of(points: np.ndarray) -> Moments:
    moments = Moments(*points.shape[1:], "cpu")
    for point in points:
        moments.add(torch.from_numpy(point))
    return moments


def test_features_far_from_zero_keep_their_digits() -> None:
    generator = np.random.default_rng(2)
    points = generator.standard_normal((400, 3, 5)) @ generator.standard_normal((5, 5)) + 1e6
    moments = of(points)
    assert moments.mean.numpy() == pytest.approx(points.mean(0), rel=1e-14)
    wanted = np.stack([np.cov(points[:, cell].T) for cell in range(3)])
    assert moments.covariance().numpy() == pytest.approx(wanted, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("cuts", [(0,), (7,), (7, 7, 19), (40,)])
def test_parts_together_are_the_whole_wherever_it_is_cut(cuts: tuple[int, ...]) -> None:
    points = np.random.default_rng(3).standard_normal((40, 2, 4)) + 100
    parts = [of(part) for part in np.split(points, cuts)]
    whole = together(parts)
    assert whole.count == 40
    assert whole.mean.numpy() == pytest.approx(points.mean(0), rel=1e-14)
    wanted = np.stack([np.cov(points[:, cell].T) for cell in range(2)])
    assert whole.covariance().numpy() == pytest.approx(wanted, rel=1e-11, abs=1e-12)


def test_parts_stay_as_they_are() -> None:
    points = np.random.default_rng(4).standard_normal((9, 1, 3))
    part = of(points)
    together([part]).covariance()
    together([part, of(points + 1)]).covariance()
    assert part.covariance()[0].numpy() == pytest.approx(np.cov(points[:, 0].T), rel=1e-12)
