"""OQ checks of the evidence: openings on record, tampering noticed, a gate that fails closed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import Opening, read_ledger, record_opening
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.challenge import (
    FORGERIES,
    write_made_up_disposition,
    write_project,
    write_release,
)
from sealproof.qualification.context import Context
from sealproof.qualification.definitions import STAGE_NAMES
from sealproof.qualification.gate import evaluate_gate
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check

_ALTERATIONS: dict[str, Callable[[list[str]], list[str]]] = {
    "a purpose changed": lambda lines: [lines[0].replace("evaluation", "rehearsal"), *lines[1:]],
    "a time changed": lambda lines: [lines[0].replace('"opened_at":"2', '"opened_at":"1'), *lines[1:]],
    "the first line removed": lambda lines: lines[1:],
    "a line in the middle removed": lambda lines: [lines[0], lines[2]],
    "two lines exchanged": lambda lines: [lines[1], lines[0], lines[2]],
    "a line repeated": lambda lines: [*lines, lines[2]],
    "a line cut off": lambda lines: [*lines[:2], lines[2][:40]],
    "a line that is no record": lambda lines: [*lines, "{}"],
}


def own_openings(context: Context) -> list[Opening]:
    """Openings that judged the present labels, weights, thresholds and criteria."""
    wanted = (
        sha256_file(context.artefact("ingest", "sealed_labels.parquet")),
        sha256_file(context.artefact("train", "model.safetensors")),
        sha256_file(context.artefact("threshold", "thresholds.json")),
        sha256_file(context.existing(context.workspace.definition / "acceptance.yaml")),
    )
    return [
        item
        for item in context.openings
        if (item.labels_sha256, item.model_sha256, item.threshold_sha256, item.criteria_sha256) == wanted
    ]


@check("opening-on-record", NoParameters)
def opening_on_record(context: Context, parameters: NoParameters) -> Finding:
    """Is the opening on record that gave these results, and recorded before the evaluation was written?"""
    del parameters
    evaluation = context.artefact("evaluate", "evaluation.json")
    own = own_openings(context)
    written = datetime.fromtimestamp(evaluation.stat().st_mtime, UTC)
    # The ledger is dated to the second, the file to less.
    before = [
        item for item in own if datetime.fromisoformat(item.opened_at) <= written + timedelta(seconds=1)
    ]
    first = before[0].opened_at if before else "none"
    actual = (
        f"{len(context.openings)} openings, {len(own)} of these labels, weights, thresholds and criteria; "
        f"opened {first}, evaluation written {written.isoformat(timespec='seconds')}"
    )
    values = {"openings": len(context.openings), "own": len(own), "opened_at": first}
    files = (context.existing(context.workspace.ledger), evaluation)
    return Finding(passed=bool(before), actual=actual, values=values, files=files)


@check("tampering-noticed", NoParameters)
def tampering_noticed(context: Context, parameters: NoParameters) -> Finding:
    """Is each alteration of a ledger noticed, and an untouched one accepted?"""
    del parameters
    with context.scratch() as folder:
        ledger = folder / "ledger.jsonl"
        for number in range(3):
            digest = f"{number}" * 64
            record_opening(
                ledger, purpose="evaluation", labels=digest, model=digest, threshold=digest, criteria=digest
            )
        lines = ledger.read_text(encoding="utf-8").splitlines()
        untouched = len(read_ledger(ledger)) == len(lines)
        unnoticed = [name for name, alter in _ALTERATIONS.items() if not _is_noticed(ledger, alter(lines))]
    actual = (
        f"{len(_ALTERATIONS)} alterations, {len(_ALTERATIONS) - len(unnoticed)} noticed{shown(unnoticed)}; "
        f"the untouched ledger of {len(lines)} lines is {'accepted' if untouched else 'refused'}"
    )
    values = {"alterations": list(_ALTERATIONS), "unnoticed": unnoticed, "untouched_accepted": untouched}
    return Finding(passed=untouched and not unnoticed, actual=actual, values=values)


def _is_noticed(ledger: Path, lines: list[str]) -> bool:
    ledger.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        read_ledger(ledger)
    except EvidenceAlteredError:
        return True
    return False


@check("gate-fails-closed", NoParameters)
def gate_fails_closed(context: Context, parameters: NoParameters) -> Finding:
    """Does the gate give the right exit code for a made-up release: untouched, not met, missing, forged?"""
    del parameters
    with context.scratch() as folder:
        met = write_project(folder / "met")
        codes = {
            "criteria met": (evaluate_gate(met).exit_code, 0),
            "bound below its limit": (evaluate_gate(write_project(folder / "low", low=0.89)).exit_code, 1),
            **_deviations(folder),
        }
        for name in ("metrics.json", "release.json"):
            workspace = _copy(met, folder / name)
            (workspace.reports / name).unlink()
            codes[f"{name} missing"] = (evaluate_gate(workspace).exit_code, 2)
        for number, forgery in enumerate(FORGERIES):
            workspace = _copy(met, folder / str(number))
            forgery.commit(workspace, correct_hash=True)
            codes[forgery.name] = (evaluate_gate(workspace).exit_code, forgery.exit_code)
    wrong = [
        f"{name}: {found} instead of {expected}"
        for name, (found, expected) in codes.items()
        if found != expected
    ]
    values = {"exit_codes": {name: found for name, (found, _) in codes.items()}, "wrong": wrong}
    actual = f"{len(codes)} situations, {len(codes) - len(wrong)} with the right exit code{shown(wrong)}"
    return Finding(passed=not wrong, actual=actual, values=values)


def _deviations(folder: Path) -> dict[str, tuple[int, int]]:
    """(exit code found, expected) with a failed case: nobody decided, accepted, rejected, another failure accepted."""
    failed = write_project(folder / "fail", verdicts=("pass", "fail"))
    codes = {"a failed case": (evaluate_gate(failed).exit_code, 1)}
    choices: tuple[tuple[Literal["accepted", "rejected"], str, int], ...] = (
        ("accepted", "0", 0),
        ("rejected", "0", 1),
        ("accepted", "1", 1),
    )
    for decision, actual, expected in choices:
        workspace = _copy(failed, folder / f"{decision}-{actual}")
        for stage in STAGE_NAMES:
            write_made_up_disposition(workspace, f"{stage.upper()}-002", decision, actual)
        write_release(workspace)
        name = f"deviations {decision}" if actual == "0" else "deviations of another failure accepted"
        codes[name] = (evaluate_gate(workspace).exit_code, expected)
    return codes


def _copy(workspace: Workspace, root: Path) -> Workspace:
    shutil.copytree(workspace.root, root)
    return Workspace(root, workspace.product)
