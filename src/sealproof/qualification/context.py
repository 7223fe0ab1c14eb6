"""What checks look at: settings, artefacts of earlier stages, their records; read when first asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.files import read_json, read_yaml
from sealproof.evidence.hashing import sha256_file, sha256_tree
from sealproof.evidence.ledger import Opening, read_ledger
from sealproof.evidence.records import RecordBook
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import Acceptance, CriterionOutcome
from sealproof.qualification.approval import ApprovalInForce
from sealproof.qualification.outcome import Evidence
from sealproof.settings import Settings

#: Why a question about verdicts has no answer.
NO_THRESHOLD = "not evaluable: there is no valid threshold in force"


def manufacturer_says(product: Path, key: str) -> Any:
    """What product.yaml gives for `key`; None when it does not, or when there is no such file."""
    content = read_yaml(product) if product.exists() else None
    return (content or {}).get(key)


@dataclass
class Context:
    """Handed to every check.

    Args:
        settings: all settings of the run.
        book: records of all earlier stages.
        acceptance: the acceptance criteria.
        outcomes: the criteria as judged.
        approved: definition file -> SHA-256.
        approval: who approved criteria and protocols; None when nobody did.
    """

    settings: Settings
    book: RecordBook
    acceptance: Acceptance
    outcomes: tuple[CriterionOutcome, ...]
    approved: Mapping[str, str]
    approval: ApprovalInForce | None = None
    _hashes: dict[Path, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Workspace:
        """Where things lie."""
        return self.settings.workspace

    @property
    def root(self) -> Path:
        """The project's root."""
        return self.workspace.root

    def artefact(self, stage: str, file: str) -> Path:
        """A file of an earlier stage.

        Raises:
            EvidenceMissingError: it does not exist.
        """
        return self.existing(self.workspace.artifacts(stage) / file)

    def existing(self, path: Path) -> Path:
        """`path`, when it exists; raises EvidenceMissingError otherwise."""
        if not path.exists():
            raise EvidenceMissingError(
                "a file that the test case needs is missing",
                where=self.without_root(str(path)),
                why="it does not exist",
                mend="run `dvc repro`",
            )
        return path

    def evidence_of_file(self, path: Path) -> Evidence:
        """Path relative to the root, and SHA-256, of a file or of a whole folder."""
        resolved = self.existing(path).resolve()
        if resolved not in self._hashes:
            self._hashes[resolved] = sha256_tree(resolved) if resolved.is_dir() else sha256_file(resolved)
        return Evidence(path=self.workspace.relative(path), sha256=self._hashes[resolved])

    def evidence_of_record(self, record_id: str) -> Evidence:
        """The artefact of a record as it was recorded; raises EvidenceMissingError for an unknown id."""
        record = self.book[record_id]
        return Evidence(path=record.artefact, sha256=record.sha256, record=record.id)

    def without_root(self, text: str) -> str:
        """`text` without the absolute path of the project or the scratch folder: neither is evidence."""
        for folder in (self.root.resolve(), self.root.absolute()):
            text = text.replace(f"{folder}/", "").replace(str(folder), ".")
        return text.replace(f"{tempfile.gettempdir()}/", "")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder that is gone when the check is done."""
        with tempfile.TemporaryDirectory(prefix="scratch-") as name:
            yield Path(name)

    @contextmanager
    def silent_decoders(self) -> Iterator[None]:
        """Keep what image libraries write to the error stream of broken files off the terminal."""
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """`manifest.parquet`."""
        return pd.read_parquet(self.artefact("ingest", "manifest.parquet"))

    @cached_property
    def scores(self) -> pd.DataFrame:
        """`scores.parquet`."""
        return pd.read_parquet(self.artefact("score", "scores.parquet"))

    @cached_property
    def regions(self) -> pd.DataFrame:
        """`regions.parquet`."""
        return pd.read_parquet(self.artefact("roi", "regions.parquet"))

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """`predictions.parquet` of the evaluation: the test rows with their labels and verdicts."""
        return pd.read_parquet(self.artefact("evaluate", "predictions.parquet"))

    @cached_property
    def thresholds(self) -> dict[str, Any]:
        """`thresholds.json`."""
        return dict(read_json(self.artefact("threshold", "thresholds.json")))

    @property
    def has_threshold(self) -> bool:
        """Whether there is a valid threshold in force; without one every image is undecided."""
        return self.thresholds["in_force"]["threshold"] is not None

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """`evaluation.json`."""
        return dict(read_json(self.artefact("evaluate", "evaluation.json")))

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """`metrics.json`."""
        return dict(read_json(self.existing(self.workspace.reports / "metrics.json")))

    @cached_property
    def openings(self) -> list[Opening]:
        """Openings of the test set; raises EvidenceAlteredError when the chain does not hold."""
        return read_ledger(self.workspace.ledger)
