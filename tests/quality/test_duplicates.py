from pathlib import Path

import cv2
import elpv_dataset
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.quality.conftest import limited, picture

from sealproof.quality import duplicates
from sealproof.quality.duplicates import Correlation, close_hashes, near_pairs


def jpeg(image, quality):
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def test_different_images_give_no_finding(sound):
    for check in ("same_file", "same_pixels", "within_split", "contradicting", "near"):
        assert getattr(duplicates, check)(sound[0]) == []


def test_one_file_in_two_splits_is_an_error(folder):
    folder.fill()
    folder.add("again.png", "test", 0, image=picture(1000))
    data = folder.examine()
    (found,) = duplicates.same_file(data)
    assert found.severity == "error"
    assert found.where == ("again (test) = train/000 (train)",)
    assert duplicates.same_pixels(data) == duplicates.within_split(data) == duplicates.near(data) == []


def test_the_same_picture_as_another_file_is_an_error_across_splits(folder):
    folder.fill()
    folder.add("again.tiff", "calibration", image=picture(1000))
    data = folder.examine()
    (found,) = duplicates.same_pixels(data)
    assert found.severity == "error"
    assert found.where == ("again (calibration) = train/000 (train)",)
    assert duplicates.same_file(data) == duplicates.near(data) == []


def test_a_picture_twice_in_one_split_is_a_warning(folder):
    folder.fill()
    folder.add("again.bmp", "train", image=picture(1000))
    data = folder.examine()
    (found,) = duplicates.within_split(data)
    assert found.severity == "warning"
    assert found.where == ("again (train) = train/000 (train)",)
    assert duplicates.same_file(data) == duplicates.same_pixels(data) == []


def test_what_is_not_used_does_not_leak(folder):
    folder.fill()
    folder.add("unused.png", "unused", 0, image=picture(1000))
    folder.add("left.png", "unused", 0, image=picture(1001), excluded_reason="doubtful")
    data = folder.examine()
    assert duplicates.same_file(data) == duplicates.within_split(data) == duplicates.contradicting(data) == []


def test_one_picture_with_two_labels_is_an_error(folder):
    folder.fill()
    folder.add("again.bmp", "unused", 1, image=picture(1000))
    (found,) = duplicates.contradicting(folder.examine())
    assert found.severity == "error"
    assert found.where == ("again (1) = train/000 (0)",)


def test_sealed_labels_are_not_compared(folder):
    folder.fill()
    folder.add("again.png", "test", 1, image=picture(1000))
    assert duplicates.contradicting(folder.examine()) == []


@pytest.fixture(scope="module")
def cells():
    """150 real monocrystalline cells, which look much alike."""
    data = Path(elpv_dataset.__file__).parent / "data"
    rows = [line.split() for line in (data / "labels.csv").read_text().splitlines()]
    names = [name for name, _, kind in rows if kind == "mono"][:150]
    return [cv2.imread(str(data / name), cv2.IMREAD_GRAYSCALE) for name in names]


def copies(image):
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(1).normal(0, 5, image.shape)
    yield "re-encoded", jpeg(image, 50)
    yield "scaled", cv2.resize(half, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    yield "noisy", np.clip(image + noise, 0, 255).astype(np.uint8)
    yield "brighter", np.clip(image * 1.1, 0, 255).astype(np.uint8)


def test_copies_of_real_images_are_found_and_nothing_else(folder, cells):
    for number, cell in enumerate(cells):
        folder.add(f"cell{number:03d}.png", "train", image=cell)
    expected = set()
    for number in range(0, 150, 30):
        for kind, copy in copies(cells[number]):
            name = f"copy{number:03d}-{kind}"
            folder.add(f"{name}.png" if isinstance(copy, np.ndarray) else f"{name}.jpg", "test", 0, copy)
            expected.add((f"cell{number:03d}", name))
    data = folder.examine(same_mode=False)
    pairs = near_pairs(data)
    assert set(zip(pairs["first"], pairs["second"], strict=True)) == expected
    (found,) = duplicates.near(data)
    assert found.severity == "warning"
    assert len(found.where) == len(expected)
    assert near_pairs(limited(data, near_duplicate_correlation=1.0)).empty


def test_real_images_of_different_parts_are_not_near_duplicates(folder, cells):
    for number, cell in enumerate(cells):
        folder.add(f"cell{number:03d}.png", ("train", "test")[number % 2], 0, cell)
    data = folder.examine()
    assert duplicates.near(data) == []
    candidates = sum(len(i) for i, _, _ in close_hashes(hashes(data), 8))
    assert candidates > 0, "hashes of these cells collide, else the second stage is not tested"


def hashes(data):
    return np.array([int(text, 16) for text in data.frame["perceptual_hash"]], dtype=np.uint64)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(0, 64))
def test_close_hashes_are_those_of_a_double_loop(values, bits):
    found = [
        pair
        for i, j, d in close_hashes(np.array(values, dtype=np.uint64), bits)
        for pair in zip(i, j, d, strict=True)
    ]
    expected = [
        (i, j, (values[i] ^ values[j]).bit_count())
        for i in range(len(values))
        for j in range(i + 1, len(values))
        if (values[i] ^ values[j]).bit_count() <= bits
    ]
    assert sorted(found) == expected


def test_close_hashes_over_several_pieces():
    values = np.random.default_rng(2).integers(0, 64, 700, dtype=np.uint64)
    found = [pair for i, j, _ in close_hashes(values, 1) for pair in zip(i.tolist(), j.tolist(), strict=True)]
    near = np.bitwise_count(values[:, None] ^ values[None]) <= 1
    assert len(found) == len(set(found)) == np.triu(near, 1).sum()
    assert all(i < j and near[i, j] for i, j in found)


def unit(rows):
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_correlation_is_that_of_what_is_left_after_projecting_the_others_out():
    everything = unit(np.random.default_rng(3).normal(size=(9, 30)) + np.linspace(0, 5, 30))
    rows = everything[2:7]
    i, j = np.array([0, 1, 4]), np.array([3, 2, 0])
    for value, a, b in zip(Correlation(everything, rows)(i, j), rows[i], rows[j], strict=True):
        common = everything.sum(axis=0) - a - b
        basis = (common / np.linalg.norm(common))[:, None]
        left = [vector - basis[:, 0] * (basis[:, 0] @ vector) for vector in (a, b)]
        cosine = left[0] @ left[1] / np.linalg.norm(left[0]) / np.linalg.norm(left[1])
        assert value == pytest.approx(cosine, abs=1e-9)


def test_correlation_of_two_images_alone_is_the_plain_one():
    rows = unit(np.random.default_rng(4).normal(size=(2, 50)))
    assert Correlation(rows, rows)(np.array([0]), np.array([1])) == pytest.approx(
        [rows[0] @ rows[1]], abs=1e-9
    )


def test_pairs_are_sorted_most_alike_first(folder):
    folder.fill()
    for quality in (30, 95, 60):
        folder.add(f"q{quality}.jpg", "test", 0, jpeg(picture(1000), quality))
    pairs = near_pairs(folder.examine(near_duplicate_correlation=0.9))
    pairs = pairs[pairs["second"] == "train/000"]
    assert pairs["first"].tolist() == ["q95", "q60", "q30"]
    assert isinstance(pairs["correlation"].iloc[0], float)
    assert pd.Series(pairs["correlation"]).is_monotonic_decreasing
