"""The four PDFs: readable, each printed number that of its record, the release's id on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sealproof.verification.definition import DOCUMENTS
from sealproof.verification.pdf_text import Document, Link
from sealproof.verification.printed import squeeze, unmatched
from sealproof.verification.records import all_records
from sealproof.verification.tree import Tree

ANCHOR = "record-"


def check_documents(tree: Tree) -> None:
    """Hold what is printed against the records and printed.json."""
    name = tree.artifact("dossier", "printed.json")
    listed = tree.dictionary(name)
    book = all_records(tree)
    release = tree.dictionary(tree.release, optional=True)
    for document in DOCUMENTS:
        file = tree.report(document)
        if not tree.exists(file):
            tree.findings.add("file-missing", file, expected="the document", found="no such file")
            continue
        with tree.findings.guard(file), Document(tree.path(file).read_bytes()) as pdf:
            links = pdf.links(ANCHOR)
            check_printed(tree, file, links, book)
            _check_listed(tree, file, links, listed.get(document))
            if release:
                check_release_id(tree, file, pdf.texts(), str(release["release_id"]))


def check_printed(
    tree: Tree, file: str, links: Sequence[Link], book: Mapping[str, Mapping[str, Any]]
) -> None:
    """The text under each link to a record is its value."""
    for target, run in groupby(links, key=lambda link: link.target):
        found = list(run)
        name, place = target.removeprefix(ANCHOR), f"page {found[0].page}, {target.removeprefix(ANCHOR)}"
        record = book.get(name)
        tree.findings.count("printed values")
        if record is None:
            tree.findings.add(
                "printed-without-record", file, place, expected="a record of that id", found="none"
            )
            continue
        wrong = unmatched(record, [link.text for link in found])
        if wrong is not None:
            tree.findings.add(
                "printed-other-value",
                file,
                place,
                expected=f"{record['value']!r} {record['unit']}",
                found=wrong,
            )


def _check_listed(tree: Tree, file: str, links: Sequence[Link], listed: object) -> None:
    """printed.json names exactly the records that are linked in the document."""
    if not isinstance(listed, list):
        tree.findings.add(
            "printed-list-wrong",
            tree.artifact("dossier", "printed.json"),
            file,
            expected="the records that the document prints",
            found="nothing",
        )
        return
    linked = {link.target.removeprefix(ANCHOR) for link in links}
    for name in sorted({*map(str, listed)} - linked):
        tree.findings.add(
            "printed-value-missing", file, name, expected="printed, as printed.json says", found="not printed"
        )
    for name in sorted(linked - {*map(str, listed)}):
        tree.findings.add(
            "printed-list-wrong",
            tree.artifact("dossier", "printed.json"),
            f"{file}, {name}",
            expected="named",
            found="not named",
        )


def check_release_id(tree: Tree, file: str, texts: Sequence[str], release_id: str) -> None:
    """At least the first 12 digits of the release's id stand in the document."""
    whole = squeeze(" ".join(texts))
    if release_id[:12] not in whole:
        tree.findings.add("release-id-not-printed", file, expected=release_id[:12], found="not in the text")
