"""Signatures of one PDF: each intact, each over its revision, in order, nothing changed in between."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import EmbeddedPdfSignature, validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from sealproof.verification.digests import sha256
from sealproof.verification.findings import Findings
from sealproof.verification.revisions import unpermitted_changes

#: A certificate as pyHanko holds it (asn1crypto, which carries no types).
Certificate = Any
ROLES = ("author", "reviewer", "approver")
PREFIX = "signature-"
# What pyHanko has to say about a signature is in its status; its log would repeat it on standard error.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Signed:
    """One signature as it stands in the file.

    Args:
        role: after the name of its field.
        revision: of the file that it made, 1 for the first behind the original.
        end: number of bytes of the file up to the end of that revision.
        name, reason: as the signature holds them.
        at: time that the signer states; None when it states none.
        certificate_sha256: of the signer's certificate.
        key_sha256: of the signer's public key.
    """

    role: str
    revision: int
    end: int
    name: str
    reason: str
    at: datetime | None
    certificate_sha256: str
    key_sha256: str


def check_signed(
    content: bytes, file: str, roots: Sequence[Certificate] | None, findings: Findings
) -> list[Signed]:
    """Validate every signature of a PDF.

    Args:
        content: of the file.
        file: its name.
        roots: certificates that are trusted; None when nobody named any.
        findings: what is found goes here.

    Returns:
        the signatures in the order in which they were made.
    """
    try:
        reader = PdfFileReader(BytesIO(content), strict=False)
        embedded = sorted(reader.embedded_signatures, key=lambda item: int(item.signed_revision))
        found = [_validate(item, file, roots, findings) for item in embedded]
        _check_order(found, file, findings)
        _check_revisions(reader, len(found), file, findings)
        if found and found[-1].end != len(content):
            findings.add(
                "signature-not-whole-file",
                file,
                found[-1].role,
                expected=f"{len(content)} bytes covered",
                found=f"{found[-1].end}",
            )
    except PdfError as error:
        findings.add("signature-broken", file, expected="signatures that can be read", found=str(error))
        return []
    return found


def _validate(
    item: EmbeddedPdfSignature, file: str, roots: Sequence[Certificate] | None, findings: Findings
) -> Signed:
    signed = _describe(item)
    findings.count("signatures")
    with findings.guard(file, signed.role):
        moment = signed.at
        context = ValidationContext(trust_roots=list(roots or ()), allow_fetching=False, moment=moment)
        status = validate_pdf_signature(item, context, context, skip_diff=True)
        _check_integrity(status, signed, file, findings)
        _check_certificate(item, status, signed, roots, file, findings)
    return signed


def _describe(item: EmbeddedPdfSignature) -> Signed:
    certificate = item.signer_cert
    ranges = [int(value) for value in item.byte_range]
    return Signed(
        role=str(item.field_name).removeprefix(PREFIX),
        revision=int(item.signed_revision),
        end=ranges[-2] + ranges[-1],
        name=str(item.sig_object.get("/Name", "")),
        reason=str(item.sig_object.get("/Reason", "")),
        at=item.self_reported_timestamp,
        certificate_sha256=sha256(certificate.dump()),
        key_sha256=sha256(certificate.public_key.dump()),
    )


def _check_integrity(status: PdfSignatureStatus, signed: Signed, file: str, findings: Findings) -> None:
    if not (status.intact and status.valid):
        findings.add(
            "signature-broken",
            file,
            signed.role,
            expected="intact and valid",
            found=f"intact {status.intact}, valid {status.valid}",
        )
    covered = status.coverage is not None and status.coverage >= SignatureCoverageLevel.ENTIRE_REVISION
    if not covered:
        findings.add(
            "signature-not-whole-file",
            file,
            signed.role,
            expected="its whole revision covered",
            found=str(status.coverage),
        )
    stamp = status.timestamp_validity
    if stamp is not None and not (stamp.intact and stamp.valid):
        findings.add(
            "signature-broken",
            file,
            f"{signed.role}, time stamp",
            expected="intact and valid",
            found=f"intact {stamp.intact}, valid {stamp.valid}",
        )


def _check_certificate(
    item: EmbeddedPdfSignature,
    status: PdfSignatureStatus,
    signed: Signed,
    roots: Sequence[Certificate] | None,
    file: str,
    findings: Findings,
) -> None:
    certificate = item.signer_cert
    begin, end = certificate.not_valid_before, certificate.not_valid_after
    if signed.at is None or not begin <= signed.at <= end:
        findings.add(
            "certificate-expired",
            file,
            signed.role,
            expected=f"signed between {begin} and {end}",
            found=str(signed.at),
        )
    if roots is not None and not status.trusted:
        findings.add(
            "signer-not-trusted",
            file,
            signed.role,
            expected="a certificate under a trusted root",
            found=f"{certificate.subject.human_friendly}: {status.summary()}",
        )


def _check_order(found: Sequence[Signed], file: str, findings: Findings) -> None:
    roles = [item.role for item in found]
    for role in roles:
        if role not in ROLES or roles.count(role) > 1:
            findings.add("signature-extra", file, role, expected=", ".join(ROLES), found=", ".join(roles))
    known = [role for role in roles if role in ROLES]
    if known != [role for role in ROLES if role in known] or known != list(ROLES[: len(known)]):
        findings.add("signature-order-wrong", file, expected=", ".join(ROLES), found=", ".join(roles))
    if [item.revision for item in found] != list(range(1, len(found) + 1)):
        findings.add(
            "signature-order-wrong",
            file,
            expected="one revision a signature",
            found=str([item.revision for item in found]),
        )


def _check_revisions(reader: PdfFileReader, signatures: int, file: str, findings: Findings) -> None:
    revisions = int(reader.xrefs.total_revisions)
    if revisions != signatures + 1:
        wanted = f"{signatures + 1} revisions: the document and one a signature"
        findings.add("changed-after-signature", file, expected=wanted, found=f"{revisions} revisions")
    with findings.guard(file, "revisions"):
        for revision, change in unpermitted_changes(reader):
            findings.add(
                "changed-after-signature",
                file,
                f"revision {revision}",
                expected="nothing but a signature and its field",
                found=change,
            )
