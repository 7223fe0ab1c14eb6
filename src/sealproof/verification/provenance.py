"""The statement of provenance: every output that it names is the one that lies there."""

from __future__ import annotations

from sealproof.verification.tree import Tree


def check_provenance(tree: Tree) -> None:
    """Hold the subjects of reports/<product>/provenance.json (in-toto) against the files."""
    file = tree.report("provenance.json")
    statement = tree.dictionary(file, optional=True)
    with tree.findings.guard(file, "/subject"):
        named = {item["name"]: item["digest"]["sha256"] for item in statement.get("subject", [])}
        for name, digest in sorted(named.items()):
            found = tree.sha256_of(name)
            tree.findings.count("subjects of the provenance")
            if found != digest:
                expected = f"SHA-256 {found or '(no such file)'}"
                tree.findings.add(
                    "provenance-wrong", file, name, expected=expected, found=f"SHA-256 {digest}"
                )
        if statement and tree.release not in named:
            tree.findings.add("provenance-wrong", file, "/subject", expected=tree.release, found="not named")
