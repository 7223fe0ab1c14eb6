"""One role signs all four documents of a release: all of them, in one step, or none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import Signer
from pyhanko.sign.timestamps import TimeStamper

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError
from sealproof.evidence.files import unwritable, write_bytes, write_json
from sealproof.evidence.hashing import sha256_bytes
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.decision import REQUIRED_SIGNATURES
from sealproof.qualification.release import Release
from sealproof.signing.appearance import FONT, Statement, printable_font
from sealproof.signing.boxes import NAME as BOXES
from sealproof.signing.boxes import Box, read_boxes
from sealproof.signing.certificate import check_certificate, check_trust, common_name
from sealproof.signing.credentials import Credential
from sealproof.signing.exchange import exchange, only_one, partial_of, recover
from sealproof.signing.held import DOCUMENTS, Held, hold_release, hold_signatures, signature_problems
from sealproof.signing.inspection import inspect
from sealproof.signing.pdf_signature import sign_document
from sealproof.signing.record import RELEASE, SIGNATURES, SignatureEntry, SignatureRecord, signed_release
from sealproof.signing.timestamping import translated
from sealproof.signing.trail_lines import complete_trail

#: Role -> meaning of its signature, in the words of 21 CFR 11.50(a)(3).
MEANINGS: Mapping[str, str] = {"author": "authorship", "reviewer": "review", "approver": "approval"}


@dataclass(frozen=True)
class Request:
    """Who wants to sign, and how.

    Args:
        role: one of `REQUIRED_SIGNATURES`.
        name: of the person.
        meaning: of the signature.
        credential: opens key and certificate; called only after everything else was found in order.
        stamper: of a time-stamp authority, or None.
        authority: its address, for messages.
        roots: certificates that the signer's has to lead to; none of them: not asked.
    """

    role: str
    name: str
    meaning: str
    credential: Callable[[], AbstractContextManager[Credential]]
    stamper: TimeStamper | None = None
    authority: str = ""
    roots: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True)
class Signed:
    """What a signature left: its entry, and the release as it stands with it."""

    entry: SignatureEntry
    release: Release


def sign_release(workspace: Workspace, request: Request) -> Signed:
    """Sign all four documents of a release in one role.

    Everything is checked anew before: release, evidence, documents, earlier signatures, order, key and certificate.
    After a kill at any moment `signed/` is as it was before, or all four documents carry the signature; the next call
    clears up, and adds a line that is missing in the audit trail.

    Raises:
        EvidenceMissingError, EvidenceAlteredError: what is to be signed does not hold.
        DefinitionError: out of order, a role, a person or a key twice, text that cannot be printed, or a wrong key.
        DataError: the certificate cannot sign now, or is not trusted.
        OutputError: the time-stamp authority gives nothing, another process signs, or the folder cannot be written.
    """
    with only_one(workspace.reports):
        recover(workspace.signed)
        complete_trail(workspace)
        release = hold_release(workspace)
        held = hold_signatures(workspace, release)
        _check_order(request, held.record)
        boxes = read_boxes(workspace.artifacts("dossier") / BOXES, DOCUMENTS, REQUIRED_SIGNATURES)
        with request.credential() as credential:
            return _sign(workspace, request, held, credential, boxes)


def _sign(
    workspace: Workspace,
    request: Request,
    held: Held,
    credential: Credential,
    boxes: Mapping[str, Mapping[str, Box]],
) -> Signed:
    moment = datetime.now(UTC).replace(microsecond=0)
    _check_credential(credential, held, request.roots, moment)
    certificate = common_name(credential.certificate)
    statement = Statement(
        request.role, request.name, request.meaning, moment, certificate, held.release.release_id
    )
    font = printable_font(statement.lines, workspace.root / FONT)
    contents = _sign_all(held, statement, boxes, credential.signer, font=font, request=request)
    entry = _entry(request, statement, credential, contents)
    before = held.record or SignatureRecord(release_id=held.release.release_id, signatures=())
    record = before.added(entry)
    _check_result(contents, record)
    release = signed_release(held.release, record, workspace)
    _replace(workspace, contents, record, release)
    complete_trail(workspace)
    return Signed(entry, release)


def _sign_all(
    held: Held,
    statement: Statement,
    boxes: Mapping[str, Mapping[str, Box]],
    signer: Signer,
    *,
    font: bytes,
    request: Request,
) -> dict[str, bytes]:
    try:
        with translated(request.authority):
            return {
                name: sign_document(
                    held.documents[name], statement, boxes[name], signer, font=font, stamper=request.stamper
                )
                for name in DOCUMENTS
            }
    except (SigningError, PdfError) as error:
        raise EvidenceAlteredError(
            "a document cannot be signed",
            where="reports, the four documents",
            why=str(error),
            mend="run `dvc repro --force --single-item dossier`, then sign again",
        ) from error


def _check_order(request: Request, record: SignatureRecord | None) -> None:
    """Author, reviewer, approver; each role once, each by another person."""
    signed = record.signatures if record else ()
    roles = [item.role for item in signed]
    expected = REQUIRED_SIGNATURES[len(roles)] if len(roles) < len(REQUIRED_SIGNATURES) else None
    same = [item.role for item in signed if _plain(item.name) == _plain(request.name)]
    why, mend = "", ""
    if request.role in roles:
        entry = signed[roles.index(request.role)]
        why = f"the {entry.role} has signed already: {entry.name}, {entry.at}"
        mend = f"sign as {expected}" if expected else "nothing is left to sign; run `sealproof release`"
    elif request.role != expected:
        done = ", ".join(roles) or "nobody"
        why = f"each signature covers those before it: author, reviewer, approver; so far signed: {done}"
        mend = f"first let the {expected} sign"
    elif same:
        why = f"{request.name} has signed as {same[0]}; roles are kept by different people"
        mend = "let another person sign; people of one name add what tells them apart"
    if why:
        raise DefinitionError(
            f"the {request.role} cannot sign now", where="--role or --name", why=why, mend=mend
        )


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _check_credential(
    credential: Credential, held: Held, roots: Iterable[x509.Certificate], moment: datetime
) -> None:
    used = (
        [item.role for item in held.record.signatures if item.certificate_sha256 == credential.sha256]
        if held.record
        else []
    )
    if used or credential.key_sha256 in held.keys:
        raise DefinitionError(
            "one key cannot sign in two roles",
            where=f"certificate of {common_name(credential.certificate)}",
            why=f"it has signed this release as {used[0]}"
            if used
            else "its key has signed this release already",
            mend="sign with the certificate of another person",
        )
    check_certificate(credential.certificate, moment)
    trusted = tuple(roots)
    if trusted:
        check_trust(credential.certificate, credential.others, trusted, moment)


def _entry(
    request: Request, statement: Statement, credential: Credential, contents: Mapping[str, bytes]
) -> SignatureEntry:
    return SignatureEntry(
        role=statement.role,
        name=statement.name,
        meaning=statement.meaning,
        at=statement.at.isoformat(timespec="seconds"),
        certificate_sha256=credential.sha256,
        subject=credential.certificate.subject.rfc4514_string(),
        issuer=credential.certificate.issuer.rfc4514_string(),
        timestamped=request.stamper is not None,
        documents={name: sha256_bytes(content) for name, content in sorted(contents.items())},
    )


def _check_result(contents: Mapping[str, bytes], record: SignatureRecord) -> None:
    """What was just written is read back: a signature that does not verify never gets into its place."""
    problems = [
        f"{name}: {text}"
        for name, content in sorted(contents.items())
        for text in signature_problems(inspect(content), record)
    ]
    if problems:
        raise EvidenceAlteredError(
            "a signature that was just made does not verify; nothing was written",
            where="the signed documents",
            why="\n".join(problems),
            mend="check key, certificate and token, then sign again",
        )


def _replace(
    workspace: Workspace, contents: Mapping[str, bytes], record: SignatureRecord, release: Release
) -> None:
    partial = partial_of(workspace.signed)
    try:
        partial.mkdir()
        for name, content in sorted(contents.items()):
            write_bytes(partial / name, content)
        write_json(partial / SIGNATURES, record.model_dump(mode="json"))
        write_json(partial / RELEASE, release.model_dump(mode="json"))
        exchange(workspace.signed)
    except OSError as error:
        raise unwritable(partial, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
