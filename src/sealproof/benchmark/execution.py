"""One cell from images to its result file: training, thresholds, one recorded opening of its own test split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sealproof.benchmark.cells import Cell
from sealproof.benchmark.declaration import Thresholds
from sealproof.benchmark.measuring import peak_memory_mib, processor, size_on_disk
from sealproof.benchmark.result import (
    Area,
    Body,
    Images,
    Measured,
    Placements,
    Result,
    ScoreRow,
    VerdictRow,
    write_result,
)
from sealproof.benchmark.statistics import placements
from sealproof.benchmark.training import Trained, train
from sealproof.benchmark.workspace import CellWorkspace
from sealproof.evaluation.cases import assemble_cases, worst_case
from sealproof.evaluation.methods import evaluate_method, judged_at
from sealproof.evaluation.opening import open_test_set
from sealproof.evaluation.ranking import delong
from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.thresholds.conformal import conformal
from sealproof.thresholds.mean_sigma import mean_sigma
from sealproof.thresholds.percentile import percentile
from sealproof.thresholds.result import Basis, CalibrationKind, Floats, ThresholdResult
from sealproof.thresholds.selection import calibration_scores
from sealproof.thresholds.supervised_accuracy import supervised_accuracy

#: Resamples of threshold intervals, which the benchmark does not report.
_RESAMPLES = 20
#: scoring -> score -> calibration -> method -> result
Judgements = dict[str, dict[str, dict[str, dict[str, dict[str, Any]]]]]


@dataclass(frozen=True)
class Circumstances:
    """Under what a cell is run; goes into `measured`.

    Attributes:
        command: as it was typed.
        commit: that is checked out; empty where there is none.
        modified: whether the checkout differs from it.
    """

    command: str
    commit: str
    modified: bool


def run_cell(
    root: Path,
    cell: Cell,
    circumstances: Circumstances,
    announce: Callable[[str], object] = print,
) -> Result:
    """Run one cell and write its result.

    All thresholds are on disk, and the opening is in the benchmark's ledger with their hash, before a test label is
    read. Nothing is chosen: every score, method and calibration goes into the result.

    Raises:
        DataError, DefinitionError, EvidenceMissingError, EvidenceAlteredError, OutputError: as the stages of the
            pipeline; nothing is written then but, once it was opened, the ledger.
    """
    workspace = CellWorkspace.of(root, cell)
    shutil.rmtree(workspace.work, ignore_errors=True)
    try:
        announce(f"{cell.id}: training and scoring")
        trained = train(cell, workspace)
        judgements = {name: judge(table, cell) for name, table in trained.tables.items()}
        write_json(workspace.artifacts("threshold") / "thresholds.json", judgements)
        announce(f"{cell.id}: evaluation")
        labels = open_test_set(
            workspace, f"benchmark, cell {cell.id}; no release is judged, nothing is chosen"
        )
        body = _body(cell, trained, judgements, labels, workspace)
        measured = _measured(cell, trained, circumstances, workspace)
        return write_result(workspace.result, body, measured)
    finally:
        shutil.rmtree(workspace.work, ignore_errors=True)


def judge(table: pd.DataFrame, cell: Cell) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Thresholds of every score: score -> calibration -> method -> result; rows of the test split are dropped.

    `held-out` is our way; `training`, from the scores of the images the detector was fitted to, is the paper's.
    """
    scores = calibration_scores(table)
    normals: dict[CalibrationKind, Any] = {"held-out": scores.held_out, "training": scores.training}
    found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for name in scores.names:
        found[name] = {}
        for kind, values in normals.items():
            methods = threshold_methods(values[name], scores.defects[name], cell.thresholds, kind, cell.seed)
            found[name][kind] = {result.method: _plain(result) for result in methods}
    return found


def threshold_methods(
    normals: Floats, defects: Floats, settings: Thresholds, calibration: CalibrationKind, seed: int
) -> Iterator[ThresholdResult]:
    """The four methods that the benchmark compares.

    Example:
        >>> found = threshold_methods(np.arange(60.0), np.arange(50.0, 90.0), Thresholds(), "held-out", 0)
        >>> [result.method for result in found]
        ['mean_sigma', 'percentile', 'conformal', 'supervised_accuracy']
    """
    basis = Basis(calibration, settings.confidence, _RESAMPLES, seed, settings.minimum_normals)
    yield mean_sigma(normals, sigmas=settings.sigmas, basis=basis)
    yield percentile(normals, percent=settings.percentile, basis=basis)
    yield conformal(normals, false_reject_rate=settings.false_reject_rate, basis=basis)
    yield supervised_accuracy(normals, defects, basis=basis)


def _plain(result: ThresholdResult) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(result.as_json(), allow_nan=False))
    return content


def _body(
    cell: Cell, trained: Trained, judgements: Judgements, labels: pd.DataFrame, workspace: CellWorkspace
) -> Body:
    scores: list[ScoreRow] = []
    verdicts: list[VerdictRow] = []
    headline: Placements | None = None
    for scoring in cell.scorings:
        if scoring in trained.refused:
            scores.append(ScoreRow(scoring=scoring, score="", refused=trained.refused[scoring]))
            continue
        table = trained.tables[scoring]
        cases = assemble_cases(labels, table, trained.manifest)
        for score, by_calibration in judgements[scoring].items():
            scores.append(_score_row(scoring, score, table, cases, cell.thresholds.confidence))
            verdicts += _verdicts(scoring, score, by_calibration, cases)
        if scoring == cell.headline.scoring:
            headline = _placements(cases, cell.headline.score)
    if headline is None:
        raise ValueError(f"{cell.id}: the headline's scoring was refused")
    return Body(
        format=1,
        product=cell.product,
        cell=cell.name,
        seed=cell.seed,
        title=cell.title,
        definition_sha256=cell.sha256,
        definition=cell.definition,
        images=_images(trained, labels, next(iter(trained.tables.values()))),
        scores=tuple(scores),
        verdicts=tuple(verdicts),
        placements=headline,
        model_sha256=sha256_file(workspace.artifacts("train") / "model.safetensors"),
    )


def _score_row(
    scoring: str, score: str, table: pd.DataFrame, cases: pd.DataFrame, confidence: float
) -> ScoreRow:
    truth = cases["label"].to_numpy()
    ranked = worst_case(cases[score], cases["decided"], truth)
    known = table[table["decided"] & table["split"].isin(["calibration", "tuning"])]
    development = delong((known["split"] == "tuning").astype(int), known[score], confidence)
    area = delong(truth, ranked, confidence)
    return ScoreRow(scoring=scoring, score=score, auroc=_area(area), development=_area(development))


def _area(found: Any) -> Area:
    return Area(value=found.value, low=found.low, high=found.high, reason=found.reason)


def _verdicts(
    scoring: str, score: str, by_calibration: dict[str, dict[str, dict[str, Any]]], cases: pd.DataFrame
) -> Iterator[VerdictRow]:
    for calibration, methods in by_calibration.items():
        for method, result in methods.items():
            limit = judged_at(result)
            row = evaluate_method(cases, score, method, result, limit, 0.95)
            yield VerdictRow(
                scoring=scoring,
                score=score,
                method=method,
                calibration="held-out" if calibration == "held-out" else "training",
                judged_at=limit,
                eligible=row.eligible,
                reason="" if row.eligible else result["reason"],
                counts=dict(vars(row.counts)),
            )


def _placements(cases: pd.DataFrame, score: str) -> Placements:
    truth = cases["label"].to_numpy()
    ranked = worst_case(cases[score], cases["decided"], truth)
    return placements(ranked[truth == 1], ranked[truth == 0])


def _images(trained: Trained, labels: pd.DataFrame, table: pd.DataFrame) -> Images:
    manifest = trained.manifest
    counts = manifest["split"].value_counts()
    splits = manifest[["image_id", "split"]].sort_values("image_id")
    return Images(
        **{name: int(counts.get(name, 0)) for name in ("train", "calibration", "tuning")},
        test_normal=int((labels["label"] == 0).sum()),
        test_defective=int((labels["label"] == 1).sum()),
        undecided=int((~table["decided"]).sum()),
        patches_per_image=trained.patches_per_image,
        split_sha256=sha256_json(splits.to_numpy().tolist()),
        test_sha256=sha256_json(sorted(labels["image_id"])),
        simulated=bool(np.asarray(manifest["simulated"]).any()),
        source=", ".join(sorted(set(manifest["source"]))),
        licence=", ".join(sorted(set(manifest["licence"]))),
    )


def _measured(
    cell: Cell, trained: Trained, circumstances: Circumstances, workspace: CellWorkspace
) -> Measured:
    return Measured(
        fit_seconds=trained.fit_seconds,
        times=trained.times,
        batch=cell.timing.batch,
        peak_memory_mib=peak_memory_mib(),
        model_bytes=size_on_disk(workspace.artifacts("train")),
        threads=cell.compute.threads,
        device=trained.device,
        processor=processor(),
        command=circumstances.command,
        commit=circumstances.commit,
        modified=circumstances.modified,
    )
