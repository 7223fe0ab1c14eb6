import io

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from sealproof.datasets import images
from sealproof.datasets.images import ImageFacts, confined, probe_image, read_image
from sealproof.evidence.errors import DataError

RNG = np.random.default_rng(5)
GREY8 = RNG.integers(0, 256, (31, 47), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (31, 47), dtype=np.uint16)
RGB8 = RNG.integers(0, 256, (31, 47, 3), dtype=np.uint8)
RGB16 = RNG.integers(0, 65536, (31, 47, 3), dtype=np.uint16)


def luma(rgb, top):
    """The definition, in float64, channel by channel."""
    red, green, blue = (rgb[..., channel].astype(np.float64) for channel in range(3))
    return (0.299 * red + 0.587 * green + 0.114 * blue) / top


def pillow(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def tiff(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


def png16(rgb):
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()


LOSSLESS = {
    "grey8.png": (pillow(Image.fromarray(GREY8), "PNG"), "grey8", GREY8 / 255),
    "grey8.bmp": (pillow(Image.fromarray(GREY8), "BMP"), "grey8", GREY8 / 255),
    "grey8.tif": (tiff(GREY8), "grey8", GREY8 / 255),
    "grey16.png": (pillow(Image.fromarray(GREY16), "PNG"), "grey16", GREY16 / 65535),
    "grey16.tiff": (tiff(GREY16), "grey16", GREY16 / 65535),
    "grey16-big-endian.tiff": (tiff(GREY16, byteorder=">", compression="zlib"), "grey16", GREY16 / 65535),
    "rgb8.png": (pillow(Image.fromarray(RGB8), "PNG"), "rgb8", luma(RGB8, 255)),
    "rgb8.bmp": (pillow(Image.fromarray(RGB8), "BMP"), "rgb8", luma(RGB8, 255)),
    "rgb8.tif": (tiff(RGB8, photometric="rgb"), "rgb8", luma(RGB8, 255)),
    "rgb16.png": (png16(RGB16), "rgb16", luma(RGB16, 65535)),
    "rgb16.tiff": (tiff(RGB16, photometric="rgb"), "rgb16", luma(RGB16, 65535)),
    "rgb16-predictor.tif": (
        tiff(RGB16, photometric="rgb", compression="zlib", predictor=True),
        "rgb16",
        luma(RGB16, 65535),
    ),
    "opaque-grey.png": (pillow(Image.fromarray(GREY8).convert("LA"), "PNG"), "grey8", GREY8 / 255),
    "opaque-rgb.png": (pillow(Image.fromarray(RGB8).convert("RGBA"), "PNG"), "rgb8", luma(RGB8, 255)),
    "bilevel.png": (pillow(Image.fromarray(GREY8 > 99), "PNG"), "grey8", (GREY8 > 99).astype(float)),
    "white-is-zero.tif": (tiff(GREY8, photometric="miniswhite"), "grey8", 1 - GREY8 / 255),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_defined_grey_values(tmp_path, name):
    content, mode, expected = LOSSLESS[name]
    path = tmp_path / name
    path.write_bytes(content)
    image = read_image(path)
    assert image.dtype == np.float32
    assert image.shape == (31, 47)
    assert image.min() >= 0
    assert image.max() <= 1
    np.testing.assert_allclose(image, expected, atol=2e-7, rtol=0)
    assert probe_image(path) == ImageFacts(47, 31, mode)


def test_a_palette_is_expanded_to_its_colours(tmp_path):
    picture = Image.fromarray(RGB8).quantize(32)
    path = tmp_path / "palette.png"
    path.write_bytes(pillow(picture, "PNG"))
    np.testing.assert_allclose(read_image(path), luma(np.asarray(picture.convert("RGB")), 255), atol=2e-7)
    assert probe_image(path).mode == "rgb8"


@pytest.mark.parametrize(("array", "mode"), [(GREY8, "grey8"), (RGB8, "rgb8")])
def test_jpeg_is_what_pillow_decodes(tmp_path, array, mode):
    path = tmp_path / "a.jpg"
    path.write_bytes(pillow(Image.fromarray(array), "JPEG", quality=92))
    with Image.open(path) as picture:
        decoded = np.asarray(picture)
    expected = decoded / 255 if decoded.ndim == 2 else luma(decoded, 255)
    np.testing.assert_allclose(read_image(path), expected, atol=2.01 / 255)
    assert probe_image(path) == ImageFacts(47, 31, mode)


def test_exif_orientation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    path.write_bytes(pillow(Image.fromarray(GREY8), "JPEG", exif=exif))
    assert probe_image(path) == ImageFacts(47, 31, "grey8")


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
        elements=st.integers(0, 255),
    )
)
@settings(max_examples=40, deadline=None)
def test_grey_values_survive_the_way_through_a_file(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("round") / "a.png"
    path.write_bytes(cv2.imencode(".png", array)[1].tobytes())
    top = np.iinfo(array.dtype).max
    np.testing.assert_array_equal(np.rint(read_image(path) * top).astype(array.dtype), array)


def transparent():
    picture = Image.fromarray(RGB8).convert("RGBA")
    picture.putpixel((3, 3), (1, 2, 3, 254))
    return pillow(picture, "PNG")


def palette_with_hole():
    return pillow(Image.fromarray(RGB8).quantize(16), "PNG", transparency=0)


def flipped_bit():
    content = bytearray(LOSSLESS["grey8.png"][0])
    content[len(content) // 2] ^= 0xFF
    return bytes(content)


def pages():
    page = Image.fromarray(GREY8)
    return pillow(page, "TIFF", save_all=True, append_images=[page])


REFUSED = {
    "empty.png": (b"", "0 bytes"),
    "text.png": (b"this is not an image\n", "holds text"),
    "noise.bmp": (bytes(range(256)) * 4, "none of BMP, JPEG, PNG, TIFF"),
    "picture.gif": (pillow(Image.fromarray(GREY8), "GIF"), "none of BMP, JPEG, PNG, TIFF"),
    "no-end.png": (LOSSLESS["grey8.png"][0][:-6], "one of two decoders gives up"),
    "bit.png": (flipped_bit(), "damaged"),
    "transparent.png": (transparent(), "transparent"),
    "hole.png": (palette_with_hole(), "transparent"),
    "ink.jpg": (pillow(Image.fromarray(RGB8).convert("CMYK"), "JPEG"), "CMYK"),
    "float.tif": (tiff(GREY8.astype(np.float32)), "floating-point"),
    "long.tif": (tiff(GREY8.astype(np.int32)), "32-bit"),
    "pages.tif": (pages(), "several pages"),
    "white-is-zero.tif": (tiff(GREY16, photometric="miniswhite"), "white as zero"),
    # OpenCV reads this one wrongly and says nothing; Pillow gives it away.
    "planes.tif": (
        tiff(np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate"),
        "two decoders disagree",
    ),
    "alpha16.tif": (
        tiff(np.dstack([RGB16, RGB16[..., 0]]), photometric="rgb", extrasamples=["unassalpha"]),
        "transparent",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_clear_picture_is_refused_by_name(tmp_path, name):
    content, reason = REFUSED[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_image(path)
    assert caught.value.where == str(path)
    assert reason in caught.value.why
    with pytest.raises(DataError):
        probe_image(path)


@pytest.mark.parametrize("name", [*LOSSLESS, "grey.jpg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(tmp_path, name, share):
    whole = LOSSLESS[name][0] if name in LOSSLESS else pillow(Image.fromarray(GREY8), "JPEG")
    path = tmp_path / name
    path.write_bytes(whole[: int(len(whole) * share)])
    for read in (read_image, probe_image):
        with pytest.raises(DataError, match="image cannot be read"):
            read(path)


def test_a_missing_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="image cannot be read"):
        read_image(tmp_path / "nowhere.png")


def test_a_decompression_bomb_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(pillow(Image.new("L", (400, 300)), "PNG"))
    monkeypatch.setattr(images, "MAXIMUM_PIXELS", 400 * 300)
    assert probe_image(path).width == 400
    monkeypatch.setattr(images, "MAXIMUM_PIXELS", 400 * 300 - 1)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(DataError) as caught:
        read_image(path)
    assert "unpacks to more than" in caught.value.why


def test_pillows_own_bomb_guard_becomes_our_message(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(pillow(Image.new("L", (400, 300)), "PNG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError) as caught:
        read_image(path)
    assert "unpacks to more than" in caught.value.why


def test_decoders_that_disagree_are_not_believed(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(LOSSLESS["grey8.png"][0])
    monkeypatch.setattr(cv2, "imdecode", lambda *_: GREY8[:5])
    with pytest.raises(DataError) as caught:
        read_image(path)
    assert "two decoders disagree" in caught.value.why


@pytest.mark.parametrize(
    "relative",
    [
        "",
        "/etc/passwd",
        "../a.png",
        "good/../../a.png",
        "./a.png",
        "a//b.png",
        "a\\b.png",
        "C:/a.png",
        "a\0b",
    ],
)
def test_paths_that_leave_the_root_are_refused(tmp_path, relative):
    with pytest.raises(DataError, match="leaves the data folder"):
        confined(tmp_path, relative)


def test_links_may_stay_inside_and_may_not_lead_out(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a.png").write_bytes(b"x")
    (root / "b.png").write_bytes(b"x")
    (root / "inside.png").symlink_to(root / "b.png")
    (root / "file.png").symlink_to(outside / "a.png")
    (root / "folder").symlink_to(outside)
    assert confined(root, "inside.png") == root / "inside.png"
    for relative in ("file.png", "folder/a.png"):
        with pytest.raises(DataError) as caught:
            confined(root, relative)
        assert "symbolic link" in caught.value.why


def test_a_root_that_is_itself_a_link_is_fine(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    assert confined(tmp_path / "link", "a.png") == real / "a.png"


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_whatever_passes_lies_below_the_root(tmp_path_factory, relative):
    root = tmp_path_factory.getbasetemp()
    try:
        path = confined(root, relative)
    except DataError:
        return
    assert path.resolve().is_relative_to(root.resolve())
    assert path.resolve() != root.resolve()
