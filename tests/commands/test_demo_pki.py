from tests.commands.signing_project import run

from sealproof.commands.demo_pki import demo_pki


def test_files_are_named_and_no_pass_phrase_is_printed(tmp_path):
    code, text = run(demo_pki, tmp_path / "pki")
    assert code == 0
    assert "DEMONSTRATION ONLY" in text
    for name in ("root.pem", "author.p12", "reviewer.p12", "approver.p12", "author.pass"):
        assert f"created {tmp_path / 'pki' / name}" in text
    for path in (tmp_path / "pki").glob("*.pass"):
        assert path.read_text().strip() not in text


def test_a_folder_that_holds_something(tmp_path):
    assert run(demo_pki, tmp_path / "pki")[0] == 0
    code, text = run(demo_pki, tmp_path / "pki")
    assert (code, "not written over anything" in text) == (6, True)
