"""Everything a dossier rests on, read and checked at once; what is missing or altered stops the rendering."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealproof.dossier.answers import ClauseReport, Supplied, check_answers, load_supplied, report_annex_iv
from sealproof.dossier.classification import AnsweredQuestion, ClassificationTest, answer, load_classification
from sealproof.dossier.clauses import Instrument, load_instruments
from sealproof.dossier.product import Product, load_product
from sealproof.evidence.chain import ORIGIN
from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import Opening, read_ledger
from sealproof.evidence.records import RecordBook
from sealproof.evidence.tracking import side_record
from sealproof.evidence.trail import Entry, read_trail
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.approval import Approval, read_approval
from sealproof.qualification.catalogue import Catalogue, load_catalogue
from sealproof.qualification.criteria import JudgedCriteria, read_criteria
from sealproof.qualification.definitions import STAGE_NAMES, StageName
from sealproof.qualification.outcome import ExecutedProtocol, read_protocol
from sealproof.qualification.release import EVIDENCE_STAGES
from sealproof.qualification.results import results_id
from sealproof.qualification.settle import Settled, settle
from sealproof.settings import Settings

RESULTS = {
    "findings": "check/findings.json",
    "model": "train/model.json",
    "thresholds": "threshold/thresholds.json",
    "guarantees": "threshold/guarantees.json",
    "evaluation": "evaluate/evaluation.json",
    "robustness": "evaluate/robustness.json",
    "detection": "evaluate/detection.json",
    "localisation": "evaluate/localisation.json",
}
"""Name here -> file below `artifacts/<product>/`: what gives the tables their rows; the figures come from records."""


@dataclass(frozen=True)
class DossierInputs:
    """What the documents are made from.

    Attributes:
        settings: all settings of the run.
        product: what the manufacturer wrote.
        instruments: laws and guidelines as data, by name.
        supplied: instrument -> clause id -> what this version supplies.
        annex_iv: every clause of Annex IV with its state.
        classification: the test of Article 6(1), and the answers to its questions.
        catalogue: protocols, requirements and risks as approved.
        executed: IQ, OQ and PQ as the pipeline executed them.
        settled: the same with what people recorded and decided.
        judged: the acceptance criteria as judged.
        book: the records of all stages.
        results: JSON results by the names of `RESULTS`.
        approval: who approved which definitions, None when nobody did.
        openings: the ledger of the test set.
        trail: the audit trail as it stood when rendering started, oldest line first.
        trail_bytes: the same as it lies on disk, without what a killed writer left torn.
        runs: stage -> side record of the run that made its output, None where none is known.
    """

    settings: Settings
    product: Product
    instruments: Mapping[str, Instrument]
    supplied: Mapping[str, Mapping[str, Supplied]]
    annex_iv: tuple[ClauseReport, ...]
    test: ClassificationTest
    classification: tuple[AnsweredQuestion, ...]
    catalogue: Catalogue
    executed: Mapping[StageName, ExecutedProtocol]
    settled: Settled
    judged: JudgedCriteria
    book: RecordBook
    results: Mapping[str, Any]
    approval: Approval | None
    openings: Sequence[Opening]
    trail: Sequence[Entry]
    trail_bytes: bytes
    runs: Mapping[str, Mapping[str, Any] | None]

    @property
    def workspace(self) -> Workspace:
        """Where things lie."""
        return self.settings.workspace

    @property
    def protocols(self) -> Mapping[StageName, ExecutedProtocol]:
        """IQ, OQ and PQ as documents print them: with what people recorded and decided."""
        return self.settled.protocols

    @property
    def trail_head(self) -> str:
        """Hash of the last line of the trail; 64 zeros when there is none."""
        return self.trail[-1].sha256 if self.trail else ORIGIN

    @property
    def simulated(self) -> bool:
        """Whether every page has to say that the images are simulated; anything but a recorded "no" counts as yes."""
        return self.book["ingest.simulated"].value is not False


def load_inputs(settings: Settings) -> DossierInputs:
    """Read everything for one product.

    Raises:
        EvidenceMissingError: results, protocols or records are missing; all of them are named.
        EvidenceAlteredError: an artefact is not the one that was recorded, or a result contradicts itself.
        DefinitionError: product.yaml, the clauses, the protocols or a disposition are wrong.
    """
    workspace = settings.workspace
    protocols_folder = workspace.root / "protocols"
    product = load_product(workspace.definition / "product.yaml")
    instruments = load_instruments(protocols_folder / "clauses")
    check_answers(instruments, product)
    supplied = load_supplied(protocols_folder / "answers.yaml", instruments)
    test = load_classification(protocols_folder / "classification.yaml")
    _require(workspace, _needed(workspace))
    book = RecordBook.load(workspace.artifacts(stage) / "records.json" for stage in EVIDENCE_STAGES)
    check_artefacts(book, workspace.root)
    qualify = workspace.artifacts("qualify")
    executed = {stage: read_protocol(qualify / f"{stage}.json") for stage in STAGE_NAMES}
    trail = read_trail(workspace.trail)
    return DossierInputs(
        settings=settings,
        product=product,
        instruments=instruments,
        supplied=supplied,
        annex_iv=report_annex_iv(instruments["annex-iv"], supplied["annex-iv"], product),
        test=test,
        classification=answer(test, product.classification),
        catalogue=load_catalogue(workspace.root),
        executed=executed,
        settled=settle(executed, workspace.definition, results_id(workspace)),
        judged=read_criteria(qualify / "criteria.json"),
        book=book,
        results={name: read_json(_artefact(workspace, file)) for name, file in RESULTS.items()},
        approval=read_approval(workspace.approval),
        openings=read_ledger(workspace.ledger),
        trail=trail,
        trail_bytes=_lines(workspace.trail, len(trail)),
        runs={stage: _run(workspace, stage) for stage in EVIDENCE_STAGES},
    )


def check_artefacts(book: RecordBook, root: Path) -> None:
    """Hold every recorded artefact against its recorded hash.

    Args:
        book: records of all stages.
        root: folder that the artefacts' paths are relative to.

    Raises:
        EvidenceMissingError: artefacts do not exist; all of them are named.
        EvidenceAlteredError: artefacts have another hash than was recorded; all of them are named.
    """
    expected = {(record.artefact, record.sha256) for record in book}
    missing = sorted({path for path, _ in expected if not (root / path).is_file()})
    _missing(missing)
    hashes = {path: sha256_file(root / path) for path, _ in expected}
    altered = sorted({path for path, digest in expected if hashes[path] != digest})
    if altered:
        raise EvidenceAlteredError(
            "results are not the ones that were recorded",
            where=", ".join(altered),
            why="their SHA-256 differs from the one in the records",
            mend="run `dvc repro`; if it happens again, a stage writes a file of another stage",
        )


def _artefact(workspace: Workspace, file: str) -> Path:
    stage, _, name = file.partition("/")
    return workspace.artifacts(stage) / name


def _needed(workspace: Workspace) -> list[Path]:
    records = [workspace.artifacts(stage) / "records.json" for stage in EVIDENCE_STAGES]
    protocols = [workspace.artifacts("qualify") / f"{stage}.json" for stage in STAGE_NAMES]
    results = [_artefact(workspace, file) for file in RESULTS.values()]
    return [
        *records,
        *protocols,
        *results,
        workspace.artifacts("qualify") / "criteria.json",
        workspace.ledger,
    ]


def _require(workspace: Workspace, files: Iterable[Path]) -> None:
    _missing([workspace.relative(path) for path in files if not path.is_file()])


def _missing(names: Sequence[str]) -> None:
    if names:
        raise EvidenceMissingError(
            "a dossier cannot be written without the evidence it rests on",
            where=", ".join(names),
            why="the file does not exist" if len(names) == 1 else "the files do not exist",
            mend="run `dvc repro`",
        )


def _lines(path: Path, number: int) -> bytes:
    """The first `number` lines of a file that others may be appending to; nothing when it does not exist."""
    return b"".join(path.read_bytes().splitlines(keepends=True)[:number]) if path.is_file() else b""


def _run(workspace: Workspace, stage: str) -> Mapping[str, Any] | None:
    fingerprint = sha256_file(workspace.artifacts(stage) / "records.json")
    return side_record(workspace, stage, fingerprint)
