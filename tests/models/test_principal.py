import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.autoencoder import REST, AttentionAutoencoder
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.principal import PrincipalPath
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import load_detector, save_detector

SMALL = {"filters": (2, 2, 4, 4), "latent": 4, "epochs": 2, "batch_size": 8, "dropout": 0.0}


def test_the_path_is_that_of_the_reference():
    points = np.random.default_rng(1).normal(size=(40, 48)) * np.linspace(1, 3, 48)
    path = PrincipalPath(48, 5)
    path.learn(torch.from_numpy(points))
    reference = PCA(5).fit(points)
    expected = reference.inverse_transform(reference.transform(points)).reshape(40, 1, 6, 8)
    found = path(torch.from_numpy(points.astype(np.float32)).reshape(40, 1, 6, 8))
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-5)
    products = (path.components @ path.components.T).numpy()
    np.testing.assert_allclose(products, np.eye(5), atol=1e-6)


def test_few_patches_give_few_components():
    path = PrincipalPath(16, 64)
    path.learn(torch.rand(11, 16, generator=torch.Generator().manual_seed(2)))
    assert tuple(path.components.shape) == (2, 16)
    path.learn(torch.rand(3, 16, generator=torch.Generator().manual_seed(2)))
    made = path(torch.rand(2, 1, 4, 4))
    assert made.dtype == torch.float32
    assert torch.equal(made, path.mean.float().reshape(1, 1, 4, 4).expand(2, -1, -1, -1))


@pytest.mark.parametrize("together", [1, 7, 16])
def test_rounding_does_not_depend_on_who_is_in_the_batch(together):
    points = torch.rand(300, 4096, generator=torch.Generator().manual_seed(3))
    path = PrincipalPath(4096, 64)
    path.learn(points)
    given = points[:48].reshape(48, 1, 64, 64)
    parts = torch.cat([path(given[at : at + together]) for at in range(0, 48, together)])
    # the last bit of single precision at most: a sum in single precision is off by four times as much
    assert (parts - path(given)).abs().max() <= 6e-8


@pytest.fixture(scope="module")
def fitted():
    patches = np.random.default_rng(5).integers(0, 65536, (30, 16, 16), dtype=np.uint16)
    rows = np.arange(30)
    sets = [PatchSet(patches, part, np.zeros(len(part), np.int64)) for part in (rows[:24], rows[24:])]
    settings = TrainSettings(**SMALL, principal_components=64)
    return AttentionAutoencoderDetector.fit(TrainingData(*sets), settings, seed=3, device="cpu", threads=1)


def test_the_layers_add_a_bounded_rest_to_the_path(fitted):
    network, given = fitted.detector.network, torch.rand(4, 1, 16, 16)
    assert fitted.facts["principal_components"] == 6
    with torch.no_grad():
        rest = network(given) - network.principal(given).clamp(0, 1)
    assert rest.abs().max() <= REST / 2
    assert rest.abs().max() > 0


def test_a_stored_detector_reconstructs_bit_for_bit(fitted, tmp_path):
    save_detector(fitted.detector, tmp_path, {})
    given = torch.rand(3, 1, 16, 16)
    assert torch.equal(load_detector(tmp_path).reconstruct(given), fitted.detector.reconstruct(given))


def test_without_the_path_nothing_changes():
    torch.manual_seed(1)
    plain = AttentionAutoencoder(16, 16, TrainSettings(**SMALL)).eval()
    assert plain.principal is None
    assert not [name for name in plain.state_dict() if name.startswith("principal")]
