from __future__ import annotations

import pytest
import torch
from torch import nn

from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.conditional_autoencoder import ConditionalAutoencoder
from sealproof.models.inference_form import inference_form
from sealproof.models.settings import TrainSettings


def lived_in(network: nn.Module) -> nn.Module:
    """The network with weights and running statistics as a training leaves them: none at its initial value."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            shape = module.running_mean.shape
            module.running_mean.copy_(torch.randn(shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(shape, generator=generator))
            module.weight.data.copy_(0.5 + torch.rand(shape, generator=generator))
            module.bias.data.copy_(torch.randn(shape, generator=generator))
    return network.eval()


def autoencoder(small: TrainSettings, **changes: object) -> nn.Module:
    network = AttentionAutoencoder(32, 48, small.model_copy(update=changes))
    network.learn_principal_path(torch.rand(40, 1, 32, 48, generator=torch.Generator().manual_seed(4)))
    return lived_in(network)


@pytest.mark.parametrize(
    "changes", [{}, {"bottleneck": "convolutional"}, {"principal_components": 5, "brightness": "levelled"}]
)
def test_it_is_the_same_function_up_to_rounding(small: TrainSettings, changes: dict[str, object]) -> None:
    network = autoencoder(small, **changes)
    given = torch.rand(3, 1, 32, 48, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        exact = network.double()(given.double())
        assert (inference_form(network)(given) - exact).abs().max() < 2e-6
        assert exact.std() > 0.01


def test_a_conditional_autoencoder_has_one_too(small: TrainSettings) -> None:
    network = lived_in(ConditionalAutoencoder(32, 48, small))
    given = torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(6))
    with torch.inference_mode():
        assert (inference_form(network)(given) - network(given)).abs().max() < 1e-5


def test_nothing_is_left_to_normalise_and_all_is_single(small: TrainSettings) -> None:
    form = inference_form(autoencoder(small, principal_components=5))
    assert not [module for module in form.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {value.dtype for value in form.state_dict().values()} == {torch.float32}


def test_the_network_stays_as_it_is(small: TrainSettings) -> None:
    network = autoencoder(small, principal_components=5)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    inference_form(network)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(value.dtype == after[name].dtype for name, value in before.items())


def test_a_network_in_training_is_refused(small: TrainSettings) -> None:
    with pytest.raises(ValueError, match="training mode"):
        inference_form(AttentionAutoencoder(32, 48, small).train())
