from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.models.damage import NOISE, damage


def damaged(patches: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return damage(patches, torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 5),
    rows=st.integers(1, 3),
    columns=st.integers(1, 3),
    seed=st.integers(0, 1000),
    level=st.floats(0, 1),
)
def test_size_and_range_stay(count: int, rows: int, columns: int, seed: int, level: float) -> None:
    made = damaged(torch.full((count, 1, 16 * rows, 16 * columns), level), seed)
    assert made.shape == (count, 1, 16 * rows, 16 * columns)
    assert 0 <= made.min() <= made.max() <= 1


def test_the_original_is_left_alone() -> None:
    patches = torch.rand(4, 1, 32, 32)
    before = patches.clone()
    damaged(patches)
    assert torch.equal(patches, before)


def test_most_of_a_patch_survives_but_some_of_nearly_every_one_is_occluded() -> None:
    patches = 0.3 + 0.4 * torch.rand(64, 1, 64, 64, generator=torch.Generator().manual_seed(3))
    shares = [
        ((damaged(patches, seed) - patches).abs() > 6 * NOISE).float().mean((1, 2, 3)) for seed in range(5)
    ]
    occluded = torch.cat(shares)
    assert 0.02 < occluded.mean() < 0.2
    assert occluded.max() < 0.6
    assert (occluded > 0.005).float().mean() > 0.4


def test_occlusions_are_coherent() -> None:
    """A pixel beside an occluded one is occluded far more often than a pixel anywhere."""
    patches = torch.full((64, 1, 64, 64), 0.5)
    occluded = (damaged(patches) - patches).abs() > 6 * NOISE
    beside = occluded[..., 1:] & occluded[..., :-1]
    assert beside.sum() / occluded[..., :-1].sum() > 0.7
    assert occluded.float().mean() < 0.35


def test_the_same_seed_gives_the_same_damage() -> None:
    patches = torch.rand(4, 1, 32, 48)
    assert torch.equal(damaged(patches, 1), damaged(patches, 1))
    assert not torch.equal(damaged(patches, 1), damaged(patches, 2))
