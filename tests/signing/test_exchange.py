import errno
import os

import pytest

from sealproof.evidence.errors import OutputError
from sealproof.signing import exchange as module
from sealproof.signing.exchange import exchange, only_one, partial_of, recover, swap


def make(folder, text):
    folder.mkdir()
    (folder / "file").write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["exchange of names", "one after the other"])
def system(request, monkeypatch):
    if request.param != "exchange of names":
        monkeypatch.setattr(module, "swap", lambda one, other: False)
    return request.param


def test_the_new_folder_takes_the_place(tmp_path, system):
    place = tmp_path / "signed"
    for text in ("first", "second"):
        make(partial_of(place), text)
        exchange(place)
        assert (place / "file").read_text() == text
        assert names(tmp_path) == ["signed"]


def test_swap_changes_two_names_in_one_step(tmp_path):
    make(tmp_path / "a", "A")
    make(tmp_path / "b", "B")
    assert swap(tmp_path / "a", tmp_path / "b")
    assert ((tmp_path / "a" / "file").read_text(), (tmp_path / "b" / "file").read_text()) == ("B", "A")
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        swap(tmp_path / "a", tmp_path / "none")


def test_an_unfinished_folder_is_removed(tmp_path):
    place = tmp_path / "signed"
    make(place, "former")
    make(partial_of(place), "unfinished")
    recover(place)
    assert names(tmp_path) == ["signed"]
    assert (place / "file").read_text() == "former"


def test_a_kill_between_the_two_renames_is_rolled_back(tmp_path):
    place = tmp_path / "signed"
    make(module._former_of(place), "former")
    make(partial_of(place), "new")
    recover(place)
    assert names(tmp_path) == ["signed"]
    assert (place / "file").read_text() == "former"


def test_a_kill_before_the_former_one_was_removed_is_finished(tmp_path):
    place = tmp_path / "signed"
    make(module._former_of(place), "former")
    make(place, "new")
    recover(place)
    assert names(tmp_path) == ["signed"]
    assert (place / "file").read_text() == "new"


def test_nothing_to_recover(tmp_path):
    recover(tmp_path / "signed")
    assert names(tmp_path) == []


def test_one_at_a_time(tmp_path):
    with only_one(tmp_path), pytest.raises(OutputError, match="another process"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass
    with pytest.raises(OutputError), only_one(tmp_path / "none"):
        pass


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        exchange(tmp_path / "file" / "signed")
