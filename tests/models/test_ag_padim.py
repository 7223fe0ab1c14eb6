"""The attention gate, what it does to features, and AG-PaDiM."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from sealproof.evidence.errors import DefinitionError
from sealproof.models.ag_padim import AttentionGuidedPadim
from sealproof.models.attention_gate import AttentionGate, cell_kinds, cell_loss, teach
from sealproof.models.attention_settings import AttentionSettings
from sealproof.models.backbone import blank_backbone
from sealproof.models.backbone_settings import BackboneSettings, PadimSettings
from sealproof.models.damage import damage
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.padim import Padim
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import load_detector, save_detector
from sealproof.scores.settings import ScoreSettings

SETTINGS = TrainSettings(
    detector="ag-padim",
    backbone=BackboneSettings(side=64, blocks=(2, 4), cell=8),
    padim=PadimSettings(features=12),
    attention=AttentionSettings(hidden=8, epochs=15, learning_rate=0.01),
)


def made(patches: np.ndarray, seed: int = 5, settings: TrainSettings = SETTINGS) -> AttentionGuidedPadim:
    rows = np.arange(24)
    normals = PatchSet(patches, rows, np.zeros(24, np.int64))
    fitted = AttentionGuidedPadim.fit(
        TrainingData(normals, normals), settings, seed=seed, device="cpu", threads=1
    )
    assert fitted.facts == {"weights": fitted.detector.parameters()}
    assert isinstance(fitted.detector, AttentionGuidedPadim)
    return fitted.detector


@pytest.fixture(scope="module")
def detector(patches: np.ndarray) -> AttentionGuidedPadim:
    return made(patches)


def new(patches: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(patches[30:40].astype(np.float32) / 65535)[:, None]


def test_attention_is_that_of_the_publication() -> None:
    generator = torch.Generator().manual_seed(1)
    cells = 3 + 2 * torch.randn(50, 6, generator=generator)
    gate = AttentionGate(6, 4)
    gate.start(cells, generator)
    gate.bias.data, gate.offset.data = torch.randn(4, generator=generator), torch.tensor([0.3])
    points = cells.double().numpy()
    standard = (points - points.mean(0)) / points.std(0)
    finer, coarsest = gate.weight[:, :4].double().numpy(), gate.weight[:, 4:].double().numpy()
    hidden = np.maximum(0, standard[:, :4] @ finer.T + standard[:, 4:] @ coarsest.T + gate.bias.numpy())
    wanted = expit(hidden @ gate.psi[0].double().numpy() + 0.3)
    assert gate.attention(cells).numpy() == pytest.approx(wanted, abs=1e-5)


def test_a_constant_feature_does_not_break_the_gate() -> None:
    gate = AttentionGate(2, 3)
    gate.start(torch.ones(5, 2), torch.Generator().manual_seed(1))
    assert gate(torch.ones(5, 2)).tolist() == [0.0] * 5


def test_cells_that_damage_changed_are_found() -> None:
    before = torch.full((1, 1, 32, 48), 0.5)
    after = before.clone()
    after[:, :, 8:16, 16:24] = 0.0
    after[:, :, 0:8, 0:1] = 1.0
    wanted = np.zeros((4, 6), int)
    wanted[1, 2], wanted[0, 0] = 1, -1
    assert np.array_equal(cell_kinds(before, after, (4, 6), 0.25)[0].reshape(4, 6).numpy(), wanted)


def test_noise_alone_is_no_damage() -> None:
    before = torch.full((20, 1, 64, 64), 0.5)
    noisy = before + 0.03 * torch.randn(before.shape, generator=torch.Generator().manual_seed(1))
    assert not cell_kinds(before, noisy, (4, 4), 0.25).any()


def test_both_kinds_of_cells_weigh_the_same_and_unclear_ones_nothing() -> None:
    odds, kinds = torch.tensor([[2.0, -1.0, 0.5, 7.0]]), torch.tensor([[1, 0, 0, -1]])
    wanted = -(math.log(expit(2)) + (math.log(expit(1)) + math.log(expit(-0.5))) / 2) / 2
    assert float(cell_loss(odds, kinds)) == pytest.approx(wanted, rel=1e-6)
    assert float(cell_loss(odds, torch.zeros_like(kinds) - 1)) == 0.0


def test_the_gate_knows_damage_of_new_patches(detector: AttentionGuidedPadim, patches: np.ndarray) -> None:
    generator = torch.Generator().manual_seed(9)
    hit, spared = [], []
    for _ in range(4):
        damaged = damage(new(patches), generator)
        kinds = cell_kinds(new(patches), damaged, detector.grid, 0.25)
        attention = torch.stack([detector.gate.attention(cells) for cells in detector.plain_cells(damaged)])
        hit.append(attention[kinds == 1])
        spared.append(attention[kinds == 0])
    assert len(torch.cat(hit)) > 20
    assert float((torch.cat(hit)[:, None] > torch.cat(spared)).double().mean()) > 0.8


def test_features_are_multiplied_by_one_plus_attention(
    detector: AttentionGuidedPadim, patches: np.ndarray
) -> None:
    for gated, plain in zip(detector.cells(new(patches)), Padim.cells(detector, new(patches)), strict=True):
        factor = 1 + detector.gate.attention(plain).double()
        assert torch.allclose(gated.double(), plain.double() * factor[:, None], rtol=1e-6)


def test_scores_are_the_same_bits_in_any_batch_and_after_storing(
    detector: AttentionGuidedPadim, patches: np.ndarray, tmp_path: Path
) -> None:
    at = np.zeros(10, np.int64)
    save_detector(detector, tmp_path, {})
    again = load_detector(tmp_path, "ag-padim")
    whole = detector.examine(new(patches), at, ScoreSettings())
    order = np.random.default_rng(1).permutation(10)
    parts = [again.examine(new(patches)[i : i + 1], at[:1], ScoreSettings()) for i in order]
    assert set(whole.scores) == {"ag-padim", "ag-padim-upper"}
    for name, scores in whole.scores.items():
        assert torch.equal(torch.cat([part.scores[name] for part in parts]), scores[order])
    assert torch.equal(torch.cat([part.local for part in parts]), whole.local[order])


def test_same_seed_same_bytes_another_seed_another_gate(
    detector: AttentionGuidedPadim, patches: np.ndarray
) -> None:
    first, second, other = detector.state(), made(patches).state(), made(patches, 6).state()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["attention.weight"], other["attention.weight"])


def test_what_covers_a_normal_patch_raises_its_scores(
    detector: AttentionGuidedPadim, patches: np.ndarray
) -> None:
    covered = new(patches).clone()
    covered[:, :, 8:20, 10:30] = 0
    at = np.zeros(10, np.int64)
    before, after = (detector.examine(given, at, ScoreSettings()).scores for given in (new(patches), covered))
    assert all((after[name] > before[name]).all() for name in before)


def test_no_more_patches_than_allowed_teach_the_gate(patches: np.ndarray) -> None:
    settings = SETTINGS.model_copy(update={"attention": AttentionSettings(patches=6)})
    detector = AttentionGuidedPadim(blank_backbone(32, 48, settings), settings, 32, 48)
    there = PatchSet(patches, np.arange(9, 33), np.arange(24) % 2)
    chosen = detector.some(there, np.random.default_rng(1))
    assert len(chosen) == 6
    assert (np.diff(chosen.rows) > 0).all()
    assert (chosen.positions == (chosen.rows - 9) % 2).all()


def test_a_gate_that_diverges_is_refused() -> None:
    gate, cells = AttentionGate(2, 3), torch.full((2, 4, 2), math.inf)
    with pytest.raises(DefinitionError, match="attention gate diverged"):
        teach(
            gate, cells, torch.zeros(2, 4), cell_loss, AttentionSettings(), torch.Generator().manual_seed(1)
        )


def test_the_card_says_what_is_not_of_a_publication(detector: AttentionGuidedPadim) -> None:
    card = detector.card()
    assert card.name == detector.kind == "ag-padim"
    assert "without a description" in card.reference
    assert "SHA-256" in card.pretrained
    assert len({difference.here for difference in card.differences}) == len(card.differences) > 6
    assert not AttentionGuidedPadim.needs_defects
