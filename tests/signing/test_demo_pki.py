import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from tests.signing.build import ROLES

from sealproof.evidence.errors import OutputError
from sealproof.signing.demo_pki import LIFETIME, WARNING, make_demo_pki


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "pki"
    make_demo_pki(folder)
    return folder


def opened(folder, role):
    phrase = (folder / f"{role}.pass").read_bytes().rstrip(b"\n")
    return pkcs12.load_key_and_certificates((folder / f"{role}.p12").read_bytes(), phrase)


def test_files_and_their_permissions(made):
    modes = {path.name: path.stat().st_mode & 0o777 for path in made.iterdir()}
    secret = {f"{role}.{ending}" for role in ROLES for ending in ("p12", "pass")}
    assert modes == dict.fromkeys(secret, 0o600) | {"root.pem": 0o644}
    assert made.stat().st_mode & 0o777 == 0o700


def test_certificates_say_that_there_is_no_person(made):
    certificates = [opened(made, role)[1] for role in ROLES]
    assert len({item.subject for item in certificates}) == 3
    for role, item in zip(ROLES, certificates, strict=True):
        assert item.subject.rfc4514_string().count(WARNING) == 2
        assert role in item.subject.rfc4514_string()
        assert item.not_valid_after_utc - item.not_valid_before_utc == LIFETIME == timedelta(days=30)
        usage = item.extensions.get_extension_for_class(x509.KeyUsage).value
        assert (usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (True, True, False)


def test_the_root_issued_them_and_its_key_is_nowhere(made):
    root = x509.load_pem_x509_certificate((made / "root.pem").read_bytes())
    for role in ROLES:
        key, certificate, others = opened(made, role)
        certificate.verify_directly_issued_by(root)
        assert [other.certificate if hasattr(other, "certificate") else other for other in others] == [root]
        assert key.public_key() == certificate.public_key() != root.public_key()
    assert all(b"PRIVATE KEY" not in path.read_bytes() for path in made.iterdir())


def test_pass_phrases_differ_and_are_long(made):
    phrases = {(made / f"{role}.pass").read_text().strip() for role in ROLES}
    assert len(phrases) == 3
    assert min(map(len, phrases)) >= 32


def test_nothing_is_overwritten(made):
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    with pytest.raises(OutputError, match="not written over"):
        make_demo_pki(made)
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


def test_not_into_a_work_tree_unless_it_is_ignored(tmp_path):
    git(tmp_path, "init", "-q")
    for place in ("pki", "deep/down/pki"):
        with pytest.raises(OutputError, match="Git work tree"):
            make_demo_pki(tmp_path / place)
        assert not (tmp_path / place).exists()
    (tmp_path / ".gitignore").write_text("/keys/\n*.secret\n")
    assert len(make_demo_pki(tmp_path / "keys" / "demo")) == 7
    with pytest.raises(OutputError, match="Git work tree"):
        make_demo_pki(tmp_path / ".git" / "keys")


def test_not_into_a_work_tree_when_git_is_missing(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputError, match="Git work tree"):
        make_demo_pki(tmp_path / "keys")


def test_a_place_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        make_demo_pki(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"
