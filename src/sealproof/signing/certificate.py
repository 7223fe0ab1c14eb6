"""What a certificate has to be before anything is signed with it. What is unknown is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from asn1crypto import x509 as asn1  # type: ignore[import-untyped]  # ships no types
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.evidence.hashing import sha256_bytes

#: Extended key usages under which documents are signed: any, e-mail, RFC 9336, Adobe, Microsoft.
_SIGNING_PURPOSES = {
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string,
    ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string,
    "1.3.6.1.5.5.7.3.36",
    "1.2.840.113583.1.1.5",
    "1.3.6.1.4.1.311.10.3.12",
}


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the DER form of a certificate, 64 hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def key_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the public key (SubjectPublicKeyInfo): the same for a renewed certificate of the same key."""
    public = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return sha256_bytes(certificate.public_key().public_bytes(*public))


def common_name(certificate: x509.Certificate) -> str:
    """The common name of the subject, or the whole subject where it has none."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else certificate.subject.rfc4514_string()


def check_certificate(certificate: x509.Certificate, at: datetime) -> None:
    """Hold a certificate against what a document signature needs.

    Args:
        certificate: of the signer.
        at: time of signing, with a time zone.

    Raises:
        DataError: expired, not yet valid, of an authority, without the key usage digital signature or non-repudiation
            (RFC 5280, 4.2.1.3), or limited to other purposes; all of these at once.
    """
    problems = [*_validity(certificate, at), *_purpose(certificate)]
    if problems:
        raise DataError(
            "this certificate cannot sign a document",
            where=f"certificate of {common_name(certificate)}",
            why="\n".join(problems),
            mend="use one for document signatures that is valid now; for trials, `sealproof demo-pki` makes some",
        )


def _validity(certificate: x509.Certificate, at: datetime) -> Iterable[str]:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < first:
        yield f"it is not valid before {first:%Y-%m-%d %H:%M:%S} UTC; now is {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if at > last:
        yield f"it expired on {last:%Y-%m-%d %H:%M:%S} UTC"


def _purpose(certificate: x509.Certificate) -> Iterable[str]:
    extensions = certificate.extensions
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        if not (usage.digital_signature or usage.content_commitment):
            yield "its key usage allows neither digital signatures nor non-repudiation"
    except x509.ExtensionNotFound:
        yield "it does not say what its key may be used for (no key usage)"
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            yield "it is the certificate of an authority, not of a signer"
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if not {purpose.dotted_string for purpose in purposes} & _SIGNING_PURPOSES:
            yield "its extended key usage is for other purposes than signing documents"
    except x509.ExtensionNotFound:
        pass


def read_roots(path: Path) -> list[x509.Certificate]:
    """Certificates to trust, from a PEM file.

    Raises:
        DefinitionError: the file cannot be read or holds no certificate.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        why = (
            error.strerror or "it cannot be read"
            if isinstance(error, OSError)
            else "it holds no PEM certificate"
        )
        raise DefinitionError(
            "the trusted certificates cannot be read", where=str(path), why=why, mend="name a PEM file"
        ) from error


def check_trust(
    certificate: x509.Certificate,
    others: Iterable[x509.Certificate],
    roots: Iterable[x509.Certificate],
    at: datetime,
) -> None:
    """Find a path from the certificate to a trusted root (RFC 5280, 6), offline.

    Revocation is not asked for: nothing leaves the machine.

    Raises:
        DataError: there is no such path.
    """
    context = ValidationContext(
        trust_roots=[as_asn1(root) for root in roots],
        other_certs=[as_asn1(other) for other in others],
        allow_fetching=False,
        moment=at,
        best_signature_time=at,
    )
    validator = CertificateValidator(as_asn1(certificate), validation_context=context)
    try:
        asyncio.run(validator.async_validate_usage(set()))  # type: ignore[no-untyped-call]  # pyHanko's
    except (PathError, ValidationError) as error:
        raise DataError(
            "the certificate does not lead to one that is trusted",
            where=f"certificate of {common_name(certificate)}",
            why=str(error).splitlines()[0],
            mend="name the right root with --trust, or sign with a certificate that it issued",
        ) from error


def as_asn1(certificate: x509.Certificate) -> asn1.Certificate:
    """The same certificate in the form that pyHanko works with."""
    return asn1.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
