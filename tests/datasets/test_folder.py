from datetime import UTC, datetime

import pytest

from sealproof.datasets.registry import make_adapter
from sealproof.datasets.settings import DatasetSettings
from sealproof.evidence.errors import DataError, DefinitionError


def adapter(**options):
    return make_adapter(DatasetSettings(adapter="folder", options=options))


@pytest.fixture
def root(tmp_path, put):
    for number, name in enumerate(
        ["normal/1.png", "normal/lot b/2.TIF", "defective/crack/1.bmp", "defective/3.jpg"]
    ):
        put(tmp_path / name, number=number)
    return tmp_path


def test_classes_and_defect_types_come_from_the_folders(root):
    found = [(sample.path, sample.label, sample.defect_type) for sample in adapter().scan(root)]
    assert found == [
        ("defective/3.jpg", 1, ""),
        ("defective/crack/1.bmp", 1, "crack"),
        ("normal/1.png", 0, ""),
        ("normal/lot b/2.TIF", 0, ""),
    ]


@pytest.mark.parametrize(("normal", "defective"), [("good", "bad"), ("ok", "nok"), ("normal", "defect")])
def test_the_usual_names_are_known(tmp_path, put, normal, defective):
    put(tmp_path / normal / "1.png")
    put(tmp_path / defective / "1.png")
    assert [sample.label for sample in adapter().scan(tmp_path)].count(1) == 1


def test_other_names_are_options(tmp_path, put):
    put(tmp_path / "gut" / "1.png")
    put(tmp_path / "schlecht" / "1.png")
    assert len(adapter(normal="gut", defective="schlecht").scan(tmp_path)) == 2
    with pytest.raises(DataError, match="class folder is missing"):
        adapter().scan(tmp_path)


def test_two_folders_of_one_class_are_refused(root, put):
    put(root / "good" / "1.png")
    with pytest.raises(DataError, match="several folders") as caught:
        adapter().scan(root)
    assert "normal, good" in caught.value.why


@pytest.mark.parametrize("name", ["normal", "defective"])
def test_an_empty_class_folder_is_named(root, name):
    for path in sorted((root / name).rglob("*")):
        if path.is_file():
            path.unlink()
    with pytest.raises(DataError, match="class folder is empty") as caught:
        adapter().scan(root)
    assert caught.value.where == str(root / name)


def test_files_that_are_no_images_are_an_error_not_a_gap(root):
    (root / "normal" / "notes.docx").write_bytes(b"x")
    (root / "normal" / ".DS_Store").write_bytes(b"x")
    with pytest.raises(DataError, match="1 entries are no images") as caught:
        adapter().scan(root)
    assert "notes.docx" in caught.value.why


def test_links_to_folders_or_to_nothing_are_not_passed_over(root, tmp_path_factory, put):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    put(elsewhere / "9.png")
    (root / "normal" / "more").symlink_to(elsewhere)
    (root / "normal" / "gone.png").symlink_to(elsewhere / "nothing.png")
    with pytest.raises(DataError, match="2 entries are no images") as caught:
        adapter().scan(root)
    assert "gone.png\nmore" in caught.value.why


def test_no_folder_at_all(tmp_path):
    with pytest.raises(DataError, match="no images yet"):
        adapter().scan(tmp_path / "data")
    with pytest.raises(DataError, match="nothing to acquire"):
        adapter().acquire(tmp_path, 0)


TABLE = """image,line,captured_at
normal/1.png,A,2024-03-01T08:00:00
normal/lot b/2.TIF,B,2024-03-01T10:00:00+02:00
defective/crack/1.bmp,A,
defective/3.jpg,A,2024-03-02
"""


def test_subgroups_and_times_come_from_a_table(root):
    (root / "subgroups.csv").write_text(TABLE)
    samples = {sample.path: sample for sample in adapter().scan(root)}
    assert samples["normal/lot b/2.TIF"].groups == {"line": "B"}
    assert samples["normal/lot b/2.TIF"].captured_at == samples["normal/1.png"].captured_at
    assert samples["normal/1.png"].captured_at == datetime(2024, 3, 1, 8, tzinfo=UTC)
    assert samples["defective/crack/1.bmp"].captured_at is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("normal/1.png,A", "normal/9.png,A", "normal/9.png: no such image\nnormal/1.png: has no line"),
        ("defective/3.jpg", "normal/1.png", "line 5: normal/1.png is named twice"),
        ("2024-03-02", "yesterday", "line 5: 'yesterday' is no time"),
        (",line,", ",Line no.,", "'Line no.' is no column name"),
        ("image,", "picture,", "columns are missing: image"),
        ("normal/1.png,A,", "normal/1.png,", "line 2: 2 cells, 3 columns"),
    ],
)
def test_a_wrong_table_is_told_by_line(root, old, new, reason):
    (root / "subgroups.csv").write_text(TABLE.replace(old, new))
    with pytest.raises(DataError) as caught:
        adapter().scan(root)
    assert reason in caught.value.why


def test_unknown_options_are_refused():
    with pytest.raises(DefinitionError) as caught:
        adapter(norml="x")
    assert "norml: unknown key" in caught.value.why
