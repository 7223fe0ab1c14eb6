from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import batch_norm, conv2d, relu

from sealproof.evidence.errors import DefinitionError
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.settings import TrainSettings

SMALL = {"filters": (4, 6, 8, 10), "latent": 5}


def build(height: int = 32, width: int = 48, **changes: object) -> AttentionAutoencoder:
    torch.manual_seed(0)
    return AttentionAutoencoder(height, width, TrainSettings(**{**SMALL, **changes})).eval()


@pytest.mark.parametrize("bottleneck", ["dense", "convolutional"])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (32, 80), (112, 16)])
def test_a_patch_comes_back_in_its_own_size_and_range(bottleneck: str, height: int, width: int) -> None:
    model = build(height, width, bottleneck=bottleneck)
    with torch.no_grad():
        made = model(torch.rand(3, 1, height, width))
    assert made.shape == (3, 1, height, width)
    assert 0 <= made.min() < made.max() <= 1


@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_features_are_the_flattened_output_of_that_layer(layer: int) -> None:
    model = build()
    with torch.no_grad():
        features = model.features(torch.rand(2, 1, 32, 48), layer)
    side = 2**layer
    assert features.shape == (2, SMALL["filters"][layer - 1] * (32 // side) * (48 // side))


def test_features_of_the_first_layer_agree_with_its_definition() -> None:
    model = build()
    patches = torch.rand(2, 1, 32, 48)
    convolution, norm = model.encoder[0][0], model.encoder[0][1]
    with torch.no_grad():
        expected = relu(
            batch_norm(
                conv2d(patches, convolution.weight, convolution.bias, stride=2, padding=1),
                norm.running_mean,
                norm.running_var,
                norm.weight,
                norm.bias,
            )
        )
        assert torch.equal(model.features(patches, 1), expected.flatten(1))


@pytest.mark.parametrize("layer", [0, 5, -1])
def test_a_layer_that_does_not_exist_is_refused(layer: int) -> None:
    with pytest.raises(DefinitionError, match=f"no encoder layer {layer}"):
        build().features(torch.zeros(1, 1, 32, 48), layer)


@pytest.mark.parametrize(("height", "width"), [(20, 32), (32, 40), (0, 16), (8, 16)])
def test_a_size_that_four_layers_cannot_halve_is_refused(height: int, width: int) -> None:
    with pytest.raises(DefinitionError, match=f"{height} x {width}"):
        build(height, width)


@pytest.mark.parametrize("filters", [(4, 6, 8), (4, 4, 4, 6, 8), (4, 4, 4, 4, 6, 8)])
@pytest.mark.parametrize("bottleneck", ["dense", "convolutional"])
def test_other_numbers_of_layers_halve_so_many_times(filters: tuple[int, ...], bottleneck: str) -> None:
    side = 2 ** len(filters)
    model = build(side, 2 * side, filters=filters, bottleneck=bottleneck)
    patches = torch.rand(2, 1, side, 2 * side)
    with torch.no_grad():
        assert model(patches).shape == patches.shape
        assert model.features(patches, len(filters)).shape == (2, 8 * 2)
        outputs = model.outputs(patches)
        assert torch.equal(outputs[0].flatten(1), model.code(patches))
        assert all(
            torch.equal(outputs[layer].flatten(1), model.features(patches, layer))
            for layer in range(1, len(filters) + 1)
        )
    with pytest.raises(DefinitionError) as caught:
        build(side, side + side // 2, filters=filters)
    assert caught.value.why == f"{len(filters)} layers of stride 2 need multiples of {side}"


@pytest.mark.parametrize("shape", [(1, 1, 48, 32), (1, 3, 32, 48), (1, 32, 48)])
def test_patches_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DefinitionError, match="do not fit"):
        build()(torch.zeros(shape))


def test_the_number_of_weights_follows_from_the_architecture() -> None:
    filters, latent, cells = SMALL["filters"], SMALL["latent"], 2 * 3
    upwards = [*filters[::-1], 1]
    convolutions = sum(9 * a * b + b for a, b in itertools.pairwise([1, *filters]))
    transposed = sum(9 * a * b + b for a, b in itertools.pairwise(upwards))
    norms = 2 * (sum(filters) + sum(upwards[1:-1]))
    dense = filters[-1] * cells * latent + latent + latent * filters[-1] * cells + filters[-1] * cells
    assert sum(weight.numel() for weight in build().parameters()) == convolutions + transposed + norms + dense


def test_initial_weights_have_the_spread_of_he_et_al() -> None:
    torch.manual_seed(1)
    model = AttentionAutoencoder(64, 64, TrainSettings(filters=(32, 64, 96, 128)))
    weight = model.encoder[2][0].weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)
    assert not model.encoder[2][0].bias.any()


@settings(max_examples=15, deadline=None)
@given(size=st.integers(1, 7), seed=st.integers(0, 100))
def test_in_evaluation_a_patch_does_not_depend_on_its_batch(size: int, seed: int) -> None:
    model = build()
    patches = torch.rand(8, 1, 32, 48, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        whole = model(patches)
        pieces = torch.cat([model(part) for part in patches.split(size)])
        turned = model(patches.flip(0)).flip(0)
    assert torch.allclose(whole, pieces, rtol=0, atol=1e-6)
    assert torch.allclose(whole, turned, rtol=0, atol=1e-6)


def test_dropout_works_in_training_alone() -> None:
    model, patches = build(dropout=0.5), torch.rand(4, 1, 32, 48)
    with torch.no_grad():
        assert torch.equal(model(patches), model(patches))
        model.train()
        assert not torch.equal(model(patches), model(patches))


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.5])
def test_levelled_brightness_makes_the_reconstruction_as_bright_as_the_patch(factor: float) -> None:
    model = build(brightness="levelled")
    patches = 0.2 + 0.3 * torch.rand(3, 1, 32, 48)
    with torch.no_grad():
        assert torch.allclose(model(patches * factor), model(patches) * factor, atol=1e-5)
        assert torch.allclose(model.features(patches * factor, 2), model.features(patches, 2), atol=1e-4)
        assert not torch.allclose(build()(patches * factor), build()(patches) * factor, atol=1e-2)


@pytest.mark.parametrize("level", [0.0, 0.001, 1.0])
def test_levelled_brightness_bears_black_and_white_patches(level: float) -> None:
    with torch.no_grad():
        made = build(brightness="levelled")(torch.full((1, 1, 32, 48), level))
    assert torch.isfinite(made).all()
    assert 0 <= made.min() <= made.max() <= 1
