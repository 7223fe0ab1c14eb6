import cv2
import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy import ndimage
from tests.quality.conftest import picture

from sealproof.datasets.images import read_image
from sealproof.evidence.errors import DataError
from sealproof.evidence.hashing import sha256_file
from sealproof.quality.measure import measure, measure_image, perceptual_hash, thumbnail

GREY = hnp.arrays(
    np.float32, st.tuples(st.integers(8, 40), st.integers(8, 40)), elements=st.floats(0, 1, width=32)
)


@given(GREY)
def test_numbers_agree_with_scipy_and_numpy(image):
    found = measure_image(image)
    wide = image.astype(np.float64)
    assert found["brightness"] == pytest.approx(wide.sum() / wide.size, abs=1e-9)
    assert found["contrast"] == pytest.approx(np.sqrt(((wide - wide.mean()) ** 2).mean()), abs=1e-9)
    assert found["sharpness"] == pytest.approx(ndimage.laplace(wide, mode="mirror").var(), rel=1e-5, abs=1e-9)
    assert found["saturated"] == sum(value * 255 >= 254.5 for value in wide.ravel()) / wide.size


@given(GREY)
def test_a_negative_has_the_same_contrast_and_sharpness(image):
    one, other = measure_image(image), measure_image(np.float32(1) - image)
    assert other["brightness"] == pytest.approx(1 - one["brightness"], abs=1e-6)
    assert other["contrast"] == pytest.approx(one["contrast"], abs=1e-6)
    assert other["sharpness"] == pytest.approx(one["sharpness"], rel=1e-4, abs=1e-6)


def test_blur_lowers_sharpness():
    image = picture(1).astype(np.float32) / 255
    assert (
        measure_image(cv2.GaussianBlur(image, (0, 0), 2))["sharpness"]
        < measure_image(image)["sharpness"] / 10
    )


def test_the_hash_is_the_one_of_imagehash(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(3, 150))
    expected = imagehash.phash(Image.open(tmp_path / "a.png"))
    assert perceptual_hash(read_image(tmp_path / "a.png")) == str(expected)


def test_a_thumbnail_averages_whole_blocks():
    image = picture(4, 128).astype(np.float32) / 255
    blocks = image.reshape(32, 4, 32, 4).mean(axis=(1, 3)).ravel()
    blocks -= blocks.mean()
    assert thumbnail(image) == pytest.approx(blocks / np.linalg.norm(blocks), abs=1e-6)


def damage(folder):
    """One sound image, and one of each kind of damage."""
    folder.add("a-sound.png", "train")
    folder.add("b-text.png", "unused", 0, image=b"this is no image")
    folder.add("c-empty.png", "unused", 0, image=b"")
    whole = folder.add("d-half.png", "unused", 0)
    whole.write_bytes(whole.read_bytes()[:900])
    return folder.add("e-gone.png", "train")


def test_what_cannot_be_read_is_a_row_with_a_reason(folder):
    gone = damage(folder)
    division = folder.division()
    gone.unlink()
    frame = measure(division.frame, folder.root, progress=False).frame.set_index("image_id")
    assert frame["readable"].to_dict() == {
        "a-sound": True,
        "b-text": False,
        "c-empty": False,
        "d-half": False,
        "e-gone": False,
    }
    for name, word in (
        ("b-text", "text"),
        ("c-empty", "0 bytes"),
        ("d-half", "damaged"),
        ("e-gone", "No such"),
    ):
        assert word in frame.loc[name, "problem"]
        assert frame.loc[name, ["brightness", "contrast", "sharpness", "saturated"]].isna().all()
    assert frame.loc["e-gone", "sha256_found"] == ""
    assert frame.loc["b-text", "sha256_found"] == sha256_file(folder.root / "b-text.png")


def test_the_result_does_not_depend_on_threads(sound):
    data, root = sound
    many = measure(data.manifest, root, threads=7, progress=False)
    assert many.frame.equals(data.measured.frame)
    assert np.array_equal(many.thumbnails, data.measured.thumbnails)
    assert many.frame["image_id"].tolist() == data.manifest["image_id"].tolist()


def test_equal_pixels_in_another_format_have_one_pixel_hash(folder):
    for ending in ("png", "bmp", "tiff"):
        folder.add(f"{ending}.{ending}", "train", image=picture(5))
    folder.add("other.png", "train", image=picture(6))
    folder.add("wide.png", "train", image=picture(5).reshape(32, 128))
    frame = measure(folder.division().frame, folder.root, progress=False).frame.set_index("image_id")
    hashes = frame["pixels_sha256"]
    assert hashes["png"] == hashes["bmp"] == hashes["tiff"]
    assert len({hashes["png"], hashes["other"], hashes["wide"]}) == 3
    assert frame["sha256_found"].is_unique


def test_sixteen_bits_are_measured_on_the_same_scale(folder):
    folder.add("eight.png", "train", image=picture(7))
    folder.add("sixteen.png", "train", image=picture(7).astype(np.uint16) * 257)
    rows = measure(folder.division().frame, folder.root, progress=False).frame
    for column in ("brightness", "contrast", "sharpness", "saturated"):
        assert rows[column][0] == pytest.approx(rows[column][1], rel=1e-5)
    assert rows["perceptual_hash"][0] == rows["perceptual_hash"][1]


def test_a_path_that_leaves_the_data_root_is_refused(sound):
    data, root = sound
    manifest = data.manifest.assign(path=["../../etc/passwd", *data.manifest["path"][1:]])
    with pytest.raises(DataError, match="leaves the data folder"):
        measure(manifest, root, progress=False)
