import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sealproof.scores.pooling import mean_pooling, peak, smoothed, upper_fraction


@pytest.fixture(scope="module")
def maps():
    return torch.from_numpy(np.random.default_rng(2).random((5, 23, 31)))


@pytest.mark.parametrize("fraction", [0.0001, 0.02, 0.1, 0.5, 1.0])
def test_upper_fraction_against_numpy(maps, fraction):
    count = int(np.ceil(fraction * 23 * 31))
    expected = np.sort(maps.numpy().reshape(5, -1), axis=1)[:, -count:].mean(axis=1)
    np.testing.assert_allclose(upper_fraction(maps, fraction), expected, rtol=1e-13)


def test_the_whole_is_the_mean_and_counts_are_not_spoiled_by_rounding(maps):
    np.testing.assert_allclose(upper_fraction(maps, 1.0), mean_pooling(maps), rtol=1e-13)
    np.testing.assert_allclose(mean_pooling(maps), maps.numpy().mean(axis=(1, 2)), rtol=1e-13)
    ten = torch.arange(10.0, dtype=torch.float64).reshape(1, 1, 10)
    assert upper_fraction(ten, 0.1 + 0.2) == 8  # 0.1 + 0.2 is a little more than 0.3: three pixels, not four


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7, 2.0, 6.0, 20.0])
def test_peak_against_scipy(maps, smoothing):
    """20 pixels: the kernel is wider than the image, which is mirrored more than once."""
    expected = np.stack([gaussian_filter(each, smoothing, mode="reflect") for each in maps.numpy()])
    np.testing.assert_allclose(smoothed(maps, smoothing), expected, rtol=1e-10)
    np.testing.assert_allclose(peak(maps, smoothing), expected.max(axis=(1, 2)), rtol=1e-10)


def poolings(maps):
    return torch.stack([mean_pooling(maps), upper_fraction(maps, 0.05), peak(maps, 1.5)])


def test_float32_stays_float32_and_is_close(maps):
    found = poolings(maps.float())
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, poolings(maps), rtol=1e-5)


def test_a_map_does_not_depend_on_the_others(maps):
    order = torch.tensor([3, 0, 4, 2, 1])
    np.testing.assert_allclose(poolings(maps[order]), poolings(maps)[:, order], rtol=1e-13)
    np.testing.assert_allclose(poolings(maps[1:2]), poolings(maps)[:, 1:2], rtol=1e-13)
    assert poolings(maps[:0]).shape == (3, 0)


def test_gradients_agree_with_differences():
    small = torch.from_numpy(
        np.random.default_rng(3).permutation(60).reshape(2, 5, 6) / 60.0
    ).requires_grad_()
    assert torch.autograd.gradcheck(poolings, (small,))


@given(row=st.integers(0, 22), column=st.integers(0, 30), more=st.floats(0, 5))
def test_more_anomaly_never_lowers_a_score(row, column, more):
    local = torch.from_numpy(np.random.default_rng(4).random((1, 23, 31)))
    worse = local.clone()
    worse[0, row, column] += more
    assert (poolings(worse) >= poolings(local) - 1e-12).all()


def test_nan_is_not_hidden(maps):
    spoiled = maps.clone()
    spoiled[0, 5, 5] = float("nan")
    assert poolings(spoiled)[:, 0].isnan().all()
    assert poolings(spoiled)[:, 1:].isfinite().all()


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_an_impossible_fraction_is_refused(maps, fraction):
    with pytest.raises(ValueError, match="fraction"):
        upper_fraction(maps, fraction)


@pytest.mark.parametrize("smoothing", [-1.0, float("inf"), float("nan")])
def test_an_impossible_smoothing_is_refused(maps, smoothing):
    with pytest.raises(ValueError, match="smoothing"):
        peak(maps, smoothing)


@pytest.mark.parametrize(
    "wrong", [torch.ones(3, 3), torch.ones(1, 0, 3), torch.ones(1, 3, 3, dtype=torch.int32)]
)
def test_what_is_no_map_is_refused(wrong):
    for pooling in (mean_pooling, lambda each: upper_fraction(each, 0.5), lambda each: peak(each, 1.0)):
        with pytest.raises(ValueError, match="maps must be"):
            pooling(wrong)
