"""Signed copies: of these very documents, by the same people in the same order, as signatures.json and trail say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyhanko.keys import load_certs_from_pemder

from sealproof.evidence.errors import DefinitionError
from sealproof.verification.definition import DOCUMENTS
from sealproof.verification.digests import sha256
from sealproof.verification.signatures import ROLES, Certificate, Signed, check_signed
from sealproof.verification.trail import events, good_entries
from sealproof.verification.tree import Tree

LIST = "signed/signatures.json"


def load_roots(paths: Sequence[Any]) -> list[Certificate]:
    """Certificates to trust, from PEM files.

    Raises:
        DefinitionError: a file cannot be read or holds no certificate.
    """
    roots = []
    for path in paths:
        try:
            found = list(load_certs_from_pemder([str(path)]))  # type: ignore[no-untyped-call]  # pyHanko says no types
            names = [item.subject.human_friendly for item in found]  # parsed only now
        except (OSError, ValueError) as error:
            raise _no_root(path, str(error)) from error
        if not names:
            raise _no_root(path, "it holds no certificate")
        roots += found
    return roots


def _no_root(path: Any, why: str) -> DefinitionError:
    return DefinitionError(
        "a trusted certificate cannot be read", where=str(path), why=why, mend="name a PEM file with --trust"
    )


def check_signed_documents(tree: Tree, roots: Sequence[Certificate] | None, *, required: bool) -> None:
    """Validate the signed copies of all four documents.

    Args:
        tree: what is verified.
        roots: trusted certificates; None when nobody named any.
        required: whether a release without signatures is incomplete.
    """
    present = [name for name in DOCUMENTS if tree.exists(tree.report(f"signed/{name}"))]
    listed = tree.exists(tree.report(LIST))
    noted = _signed_events(tree)
    if not present and not listed and not noted:
        code = "signature-required" if required else "not-signed"
        tree.findings.add(
            code, tree.report("signed"), expected="signed copies of the four documents", found="none"
        )
        return
    found: dict[str, list[Signed]] = {}
    for name in DOCUMENTS:
        file = tree.report(f"signed/{name}")
        if name not in present:
            tree.findings.add(
                "signed-document-missing", file, expected="the signed copy", found="no such file"
            )
            continue
        with tree.findings.guard(file):
            content = tree.path(file).read_bytes()
            _check_original(tree, name, content)
            found[name] = check_signed(content, file, roots, tree.findings)
            _check_release(tree, file, found[name])
    _check_sets(tree, found, required=required)
    with tree.findings.guard(tree.report(LIST)):
        _check_list(tree, found)
    if roots is None and any(found.values()):
        tree.findings.add(
            "signers-not-checked",
            tree.report("signed"),
            expected="trusted roots, named with --trust",
            found="none named",
        )


def _check_original(tree: Tree, name: str, content: bytes) -> None:
    """The first revision is, byte for byte, the document that the stage wrote."""
    source = tree.report(name)
    if tree.exists(source) and not content.startswith(tree.path(source).read_bytes()):
        tree.findings.add(
            "signed-other-document",
            tree.report(f"signed/{name}"),
            expected=f"{source} as its first revision",
            found="another document",
        )


def _check_release(tree: Tree, file: str, signatures: Sequence[Signed]) -> None:
    wanted = str(tree.dictionary(tree.release, optional=True).get("release_id", ""))
    for item in signatures:
        if not wanted or wanted not in item.reason:
            tree.findings.add(
                "signed-other-release",
                file,
                item.role,
                expected=f"a reason that names release {wanted}",
                found=item.reason,
            )


def _check_sets(tree: Tree, found: Mapping[str, Sequence[Signed]], *, required: bool) -> None:
    """All documents carry the same signatures by the same certificates."""
    sets = {name: [(item.role, item.certificate_sha256) for item in items] for name, items in found.items()}
    fullest = max(sets.values(), key=len, default=[])
    for name, items in sorted(sets.items()):
        file = tree.report(f"signed/{name}")
        for role, certificate in fullest:
            if role not in dict(items):
                tree.findings.add(
                    "signature-missing",
                    file,
                    role,
                    expected="the signature that other documents carry",
                    found="none",
                )
            elif dict(items)[role] != certificate:
                tree.findings.add(
                    "signer-differs",
                    file,
                    role,
                    expected=f"certificate {certificate}, as on other documents",
                    found=dict(items)[role],
                )
        missing = [role for role in ROLES if role not in dict(items)]
        if missing and required:
            tree.findings.add(
                "signature-required", file, expected=", ".join(ROLES), found=f"missing: {', '.join(missing)}"
            )
        keys = [item.key_sha256 for item in found[name]]
        if len(set(keys)) < len(keys):
            tree.findings.add(
                "one-signer-in-two-roles",
                file,
                expected="another key for each role",
                found="one key signed twice",
            )


def _check_list(tree: Tree, found: Mapping[str, Sequence[Signed]]) -> None:
    """signatures.json and the trail name who signed, with which certificate, and what the files were then."""
    rows = {row["role"]: row for row in _rows(tree.json(tree.report(LIST)))}
    noted = {details["role"]: details for details in _signed_events(tree)}
    known = {item.role: item for items in found.values() for item in items}
    for role in sorted({*rows, *noted, *known}):
        for source, code, stated in (
            (tree.report(LIST), "signature-list-wrong", rows.get(role)),
            (f"artifacts/{tree.product}/trail.jsonl", "signature-not-in-trail", noted.get(role)),
        ):
            if stated is None:
                tree.findings.add(code, source, role, expected="the signature", found="not named")
            elif role not in known:
                tree.findings.add(
                    "signature-missing",
                    tree.report("signed"),
                    role,
                    expected=f"signed, as {source} says",
                    found="not signed",
                )
            else:
                _check_row(tree, source, code, stated, known[role])
    for source, code, stated_rows in (
        (tree.report(LIST), "signature-list-wrong", rows),
        (f"artifacts/{tree.product}/trail.jsonl", "signature-not-in-trail", noted),
    ):
        for role, details in stated_rows.items():
            _check_hashes(tree, (role, source, code), details["documents"], found)


def _rows(content: Any) -> list[Mapping[str, Any]]:
    rows = content.get("signatures", []) if isinstance(content, dict) else content
    return list(rows or [])


def _check_row(tree: Tree, source: str, code: str, stated: Mapping[str, Any], signed: Signed) -> None:
    for key, value in (("certificate_sha256", signed.certificate_sha256), ("name", signed.name)):
        if key in stated and stated[key] != value:
            tree.findings.add(
                code, source, f"{signed.role}, {key}", expected=f"{value} (in the PDF)", found=stated[key]
            )


def _check_hashes(
    tree: Tree,
    about: tuple[str, str, str],
    stated: Mapping[str, str],
    found: Mapping[str, Sequence[Signed]],
) -> None:
    """The file as a role left it is the one that was noted then; `about`: role, where it was noted, code."""
    role, source, code = about
    by_name = {path.rsplit("/", 1)[-1]: digest for path, digest in stated.items()}
    for name, items in found.items():
        file = tree.report(f"signed/{name}")
        content = tree.path(file).read_bytes()
        for item in items:
            digest = sha256(content[: item.end])
            if item.role == role and by_name.get(name) != digest:
                expected = f"SHA-256 {by_name.get(name)} ({source})"
                tree.findings.add(code, file, role, expected=expected, found=f"SHA-256 {digest}")


def _signed_events(tree: Tree) -> list[Mapping[str, Any]]:
    """`document.signed` of the release at hand, the last of each role."""
    release = tree.dictionary(tree.release, optional=True).get("release_id")
    rows = good_entries(tree)
    last = {
        details["role"]: details
        for _, details in events(rows, "document.signed")
        if details["release_id"] == release
    }
    return list(last.values())
