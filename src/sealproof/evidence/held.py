"""How files on the way of a figure stand now against the hash that was recorded of them."""

from __future__ import annotations

from typing import Literal

from sealproof.evidence import pipeline
from sealproof.evidence.workspace import Workspace

State = Literal["holds", "missing", "altered", "changed since"]
_EVIDENCE = ("artifacts/", "reports/", "data/")


class Files:
    """Compares files, folders and parameters of a project with recorded hashes; each is hashed once.

    Args:
        workspace: of the product.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._growing = workspace.relative(workspace.ledger)
        self._sha256: dict[str, str] = {}
        self._md5: dict[str, str] = {}

    def sha256(self, key: str, expected: str) -> State:
        """How an input stands, by its key in a side record (`pipeline.hash_inputs`) and the SHA-256 there."""
        if key not in self._sha256:
            self._sha256[key] = pipeline.hash_input(self._workspace, key)
        return self._state(key, expected, self._sha256[key])

    def md5(self, path: str, expected: str) -> State:
        """How a file or folder stands against its MD5 in dvc.lock."""
        if path not in self._md5:
            self._md5[path] = pipeline.md5_of(self._workspace.root / path)
        return self._state(path, expected, self._md5[path])

    def _state(self, key: str, expected: str, found: str) -> State:
        if found == expected:
            return "holds"
        if found == pipeline.ABSENT:
            return "missing"
        # The ledger grows with each opening: whether it was altered, its chain tells.
        evidence = key.startswith(_EVIDENCE) and key != self._growing
        return "altered" if evidence else "changed since"
