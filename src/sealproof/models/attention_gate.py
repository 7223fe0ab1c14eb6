"""An attention gate over cells of features, and the two ways it learns here: from damage, or from labels."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from sealproof.evidence.errors import DefinitionError
from sealproof.models.attention_settings import AttentionSettings
from sealproof.models.damage import NOISE

#: A pixel counts as changed by damage beyond so many standard deviations of the noise that lies everywhere.
VISIBLE = 4.0
#: Share of changed pixels up to which a cell of a damaged patch counts as undamaged; noise alone changes fewer.
UNTOUCHED = 0.01
#: Kinds of cells.
UNDAMAGED, DAMAGED, UNCLEAR = 0, 1, -1
#: Below this spread a feature is taken to be constant.
SMALLEST = 1e-6


class AttentionGate(nn.Module):
    """Additive attention (Oktay et al. 2018, arXiv 1804.03999, equations 1 and 2) over the cells of a grid.

    a = sigmoid(q), q = psi . relu(W_x x + W_g g + b) + c, with x the features of the finer blocks of a backbone
    and g those of its coarsest one, the gating signal. W_x and W_g lie side by side in `weight`, so that one product
    does both: a 1 x 1 convolution. Features are brought to mean 0 and spread 1 over normals first.

    Args:
        features: of a cell, all blocks side by side.
        hidden: units in between.

    Example:
        >>> AttentionGate(3, 2)(torch.ones(4, 3)).tolist()
        [0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.weight = nn.Parameter(torch.zeros(hidden, features), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(hidden), requires_grad=False)
        self.psi = nn.Parameter(torch.zeros(1, hidden), requires_grad=False)
        self.offset = nn.Parameter(torch.zeros(1), requires_grad=False)

    def start(self, normals: Tensor, generator: torch.Generator) -> None:
        """Take mean and spread of the features of normals, (..., features); draw the first weights."""
        flat = normals.flatten(0, -2).double()
        self.mean = flat.mean(0).float()
        self.spread = flat.std(0, correction=0).clamp_min(SMALLEST).float()
        for value in (self.weight, self.psi):
            drawn = torch.randn(value.shape, generator=generator) * math.sqrt(2 / value.shape[1])
            value.data = drawn.to(value.device)

    def forward(self, cells: Tensor) -> Tensor:
        """Logarithm of the odds q that a cell deserves attention: (..., cells, features) to (..., cells)."""
        standard = (cells - self.mean) / self.spread
        hidden = functional.relu(functional.linear(standard, self.weight, self.bias))
        return functional.linear(hidden, self.psi, self.offset)[..., 0]

    def attention(self, cells: Tensor) -> Tensor:
        """a in [0, 1] of each cell: (..., cells, features) to (..., cells)."""
        return torch.sigmoid(self(cells))


def cell_kinds(before: Tensor, after: Tensor, grid: tuple[int, int], share: float) -> Tensor:
    """Which cells damage has changed for the eye.

    Args:
        before, after: (N, 1, height, width) in [0, 1], without and with damage.
        grid: rows and columns.
        share: of changed pixels from which on a cell is damaged.

    Returns:
        (N, rows x columns) int64: `DAMAGED`, `UNDAMAGED`, or `UNCLEAR` in between.

    Example:
        >>> before = torch.zeros(1, 1, 2, 8)
        >>> after = before.clone()
        >>> after[..., :2], after[..., 4:5] = 1.0, 1.0
        >>> cell_kinds(before, after, (1, 4), 0.6).tolist()
        [[1, 0, -1, 0]]
    """
    changed = ((after - before).abs() > VISIBLE * NOISE).to(torch.float32)
    part = functional.adaptive_avg_pool2d(changed, grid).flatten(1)
    kinds = torch.full(part.shape, UNCLEAR)
    kinds[part <= UNTOUCHED] = UNDAMAGED
    kinds[part >= share] = DAMAGED
    return kinds


def cell_loss(odds: Tensor, kinds: Tensor) -> Tensor:
    """Binary cross-entropy of cells, damaged and undamaged ones with half the weight each; unclear ones with none.

    Args:
        odds: (N, cells), logarithms.
        kinds: (N, cells) as `cell_kinds` gives them.

    Example:
        >>> kinds = torch.tensor([[1, 0, 0, -1]])
        >>> round(float(cell_loss(torch.zeros(1, 4), kinds)), 4)
        0.6931
    """
    return _balanced(odds, kinds == DAMAGED, kinds == UNDAMAGED)


def patch_loss(odds: Tensor, defective: Tensor, sharpness: float) -> Tensor:
    """Binary cross-entropy of patches, of which only the label is known; both labels with half the weight each.

    A patch is as suspicious as its most suspicious cells: log-mean-exp of the cells' odds (Pinheiro and Collobert
    2015, arXiv 1411.6228, equation 7), a smooth maximum.

    Args:
        odds: (N, cells), logarithms.
        defective: (N,) bool.
        sharpness: r > 0; log(mean(exp(r q))) / r.

    Example:
        >>> odds = torch.tensor([[9.0, 9.0], [-9.0, -9.0]])
        >>> bool(patch_loss(odds, torch.tensor([True, False]), 1.0) < 0.001)
        True
    """
    worst = (torch.logsumexp(sharpness * odds, 1) - math.log(odds.shape[1])) / sharpness
    return _balanced(worst, defective, ~defective)


def _balanced(odds: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    weights = positive / positive.sum().clamp_min(1) + negative / negative.sum().clamp_min(1)
    losses = functional.binary_cross_entropy_with_logits(odds, positive.to(odds.dtype), reduction="none")
    return (losses * weights).sum() / weights.sum().clamp_min(1)


def teach(
    gate: AttentionGate,
    cells: Tensor,
    labels: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    settings: AttentionSettings,
    generator: torch.Generator,
) -> None:
    """Lower `loss` by Adam; the gate learns in place. Same arguments and generator, same bytes.

    Args:
        gate: with `start` behind it.
        cells: (N, cells, features).
        labels: (N, ...), handed to `loss` together with odds (n, cells).
        loss: `cell_loss`, or `patch_loss` with its sharpness.
        settings: epochs, batches, step size.
        generator: order of the patches.

    Raises:
        DefinitionError: the loss is not finite.
    """
    gate.requires_grad_(requires_grad=True)
    optimiser = torch.optim.AdamW(
        gate.parameters(), lr=settings.learning_rate, weight_decay=settings.decay, foreach=False
    )
    with torch.enable_grad():
        for _ in range(settings.epochs):
            order = torch.randperm(len(cells), generator=generator).to(cells.device)
            for numbers in torch.split(order, settings.batch_size):
                optimiser.zero_grad()
                value = loss(gate(cells[numbers]), labels[numbers])
                value.backward()  # type: ignore[no-untyped-call]  # torch's own
                optimiser.step()
    gate.requires_grad_(requires_grad=False)
    if not all(bool(weight.isfinite().all()) for weight in gate.parameters()):
        raise DefinitionError(
            "the attention gate diverged",
            where="params.yaml, key `train.attention.learning_rate`",
            why=f"weights are not finite after {settings.epochs} epochs at {settings.learning_rate:g}",
            mend="give a smaller learning rate, for instance a tenth of it",
        )
