"""What people set: parameters, the manufacturer's statements, and the packages that were installed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pypdfium2

from sealproof.change.claims import Change, Gap, differences, flatten
from sealproof.change.tree import Tree, altered

_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*==\s*(\S+)")
SBOM = "sbom.json"
"""Name of the bill of materials (CycloneDX) among the attachments of dossier.pdf."""


def parameter_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Changes of params.yaml (`parameters.train.epochs`) and inspection.yaml (`parameters.inspection.roi.method`)."""
    yield from differences(_parameters(old), _parameters(new), "parameters")


def _parameters(tree: Tree) -> dict[str, Any]:
    inspection = tree.mapping(f"products/{tree.product}/inspection.yaml")
    return flatten(tree.mapping("params.yaml")) | flatten(inspection, "inspection")


def statement_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Changes of product.yaml: `statements.intended_use`, `statements.hazards.H-01.control`."""
    first, second = (flatten(tree.mapping(f"products/{tree.product}/product.yaml")) for tree in (old, new))
    yield from differences(first, second, "statements")


def package_changes(old: Tree, new: Tree) -> Iterator[Change | Gap]:
    """Packages added, removed or in another version, from the bill of materials or else from constraints.txt.

    Both releases are read from the same kind of source: a bill of materials lists what was installed, constraints.txt
    what should have been.
    """
    for read in (_from_sbom, _from_constraints):
        first, second = read(old), read(new)
        if first and second:
            yield from differences(first, second, "packages")
            return
    yield Gap(
        "packages",
        f"{old.name} and {new.name} hold no bill of materials and no constraints.txt that both could share",
    )


def _from_sbom(tree: Tree) -> dict[str, str]:
    components = _sbom(tree).get("components", [])
    return {
        _name(str(item["name"])): str(item["version"])
        for item in components
        if item.get("type") == "library" and item.get("version")
    }


def _sbom(tree: Tree) -> dict[str, Any]:
    """The bill of materials that is attached to the dossier; empty without one."""
    path = f"reports/{tree.product}/dossier.pdf"
    if not tree.has(path):
        return {}
    try:
        with pypdfium2.PdfDocument(tree.root / path) as document:
            attached = (document.get_attachment(number) for number in range(document.count_attachments()))
            contents = [bytes(item.get_data()) for item in attached if item.get_name() == SBOM]
        found = json.loads(contents[0]) if contents else {}
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise altered(tree, path, f"its attachment {SBOM} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _from_constraints(tree: Tree) -> dict[str, str]:
    found = (_LINE.match(line.strip()) for line in tree.lines("constraints.txt"))
    return {_name(match[1]): match[2] for match in found if match}


def _name(name: str) -> str:
    """Normalised as in PEP 503, so that `Foo_Bar` and `foo-bar` are one package."""
    return re.sub(r"[-_.]+", "-", name).lower()
