import pytest
import yaml

from sealproof.datasets.ingest import ingest
from sealproof.datasets.scaffold import init_product
from sealproof.datasets.settings import DatasetSettings, SplitSettings
from sealproof.evidence import strict
from sealproof.evidence.errors import DataError, DefinitionError, OutputError
from sealproof.evidence.hashing import sha256_tree
from sealproof.settings import Inspection


@pytest.fixture
def pictures(tmp_path, put):
    folder = tmp_path / "pictures"
    for number in range(12):
        put(folder / "good" / f"{number}.png", number=number)
    for number in range(6):
        put(folder / "bad" / "dent" / f"{number}.png", number=50 + number)
    return folder


@pytest.fixture
def category(tmp_path, put):
    folder = tmp_path / "category"
    for number in range(9):
        put(folder / "train" / "good" / f"{number}.png", number=number)
        put(folder / "test" / "good" / f"{number}.png", number=20 + number)
        put(folder / "test" / "dent" / f"{number}.png", number=50 + number)
    return folder


def load(root, name):
    return strict.load(Inspection, root / "products" / name / "inspection.yaml")


def test_own_images_are_ready_to_ingest(tmp_path, pictures):
    created = init_product(tmp_path, "my-part", pictures)
    assert created == [tmp_path / "products" / "my-part" / "inspection.yaml", tmp_path / "data" / "my-part"]
    inspection = load(tmp_path, "my-part")
    assert inspection.dataset.adapter == "folder"
    assert inspection.split == SplitSettings()
    assert sha256_tree(tmp_path / "data" / "my-part") == sha256_tree(pictures)
    splits = ingest(tmp_path / "data" / "my-part", inspection.dataset, inspection.split, 1).summary["splits"]
    assert splits["test"] == {"normal": 4, "defective": 2, "unlabelled": 0}


def test_mvtec_is_recognised(tmp_path, category):
    init_product(tmp_path, "category-1", category)
    inspection = load(tmp_path, "category-1")
    assert inspection.dataset == DatasetSettings(adapter="mvtec")
    assert inspection.split.source == "published"
    splits = ingest(tmp_path / "data" / "category-1", inspection.dataset, inspection.split, 1).summary[
        "splits"
    ]
    assert splits["test"] == {"normal": 9, "defective": 9, "unlabelled": 0}


def test_images_that_are_in_place_are_left_there(tmp_path, pictures):
    target = tmp_path / "data" / "part"
    target.parent.mkdir()
    pictures.rename(target)
    assert init_product(tmp_path, "part") == [tmp_path / "products" / "part" / "inspection.yaml"]
    assert len(list(target.rglob("*.png"))) == 18


def test_the_file_explains_every_key(tmp_path, pictures):
    init_product(tmp_path, "part", pictures)
    text = (tmp_path / "products" / "part" / "inspection.yaml").read_text()
    assert "12 normal and 6 defective" in text
    assert text.count("#") >= 10
    assert yaml.safe_load(text)["roi"]["method"] == "full_frame"
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("name", ["", "My Part", "../part", "part_1", "-part"])
def test_names_that_are_no_folder_are_refused(tmp_path, pictures, name):
    with pytest.raises(DefinitionError, match="no name for a product"):
        init_product(tmp_path, name, pictures)
    assert not (tmp_path / "products").exists()


def test_nothing_is_overwritten(tmp_path, pictures):
    init_product(tmp_path, "part", pictures)
    with pytest.raises(DefinitionError, match="exists already"):
        init_product(tmp_path, "part", pictures)
    (tmp_path / "products" / "part" / "inspection.yaml").unlink()
    with pytest.raises(DataError, match="holds files already"):
        init_product(tmp_path, "part", pictures)


def test_a_layout_that_is_not_known_is_explained(tmp_path):
    (tmp_path / "pictures" / "stuff").mkdir(parents=True)
    with pytest.raises(DataError, match="no known layout") as caught:
        init_product(tmp_path, "part", tmp_path / "pictures")
    assert "normal/ and defective/" in caught.value.mend
    with pytest.raises(DataError) as caught:
        init_product(tmp_path, "part", tmp_path / "nowhere")
    assert "does not exist" in caught.value.why


def test_an_empty_class_is_refused_before_anything_is_copied(tmp_path, pictures):
    for path in (pictures / "bad" / "dent").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="class folder is empty"):
        init_product(tmp_path, "part", pictures)
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "products").exists()


def test_an_unwritable_place_is_named(tmp_path, pictures):
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(OutputError):
        init_product(tmp_path, "part", pictures)
    assert not (tmp_path / "products").exists()
