"""A signer's key: from a PKCS#12 file, or on a token by PKCS#11, which never hands it out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from asn1crypto import pkcs12 as asn1_pkcs12  # type: ignore[import-untyped]  # ships no types
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from pydantic import SecretStr
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import Signer, SimpleSigner

from sealproof.evidence.errors import DefinitionError, SealproofError
from sealproof.signing.certificate import common_name, fingerprint, key_fingerprint


@dataclass(frozen=True)
class Credential:
    """What signs, and the certificate that says for whom.

    Args:
        signer: of pyHanko; holds the key or the way to it. Not shown when this is printed.
        certificate: of the signer.
        others: certificates of the issuers that came with it.
    """

    signer: Signer
    certificate: x509.Certificate
    others: tuple[x509.Certificate, ...]

    def __repr__(self) -> str:
        return f"Credential({common_name(self.certificate)!r}, {fingerprint(self.certificate)[:12]})"

    @property
    def sha256(self) -> str:
        """Of the certificate."""
        return fingerprint(self.certificate)

    @property
    def key_sha256(self) -> str:
        """Of the public key."""
        return key_fingerprint(self.certificate)


def open_pkcs12(path: Path, phrase: SecretStr) -> Credential:
    """Open a PKCS#12 file (`.p12`, `.pfx`).

    Raises:
        DefinitionError: the file is missing, unreadable or no PKCS#12, the pass phrase is wrong, or it holds no key
            or no certificate. No message holds any part of key or pass phrase.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _error(path, error.strerror or "it cannot be read", "name the .p12 file with --key") from error
    try:
        _ = asn1_pkcs12.Pfx.load(content, strict=True)["auth_safe"].native
    except (ValueError, TypeError):
        raise _error(
            path, "it is not a PKCS#12 file", "name a .p12 or .pfx file with key and certificate"
        ) from None
    secret = phrase.get_secret_value().encode()
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, secret)
    except ValueError:  # its text is left out on purpose: it comes from the decryption of the key
        raise _error(
            path, "the pass phrase is wrong, or the file is damaged", "try again with the right pass phrase"
        ) from None
    if key is None or certificate is None:
        raise _error(path, "it holds no key with its certificate", "export key and certificate into one file")
    signer = SimpleSigner.load_pkcs12_data(content, [], secret)
    return Credential(signer, certificate, tuple(others))


@contextmanager
def open_token(module: Path, label: str, pin: SecretStr) -> Iterator[Credential]:
    """Open a session with a PKCS#11 token; the key stays on it.

    Args:
        module: the library of the token's maker (`.so`).
        label: of certificate and key on the token.
        pin: of the user.

    Raises:
        DefinitionError: python-pkcs11 is not installed, or module, token, label or PIN are wrong.
    """
    if find_spec("pkcs11") is None:
        raise DefinitionError(
            "a token cannot be used: the package python-pkcs11 is not installed",
            where="--pkcs11-module",
            why="it is an optional part, for it works only together with the library of a token",
            mend="run `pip install 'pyHanko[pkcs11]'` in this environment",
        )
    from pkcs11 import PKCS11Error  # type: ignore[import-not-found]  # optional, see above
    from pyhanko.sign import pkcs11

    try:
        with pkcs11.open_pkcs11_session(str(module), user_pin=pin.get_secret_value()) as session:
            signer = pkcs11.PKCS11Signer(session, cert_label=label, other_certs_to_pull=None)
            yield _from_token(signer, module, label)
    except (PKCS11Error, SigningError) as error:
        # The class alone: what the library says may hold what it was given.
        raise _error(
            module,
            f"the token answers {type(error).__name__} for the label {label!r}",
            "check module, label and PIN",
        ) from None


def _from_token(signer: Signer, module: Path, label: str) -> Credential:
    found = signer.signing_cert
    if found is None:
        raise _error(module, f"there is no certificate {label!r} on the token", "name it with --pkcs11-label")
    others = [x509.load_der_x509_certificate(other.dump()) for other in signer.cert_registry]
    return Credential(signer, x509.load_der_x509_certificate(found.dump()), tuple(others))


def _error(path: Path, why: str, mend: str) -> SealproofError:
    return DefinitionError("the key cannot be used", where=str(path), why=why, mend=mend)
