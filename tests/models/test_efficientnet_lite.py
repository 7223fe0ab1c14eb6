from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from sealproof.models.efficientnet_lite import BLOCKS, EfficientNetLite0
from sealproof.models.pretrained import pretrained_network

#: Block -> mean and standard deviation of its output on `image()`, from another implementation of the architecture
#: (package efficientnet-lite-pytorch 0.1.0, with the same weights; all sixteen blocks agreed to the last bit).
GOLDEN = {
    2: (-0.25131473789948283, 11.103315019812891),
    4: (-1.7694901045441522, 6.9185976382526),
    10: (-0.40498175557236776, 3.859371771999121),
    15: (-0.16235550613753924, 1.73168916518377),
}


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    return pretrained_network().requires_grad_(requires_grad=False)


def image(height: int = 224, width: int = 224) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_features_are_those_of_another_implementation(network: EfficientNetLite0) -> None:
    for block, found in zip(GOLDEN, network.features(image(), tuple(GOLDEN)), strict=True):
        assert tuple(found.shape) == (1, BLOCKS[block].after, *[224 // BLOCKS[block].reduction] * 2)
        assert (float(found.double().mean()), float(found.double().std())) == pytest.approx(
            GOLDEN[block], 1e-4
        )


def test_class_scores_are_those_of_another_implementation(network: EfficientNetLite0) -> None:
    scores = network(image()).double()
    assert (float(scores.mean()), float(scores.std())) == pytest.approx((-0.07529835800, 1.45062745417), 1e-4)
    assert int(scores.argmax()) == 21


def test_it_has_the_published_number_of_weights(network: EfficientNetLite0) -> None:
    assert sum(weight.numel() for weight in network.parameters()) == 4_652_008


def test_folding_keeps_the_function(network: EfficientNetLite0) -> None:
    folded = network.fold(11)
    assert not any("_bn" in name for name in folded.state_dict())
    for before, after in zip(
        network.features(image(64, 96), (2, 4, 10)), folded.features(image(64, 96), (2, 4, 10)), strict=True
    ):
        assert float((before - after).abs().max() / before.abs().max()) < 1e-5


@pytest.mark.parametrize("side", [31, 32, 33, 65])
def test_odd_sides_are_padded_as_the_weights_were_trained(network: EfficientNetLite0, side: int) -> None:
    # TensorFlow's SAME: ceil(side / 2) outputs, the smaller part of the padding above and left
    given = image(side, side)
    total = max((-(-side // 2) - 1) * 2 + 3 - side, 0)
    padded = functional.pad(given, (total // 2, total - total // 2) * 2)
    stem = functional.conv2d(padded, network.state_dict()["_conv_stem.weight"], stride=2)
    assert stem.shape[-1] == -(-side // 2)
    first = EfficientNetLite0(1).eval()
    first.load_state_dict({k: v for k, v in network.state_dict().items() if k in first.state_dict()})
    state = network.state_dict()
    normalised = functional.batch_norm(
        stem, *(state[f"_bn0.{name}"] for name in ("running_mean", "running_var", "weight", "bias")), eps=1e-3
    )
    assert torch.equal(first.features(given, (0,))[0], first._blocks[0](functional.relu6(normalised)))


def test_depths_that_do_not_exist_are_refused(network: EfficientNetLite0) -> None:
    for depth in (0, 17):
        with pytest.raises(ValueError, match="depth of 1 to 16"):
            EfficientNetLite0(depth)
    with pytest.raises(ValueError, match="cannot be folded"):
        network.fold(5).fold(5)
    with pytest.raises(ValueError, match="cannot be folded"):
        EfficientNetLite0(2).fold(3)
