"""What signatures a PDF carries, and whether each still covers the bytes it was made for."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from cryptography import x509
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import EmbeddedPdfSignature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.status import SignatureCoverageLevel

from sealproof.signing.certificate import fingerprint, key_fingerprint


@dataclass(frozen=True)
class FoundSignature:
    """One signature in a PDF.

    Args:
        field: name of its field.
        name, reason: as the signature holds them; empty when it does not.
        certificate_sha256: of the certificate that signed.
        key_sha256: of its public key.
        sound: what it covers has the signed hash, the signature fits the certificate, and it covers the whole revision
            of the file that it was made in. Trust in the certificate is another question and not asked here.
        timestamped: a time stamp lies in the signature.
    """

    field: str
    name: str
    reason: str
    certificate_sha256: str
    key_sha256: str
    sound: bool
    timestamped: bool


@dataclass(frozen=True)
class Inspected:
    """The signatures of a PDF, the oldest first, and whether nothing was added to the file behind the last one."""

    signatures: tuple[FoundSignature, ...]
    closed: bool


def inspect(content: bytes) -> Inspected:
    """Read and check the signatures of a PDF.

    What a later revision changes is not analysed here: each revision behind the first is one that a signature covers,
    or the file counts as not closed.

    Raises:
        ValueError: it is not a PDF, or a signature cannot be read.
    """
    try:
        reader = PdfFileReader(BytesIO(content))
        embedded = list(reader.embedded_regular_signatures)
        found = tuple(_found(signature) for signature in embedded)
        last = embedded[-1].evaluate_signature_coverage() if embedded else SignatureCoverageLevel.ENTIRE_FILE
        revisions = {signature.signed_revision for signature in embedded}
    except (PdfReadError, SignatureValidationError, SigningError, LookupError, TypeError) as error:
        raise ValueError(f"its signatures cannot be read: {error}") from error
    one_each = sorted(revisions) == list(
        range(reader.xrefs.total_revisions - len(embedded), reader.xrefs.total_revisions)
    )
    return Inspected(found, last is SignatureCoverageLevel.ENTIRE_FILE and one_each)


def _found(signature: EmbeddedPdfSignature) -> FoundSignature:
    certificate = x509.load_der_x509_certificate(signature.signer_cert.dump())
    unsigned = signature.signer_info["unsigned_attrs"]
    kinds = {attribute["type"].native for attribute in unsigned} if unsigned.native else set()
    return FoundSignature(
        field=str(signature.field_name),
        name=str(signature.sig_object.get("/Name", "")),
        reason=str(signature.sig_object.get("/Reason", "")),
        certificate_sha256=fingerprint(certificate),
        key_sha256=key_fingerprint(certificate),
        sound=_is_sound(signature),
        timestamped="signature_time_stamp_token" in kinds,
    )


def _is_sound(signature: EmbeddedPdfSignature) -> bool:
    digest = signature.compute_digest()
    intact, valid = validate_sig_integrity(signature.signer_info, signature.signer_cert, "data", digest)
    return (
        intact and valid and signature.evaluate_signature_coverage() >= SignatureCoverageLevel.ENTIRE_REVISION
    )
