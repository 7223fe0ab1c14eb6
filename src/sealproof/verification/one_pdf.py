"""One PDF alone: its signatures, its attachments, and what it prints against the records that it carries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sealproof.verification.attachments import INDEX, read_attachments
from sealproof.verification.documents import ANCHOR, check_printed, check_release_id
from sealproof.verification.findings import Findings
from sealproof.verification.pdf_text import Document
from sealproof.verification.signatures import ROLES, Certificate, check_signed
from sealproof.verification.tree import Tree


def check_one_pdf(
    path: Path, roots: Sequence[Certificate] | None, findings: Findings, *, required: bool
) -> None:
    """Verify a PDF that came without its project.

    Args:
        path: the file.
        roots: trusted certificates; None when nobody named any.
        findings: what is found goes here.
        required: whether missing signatures make it incomplete.
    """
    file, content = path.name, path.read_bytes()
    with findings.guard(file):
        signatures = check_signed(content, file, roots, findings)
        if not signatures:
            findings.add(
                "signature-required" if required else "not-signed",
                file,
                expected=", ".join(ROLES),
                found="no signature",
            )
        elif required and len(signatures) < len(ROLES):
            findings.add(
                "signature-required",
                file,
                expected=", ".join(ROLES),
                found=", ".join(item.role for item in signatures),
            )
        if signatures and roots is None:
            findings.add(
                "signers-not-checked", file, expected="trusted roots, named with --trust", found="none named"
            )
        reasons = {item.reason.rsplit(" ", 1)[-1] for item in signatures}
        if len(reasons) > 1:
            findings.add(
                "signed-other-release",
                file,
                expected="one release in all reasons",
                found=", ".join(sorted(reasons)),
            )
        _check_content(path, content, reasons, findings)


def _check_content(path: Path, content: bytes, releases: set[str], findings: Findings) -> None:
    file = path.name
    with Document(content) as pdf:
        texts = pdf.texts()
        for release in sorted(releases):
            if len(release) == 64:
                check_release_id(Tree(path.parent, "", findings), file, texts, release)
        if not pdf.attachments():
            findings.add(
                "nothing-attached",
                file,
                expected="a dossier with its attachments",
                found="none: printed numbers cannot be checked",
            )
            return
        found = read_attachments(pdf, file, findings)
        with findings.guard(file, "records.json"):
            book: dict[str, Any] = {row["id"]: row for row in json.loads(found["records.json"])}
            check_printed(Tree(path.parent, "", findings), file, pdf.links(ANCHOR), book)
        with findings.guard(file, "release.json"):
            draft = json.loads(found["release.json"])
            check_release_id(Tree(path.parent, "", findings), file, texts, str(draft["release_id"]))
            for release in releases - {draft["release_id"]}:
                findings.add(
                    "signed-other-release", file, "release.json", expected=draft["release_id"], found=release
                )
        findings.count("attachments read", len(found.keys() - {INDEX}))
