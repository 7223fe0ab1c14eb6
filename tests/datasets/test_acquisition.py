import shutil

import pytest

from sealproof.datasets import seal_sim
from sealproof.datasets.acquisition import MARKER, acquire
from sealproof.datasets.settings import DatasetSettings
from sealproof.evidence.errors import DataError, OutputError
from sealproof.evidence.hashing import sha256_tree

SETTINGS = DatasetSettings(
    adapter="seal_sim", options={"normal": 3, "defective": 1, "height": 64, "width": 64, "pixel_mm": 0.3}
)


def test_the_folder_is_complete_and_nothing_lies_beside_it(tmp_path):
    target = tmp_path / "data" / "sim"
    assert acquire(target, SETTINGS, 1) == 4
    assert [path.name for path in target.parent.iterdir()] == ["sim"]
    assert (target / MARKER).is_file()
    assert target.stat().st_mode & 0o777 == 0o755


def test_acquiring_again_replaces_and_changes_nothing(tmp_path):
    target = tmp_path / "data" / "sim"
    acquire(target, SETTINGS, 1)
    before = sha256_tree(target)
    (target / "stray.png").write_bytes(b"x")
    acquire(target, SETTINGS, 1)
    assert sha256_tree(target) == before


def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "data" / "sim"
    acquire(target, SETTINGS, 1)
    before = sha256_tree(target)

    def full(*_):
        raise OSError(28, "No space left on device", "x.png")

    monkeypatch.setattr(seal_sim, "_write_png", full)
    with pytest.raises(OutputError, match="cannot be written") as caught:
        acquire(target, SETTINGS, 2)
    assert "No space left" in caught.value.why
    assert sha256_tree(target) == before
    assert [path.name for path in target.parent.iterdir()] == ["sim"]


def test_what_a_killed_run_left_is_cleared(tmp_path):
    left = tmp_path / "data" / ".sim.abc.partial"
    left.mkdir(parents=True)
    (left / "half.png").write_bytes(b"x")
    acquire(tmp_path / "data" / "sim", SETTINGS, 1)
    assert not left.exists()


def test_files_of_the_user_are_never_replaced(tmp_path):
    target = tmp_path / "data" / "sim"
    target.mkdir(parents=True)
    (target / "mine.png").write_bytes(b"x")
    with pytest.raises(DataError, match="no acquisition has put there"):
        acquire(target, SETTINGS, 1)
    assert (target / "mine.png").read_bytes() == b"x"
    shutil.rmtree(target)
    target.mkdir()
    acquire(target, SETTINGS, 1)


@pytest.mark.parametrize("adapter", ["folder", "mvtec", "ssi"])
def test_adapters_without_a_source_say_so_and_leave_nothing(tmp_path, adapter):
    with pytest.raises(DataError, match="nothing to acquire") as caught:
        acquire(tmp_path / "data" / "mine", DatasetSettings(adapter=adapter), 1)
    assert "data" in caught.value.mend
    assert not any((tmp_path / "data").iterdir())


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "data").write_text("a file in the way")
    with pytest.raises(OutputError):
        acquire(tmp_path / "data" / "sim", SETTINGS, 1)
