from tests.commands.signing_project import run

from sealproof.commands import release as module
from sealproof.commands.release import release
from sealproof.qualification.challenge import write_project
from sealproof.qualification.release import read_release
from sealproof.signing.publish import Published
from sealproof.signing.registration import Registered


def project(tmp_path):
    (tmp_path / "params.yaml").write_text("product: challenge\n")
    return write_project(tmp_path)


def test_short_of_released_every_reason_is_printed(tmp_path, monkeypatch):
    workspace = project(tmp_path)
    draft = read_release(workspace.reports / "release.json")
    monkeypatch.setattr(module, "publish", lambda workspace: Published(draft))
    code, text = run(release, "--root", tmp_path, "--product", "challenge")
    assert code == 1
    assert f"not released: {draft.decision}" in text
    assert len(draft.reasons) >= 4
    for reason in draft.reasons:
        assert f"- {reason}" in text


def test_a_release_that_does_not_hold_is_an_error(tmp_path):
    workspace = project(tmp_path)
    (workspace.artifacts("score") / "scores.parquet").write_text("changed")
    code, text = run(release, "--root", tmp_path, "--product", "challenge")
    assert code == 3
    assert "scores.parquet" in text
    assert not workspace.releases.exists()


def test_what_was_published_is_told(tmp_path, monkeypatch):
    workspace = project(tmp_path)
    draft = read_release(workspace.reports / "release.json")
    place = workspace.releases / draft.release_id[:12]
    for made, words in ((True, "written, read-only"), (False, "there already, with the same content")):
        told = Published(draft, place, made, Registered("sealproof-challenge", "3", made))
        monkeypatch.setattr(module, "publish", lambda workspace, told=told: told)
        code, text = run(release, "--root", tmp_path, "--product", "challenge")
        assert code == 0
        assert words in text
        assert "sealproof-challenge, version 3" in text
