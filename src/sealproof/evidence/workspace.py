"""Where things lie for one product: a single place that knows the folder names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """The folders of one product below the project's root.

    Args:
        root: folder that holds dvc.yaml and params.yaml.
        product: name of the product, a folder below `products/`.

    Example:
        >>> Workspace(Path("."), "elpv-mono").artifacts("train").as_posix()
        'artifacts/elpv-mono/train'
    """

    root: Path
    product: str

    @property
    def images(self) -> Path:
        """The data root: manifest paths are relative to it and may not leave it."""
        return self.root / "data" / self.product

    @property
    def definition(self) -> Path:
        """What the manufacturer writes: product.yaml, inspection.yaml, acceptance.yaml."""
        return self.root / "products" / self.product

    @property
    def reports(self) -> Path:
        """What a run writes for people."""
        return self.root / "reports" / self.product

    @property
    def runs(self) -> Path:
        """Side records (MLflow run, time, host) that no DVC stage depends on."""
        return self.root / "artifacts" / self.product / "runs"

    @property
    def ledger(self) -> Path:
        """The test-set ledger."""
        return self.root / "artifacts" / self.product / "ledger.jsonl"

    @property
    def trail(self) -> Path:
        """The audit trail."""
        return self.root / "artifacts" / self.product / "trail.jsonl"

    @property
    def signed(self) -> Path:
        """Signed copies of the documents, and what was signed."""
        return self.reports / "signed"

    @property
    def approval(self) -> Path:
        """Who approved which criteria and protocols, by hash; committed."""
        return self.definition / "approvals" / "criteria.json"

    @property
    def releases(self) -> Path:
        """Finished releases, each in a read-only folder of its own."""
        return self.root / "releases" / self.product

    def artifacts(self, stage: str) -> Path:
        """The folder that `stage` writes for later stages."""
        return self.root / "artifacts" / self.product / stage

    def relative(self, path: Path) -> str:
        """`path` relative to the root, with forward slashes, as records and documents print it."""
        return path.resolve().relative_to(self.root.resolve()).as_posix()
