import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.scores import ssim
from sealproof.scores.family import combine
from sealproof.scores.ssim import similarities, similarities_and_map, similarity
from sealproof.scores.variants import PRESET_NAMES, VARIANT_NAMES, parse_variant

GENERATOR = torch.Generator()


def rand(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=GENERATOR.manual_seed(seed), dtype=dtype)


@pytest.fixture
def pair():
    image = rand(5, 60, 64)
    return image, (0.9 * image + 0.1 * rand(5, 60, 64, seed=1)).clamp(0, 1)


@pytest.mark.parametrize("preset", PRESET_NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_identical_images_have_similarity_one(preset, dtype):
    image = torch.cat([rand(3, 60, 64, dtype=dtype), torch.full((1, 60, 64), 0.4, dtype=dtype)])
    for name, score in similarities(image, image, VARIANT_NAMES, preset).items():
        assert score.dtype == dtype
        np.testing.assert_allclose(score, 1, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_symmetric_and_at_most_one(pair, preset):
    forth, back = similarities(*pair, VARIANT_NAMES, preset), similarities(*pair[::-1], VARIANT_NAMES, preset)
    for name in VARIANT_NAMES:
        np.testing.assert_allclose(forth[name], back[name], rtol=1e-12)
        assert (forth[name] < 1).all()


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(5)), cut=st.integers(1, 4), block=st.sampled_from([1, 4000, 1 << 20]))
def test_differentiable_scores_do_not_depend_on_batch_size_or_order(order, cut, block):
    """But for the last bits; those without gradients do not at all, see `test_fused`."""
    image = rand(5, 24, 30).requires_grad_()
    other = (image + 0.1 * rand(5, 24, 30, seed=2)).clamp(0, 1)
    expected = similarity(image, other, "4-ms-ssim")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssim, "_BLOCK", block)
        parts = [image[list(order)].split(cut), other[list(order)].split(cut)]
        found = torch.cat([similarity(x, y, "4-ms-ssim") for x, y in zip(*parts, strict=True)])
    np.testing.assert_allclose(found.detach(), expected[list(order)].detach(), rtol=1e-13)


@pytest.mark.parametrize("preset", PRESET_NAMES)
@pytest.mark.parametrize("name", VARIANT_NAMES)
def test_gradients_agree_with_differences(name, preset):
    image = rand(2, 15, 17, seed=3).requires_grad_()
    other = rand(2, 15, 17, seed=4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, y: similarity(x, y, name, preset=preset, return_map=True), (image, other), fast_mode=True
    )
    score = similarity(image, other, name, preset=preset)
    for gradient in torch.autograd.grad(score.sum(), (image, other)):  # the check is not of zeros
        assert (gradient.abs() > 1e-9).double().mean() > 0.9


def test_gradients_are_finite_for_flat_and_identical_images():
    flat = torch.full((1, 20, 20), 0.5, dtype=torch.float64, requires_grad=True)
    for name in VARIANT_NAMES:
        (gradient,) = torch.autograd.grad(similarity(flat, flat.detach() * 0.9, name).sum(), flat)
        assert gradient.isfinite().all(), name


def test_differentiable_scores_of_identical_images_are_one_and_at_their_top():
    image = rand(2, 60, 64).requires_grad_()
    for name, score in similarities(image, image.detach(), VARIANT_NAMES).items():
        np.testing.assert_allclose(score.detach(), 1, rtol=0, atol=1e-12, err_msg=name)
        (gradient,) = torch.autograd.grad(score.sum(), image, retain_graph=True)
        np.testing.assert_allclose(gradient, 0, atol=1e-10, err_msg=name)


def test_a_first_call_in_inference_mode_does_not_spoil_a_later_gradient():
    image = rand(1, 70, 76)
    with torch.inference_mode():
        similarity(image, image, "ms-ssim")
    image.requires_grad_()
    similarity(image, image.detach() * 0.5, "ms-ssim").sum().backward()
    assert image.grad.isfinite().all()


def test_fixed_range_does_not_depend_on_the_brightest_pixel_of_the_pair():
    image, other = 0.2 * rand(1, 50, 50), 0.2 * rand(1, 50, 50, seed=1)
    bright = [part.clone() for part in (image, other)]
    for part in bright:
        part[0, 0, 0] = 1.0
    far = np.s_[0, 10:, 10:]
    fixed = [
        similarity(*p, "ssim", preset="fixed-range", return_map=True)[1] for p in ((image, other), bright)
    ]
    published = [similarity(*p, "ssim", return_map=True)[1] for p in ((image, other), bright)]
    np.testing.assert_allclose(fixed[0][far], fixed[1][far], atol=1e-12)
    assert (published[0][far] - published[1][far]).abs().max() > 0.1


def test_presets_agree_where_the_range_is_one(pair):
    image, other = (part.clone() for part in pair)
    for part in (image, other):
        part[:, 0, 0], part[:, 0, 1] = 0.0, 1.0
    first, second = (similarity(image, other, "ssim", preset=preset) for preset in PRESET_NAMES)
    np.testing.assert_allclose(first, second, rtol=1e-12)


def test_float32_keeps_the_variance_of_faint_structure_on_a_bright_ground():
    """Without centring, products near 1 drown a contrast of 2 %: the error would be some percent."""
    image = 0.95 + 0.02 * rand(2, 64, 64)
    other = 0.95 + 0.02 * rand(2, 64, 64, seed=1)
    exact = similarity(image, other, "ssim")
    np.testing.assert_allclose(similarity(image.float(), other.float(), "ssim"), exact, atol=1e-4)


def test_the_map_is_local_similarity_and_its_mean_the_score(pair):
    image, other = pair
    score, local = similarity(image, other, "ssim", return_map=True)
    np.testing.assert_allclose(local[:, 3:-3, 3:-3].mean(dim=(1, 2)), score, rtol=1e-12)
    spoiled = image.clone()
    spoiled[0, 20:30, 20:30] = 0
    for name in VARIANT_NAMES:
        _, local = similarity(image, spoiled, name, return_map=True)
        assert local.shape == image.shape
        assert local[0, 22:28, 22:28].mean() < 0.5 < local[0, 45:, 45:].mean()
        np.testing.assert_allclose(local[1:], 1, atol=1e-9)


def test_several_variants_at_once_are_the_single_ones(pair):
    together, local = similarities_and_map(*pair, VARIANT_NAMES, "4-ms-ssim")
    for name in VARIANT_NAMES:
        alone, map_alone = similarity(*pair, name, return_map=True)
        np.testing.assert_array_equal(together[name], alone)
        if name == "4-ms-ssim":
            np.testing.assert_array_equal(local, map_alone)
    with pytest.raises(ValueError, match="not among"):
        similarities_and_map(*pair, ["ssim"], "ms-ssim")


def test_a_scale_that_is_nan_is_left_out():
    scores = torch.tensor([[0.5, float("nan"), float("nan")], [0.1, 0.1, float("nan")]])
    found = combine(scores, [0.5, 0.25])
    np.testing.assert_allclose(found[:2], [(0.5 * 0.5 + 0.1 * 0.25) / 0.75, 0.1])
    assert found[2].isnan()


def test_arrays_give_arrays_and_tensors_tensors(pair):
    image, other = pair
    arrays = similarity(image.numpy(), other.numpy(), "4-ssim", return_map=True)
    assert all(isinstance(part, np.ndarray) for part in arrays)
    np.testing.assert_array_equal(arrays[0], similarity(image, other, "4-ssim"))
    mirrored = similarity(image.numpy()[:, :, ::-1], other.numpy()[:, :, ::-1], "ssim")  # negative strides
    np.testing.assert_allclose(mirrored, similarity(image, other, "ssim"), rtol=1e-12)
    assert isinstance(similarity(image.numpy(), other, "ssim"), torch.Tensor)


def test_no_images_give_no_scores():
    assert similarity(rand(0, 20, 20), rand(0, 20, 20), "4-ms-ssim").shape == (0,)


IMAGE = rand(2, 12, 12)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (IMAGE * float("nan"), "nan"),
        (IMAGE + 0.5, r"\[0, 1\]"),
        (IMAGE - 0.5, r"\[0, 1\]"),
        (torch.where(IMAGE > 0.99, float("inf"), IMAGE) * 1.0 + (IMAGE.max() == IMAGE) * 9, r"\[0, 1\]"),
        ((IMAGE * 255).to(torch.uint8), "uint8"),
        (IMAGE.half(), "float16"),
        (IMAGE[0], r"three axes .* \(12, 12\)"),
        (IMAGE[:, None], "three axes"),
        (IMAGE[:1], "1 images"),
        (IMAGE.tolist(), "list"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(wrong, reason):
    if not reason.startswith("1 images"):
        with pytest.raises(ValueError, match=reason):
            similarity(IMAGE, wrong, "ssim")
    with pytest.raises(ValueError, match=reason):
        similarity(wrong, IMAGE, "ssim")


def test_unknown_names_are_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match="4-ms-g-ssim"):
        similarity(IMAGE, IMAGE, "5-ssim")
    with pytest.raises(ValueError, match="fixed-range"):
        similarity(IMAGE, IMAGE, "ssim", preset="best")


def test_names_say_what_a_variant_does():
    parsed = {name: parse_variant(name) for name in VARIANT_NAMES}
    assert len(set(parsed.values())) == 8
    assert (parsed["4-ms-g-ssim"].weighted, parsed["ssim"].weighted) == (True, False)


@pytest.mark.parametrize("device", ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
def test_every_device_gives_the_same_scores(pair, device):
    moved = [part.to(device) for part in pair]
    for name in VARIANT_NAMES:
        score, local = similarity(*moved, name, return_map=True)
        assert score.device.type == local.device.type == device
        np.testing.assert_allclose(score.cpu(), similarity(*pair, name), atol=1e-10)
