"""What a forger can do to a copy of a release: change files, and recompute every hash that needs no key."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from tests.e2e.project import PRODUCT

from sealproof.verification.signed import load_roots
from sealproof.verification.verify import Verification, verify

_LEFT_OUT = {".git", ".dvc", ".cache", ".config", "__pycache__"}
EVIDENCE = (
    "ingest",
    "check",
    "roi",
    "train",
    "score",
    "cross_fit",
    "threshold",
    "challenge",
    "evaluate",
    "qualify",
)


def copy_tree(source: Path, target: Path) -> None:
    """A copy by hard links: `Forgery.write` gives a file its own content before it changes it."""
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        for name in files:
            os.link(Path(folder) / name, place / name)


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Forgery:
    """A copy of the release that may be changed at will."""

    def __init__(self, root: Path, trust: Path) -> None:
        self.root, self.trust = root, trust
        self.artifacts, self.reports = f"artifacts/{PRODUCT}", f"reports/{PRODUCT}"
        self.product = f"products/{PRODUCT}"

    # files
    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, name: str) -> None:
        path = self.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def flip_bit(self, name: str, place: int = -1, bit: int = 0) -> None:
        content = bytearray(self.read(name))
        content[place] ^= 1 << bit
        self.write(name, bytes(content))

    def text(self, name: str, old: str, new: str) -> None:
        content = self.read(name).decode()
        assert old in content, f"{old!r} is not in {name}"
        self.write(name, content.replace(old, new, 1).encode())

    def json(self, name: str, change: Callable[[Any], Any]) -> None:
        """Change a JSON file in place; written as the pipeline writes it."""
        content = json.loads(self.read(name))
        change(content)
        self.write(name, (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())

    def yaml(self, name: str, change: Callable[[Any], None]) -> None:
        content = yaml.safe_load(self.read(name))
        change(content)
        self.write(name, yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode())

    def table(self, name: str, change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> None:
        table = pd.read_parquet(io.BytesIO(self.read(name)))
        changed = change(table)
        stream = io.BytesIO()
        (table if changed is None else changed).to_parquet(stream, index=False)
        self.write(name, stream.getvalue())

    def lines(self, name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
        self.write(name, b"".join(change(self.read(name).splitlines(keepends=True))))

    # hashes
    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.read(name)).hexdigest()

    def md5(self, path: str) -> str:
        """As dvc.lock has it, of a file or a folder."""
        if (self.root / path).is_file():
            return md5(self.read(path))
        files = sorted(
            item for item in (self.root / path).rglob("*") if item.is_file() and item.suffix != ".pyc"
        )
        rows = [
            {
                "md5": md5(item.read_bytes()),
                "relpath": item.relative_to(self.root / path).as_posix(),
            }
            for item in files
        ]
        listing = json.dumps(sorted(rows, key=lambda row: row["relpath"]), sort_keys=True)
        return md5(listing.encode()) + ".dir"

    def rehash_records(self, *stages: str) -> None:
        """Give the records of these stages the present hashes of their artefacts."""
        for stage in stages:

            def change(rows: list[dict[str, Any]]) -> None:
                for row in rows:
                    row["sha256"] = self.sha256(row["artefact"])

            self.json(f"{self.artifacts}/{stage}/records.json", change)

    def rehash_release(self) -> None:
        """Give release.json the present hashes, and the id that follows from them."""

        def change(release: dict[str, Any]) -> None:
            for part in ("evidence", "documents"):
                release[part] = {
                    name: self.sha256(name) for name in release[part] if (self.root / name).is_file()
                }
            kept = {
                name: digest
                for name, digest in release["evidence"].items()
                if not name.startswith(f"{self.artifacts}/qualify/")
                or name.endswith("/qualify/criteria.json")
            }
            release["release_id"] = hashlib.sha256(canonical(kept)).hexdigest()

        self.json(f"{self.reports}/release.json", change)

    def rehash_lock(self) -> None:
        """Give dvc.lock the present hashes of everything it names."""

        def change(lock: dict[str, Any]) -> None:
            for stage in lock["stages"].values():
                for row in [*stage.get("deps", []), *stage.get("outs", [])]:
                    if (self.root / row["path"]).exists():
                        row["md5"] = self.md5(row["path"])

        self.yaml("dvc.lock", change)

    def rehash_all(self) -> None:
        """All that needs neither a key nor a chain: records, release, dvc.lock."""
        self.rehash_records(*EVIDENCE, "dossier")
        self.rehash_release()
        self.rehash_lock()

    def rechain(self, name: str) -> None:
        """Number and chain the lines of a file anew."""
        previous, lines = "0" * 64, []
        for number, raw in enumerate(self.read(name).splitlines(), start=1):
            line = canonical(json.loads(raw) | {"number": number, "previous": previous})
            previous = hashlib.sha256(line).hexdigest()
            lines.append(line + b"\n")
        self.write(name, b"".join(lines))

    # the verdict
    def verify(self, *, trusted: bool = True) -> Verification:
        roots = load_roots([self.trust]) if trusted else None
        return verify(self.root, PRODUCT, roots=roots)

    def finds(
        self, code: str, file: str = "", place: str = "", *, exit_code: int = 3, trusted: bool = True
    ) -> Verification:
        """Assert that the verification exits so and names this finding there."""
        done = self.verify(trusted=trusted)
        found = [(item.code, item.file, item.place) for item in done.findings]
        assert int(done.findings.exit_code) == exit_code, found
        assert any(one == code and file in two and place in three for one, two, three in found), found
        return done
