"""An autoencoder for overlapping tiles of a patch that is told where in the patch a tile lies."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sealproof.evidence.errors import DefinitionError
from sealproof.models.autoencoder import (
    check_patches,
    decoder_layers,
    encoder_layers,
    he_initialisation,
    levelled,
)
from sealproof.models.error_classifier import ErrorClassifier
from sealproof.models.settings import TrainSettings


class ConditionalAutoencoder(nn.Module):
    """Cuts a patch into tiles, restores each under the condition of its place, and joins them by their mean.

    The place is encoded by sines and cosines and given to the layer before and the layer behind the latent one.

    Args:
        height, width: of a patch.
        settings: of the architecture; section `cpcae`.

    Raises:
        DefinitionError: tiles larger than the patch, or no multiple of 2 ** layers; a bottleneck that is not dense.

    Example:
        >>> settings = TrainSettings(filters=(2, 2, 2, 2), latent=3, cpcae={"tile": 16, "step": 8})
        >>> tuple(ConditionalAutoencoder(16, 32, settings).eval()(torch.zeros(2, 1, 16, 32)).shape)
        (2, 1, 16, 32)
    """

    def __init__(self, height: int, width: int, settings: TrainSettings) -> None:
        super().__init__()
        self.height, self.width, self.settings = height, width, settings
        _check(height, width, settings)
        tile, step, frequencies = settings.cpcae.tile, settings.cpcae.step, settings.cpcae.frequencies
        self.places = tile_places(height, width, tile, step)
        codes = [place_code(*place, height - tile, width - tile, frequencies) for place in self.places]
        self.register_buffer("codes", torch.tensor(codes), persistent=False)
        side, code = tile // 2 ** len(settings.filters), 4 * frequencies
        size = settings.filters[-1] * side * side
        self.encoder = nn.Sequential(*encoder_layers(settings), nn.Flatten())
        self.narrow = nn.Linear(size + code, settings.latent)
        self.widen = nn.Linear(settings.latent + code, size)
        self.decoder = nn.Sequential(
            nn.ReLU(), nn.Unflatten(1, (settings.filters[-1], side, side)), *decoder_layers(settings)
        )
        self.classifier = ErrorClassifier(settings.cpcae.cells, height, width)
        self.apply(he_initialisation)

    def forward(self, patches: Tensor) -> Tensor:
        """Reconstruct (N, 1, height, width) in [0, 1]."""
        check_patches(patches, self.height, self.width)
        seen, gain = levelled(patches, self.settings)
        made = self._restore(self._cut(seen), len(patches))
        joined: Tensor = (self._join(made, seen) / gain).clamp(0, 1)
        return joined

    def _cut(self, patches: Tensor) -> Tensor:
        """(N, 1, H, W) to (N x tiles, 1, tile, tile)."""
        side = self.settings.cpcae.tile
        tiles = [patches[..., row : row + side, column : column + side] for row, column in self.places]
        return torch.stack(tiles, dim=1).flatten(0, 1)

    def _restore(self, tiles: Tensor, patches: int) -> Tensor:
        """(N x tiles, 1, tile, tile) to (N, tiles, 1, tile, tile)."""
        codes = self.get_buffer("codes").repeat(patches, 1)
        latent = self.narrow(torch.cat([self.encoder(tiles), codes], dim=1))
        made: Tensor = self.decoder(self.widen(torch.cat([latent, codes], dim=1)))
        return made.reshape(patches, len(self.places), *made.shape[1:])

    def _join(self, tiles: Tensor, like: Tensor) -> Tensor:
        """Mean over the tiles that show a pixel."""
        side = self.settings.cpcae.tile
        total, count = torch.zeros_like(like), torch.zeros_like(like)
        for number, (row, column) in enumerate(self.places):
            total[..., row : row + side, column : column + side] += tiles[:, number]
            count[..., row : row + side, column : column + side] += 1
        return total / count


def tile_places(height: int, width: int, tile: int, step: int) -> list[tuple[int, int]]:
    """Upper left corners of tiles that cover a patch; the last of a row or column ends at its edge.

    Example:
        >>> tile_places(16, 40, 16, 16)
        [(0, 0), (0, 16), (0, 24)]
    """
    rows, columns = (sorted({*range(0, side - tile + 1, step), side - tile}) for side in (height, width))
    return [(row, column) for row in rows for column in columns]


def place_code(row: int, column: int, last_row: int, last_column: int, frequencies: int) -> list[float]:
    """Sines and cosines of a tile's place, 4 x `frequencies` numbers in [-1, 1].

    Args:
        row, column: of its upper left corner.
        last_row, last_column: the largest there are; 0 where one tile fills the axis.
        frequencies: octaves, from half a turn over the patch.

    Example:
        >>> [round(value, 3) for value in place_code(8, 0, 16, 0, 1)]
        [1.0, 0.0, 0.0, 1.0]
    """
    shares = [at / last if last else 0.0 for at, last in ((row, last_row), (column, last_column))]
    angles = [math.pi * 2**octave * share for share in shares for octave in range(frequencies)]
    return [wave(angle) for angle in angles for wave in (math.sin, math.cos)]


def _check(height: int, width: int, settings: TrainSettings) -> None:
    tile, stride = settings.cpcae.tile, 2 ** len(settings.filters)
    problems = [
        text
        for text, wrong in (
            (
                f"tile: {tile} pixels are no multiple of {stride}, {len(settings.filters)} layers halve them",
                tile % stride,
            ),
            (f"tile: {tile} pixels do not fit into patches of {height} x {width}", tile > min(height, width)),
            (
                "bottleneck: convolutional, but the place is given to a dense one",
                settings.bottleneck != "dense",
            ),
        )
        if wrong
    ]
    if problems:
        raise DefinitionError(
            "CPCAE cannot be built under these settings",
            where="params.yaml, sections `train` and `train.cpcae`",
            why="\n".join(problems),
            mend="correct the keys named above",
        )
