import os

import pytest
from tests.commands.signing_project import run
from tests.signing.build import NAMES, ROLES, make_pdf, make_release_to_sign

from sealproof.commands.sign import sign
from sealproof.qualification.release import make_release
from sealproof.signing import held
from sealproof.signing.demo_pki import make_demo_pki
from sealproof.signing.held import DOCUMENTS


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki") / "demo"
    make_demo_pki(folder)
    return folder


@pytest.fixture(scope="module")
def content():
    return make_pdf()


@pytest.fixture
def project(tmp_path, content, monkeypatch):
    monkeypatch.setattr(
        held, "present_draft", lambda w: make_release(w, demonstration=False, missing_inputs=())
    )
    root = tmp_path / "project"
    root.mkdir()
    return make_release_to_sign(root, dict.fromkeys(DOCUMENTS, content))


def arguments(project, pki, role, *more, key=True):
    given = ["--root", project.root, "--product", "challenge", "--role", role, "--name", NAMES[role]]
    return [
        *given,
        *(["--key", pki / f"{role}.p12", "--pass-file", pki / f"{role}.pass"] if key else []),
        *more,
    ]


def test_three_people_sign(project, pki, capfd):
    printed = ""
    for role in ROLES:
        code, text = run(sign, *arguments(project, pki, role, "--trust", pki / "root.pem"))
        assert code == 0, text
        assert f"{NAMES[role]} signed release" in text
        assert "CN=DEMONSTRATION ONLY - no person" in text
        printed += text
    assert "next: the reviewer signs" in printed
    assert "decision: released" in printed
    assert "next: sealproof release" in printed
    printed += "".join(capfd.readouterr())
    assert_no_secrets(printed, pki, project)


def assert_no_secrets(printed, pki, project):
    """Neither output nor any file of the project holds a pass phrase or a key."""
    secrets = [(pki / f"{role}.pass").read_bytes().strip() for role in ROLES]
    secrets += [b"PRIVATE KEY"]
    files = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    for secret in secrets:
        assert secret not in printed.encode()
        assert not [path for path, held_bytes in files.items() if secret in held_bytes]


def test_the_meaning_can_be_given(project, pki):
    code, _ = run(sign, *arguments(project, pki, "author", "--meaning", "I  wrote this"))
    assert code == 0
    assert '"meaning": "I wrote this"' in (project.signed / "signatures.json").read_text()


def test_pass_phrase_by_environment_or_prompt(project, pki, monkeypatch):
    phrases = {role: (pki / f"{role}.pass").read_text().strip() for role in ROLES}
    monkeypatch.setenv("SEALPROOF_PASSPHRASE", phrases["author"])
    code, text = run(sign, *arguments(project, pki, "author", "--key", pki / "author.p12", key=False))
    assert code == 0, text
    assert "SEALPROOF_PASSPHRASE" not in os.environ
    asked = arguments(project, pki, "reviewer", "--key", pki / "reviewer.p12", key=False)
    code, text = run(sign, *asked, text=phrases["reviewer"] + "\n")
    assert code == 0, text
    assert "Pass phrase of the key" in text
    assert phrases["reviewer"] not in text


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--key", "none.p12"], 4, "there is no such file"),
        ([], 4, "not clear what to sign with"),
        (["--pkcs11-module", "m.so"], 4, "not clear what to sign with"),
        (
            ["--key", "k.p12", "--pkcs11-module", "m.so", "--pkcs11-label", "l"],
            4,
            "not clear what to sign with",
        ),
        (["--key", "{pki}/author.p12", "--pass-file", "{pki}/reviewer.pass"], 4, "pass phrase is wrong"),
        (["--key", "{pki}/author.p12", "--pass-file", "{pki}/none.pass"], 4, "pass phrase cannot be used"),
        (["--key", "{pki}/root.pem", "--pass-file", "{pki}/author.pass"], 4, "not a PKCS#12 file"),
        (["--key", "{pki}/author.p12", "--tsa", "tsa.example"], 4, "begins with http"),
        (
            ["--key", "{pki}/author.p12", "--trust", "{pki}/none.pem"],
            4,
            "trusted certificates cannot be read",
        ),
        (["--key", "{pki}/author.p12", "--meaning", "  "], 4, "it is empty"),
        (
            ["--key", "{pki}/author.p12", "--pass-file", "{pki}/author.pass", "--tsa", "http://127.0.0.1:9/"],
            6,
            "gave no time stamp",
        ),
    ],
)
def test_one_clear_error_each_and_nothing_written(project, pki, more, code, words):
    given = [item.format(pki=pki) for item in more]
    found, text = run(sign, *arguments(project, pki, "author", *given, key=False))
    assert (found, words in text) == (code, True), text
    assert not project.signed.exists()
    assert "Traceback" not in text


def test_a_token_without_its_package(project, pki, monkeypatch):
    monkeypatch.setattr("sealproof.signing.credentials.find_spec", lambda name: None)
    token = ["--pkcs11-module", "m.so", "--pkcs11-label", "l", "--pass-file", pki / "author.pass"]
    code, text = run(sign, *arguments(project, pki, "author", *token, key=False))
    assert (code, "pip install 'pyHanko[pkcs11]'" in text) == (4, True)
