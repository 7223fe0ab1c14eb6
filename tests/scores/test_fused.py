"""The compiled way of the SSIM family: against torch, bit for bit in any batch, and its parts against brute force."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch.autograd import forward_ad

from sealproof.scores import bands, family, fused, kernels, ssim
from sealproof.scores.regions import EDGE, region_weights
from sealproof.scores.resize import resize_matrix
from sealproof.scores.ssim import similarities, similarities_and_map, similarity
from sealproof.scores.variants import PRESET_NAMES, VARIANT_NAMES, parse_variant

ALL = {name: parse_variant(name) for name in VARIANT_NAMES}
SIZES = [(7, 7), (8, 13), (14, 15), (17, 60), (31, 29), (55, 56), (64, 64), (61, 130)]


def pairs(height, width, count=3, dtype=torch.float64, seed=0):
    """Images with smooth parts, steps and noise, and altered copies."""
    random = np.random.default_rng([seed, height, width])
    rows, columns = np.mgrid[0:height, 0:width]
    phase = random.uniform(0, 6, (count, 1, 1))
    image = (
        0.5 + 0.3 * np.sin(rows / 5 + columns / 9 + phase) + random.normal(0, 0.05, (count, height, width))
    )
    other = 0.8 * image + 0.1 + random.normal(0, 0.03, image.shape)
    other[:, height // 3 : height // 2] += 0.2
    return tuple(torch.from_numpy(np.clip(part, 0, 1)).to(dtype) for part in (image, other))


@pytest.mark.parametrize(
    ("dtype", "tolerance", "of_map"), [(torch.float64, 1e-12, 1e-12), (torch.float32, 1e-5, 1e-4)]
)
@pytest.mark.parametrize("size", SIZES)
def test_both_ways_agree_in_every_score_and_map(size, dtype, tolerance, of_map):
    x, y = pairs(*size, dtype=dtype)
    for fixed_range in (False, True):
        for map_of in VARIANT_NAMES:
            options = {"fixed_range": fixed_range, "map_of": map_of}
            scores, local = fused.compare(x, y, ALL, **options)
            expected, expected_local = family.compare(torch.stack([x, y]), ALL, **options)
            assert local.dtype == dtype
            np.testing.assert_allclose(local, expected_local, atol=of_map, rtol=0, err_msg=map_of)
            for name in VARIANT_NAMES:
                assert scores[name].dtype == dtype
                np.testing.assert_allclose(scores[name], expected[name], atol=tolerance, rtol=0, err_msg=name)


@pytest.mark.parametrize("name", VARIANT_NAMES)
def test_one_variant_alone_is_the_same_as_among_all(name):
    x, y = pairs(57, 70)
    together, _ = fused.compare(x, y, ALL, fixed_range=False, map_of=None)
    alone, nothing = fused.compare(x, y, {name: ALL[name]}, fixed_range=False, map_of=None)
    assert nothing is None
    assert list(alone) == [name]
    np.testing.assert_array_equal(alone[name], together[name])


@settings(max_examples=30, deadline=None)
@given(
    order=st.permutations(range(7)),
    cut=st.integers(1, 7),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_scores_and_maps_are_the_same_bits_in_any_batch_and_order(order, cut, dtype):
    x, y = pairs(57, 60, count=7, dtype=dtype)
    expected, expected_local = similarities_and_map(x, y, VARIANT_NAMES, "4-ms-ssim")
    found = [
        similarities_and_map(first, second, VARIANT_NAMES, "4-ms-ssim")
        for first, second in zip(x[list(order)].split(cut), y[list(order)].split(cut), strict=True)
    ]
    for name in VARIANT_NAMES:
        assert torch.equal(torch.cat([scores[name] for scores, _ in found]), expected[name][list(order)])
    assert torch.equal(torch.cat([local for _, local in found]), expected_local[list(order)])


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(3, 70),
    width=st.integers(3, 70),
    levels=st.integers(1, 300),
    seed=st.integers(0, 99),
    preset=st.sampled_from(PRESET_NAMES),
)
def test_identical_images_have_similarity_exactly_one_and_the_order_of_a_pair_does_not_matter(
    height, width, levels, seed, preset
):
    random = np.random.default_rng(seed)
    image, other = random.integers(0, levels, (2, 2, height, width)) / max(levels - 1, 1)
    for name, score in similarities(image, image.copy(), VARIANT_NAMES, preset).items():
        assert score.tolist() == [1.0, 1.0], name
    forth, back = (similarities(*pair, VARIANT_NAMES, preset) for pair in ((image, other), (other, image)))
    for name in VARIANT_NAMES:
        assert np.abs(forth[name] - back[name]).max() <= (0 if min(height, width) >= 7 else 1e-12), name


def test_gradients_and_tangents_take_the_differentiable_way_and_everything_else_the_compiled_one(monkeypatch):
    taken = []
    for way in ("_fused", "_in_blocks"):
        monkeypatch.setattr(
            ssim, way, lambda *given, _way=way, **named: taken.append(_way) or ({"ssim": None}, None)
        )
    x, y = pairs(20, 20)
    wanting = x.clone().requires_grad_()
    similarity(x, y, "ssim")
    similarity(wanting, y, "ssim")
    similarity(x, wanting, "ssim")
    with torch.no_grad():
        similarity(wanting, y, "ssim")
    with torch.inference_mode():
        similarity(x, y, "ssim")
    with forward_ad.dual_level():
        similarity(forward_ad.make_dual(x, x), y, "ssim")
    similarity(x[:, :6], y[:, :6], "ssim")
    similarity(x[:0], y[:0], "ssim")
    assert ssim._SMALLEST_FUSED_SIDE == fused.SMALLEST_SIDE
    blocks, compiled = "_in_blocks", "_fused"
    assert taken == [compiled, blocks, blocks, compiled, compiled, blocks, blocks, blocks]


def test_strided_and_read_only_images_are_taken_as_they_are():
    x, y = pairs(40, 44)
    expected = similarity(x, y, "4-ms-ssim")
    turned = x.mT.contiguous().mT
    assert torch.equal(similarity(turned, y.flip(0).flip(0), "4-ms-ssim"), expected)
    before = x.clone()
    assert torch.equal(similarity(x, y, "4-ms-ssim"), expected)
    assert torch.equal(x, before)


def test_what_is_returned_is_not_overwritten_by_the_next_call():
    x, y = pairs(40, 44)
    scores, local = similarities_and_map(x, y, ["ssim"], "ssim")
    copies = scores["ssim"].clone(), local.clone()
    similarities_and_map(y, y, ["ssim"], "ssim")
    assert torch.equal(scores["ssim"], copies[0])
    assert torch.equal(local, copies[1])


def test_threads_do_not_share_memory():
    held = [pairs(64, 64, count=8, seed=seed) for seed in range(4)]
    expected = [similarity(*pair, "4-ms-ssim") for pair in held]
    found: dict[int, list[torch.Tensor]] = {}

    def work(number):
        found[number] = [similarity(*held[number], "4-ms-ssim") for _ in range(5)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(score, expected[number]) for number in range(4) for score in found[number])


def test_memory_of_very_large_images_is_given_back(monkeypatch):
    monkeypatch.setattr(fused, "_LARGEST_KEPT", 100)
    workspace = fused._Workspace()
    first, second = workspace.take(20, 20), workspace.take(20, 20)
    assert first[1] is not second[1]
    small = workspace.take(7, 7)
    assert workspace.take(7, 7)[1] is small[1]


def test_a_scale_without_a_number_is_left_out_of_score_and_map():
    """A range whose square is below the smallest number leaves 0 / 0: at every scale here, so nothing is left."""
    x = torch.zeros(1, 64, 64, dtype=torch.float64)
    x[0, 3, 3] = 1e-170
    y = torch.zeros_like(x)
    scores, local = fused.compare(x, y, ALL, fixed_range=False, map_of="ms-ssim")
    expected, expected_local = family.compare(torch.stack([x, y]), ALL, fixed_range=False, map_of="ms-ssim")
    for name in VARIANT_NAMES:
        np.testing.assert_array_equal(scores[name].isnan(), expected[name].isnan(), err_msg=name)
    assert scores["ssim"].isnan().all()
    assert local.isnan().all()
    assert expected_local.isnan().all()


def test_scales_that_are_not_a_number_leave_the_mean():
    means = np.full((3, 2, 2, 2), np.nan)
    means[0, :, 0, 0] = 0.5, 0.1
    means[1, :, 0, 0] = np.nan, 0.1
    found = fused._combined(means, parse_variant("ms-ssim"), np.array([0.5, 0.25]))
    np.testing.assert_allclose(found, [(0.5 * 0.5 + 0.1 * 0.25) / 0.75, 0.1, np.nan])


@pytest.mark.parametrize("old", range(7, 300))
def test_bands_are_the_whole_matrix(old):
    for new in (old, old // 2, old // 4, old // 8):
        if new >= 7:
            matrix = resize_matrix(old, new)
            first, weights = bands.band(matrix)
            whole = np.zeros_like(matrix)
            for row, (start, part) in enumerate(zip(first, weights, strict=True)):
                whole[row, start : start + len(part)] = part
            np.testing.assert_array_equal(whole, matrix)


def test_a_matrix_too_narrow_for_a_group_of_weights_is_refused():
    with pytest.raises(ValueError, match="3 weights in groups of 4"):
        bands.band(np.ones((2, 3)))


def test_squares_and_magnitudes_find_the_same_edges():
    x, y = pairs(40, 50, count=1)
    edge = kernels.EDGE_SQUARED
    for square in (edge, np.nextafter(edge, 1), np.nextafter(edge, 0)):
        assert (0.25 * np.sqrt(square) > EDGE) == (square > edge)
    planes = np.empty((3, 40, 50))
    for plane, image in zip(planes, (x, y), strict=False):
        kernels.gradient_squares.py_func(image[0].numpy(), 40, 50, plane)
    planes[2] = np.random.default_rng(0).random((40, 50))
    by_squares = kernels.region_mean.py_func(planes[2], planes[0], planes[1], 40, 50, edge)
    for plane in planes[:2]:
        kernels.take_roots.py_func(plane, 40, 50)
    assert kernels.region_mean.py_func(planes[2], planes[0], planes[1], 40, 50, EDGE) == by_squares
    weights = region_weights(torch.from_numpy(planes[:2]))
    assert by_squares == pytest.approx(np.average(planes[2], weights=weights), rel=1e-13)
    sobel = [ndimage.sobel(x[0].numpy(), axis, mode="reflect") / 4 for axis in (0, 1)]
    np.testing.assert_allclose(planes[0], np.hypot(*sobel), atol=1e-14)


def test_an_image_in_the_corner_of_a_larger_plane_is_all_that_is_read():
    random = np.random.default_rng(3)
    wide = np.full((30, 50), np.nan)
    wide[:20, :33] = random.random((20, 33))
    tight = wide[:20, :33].copy()
    assert kernels.extremes.py_func(wide, 20, 33) == (tight.min(), tight.max())


LOAD = "import sys, sealproof.scores.ssim, sealproof.scores.patches; sys.exit('numba' in sys.modules)"


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_those_who_do_not_score_do_not_load_the_compiler():
    assert run(LOAD).returncode == 0


KEEP = """
from sealproof.scores.compiled import kept
def of(version):
    def answer(number):
        return number + version
    return kept(answer)
for version in (10, 20, 10):
    found = of(version)
    print(found(1), sum(found.stats.cache_hits.values()), end=" ")
"""


def test_kept_code_is_used_again_and_not_for_another_version(tmp_path):
    source = tmp_path / "keeps.py"
    source.write_text(KEEP)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    said = [
        subprocess.run(
            [sys.executable, source], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert said == ["11 0 21 0 11 1 ", "11 1 21 1 11 1 "]
    assert any(Path(tmp_path / "kept").rglob("*.nbi"))


def test_where_nothing_may_be_written_code_is_compiled_for_the_process(monkeypatch):
    from sealproof.scores import compiled

    real = compiled.numba.njit

    def refusing(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(compiled.numba, "njit", refusing)
    assert compiled.kept(lambda number: number * 2)(4) == 8


def test_the_number_of_a_source_changes_with_its_text(monkeypatch):
    from sealproof.scores import compiled

    before = compiled.source_number(kernels)
    assert before == compiled.source_number(kernels) != compiled.source_number(kernels, bands)
    monkeypatch.setattr(compiled.inspect, "getsource", lambda _: "another text")
    assert compiled.source_number(kernels) != before
    assert 0 <= before < 1 << 62
