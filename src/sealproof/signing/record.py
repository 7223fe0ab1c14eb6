"""`signed/signatures.json`: who signed a release, in which role, when, and what the documents were afterwards."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.evidence.strict import StrictModel, problem_lines
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.definitions import Moment, Sha256, Text
from sealproof.qualification.release import Release, Signature, with_signatures

SIGNATURES, RELEASE = "signatures.json", "release.json"


class SignatureEntry(StrictModel):
    """One signature under all four documents.

    Args:
        role: author, reviewer or approver.
        name: of the signer, as printed.
        meaning: of the signature.
        at: time of signing, ISO 8601 in UTC.
        certificate_sha256: of the certificate that signed.
        subject, issuer: of that certificate (RFC 4514).
        timestamped: a time-stamp authority confirmed the time.
        documents: name -> SHA-256 after this signature.
    """

    role: Text
    name: Text
    meaning: Text
    at: Moment
    certificate_sha256: Sha256
    subject: str
    issuer: str
    timestamped: bool
    documents: dict[str, Sha256]


class SignatureRecord(StrictModel):
    """`signatures.json`: the signatures of one release, the first one first."""

    release_id: Sha256
    signatures: tuple[SignatureEntry, ...]

    def added(self, entry: SignatureEntry) -> SignatureRecord:
        """This record with one more signature."""
        return SignatureRecord(release_id=self.release_id, signatures=(*self.signatures, entry))


def read_record(path: Path) -> SignatureRecord:
    """Read `signatures.json`.

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: it is not what `sealproof sign` writes, or holds no signature.
    """
    content = read_json(path)
    try:
        record = SignatureRecord.model_validate(content)
    except ValidationError as error:
        raise _altered(path, "\n".join(problem_lines(error))) from error
    if not record.signatures:
        raise _altered(path, "it holds no signature")
    return record


def signed_release(draft: Release, record: SignatureRecord, workspace: Workspace) -> Release:
    """The release as it stands with the signatures: decided anew, its documents are the signed ones.

    Args:
        draft: `reports/<product>/release.json`.
        record: the signatures so far, at least one.
        workspace: where the signed documents lie.
    """
    people = [Signature(role=item.role, name=item.name, at=item.at) for item in record.signatures]
    folder = f"reports/{workspace.product}/signed"
    documents = {f"{folder}/{name}": digest for name, digest in record.signatures[-1].documents.items()}
    return with_signatures(draft.model_copy(update={"documents": documents}), people)


def _altered(path: Path, why: str) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "the record of the signatures cannot be trusted",
        where=str(path),
        why=why,
        mend="restore the folder from a backup, or move it away and sign anew",
    )
