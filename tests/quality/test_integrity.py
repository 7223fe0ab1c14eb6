import cv2
from tests.quality.conftest import picture

from sealproof.quality.integrity import altered, unreadable


def test_sound_images_give_no_finding(sound):
    assert unreadable(sound[0]) == []
    assert altered(sound[0]) == []


def test_every_unreadable_file_is_named_with_its_reason(folder):
    folder.fill()
    folder.add("text.png", "unused", 0, image=b"hello")
    folder.add("zero.png", "unused", 0, image=b"", excluded_reason="nobody knows what it shows")
    (found,) = unreadable(folder.examine())
    assert (found.code, found.severity) == ("unreadable_image", "error")
    assert [entry.split(":")[0] for entry in found.where] == ["text.png", "zero.png"]
    assert "0 bytes" in found.where[1]


def test_a_file_that_changed_after_it_was_recorded_is_named(folder):
    folder.fill()
    data = folder.examine()
    cv2.imwrite(str(folder.root / data.manifest["path"][5]), picture(4711))
    again = folder.again(data.manifest, data.summary, data.split)
    (found,) = altered(again)
    assert found.severity == "error"
    before, after = data.manifest["sha256"][5], again.frame["sha256_found"][5]
    assert found.where == (f"{data.manifest['path'][5]}: recorded {before[:12]}..., found {after[:12]}...",)


def test_a_missing_file_is_unreadable_not_altered(folder):
    folder.fill()
    data = folder.examine()
    (folder.root / data.manifest["path"][0]).unlink()
    again = folder.again(data.manifest, data.summary, data.split)
    assert altered(again) == []
    assert "No such file" in unreadable(again)[0].where[0]
