"""The files under verification: each read once, hashed once, and reported once when it cannot be read."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import yaml

from sealproof.evidence.workspace import Workspace
from sealproof.verification.digests import Digest, digest_file, sha256
from sealproof.verification.findings import MALFORMED, Findings

#: What only keeps Git informed.
_GIT = (".gitignore", ".gitkeep")


class Tree:
    """A project, or a release archive laid out like one.

    Args:
        root: folder that holds artifacts/, reports/, products/, protocols/.
        product: name of the product.
        findings: what is found goes here.
    """

    def __init__(self, root: Path, product: str, findings: Findings) -> None:
        self.workspace = Workspace(root, product)
        self.root, self.product, self.findings = root, product, findings
        self._digests: dict[str, Digest | None] = {}
        self._parsed: dict[str, Any] = {}
        #: What checks share, so that it is derived and reported once.
        self.shared: dict[str, Any] = {}

    # names of files, relative to the root
    def artifact(self, stage: str, file: str) -> str:
        """`artifacts/<product>/<stage>/<file>`."""
        return f"artifacts/{self.product}/{stage}/{file}"

    def report(self, file: str) -> str:
        """`reports/<product>/<file>`."""
        return f"reports/{self.product}/{file}"

    def definition(self, file: str) -> str:
        """`products/<product>/<file>`."""
        return f"products/{self.product}/{file}"

    @property
    def release(self) -> str:
        """`reports/<product>/release.json`."""
        return self.report("release.json")

    def path(self, name: str) -> Path:
        """The file of that name.

        Raises:
            ValueError: the name leaves the root.
        """
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or not name:
            raise ValueError(f"{name!r} leaves the project")
        return self.root / name

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return self.path(name).is_file()

    def files(self, folder: str, *, all_of_them: bool = False) -> list[str]:
        """Names of all files below a folder, sorted; what only keeps Git informed is left out, unless asked for."""
        base = self.path(folder)
        found = (
            path.relative_to(self.root).as_posix()
            for path in base.rglob("*")
            if path.is_file()
            and (all_of_them or path.name not in _GIT)
            and path.suffix != ".pyc"
            and "__pycache__" not in path.parts
        )
        return sorted(found)

    def digest(self, name: str) -> Digest | None:
        """Hashes of a file; None when it does not exist or cannot be read."""
        if name not in self._digests:
            try:
                self._digests[name] = digest_file(self.path(name))
            except (OSError, ValueError):
                self._digests[name] = None
        return self._digests[name]

    def sha256(self, name: str) -> str:
        """SHA-256 of a file; empty when there is none."""
        found = self.digest(name)
        return found.sha256 if found else ""

    def sha256_of(self, name: str) -> str:
        """SHA-256 of a file, or of a folder (over its sorted paths and hashes); empty when there is none.

        Raises:
            ValueError: the name leaves the root.
        """
        if not self.path(name).is_dir():
            return self.sha256(name)
        prefix = len(name.rstrip("/")) + 1
        rows = [f"{file[prefix:]}\0{self.sha256(file)}\n" for file in self.files(name)]
        return sha256("".join(rows).encode())

    # contents
    def json(self, name: str, *, optional: bool = False) -> Any:
        """Content of a JSON file, or None; missing and unreadable files are findings."""
        return self._read(name, _parse_json, optional=optional)

    def yaml(self, name: str, *, optional: bool = False) -> Any:
        """Content of a YAML file, or None; missing and unreadable files are findings."""
        return self._read(name, _parse_yaml, optional=optional)

    def table(self, name: str, *, optional: bool = False) -> pd.DataFrame | None:
        """A Parquet table, or None; missing and unreadable files are findings."""
        found = self._read(name, pd.read_parquet, optional=optional)
        return found if isinstance(found, pd.DataFrame) else None

    def dictionary(self, name: str, *, optional: bool = False) -> dict[str, Any]:
        """A JSON object; empty when there is none (which is a finding)."""
        found = self.json(name, optional=optional)
        if found is not None and not isinstance(found, dict):
            self.findings.add("file-unreadable", name, expected="a JSON object", found=type(found).__name__)
        return found if isinstance(found, dict) else {}

    def _read(self, name: str, parse: Any, *, optional: bool) -> Any:
        if not self.exists(name):
            if not optional:
                self.findings.add("file-missing", name, expected="the file", found="no such file")
            return None
        if name not in self._parsed:
            try:
                self._parsed[name] = parse(self.path(name))
            except (*MALFORMED, yaml.YAMLError) as error:
                text = f"{type(error).__name__}: {error}"
                self.findings.add("file-unreadable", name, expected="a readable file", found=text)
                self._parsed[name] = None
        return self._parsed[name]


def _parse_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


class _Yaml(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where there is one: ten times faster
    """The safe loader, with YAML 1.2's rule that 3e-05 is a number: DVC writes it like that."""


_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _parse_yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Yaml)  # noqa: S506 - a safe loader
