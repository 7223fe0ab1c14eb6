import shutil

import numpy as np
import pytest
from elpv_dataset import utils

from sealproof.datasets.registry import make_adapter
from sealproof.datasets.settings import DatasetSettings
from sealproof.evidence.errors import DataError, DefinitionError


def adapter(cell_type="mono"):
    return make_adapter(DatasetSettings(adapter="elpv", options={"cell_type": cell_type}))


@pytest.fixture(scope="module")
def acquired(tmp_path_factory):
    root = tmp_path_factory.mktemp("elpv-mono")
    adapter().acquire(root, 0)
    return root


def reference(cell_type):
    """Labels as the package's own reader parses them."""
    table = np.genfromtxt(
        utils.__file__.replace("utils.py", "data/labels.csv"),
        dtype=["|S19", "<f8", "|S4"],
        names=["path", "p", "type"],
    )
    rows = table[np.char.decode(table["type"]) == cell_type]
    return dict(zip(np.char.decode(rows["path"]), rows["p"], strict=True))


def test_labels_are_those_of_the_package(acquired):
    samples = adapter().scan(acquired)
    expected = reference("mono")
    assert {sample.path for sample in samples} == set(expected)
    for sample in samples:
        probability = expected[sample.path]
        if probability in (0.0, 1.0):
            assert sample.label == int(probability)
            assert sample.excluded_reason == ""
        else:
            assert sample.label is None
            assert f"{round(3 * probability)}/3" in sample.excluded_reason


def test_counts_of_the_monocrystalline_part(acquired):
    labels = [sample.label for sample in adapter().scan(acquired)]
    assert (labels.count(0), labels.count(1), labels.count(None)) == (588, 313, 173)


def test_images_are_copied_byte_by_byte(acquired):
    source = utils.__file__.replace("utils.py", "data/")
    for sample in adapter().scan(acquired)[::200]:
        with open(source + sample.path, "rb") as stream:  # noqa: PTH123 - the package's own path is text
            assert (acquired / sample.path).read_bytes() == stream.read()


def test_licence_and_authors_travel_with_the_images(acquired):
    note = (acquired / "LICENCE.txt").read_text()
    for part in ("CC BY-NC-SA 4.0", "Buerhop-Lutz", "Deitsch", "github.com/zae-bayern/elpv-dataset"):
        assert part in note
    assert "NonCommercial" in (acquired / "LICENCE-FULL.md").read_text()
    assert adapter().licence == "CC BY-NC-SA 4.0"
    assert not adapter().simulated


def test_the_cell_type_is_the_only_subgroup(acquired):
    assert {tuple(sample.groups.items()) for sample in adapter().scan(acquired)} == {(("cell_type", "mono"),)}


def test_data_that_are_not_in_place_say_how_to_get_them(tmp_path):
    with pytest.raises(DataError) as caught:
        adapter().scan(tmp_path / "elpv-mono")
    assert "python pipeline/acquire.py elpv-mono" in caught.value.mend


def test_missing_images_are_all_named(acquired, tmp_path):
    shutil.copytree(acquired, tmp_path / "d")
    victims = sorted((tmp_path / "d" / "images").iterdir())[:2]
    for victim in victims:
        victim.unlink()
    with pytest.raises(DataError, match="2 images") as caught:
        adapter().scan(tmp_path / "d")
    for victim in victims:
        assert victim.name in caught.value.why


@pytest.mark.parametrize("line", ["images/cell0001.png 1.0", "images/cell0001.png 0.5 mono", "a b c"])
def test_a_line_that_makes_no_sense_is_named(tmp_path, line):
    (tmp_path / "labels.csv").write_text(line + "\n")
    with pytest.raises(DataError) as caught:
        adapter().scan(tmp_path)
    assert "line 1" in caught.value.where


def test_options_are_checked():
    for options in ({}, {"cell_type": "multi"}, {"cell_type": "mono", "more": 1}):
        with pytest.raises(DefinitionError):
            make_adapter(DatasetSettings(adapter="elpv", options=options))
