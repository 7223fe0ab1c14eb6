from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from sealproof.evidence.errors import DataError
from sealproof.models.attention_gate import cell_kinds, patch_loss
from sealproof.models.attention_settings import AttentionSettings
from sealproof.models.backbone import Backbone, blank_backbone
from sealproof.models.backbone_settings import BackboneSettings, PadimSettings
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.rag_padim import ResidualAttentionGuidedPadim
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import load_detector, save_detector
from sealproof.scores.settings import ScoreSettings

SETTINGS = TrainSettings(
    detector="rag-padim",
    backbone=BackboneSettings(side=64, blocks=(2, 4), cell=8),
    padim=PadimSettings(features=12),
    attention=AttentionSettings(hidden=8, epochs=40, learning_rate=0.01),
)


@pytest.fixture(scope="module")
def both(patches: np.ndarray) -> np.ndarray:
    """Normals, and from row 48 on the same patches with a dark bar somewhere."""
    broken = patches.copy()
    for number, patch in enumerate(broken):
        top = 2 + number * 7 % 24
        patch[top : top + 5, 8:40] = 3000
    return np.concatenate([patches, broken])


def part(patches: np.ndarray, *rows: int) -> PatchSet:
    return PatchSet(patches, np.arange(*rows), np.zeros(len(range(*rows)), np.int64))


def sets(both: np.ndarray) -> TrainingData:
    return TrainingData(part(both, 24), part(both, 24, 30), part(both, 48, 60))


def made(data: TrainingData, settings: TrainSettings = SETTINGS) -> ResidualAttentionGuidedPadim:
    fitted = ResidualAttentionGuidedPadim.fit(data, settings, seed=5, device="cpu", threads=1)
    assert isinstance(fitted.detector, ResidualAttentionGuidedPadim)
    return fitted.detector


@pytest.fixture(scope="module")
def detector(both: np.ndarray) -> ResidualAttentionGuidedPadim:
    return made(sets(both))


def tensor(patches: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(patches.astype(np.float32) / 65535)[:, None]


def test_a_patch_is_as_suspicious_as_its_worst_cells() -> None:
    odds = torch.tensor([[1.0, -2.0, 0.5], [-1.0, -3.0, 0.0], [0.0, -4.0, -4.0]])
    worst = [math.log(sum(math.exp(2 * q) for q in row) / 3) / 2 for row in odds.tolist()]
    wanted = -(math.log(expit(worst[0])) + sum(math.log(expit(-q)) for q in worst[1:]) / 2) / 2
    found = patch_loss(odds, torch.tensor([True, False, False]), 2.0)
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_attention_lies_on_new_defects_though_it_was_never_told_where(
    detector: ResidualAttentionGuidedPadim, both: np.ndarray
) -> None:
    normal, defective = tensor(both[30:40]), tensor(both[78:88])
    kinds = cell_kinds(normal, defective, detector.grid, 0.25)
    attention = torch.stack([detector.gate.attention(cells) for cells in detector.plain_cells(defective)])
    inside, outside = attention[kinds == 1], attention[kinds == 0]
    assert float((inside[:, None] > outside).double().mean()) > 0.8


def test_new_defects_score_higher_than_the_normals_they_were_made_of(
    detector: ResidualAttentionGuidedPadim, both: np.ndarray
) -> None:
    at = np.zeros(10, np.int64)
    normal, defective = (
        detector.examine(tensor(both[first : first + 10]), at, ScoreSettings()).scores for first in (30, 78)
    )
    assert set(normal) == {"rag-padim", "rag-padim-upper"}
    assert all((defective[name] > normal[name]).all() for name in normal)


def test_same_bytes_again_and_same_bits_after_storing(
    detector: ResidualAttentionGuidedPadim, both: np.ndarray, tmp_path: Path
) -> None:
    state, again = detector.state(), made(sets(both)).state()
    assert all(torch.equal(state[name], again[name]) for name in state)
    save_detector(detector, tmp_path, {})
    at = np.zeros(6, np.int64)
    first, second = (
        one.examine(tensor(both[75:81]), at, ScoreSettings()) for one in (detector, load_detector(tmp_path))
    )
    assert torch.equal(first.local, second.local)
    assert all(torch.equal(first.scores[name], second.scores[name]) for name in first.scores)


def test_held_out_normals_teach_nothing(detector: ResidualAttentionGuidedPadim, both: np.ndarray) -> None:
    data = sets(both)
    other = made(TrainingData(data.normals, part(both, 40, 48), data.defects)).state()
    assert all(torch.equal(value, other[name]) for name, value in detector.state().items())


def test_it_learns_from_the_defects(detector: ResidualAttentionGuidedPadim, both: np.ndarray) -> None:
    data = sets(both)
    other = made(TrainingData(data.normals, data.held_out, part(both, 60, 72))).state()
    assert not torch.equal(detector.state()["attention.weight"], other["attention.weight"])


def test_the_own_encoder_serves_as_backbone(
    both: np.ndarray, small: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untrained(data: TrainingData, settings: TrainSettings, **_: object) -> Backbone:
        return blank_backbone(*data.normals.size, settings)

    monkeypatch.setattr("sealproof.models.embedding.fitted_backbone", untrained)
    own = BackboneSettings(source="own-encoder", cell=8, layers=(1, 2))
    given = {"backbone": own, "epochs": 1, "padim": PadimSettings(features=8), "detector": "rag-padim"}
    detector = made(sets(both), small.model_copy(update=given))
    assert detector.card().pretrained.startswith("none")
    save_detector(detector, tmp_path, {})
    at = np.zeros(2, np.int64)
    found = [
        one.examine(tensor(both[:2]), at, ScoreSettings()).local
        for one in (detector, load_detector(tmp_path))
    ]
    assert torch.equal(*found)


def test_without_defects_it_is_refused(both: np.ndarray) -> None:
    data = sets(both)
    for defects, count in ((None, 0), (part(both, 48, 49), 1)):
        with pytest.raises(DataError, match="RAG-PaDiM cannot be fitted") as caught:
            made(TrainingData(data.normals, data.held_out, defects))
        assert f"{count} patches of training defects" in caught.value.why
        assert "ag-padim" in caught.value.mend


def test_a_defect_among_the_normals_is_refused(both: np.ndarray) -> None:
    with pytest.raises(DataError) as caught:
        made(TrainingData(part(both, 24), part(both, 24, 30), part(both, 22, 26)))
    assert caught.value.why == "4 patches are normals and defects at once, the first is row 22"


def test_the_card_says_that_it_needs_defects(detector: ResidualAttentionGuidedPadim) -> None:
    card = detector.card()
    assert card.name == detector.kind == "rag-padim"
    assert ResidualAttentionGuidedPadim.needs_defects
    assert card.limits[0].startswith("It needs training defects")
    assert "10.1007/s42835-022-01346-2" in card.reference
    assert "not at hand" in card.reference
