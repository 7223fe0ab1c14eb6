from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from sealproof.models.backbone_settings import BackboneSettings, PatchCoreSettings
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.patchcore import PatchCore, greedy_coreset, projected
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreSettings


def made(patches: np.ndarray, **patchcore: object) -> PatchCore:
    settings = TrainSettings(
        detector="patchcore",
        backbone=BackboneSettings(side=64, blocks=(2, 4)),
        patchcore=PatchCoreSettings.model_validate({"coreset": 0.1, "neighbours": 4, **patchcore}),
    )
    normals = PatchSet(patches, np.arange(24), np.zeros(24, np.int64))
    fitted = PatchCore.fit(TrainingData(normals, normals), settings, seed=5, device="cpu", threads=1)
    assert isinstance(fitted.detector, PatchCore)
    return fitted.detector


def tensor(patches: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(patches.astype(np.float32) / 65535)[:, None]


def cells(detector: PatchCore, patches: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack(list(detector.cells(tensor(patches))))


def test_distances_are_those_to_the_nearest_remembered_feature(patches: np.ndarray) -> None:
    detector = made(patches)
    new = cells(detector, patches[30:31])[0]
    wanted = cdist(new.double().numpy(), detector.memory.double().numpy()).min(1)
    assert detector.distances(new, 0).numpy() == pytest.approx(wanted, rel=1e-4)
    assert torch.equal(detector.distances(new, 7), detector.distances(new, 0))


def test_what_is_remembered_is_at_no_distance(patches: np.ndarray) -> None:
    detector = made(patches)
    assert torch.equal(detector.distances(detector.memory, 0), torch.zeros(len(detector.memory)))


@pytest.mark.parametrize(
    ("coreset", "pool", "size"), [(0.1, 10**6, 19), (1.0, 10**6, 192), (0.5, 40, 40), (1e-6, 9, 1)]
)
def test_the_memory_is_a_share_of_the_features_of_normals(
    patches: np.ndarray, coreset: float, pool: int, size: int
) -> None:
    detector = made(patches, coreset=coreset, pool=pool)
    there = {row.numpy().tobytes() for patch in cells(detector, patches[:24]) for row in patch}
    assert len(detector.memory) == size
    assert {row.numpy().tobytes() for row in detector.memory} <= there


def test_the_greedy_choice_is_the_textbook_one() -> None:
    points = torch.randn(60, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    distances = cdist(points.numpy(), points.numpy())
    wanted = [7]
    while len(wanted) < 12:
        wanted.append(int(distances[:, wanted].min(1).argmax()))
    assert greedy_coreset(points, 12, 7).tolist() == wanted


def test_the_greedy_choice_covers_at_most_twice_as_badly_as_the_best() -> None:
    generator = np.random.default_rng(4)
    for _ in range(20):
        points = generator.random((11, 2))
        distances = cdist(points, points)
        best = min(distances[:, list(few)].min(1).max() for few in itertools.combinations(range(11), 3))
        chosen = greedy_coreset(torch.from_numpy(points), 3, 0).tolist()
        assert distances[:, chosen].min(1).max() <= 2 * best


def test_no_feature_is_chosen_twice_though_it_is_there_twice() -> None:
    assert sorted(greedy_coreset(torch.ones(5, 2), 5, 3).tolist()) == [0, 1, 2, 3, 4]


def test_projected_distances_stay_within_the_factor_of_johnson_and_lindenstrauss() -> None:
    points = torch.randn(120, 400, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = projected(points, np.random.default_rng(2))
    before, after = (cdist(one.numpy(), one.numpy())[np.triu_indices(120, 1)] for one in (points, found))
    assert found.shape[1] < 400
    assert np.abs((after / before) ** 2 - 1).max() < 0.9
    few = points[:, :20]
    assert projected(few, np.random.default_rng(2)) is few


def test_the_weight_of_the_image_score_is_equation_seven(patches: np.ndarray) -> None:
    weighted, plain = made(patches, reweighting=True), made(patches)
    assert torch.equal(weighted.memory, plain.memory)
    new = cells(plain, patches[30:31])[0].double().numpy()
    memory = plain.memory.double().numpy()
    distances = cdist(new, memory)
    worst = distances.min(1).argmax()
    nearest = distances[worst].argmin()
    around = np.argsort(cdist(memory[nearest : nearest + 1], memory)[0], kind="stable")[:4]
    weight = 1 - np.exp(distances[worst, nearest]) / np.exp(distances[worst, around]).sum()
    scores = [
        float(one.examine(tensor(patches[30:31]), np.array([0]), ScoreSettings()).scores["patchcore"])
        for one in (plain, weighted)
    ]
    assert scores[1] == pytest.approx(scores[0] * weight, rel=1e-3)
    assert 0 <= weight <= 1
