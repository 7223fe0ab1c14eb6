"""A release as files: a project's root or an archive, both laid out alike, read without today's strict models.

An older release was written by an older version of this software; a key that it lacks, or has beyond ours, is a
difference to show and no reason to refuse it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json, read_yaml
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import Entry, read_trail
from sealproof.evidence.workspace import Workspace

RESULT_STAGES = (
    "ingest",
    "check",
    "roi",
    "train",
    "score",
    "cross_fit",
    "threshold",
    "challenge",
    "evaluate",
)
"""Stages whose outputs are a function of data, code, parameters and packages."""
PROTOCOLS = ("iq", "oq", "pq")


@dataclass(frozen=True)
class Tree:
    """One side of a comparison.

    Args:
        name: how it is called in messages, such as `OLD`.
        workspace: its root and product.
    """

    name: str
    workspace: Workspace

    @property
    def root(self) -> Path:
        """Folder that all paths are relative to."""
        return self.workspace.root

    @property
    def product(self) -> str:
        """Name of the product."""
        return self.workspace.product

    @property
    def artifacts(self) -> str:
        """`artifacts/<product>`."""
        return f"artifacts/{self.product}"

    def has(self, path: str) -> bool:
        """Whether a file exists."""
        return (self.root / path).is_file()

    def sha256(self, path: str) -> str | None:
        """Hash of a file, or None when it does not exist."""
        return sha256_file(self.root / path) if self.has(path) else None

    def json(self, path: str) -> Any:
        """A JSON file; raises EvidenceMissingError or EvidenceAlteredError."""
        return read_json(self.root / path)

    def yaml(self, path: str) -> Any:
        """A YAML file; raises DefinitionError."""
        return read_yaml(self.root / path)

    def mapping(self, path: str) -> dict[str, Any]:
        """A JSON or YAML file that holds a mapping at its top.

        Raises:
            EvidenceMissingError, EvidenceAlteredError, DefinitionError: missing, unreadable, or of another form.
        """
        found = self.yaml(path) if path.endswith((".yaml", "dvc.lock")) else self.json(path)
        if not isinstance(found, dict):
            raise altered(self, path, "there is no mapping at its top")
        return found

    def table(self, path: str, columns: tuple[str, ...]) -> pd.DataFrame:
        """A Parquet file with at least `columns`; raises EvidenceAlteredError."""
        try:
            table = pd.read_parquet(self.root / path)
        except (OSError, ValueError) as error:
            raise altered(self, path, f"it is no Parquet file: {error}") from error
        if missing := [name for name in columns if name not in table]:
            raise altered(self, path, f"columns are missing: {', '.join(missing)}")
        return table

    def lines(self, path: str) -> list[str]:
        """Lines of a text file; none when it does not exist."""
        return (self.root / path).read_text(encoding="utf-8").splitlines() if self.has(path) else []

    def trail(self) -> list[Entry]:
        """The audit trail; raises EvidenceAlteredError when its chain does not hold."""
        return read_trail(self.workspace.trail)

    def files(self, folder: str) -> list[str]:
        """Files below a folder, relative to the root, sorted."""
        found = (path for path in (self.root / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(self.root).as_posix() for path in found if path.name != ".gitignore")

    def protocol(self, stage: str) -> str:
        """Path of an executed protocol."""
        return f"{self.artifacts}/qualify/{stage}.json"


def open_tree(root: Path, name: str, product: str | None = None) -> Tree:
    """A project's root or a release archive.

    Args:
        root: folder with params.yaml.
        name: how it is called in messages.
        product: None for the one that its params.yaml names.

    Raises:
        EvidenceMissingError: there is no params.yaml.
        DefinitionError: it names no product.
    """
    if not (root / "params.yaml").is_file():
        raise EvidenceMissingError(
            "there is no release to compare",
            where=f"{name}: {root}",
            why="the folder does not exist, or has no params.yaml",
            mend="name the root of a project or a folder below releases/<product>/",
        )
    found = product if product is not None else _product(root)
    return Tree(name, Workspace(root, found))


def _product(root: Path) -> str:
    content = read_yaml(root / "params.yaml")
    product = content.get("product") if isinstance(content, dict) else None
    if not isinstance(product, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", product):
        raise DefinitionError(
            "the product is not named",
            where=f"{root / 'params.yaml'}, key `product`",
            why=f"lower-case words joined by '-' are expected, got {product!r}",
            mend="name it there, or by --product",
        )
    return product


def altered(tree: Tree, path: str, why: str) -> EvidenceAlteredError:
    """The one message for a file of a release that cannot be used."""
    return EvidenceAlteredError(
        "a release cannot be compared",
        where=f"{tree.name}: {path}",
        why=why,
        mend="restore the release from its archive, or make it again",
    )
