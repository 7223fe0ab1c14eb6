from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from tests.signing.build import SERVER_ONLY, certificate

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.signing.certificate import (
    check_certificate,
    check_trust,
    common_name,
    fingerprint,
    key_fingerprint,
    read_roots,
)

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first": NOW - 3 * DAY, "last": NOW - DAY}, "it expired on"),
        ({"first": NOW + DAY, "last": NOW + 3 * DAY}, "it is not valid before"),
        ({"signature": False, "non_repudiation": False}, "neither digital signatures nor non-repudiation"),
        ({"usage": False}, "no key usage"),
        ({"authority": True}, "of an authority"),
        ({"purposes": SERVER_ONLY}, "other purposes"),
    ],
)
def test_certificates_that_cannot_sign(changes, words):
    with pytest.raises(DataError, match="cannot sign a document") as caught:
        check_certificate(certificate(**changes)[0], NOW)
    assert words in caught.value.why
    assert caught.value.exit_code == 5


def test_all_reasons_at_once():
    wrong = certificate(
        first=NOW - 3 * DAY, last=NOW - DAY, authority=True, usage=False, purposes=SERVER_ONLY
    )[0]
    with pytest.raises(DataError) as caught:
        check_certificate(wrong, NOW)
    assert len(caught.value.why.splitlines()) == 4


@pytest.mark.parametrize("changes", [{}, {"signature": False}, {"non_repudiation": False}])
def test_certificates_that_can(changes):
    check_certificate(certificate(**changes)[0], NOW)


def test_the_last_second_counts():
    found = certificate(first=NOW - DAY, last=NOW + DAY)[0]
    check_certificate(found, found.not_valid_after_utc)
    with pytest.raises(DataError):
        check_certificate(found, found.not_valid_after_utc + timedelta(seconds=1))


def test_trust_leads_over_an_intermediate():
    root = certificate("root", authority=True)
    middle = certificate("middle", issuer=root, authority=True)
    leaf = certificate("leaf", issuer=middle)[0]
    check_trust(leaf, [middle[0]], [root[0]], NOW)
    with pytest.raises(DataError, match="not lead to one that is trusted"):
        check_trust(leaf, [], [root[0]], NOW)
    same_name = certificate("root", authority=True)
    with pytest.raises(DataError, match="not lead to one that is trusted"):
        check_trust(leaf, [middle[0]], [same_name[0]], NOW)


def test_roots_from_a_file(tmp_path):
    path = tmp_path / "root.pem"
    root = certificate("root", authority=True)[0]
    path.write_bytes(root.public_bytes(serialization.Encoding.PEM) * 2)
    assert read_roots(path) == [root, root]
    for content in (b"", b"nothing"):
        path.write_bytes(content)
        with pytest.raises(DefinitionError, match="cannot be read"):
            read_roots(path)
    with pytest.raises(DefinitionError, match="cannot be read"):
        read_roots(tmp_path / "none.pem")


def test_fingerprints_tell_certificate_from_key():
    key = certificate()[1]
    one, other = certificate("one", key=key)[0], certificate("other", key=key)[0]
    assert fingerprint(one) != fingerprint(other)
    assert key_fingerprint(one) == key_fingerprint(other)
    assert common_name(one) == "one"
