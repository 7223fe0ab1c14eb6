from __future__ import annotations

import pytest
import torch

from sealproof.models.augmentation import augment
from sealproof.models.settings import TrainSettings


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("name", "axis"), [("flip-horizontal", 3), ("flip-vertical", 2)])
def test_each_patch_is_mirrored_along_its_axis_or_left(name: str, axis: int) -> None:
    patches = torch.rand(64, 1, 16, 32)
    made = augment(patches, TrainSettings(augment=name), generator())
    chosen = torch.stack([(made == way).flatten(1).all(1) for way in (patches, patches.flip(axis))])
    assert torch.equal(chosen.sum(0), torch.ones(64, dtype=torch.long))
    assert 16 <= chosen[1].sum() <= 48


def test_both_mirrorings_are_drawn_independently() -> None:
    patches = torch.rand(200, 1, 16, 32)
    made = augment(patches, TrainSettings(augment="flip-both"), generator())
    counts = [(made == patches.flip(axes)).flatten(1).all(1).sum().item() for axes in ((3,), (2,), (2, 3))]
    counts.append((made == patches).flatten(1).all(1).sum().item())
    assert sum(counts) == 200
    assert min(counts) >= 30


def test_a_shift_moves_the_patch_and_repeats_its_edge() -> None:
    patch = torch.rand(1, 1, 16, 32)
    padded = torch.nn.functional.pad(patch, (3, 3, 3, 3), mode="replicate")
    seen = set()
    for seed in range(60):
        made = augment(patch, TrainSettings(shift=3), generator(seed))
        places = [
            (row, column)
            for row in range(7)
            for column in range(7)
            if torch.equal(made, padded[:, :, row : row + 16, column : column + 32])
        ]
        assert len(places) == 1
        seen.update(places)
    assert {row for row, _ in seen} == {column for _, column in seen} == set(range(7))


def test_the_same_seed_gives_the_same_copies() -> None:
    patches, settings = torch.rand(8, 1, 16, 16), TrainSettings(augment="flip-both", shift=2)
    assert torch.equal(augment(patches, settings, generator(4)), augment(patches, settings, generator(4)))
    assert not torch.equal(augment(patches, settings, generator(4)), augment(patches, settings, generator(5)))
