import os
import sys

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from pydantic import SecretStr
from tests.signing.build import PHRASE, certificate, write_key

from sealproof.evidence.errors import DefinitionError
from sealproof.signing.credentials import open_pkcs12, open_token
from sealproof.signing.passphrase import VARIABLE, read_passphrase


def test_key_and_certificate_belong_together(keys):
    found = open_pkcs12(keys["author"], SecretStr(PHRASE))
    assert found.certificate == keys["pairs"]["author"][0]
    assert found.others == (keys["root"][0],)
    assert len(found.sha256) == len(found.key_sha256) == 64
    assert PHRASE not in repr(found)
    assert "PrivateKey" not in repr(found)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "not a PKCS#12 file"),
        (b"-----BEGIN PRIVATE KEY-----", "not a PKCS#12 file"),
        ("cut", "not a PKCS#12 file"),
        ("damaged", "pass phrase is wrong, or the file is damaged"),
        ("no key", "holds no key"),
    ],
)
def test_files_that_cannot_be_used(keys, tmp_path, content, words):
    path = tmp_path / "key.p12"
    whole = keys["author"].read_bytes()
    if content == "cut":
        content = whole[: len(whole) // 2]
    elif content == "damaged":
        content = whole[:300] + bytes([whole[300] ^ 1]) + whole[301:]
    elif content == "no key":
        content = pkcs12.serialize_key_and_certificates(
            None, None, None, [keys["root"][0]], BestAvailableEncryption(PHRASE.encode())
        )
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DefinitionError, match="the key cannot be used") as caught:
        open_pkcs12(path, SecretStr(PHRASE))
    assert words in caught.value.why
    assert PHRASE not in str(caught.value)


def test_a_wrong_pass_phrase_is_said_and_not_shown(keys):
    with pytest.raises(DefinitionError) as caught:
        open_pkcs12(keys["author"], SecretStr("wrong phrase"))
    assert "pass phrase is wrong" in str(caught.value)
    assert "wrong phrase" not in str(caught.value).replace("pass phrase", "")
    assert caught.value.__cause__ is None


def test_a_folder_is_no_key(tmp_path):
    with pytest.raises(DefinitionError, match="cannot be used"):
        open_pkcs12(tmp_path, SecretStr(PHRASE))


def test_a_token_needs_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    monkeypatch.setattr("sealproof.signing.credentials.find_spec", lambda name: None)
    with (
        pytest.raises(DefinitionError, match="python-pkcs11 is not installed") as caught,
        open_token(tmp_path / "module.so", "label", SecretStr("1234")),
    ):
        pass
    assert "pip install 'pyHanko[pkcs11]'" in caught.value.mend
    assert "1234" not in str(caught.value)


def never():
    raise AssertionError("nobody may be asked")


def test_pass_phrase_from_a_file(tmp_path):
    path = tmp_path / "key.pass"
    path.write_text("first line\nsecond line\n")
    path.chmod(0o600)
    found = read_passphrase(path, never)
    assert found.get_secret_value() == "first line"
    assert "first" not in f"{found!r} {found}"


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"secret\n", 0o644, "others than its owner"),
        (b"secret\n", 0o620, "others than its owner"),
        (b"", 0o600, "first line is empty"),
        (b"\nsecret", 0o600, "first line is empty"),
        (b"\xff\xfe\xfa", 0o600, "not UTF-8"),
        (None, 0o600, "No such file"),
    ],
)
def test_files_that_hold_no_pass_phrase(tmp_path, content, mode, words):
    path = tmp_path / "key.pass"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(DefinitionError, match="pass phrase cannot be used") as caught:
        read_passphrase(path, never)
    assert words in caught.value.why
    assert "secret" not in str(caught.value)


def test_pass_phrase_leaves_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert read_passphrase(None, never).get_secret_value() == "from the environment"
    assert VARIABLE not in os.environ
    assert read_passphrase(None, lambda: "asked").get_secret_value() == "asked"


def test_a_file_comes_before_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "from the environment")
    beside = write_key(tmp_path / "key.p12", certificate()).with_suffix(".pass")
    assert read_passphrase(beside, never).get_secret_value() == PHRASE
    assert VARIABLE not in os.environ
