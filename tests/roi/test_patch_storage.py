import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.roi.storage import VALUE_SCALE, PatchWriter


@given(counts=st.lists(st.integers(0, 30), max_size=6))
def test_what_is_appended_is_what_numpy_reads(counts, tmp_path_factory):
    path = tmp_path_factory.mktemp("patches") / "patches.npy"
    random = np.random.default_rng(1)
    parts = [random.random((count, 16, 32), dtype=np.float32) for count in counts]
    with PatchWriter(path, 16, 32) as writer:
        for part in parts:
            writer.append(part)
    stored = np.load(path, mmap_mode="r", allow_pickle=False)
    expected = np.concatenate([np.empty((0, 16, 32), np.float32), *parts])
    assert stored.dtype == np.uint16
    assert stored.shape == expected.shape
    np.testing.assert_allclose(stored / VALUE_SCALE, expected, atol=0.5 / VALUE_SCALE + 1e-9)


def test_8_bit_values_survive_exactly(tmp_path):
    values = (np.arange(256, dtype=np.float32) / np.float32(255)).reshape(1, 16, 16)
    with PatchWriter(tmp_path / "p.npy", 16, 16) as writer:
        writer.append(values)
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy").ravel(), np.arange(256) * 257)


@pytest.mark.parametrize(
    "wrong", [np.full((1, 16, 16), np.nan, np.float32), np.full((1, 16, 16), 1.01, np.float32)]
)
def test_values_out_of_range_and_other_sizes_are_refused(wrong, tmp_path):
    with PatchWriter(tmp_path / "p.npy", 16, 16) as writer:
        with pytest.raises(ValueError, match=r"\[0, 1\]"):
            writer.append(wrong)
        with pytest.raises(ValueError, match="patches are"):
            writer.append(np.zeros((1, 16, 17), np.float32))
    assert np.load(tmp_path / "p.npy").shape == (0, 16, 16)
