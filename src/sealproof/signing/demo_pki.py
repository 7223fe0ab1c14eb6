"""Throw-away certificates for demonstrations: they say on their face that no person stands behind them."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from sealproof.evidence.errors import OutputError
from sealproof.evidence.files import unwritable
from sealproof.qualification.decision import REQUIRED_SIGNATURES

WARNING = "DEMONSTRATION ONLY - no person"
LIFETIME = timedelta(days=30)
ROOT = "root.pem"
#: So that a certificate is valid at once on a machine whose clock is a little behind.
_SKEW = timedelta(minutes=5)


def make_demo_pki(folder: Path, *, moment: datetime | None = None) -> list[Path]:
    """Write a root certificate and, for each role, a certificate with its key and a pass phrase.

    Args:
        folder: where to; made when it does not exist, otherwise it has to be empty.
        moment: from when the certificates are valid; default now.

    Returns:
        `root.pem`, then for each role `<role>.p12` (PKCS#12) and `<role>.pass` (its pass phrase), which only the owner
        can read. The root's own key is written nowhere: nobody can issue another certificate from it.

    Raises:
        OutputError: the folder holds something, lies in a Git work tree that does not ignore it, or cannot be written.
    """
    _refuse_repository(folder.resolve())
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()):
            raise OutputError(
                "demonstration certificates are not written over anything",
                where=str(folder),
                why="the folder is not empty",
                mend="name a new folder",
            )
        return [_write(folder / name, content, mode) for name, (content, mode) in _make(moment).items()]
    except OSError as error:
        raise unwritable(folder, error) from error


def _make(moment: datetime | None) -> Mapping[str, tuple[bytes, int]]:
    """File name -> (content, permissions)."""
    start = (moment or datetime.now(UTC)) - _SKEW
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = _name("root")
    root = _builder(root_name, root_name, root_key.public_key(), start)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(_usage(signs=False), critical=True)
    root_certificate = root.sign(root_key, hashes.SHA256())
    files = {ROOT: (root_certificate.public_bytes(serialization.Encoding.PEM), 0o644)}
    for role in REQUIRED_SIGNATURES:
        key = ec.generate_private_key(ec.SECP256R1())
        issued = _builder(_name(role), root_name, key.public_key(), start)
        issued = issued.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        issued = issued.add_extension(_usage(signs=True), critical=True)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        certificate = issued.add_extension(issuer, critical=False).sign(root_key, hashes.SHA256())
        phrase = secrets.token_urlsafe(24).encode()
        files[f"{role}.p12"] = (_pkcs12(role, key, certificate, root_certificate, phrase), 0o600)
        files[f"{role}.pass"] = (phrase + b"\n", 0o600)
    return files


def _name(what: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, WARNING),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{WARNING} ({what})"),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Of a signer: digital signature and non-repudiation; of the root: certificates and revocation lists."""
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=signs,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pkcs12(
    role: str,
    key: ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate,
    root: x509.Certificate,
    phrase: bytes,
) -> bytes:
    encryption = serialization.BestAvailableEncryption(phrase)
    return pkcs12.serialize_key_and_certificates(role.encode(), key, certificate, [root], encryption)


def _write(path: Path, content: bytes, mode: int) -> Path:
    """A new file that no one else could read at any moment when `mode` says so."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(mode)
    return path


def _refuse_repository(folder: Path) -> None:
    """A key that lies in a work tree is a key that is committed one day."""
    tree = next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None)
    if tree is None or _is_ignored(folder, tree):
        return
    raise OutputError(
        "keys are not written into a Git work tree",
        where=str(folder),
        why=f"{tree} does not ignore it, so that the keys could be committed",
        mend="name a folder outside of the repository, or one that .gitignore names",
    )


def _is_ignored(folder: Path, tree: Path) -> bool:
    git = shutil.which("git")
    if git is None or ".git" in folder.relative_to(tree).parts:
        return False
    # The file that will lie there is asked about: a rule like `keys/` holds only for what is in the folder.
    command = [git, "-C", str(tree), "check-ignore", "--quiet", "--", str(folder / "author.p12")]
    done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - fixed command, path behind `--`
    return done.returncode == 0
