"""Whether the release that is to be signed or published still holds: all of it is checked anew, from its files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sealproof.dossier.documents import KINDS, draft_release
from sealproof.dossier.inputs import load_inputs
from sealproof.evidence.errors import (
    DefinitionError,
    EvidenceAlteredError,
    EvidenceMissingError,
)
from sealproof.evidence.hashing import sha256_bytes, sha256_file
from sealproof.evidence.trail import read_trail
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.decision import REQUIRED_SIGNATURES
from sealproof.qualification.gate import Severity, evaluate_gate
from sealproof.qualification.release import Release, read_release
from sealproof.settings import load_settings
from sealproof.signing.inspection import FoundSignature, Inspected, inspect
from sealproof.signing.pdf_signature import field_name
from sealproof.signing.record import (
    RELEASE,
    SIGNATURES,
    SignatureEntry,
    SignatureRecord,
    read_record,
    signed_release,
)

DOCUMENTS = tuple(f"{kind}.pdf" for kind in KINDS)
#: Known only after the draft was made.
_LATER = {"documents", "trail_head"}


@dataclass(frozen=True)
class Held:
    """A release that holds.

    Args:
        release: as drafted, before any signature.
        record: the signatures so far; None before the first.
        documents: name -> content as the last signature left it, or unsigned.
        keys: SHA-256 of the public keys that have signed.
    """

    release: Release
    record: SignatureRecord | None
    documents: dict[str, bytes]
    keys: frozenset[str]


def hold_release(workspace: Workspace) -> Release:
    """The release of a workspace, after everything it rests on was checked anew.

    Raises:
        EvidenceMissingError, EvidenceAlteredError: a file is missing or is not the one that the release names, the
            evidence or what the manufacturer wrote gives another release, or the audit trail does not name it.
    """
    problems = [item for item in evaluate_gate(workspace).problems if item.severity >= Severity.MISSING]
    if problems:
        altered = any(item.severity is Severity.ALTERED for item in problems)
        kind = EvidenceAlteredError if altered else EvidenceMissingError
        raise kind(
            "the release does not hold",
            where=workspace.relative(workspace.reports / RELEASE),
            why="\n".join(str(item) for item in problems),
            mend="run `dvc repro`; then read and sign what it writes",
        )
    release = read_release(workspace.reports / RELEASE)
    _check_documents(release, workspace)
    _check_trail(workspace)
    _check_draft(release, workspace)
    return release


def _check_documents(release: Release, workspace: Workspace) -> None:
    wanted = {f"reports/{workspace.product}/{name}" for name in DOCUMENTS}
    if set(release.documents) != wanted:
        raise _altered(workspace, f"it names the documents {', '.join(sorted(release.documents)) or 'none'}")


def _check_trail(workspace: Workspace) -> None:
    made = [entry for entry in read_trail(workspace.trail) if entry.event == "release.made"]
    digest = sha256_file(workspace.reports / RELEASE)
    if not made:
        raise EvidenceMissingError(
            "the release does not hold",
            where=workspace.relative(workspace.trail),
            why="no line of the audit trail says that it was made",
            mend="run `dvc repro --force --single-item dossier`",
        )
    if made[-1].details["release_sha256"] != digest:
        raise _altered(workspace, "the audit trail says that another one was made last")


def _check_draft(release: Release, workspace: Workspace) -> None:
    """What the manufacturer wrote decides as well, and is no output of a stage that could be hashed."""
    draft = present_draft(workspace)
    different = [
        name
        for name in Release.model_fields
        if name not in _LATER and getattr(draft, name) != getattr(release, name)
    ]
    if different:
        raise _altered(workspace, f"evidence and product give other values of {', '.join(different)}")


def present_draft(workspace: Workspace) -> Release:
    """The release as evidence and product give it now, without documents; raises as `draft_release` does."""
    return draft_release(load_inputs(replace(load_settings(workspace.root), workspace=workspace)))


def hold_signatures(workspace: Workspace, release: Release) -> Held:
    """The documents as they are to be signed next.

    Args:
        workspace: where they lie.
        release: from `hold_release`.

    Raises:
        DefinitionError: `signed/` holds the signatures of another release.
        EvidenceMissingError, EvidenceAlteredError: a signed document, a signature or a record is not what it was.
    """
    unsigned = {name: (workspace.reports / name).read_bytes() for name in DOCUMENTS}
    if not workspace.signed.is_dir():
        return Held(release, None, unsigned, frozenset())
    record = read_record(workspace.signed / SIGNATURES)
    contents = _signed_documents(workspace, record)
    stale = [name for name in DOCUMENTS if not contents[name].startswith(unsigned[name])]
    if record.release_id != release.release_id or stale:
        raise _other_release(workspace, record, stale)
    keys: set[str] = set()
    for name, content in sorted(contents.items()):
        keys |= _check_signatures(workspace, name, content, record)
    if read_release(workspace.signed / RELEASE) != signed_release(release, record, workspace):
        raise _altered(
            workspace, "signed/release.json is not what the release and its signatures give", signed=True
        )
    return Held(release, record, contents, frozenset(keys))


def _signed_documents(workspace: Workspace, record: SignatureRecord) -> dict[str, bytes]:
    wanted = {*DOCUMENTS, SIGNATURES, RELEASE}
    present = {path.name for path in workspace.signed.iterdir()}
    if wanted - present:
        raise EvidenceMissingError(
            "signed documents are missing",
            where=workspace.relative(workspace.signed),
            why=f"there is no {', '.join(sorted(wanted - present))}",
            mend="restore the folder from a backup",
        )
    if present - wanted:
        raise _altered(workspace, f"it holds {', '.join(sorted(present - wanted))} as well", signed=True)
    stated = record.signatures[-1].documents
    contents = {name: (workspace.signed / name).read_bytes() for name in DOCUMENTS}
    wrong = [name for name in DOCUMENTS if sha256_bytes(contents[name]) != stated.get(name)]
    if wrong or set(stated) != set(DOCUMENTS):
        raise _altered(workspace, f"not as the last signature left it: {', '.join(wrong)}", signed=True)
    return contents


def _check_signatures(workspace: Workspace, name: str, content: bytes, record: SignatureRecord) -> set[str]:
    try:
        found = inspect(content)
    except ValueError as error:
        raise _altered(workspace, f"{name}: {error}", signed=True) from error
    problems = signature_problems(found, record)
    if problems:
        raise _altered(workspace, "\n".join(f"{name}: {text}" for text in problems), signed=True)
    return {item.key_sha256 for item in found.signatures}


def signature_problems(found: Inspected, record: SignatureRecord) -> list[str]:
    """Where the signatures of one document are not those of the record, one text each."""
    stated = record.signatures
    problems = [] if found.closed else ["something was added behind the last signature"]
    if tuple(item.role for item in stated) != REQUIRED_SIGNATURES[: len(stated)]:
        problems.append("signatures.json does not name author, reviewer, approver in this order")
    if len(found.signatures) != len(stated):
        return [*problems, f"it carries {len(found.signatures)} signatures, not {len(stated)}"]
    for item, entry in zip(found.signatures, stated, strict=True):
        problems += [f"the signature of the {entry.role} {text}" for text in _wrong(item, entry, record)]
    return problems


def _wrong(item: FoundSignature, entry: SignatureEntry, record: SignatureRecord) -> Iterator[str]:
    if not item.sound:
        yield "is not valid"
    bound = f"{entry.meaning}; release {record.release_id}"
    for what, found, stated in (
        ("lies in the field", item.field, field_name(entry.role)),
        ("names", item.name, entry.name),
        ("says", item.reason, bound),
        ("was made with the certificate", item.certificate_sha256, entry.certificate_sha256),
        ("has a time stamp:", item.timestamped, entry.timestamped),
    ):
        if found != stated:
            yield f"{what} {found}, not {stated}"


def _other_release(workspace: Workspace, record: SignatureRecord, stale: list[str]) -> DefinitionError:
    why = f"they are of release {record.release_id[:12]}" + (
        f", and of another issue of {', '.join(stale)}" if stale else ""
    )
    return DefinitionError(
        "the signatures are those of another release",
        where=workspace.relative(workspace.signed),
        why=why,
        mend="move the folder to where you keep your records; then the author signs the present release",
    )


def _altered(workspace: Workspace, why: str, *, signed: bool = False) -> EvidenceAlteredError:
    place = workspace.signed if signed else workspace.reports / RELEASE
    return EvidenceAlteredError(
        "the signed documents do not hold" if signed else "the release does not hold",
        where=workspace.relative(place),
        why=why,
        mend="restore the folder from a backup"
        if signed
        else "run `dvc repro`; then read and sign what it writes",
    )
