from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.backbone_settings import BackboneSettings, PadimSettings
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.padim import Padim
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreSettings


def made(patches: np.ndarray, rows: int = 24, positions: int = 1, **padim: object) -> Padim:
    settings = TrainSettings(
        detector="padim",
        backbone=BackboneSettings(side=64, blocks=(2, 4)),
        padim=PadimSettings.model_validate({"features": 12, **padim}),
    )
    numbers = np.arange(rows)
    normals = PatchSet(patches, numbers, numbers % positions)
    fitted = Padim.fit(TrainingData(normals, normals), settings, seed=5, device="cpu", threads=1)
    assert isinstance(fitted.detector, Padim)
    return fitted.detector


def cells(detector: Padim, patches: np.ndarray) -> np.ndarray:
    given = torch.from_numpy(patches.astype(np.float32) / 65535)[:, None]
    with torch.no_grad():
        found = torch.stack(list(detector.cells(given)))
    return found[:, :, detector.selected].double().numpy()


@pytest.mark.parametrize(("regularisation", "shrinkage"), [(0.01, 0.0), (0.0, 0.2), (0.5, 0.05)])
def test_distances_are_mahalanobis_distances(
    patches: np.ndarray, regularisation: float, shrinkage: float
) -> None:
    detector = made(patches, regularisation=regularisation, shrinkage=shrinkage)
    normal, new = cells(detector, patches[:24]), cells(detector, patches[30:31])
    found = detector.distances(next(iter(detector.cells(_tensor(patches[30:31])))), 0)
    for cell in range(0, normal.shape[1], 3):
        covariance = np.cov(normal[:, cell].T)
        scaled = shrinkage * np.trace(covariance) / 12 * np.eye(12)
        covariance = (1 - shrinkage) * covariance + scaled + regularisation * np.eye(12)
        wanted = mahalanobis(new[0, cell], normal[:, cell].mean(0), np.linalg.inv(covariance))
        assert float(found[cell]) == pytest.approx(wanted, rel=2e-4)


def _tensor(patches: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(patches.astype(np.float32) / 65535)[:, None]


def test_each_position_has_gaussians_of_its_own(patches: np.ndarray) -> None:
    both = made(patches, positions=2)
    assert both.mean.shape[0] == both.whitening.shape[0] == 2
    normal = cells(both, patches[:24])
    for position in (0, 1):
        assert both.mean[position].numpy() == pytest.approx(normal[position::2].mean(0), rel=1e-4, abs=1e-4)
    found = [
        both.examine(_tensor(patches[30:31]), np.array([position]), ScoreSettings()).scores["padim"]
        for position in (0, 1)
    ]
    assert not torch.equal(*found)


def test_a_region_without_normals_is_refused(patches: np.ndarray) -> None:
    with pytest.raises(DataError, match="nothing to compare region 1 with"):
        made(patches).examine(_tensor(patches[:1]), np.array([1]), ScoreSettings())


def test_features_are_drawn_once_each_or_all_taken(patches: np.ndarray) -> None:
    drawn = made(patches).selected.tolist()
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 12
    assert made(patches, reduction="all").selected.tolist() == list(range(64))


def test_more_features_than_there_are_cannot_be_drawn(patches: np.ndarray) -> None:
    with pytest.raises(DefinitionError, match="65 features cannot be drawn") as caught:
        made(patches, features=65)
    assert "64 features together" in caught.value.why


def test_a_singular_covariance_is_refused(patches: np.ndarray) -> None:
    with pytest.raises(DefinitionError, match="covariances are singular"):
        made(np.repeat(patches[:1], 6, axis=0), rows=6, regularisation=0.0)
