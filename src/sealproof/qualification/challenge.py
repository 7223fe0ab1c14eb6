"""A small made-up project with a release, to challenge the gate with. Its figures are about nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sealproof.evidence.files import read_json, write_bytes, write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.records import Record, RecordBook, write_records
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import load_acceptance
from sealproof.qualification.criteria import judge_product
from sealproof.qualification.decision import REQUIRED_SIGNATURES
from sealproof.qualification.definitions import STAGE_NAMES, StageName
from sealproof.qualification.disposition import Disposition, failure_sha256, write_disposition
from sealproof.qualification.outcome import (
    Counts,
    Deviation,
    Evidence,
    ExecutedCase,
    ExecutedProtocol,
    Verdict,
)
from sealproof.qualification.release import (
    EVIDENCE_STAGES,
    Signature,
    make_release,
    read_release,
    required_files,
    with_signatures,
)

PRODUCT = "challenge"
SCORE = "4-ms-ssim"
RECALL = f"evaluate.{SCORE}.recall"
CRITERION: dict[str, Any] = {
    "id": "AC-01",
    "title": "Share of defective parts that are found",
    "metric": "evaluate.{score}.recall",
    "bound": "low",
    "comparison": ">=",
    "limit": 0.9,
    "rationale": "made up, to challenge the gate",
    "requirement": "URS-017",
    "risk": "RC-01",
}
_AT = "2026-01-01T00:00:00+00:00"


def write_project(
    root: Path,
    *,
    low: float = 0.95,
    verdicts: tuple[Verdict, ...] = ("pass", "not run"),
    criterion: dict[str, Any] = CRITERION,
    demonstration: bool = True,
    missing_inputs: tuple[str, ...] = ("intended use",),
) -> Workspace:
    """Write all evidence of a made-up product below `root`, and its release.

    Args:
        root: an empty folder.
        low: lower bound of its recall; the limit is 0.9.
        verdicts: of the cases of each protocol.
        criterion: its only acceptance criterion.
        demonstration: whether its acceptance criteria say that it is one.
        missing_inputs: what the manufacturer has not provided.
    """
    workspace = Workspace(root, PRODUCT)
    acceptance = workspace.definition / "acceptance.yaml"
    content = {"demonstration": demonstration, "maximum_systems_judged": 1, "criteria": [criterion]}
    write_bytes(acceptance, json.dumps(content, indent=2).encode())
    for name in required_files(workspace):
        if not (root / name).exists():
            write_bytes(root / name, f"made-up content of {name}\n".encode())
    records = _records(workspace, low)
    for stage in EVIDENCE_STAGES:
        own = [record for record in records if record.stage == stage]
        write_records(workspace.artifacts(stage) / "records.json", own)
    judged = judge_product(load_acceptance(acceptance), sha256_file(acceptance), RecordBook(records))
    write_json(workspace.artifacts("qualify") / "criteria.json", judged.model_dump(mode="json"))
    approved = {
        name: sha256_file(root / name) for name in required_files(workspace) if name.startswith("protocols/")
    }
    for stage_name in STAGE_NAMES:
        protocol = executed_protocol(stage_name, approved, verdicts)
        write_json(workspace.artifacts("qualify") / f"{stage_name}.json", protocol.model_dump(mode="json"))
    write_release(workspace, missing_inputs=missing_inputs)
    return workspace


def write_release(
    workspace: Workspace,
    documents: tuple[tuple[str, Path], ...] = (),
    missing_inputs: tuple[str, ...] = ("intended use",),
) -> None:
    """Write release.json from what lies in the workspace."""
    release = make_release(workspace, demonstration=False, missing_inputs=missing_inputs, documents=documents)
    write_json(workspace.reports / "release.json", release.model_dump(mode="json"))


def write_signed(workspace: Workspace, roles: tuple[str, ...] = REQUIRED_SIGNATURES) -> None:
    """Write the release as it would stand when these roles had signed."""
    draft = read_release(workspace.reports / "release.json")
    signatures = [Signature(role=role, name=f"made-up {role}", at=_AT) for role in roles]
    signed = with_signatures(draft, signatures)
    write_json(workspace.signed / "release.json", signed.model_dump(mode="json"))


def write_made_up_disposition(
    workspace: Workspace, case: str, decision: Literal["accepted", "rejected"], actual: str = "0"
) -> None:
    """Write a disposition of a failed case; `actual` other than what the case has makes it stale."""
    disposition = Disposition(
        deviation=f"DEV-{case}",
        case=case,
        failure_sha256=failure_sha256(case, "0", actual),
        cause="made up",
        impact="made up",
        decision=decision,
        corrective_action="made up",
        by="made-up quality assurance",
        role="quality assurance",
        at=_AT,
    )
    write_disposition(workspace.definition, disposition)


def _records(workspace: Workspace, low: float) -> list[Record]:
    metric = {"value": 0.97, "low": low, "high": 0.99}
    evaluation = workspace.artifacts("evaluate") / "evaluation.json"
    write_json(evaluation, {"recall": metric})
    write_json(workspace.reports / "metrics.json", {SCORE: {"recall": metric}})
    values: dict[str, Any] = {
        "ingest.simulated": False,
        "threshold.in_force.score": SCORE,
        "threshold.in_force.method": "mean_sigma",
        "evaluate.test.confidence": 0.95,
        RECALL: metric["value"],
        f"{RECALL}.low": low,
        f"{RECALL}.high": metric["high"],
    }
    digest, path = sha256_file(evaluation), workspace.relative(evaluation)
    return [
        Record(name, value, "1", "made up", path, "", digest, name.split(".")[0])
        for name, value in values.items()
    ]


def executed_protocol(
    stage: StageName, approved: dict[str, str], verdicts: tuple[Verdict, ...], product: str = PRODUCT
) -> ExecutedProtocol:
    """A made-up executed protocol, one case a verdict."""
    cases = tuple(executed_case(f"{stage.upper()}-{n:03}", item) for n, item in enumerate(verdicts, start=1))
    return ExecutedProtocol(
        stage=stage,
        title=stage.upper(),
        product=product,
        approved=approved,
        started_at=_AT,
        finished_at=_AT,
        executed_by="made up",
        counts=Counts.of(verdicts),
        cases=cases,
        deviations=tuple(
            Deviation(
                id=case.deviation, case=case.id, title=case.title, expected=case.expected, actual=case.actual
            )
            for case in cases
            if case.deviation
        ),
    )


def executed_case(case_id: str, verdict: Verdict = "pass", **changes: Any) -> ExecutedCase:
    """A made-up executed case."""
    run = verdict != "not run"
    fields: dict[str, Any] = {
        "id": case_id,
        "title": f"case {case_id}",
        "requirements": ("URS-001",),
        "risks": ("RC-10",),
        "clauses": ("art-15",),
        "objective": "made up",
        "procedure": ("made up",),
        "expected": "0",
        "actual": "0",
        "verdict": verdict,
        "automated": run,
        "check": "interpreter" if run else None,
        "parameters": {},
        "evidence": (Evidence(path="params.yaml", sha256="0" * 64),) if run else (),
        "executed_at": _AT if run else None,
        "seconds": 0.0 if run else None,
        "executed_by": "made up" if run else "",
        "execution_no": 1,
        "deviation": f"DEV-{case_id}" if verdict == "fail" else None,
    }
    return ExecutedCase(**(fields | changes))


@dataclass(frozen=True)
class Forgery:
    """A change to a JSON file of the made-up project, and the exit code the gate must answer with."""

    name: str
    file: str
    change: Callable[[Any], object]
    exit_code: int

    def commit(self, workspace: Workspace, *, correct_hash: bool) -> None:
        """Make the change; a careful forger also corrects the hash in the release."""
        path = workspace.root / self.file
        content = read_json(path)
        self.change(content)
        write_json(path, content)
        release = workspace.reports / "release.json"
        if correct_hash and path != release:
            stated = read_json(release)
            stated["evidence"][self.file] = sha256_file(path)
            write_json(release, stated)


_QUALIFY = f"artifacts/{PRODUCT}/qualify"
_RELEASE = f"reports/{PRODUCT}/release.json"
FORGERIES: tuple[Forgery, ...] = (
    Forgery(
        "bound raised in the records",
        f"artifacts/{PRODUCT}/evaluate/records.json",
        lambda rows: next(row for row in rows if row["id"] == f"{RECALL}.low").update(value=0.99),
        3,
    ),
    Forgery(
        "bound raised in metrics.json",
        f"reports/{PRODUCT}/metrics.json",
        lambda metrics: metrics[SCORE]["recall"].update(low=0.99),
        3,
    ),
    Forgery(
        "evaluation exchanged",
        f"artifacts/{PRODUCT}/evaluate/evaluation.json",
        lambda evaluation: evaluation.update(recall=1),
        3,
    ),
    Forgery(
        "limit lowered afterwards",
        f"products/{PRODUCT}/acceptance.yaml",
        lambda acceptance: acceptance["criteria"][0].update(limit=0.5),
        3,
    ),
    Forgery(
        "criterion judged otherwise",
        f"{_QUALIFY}/criteria.json",
        lambda c: c["criteria"][0].update(met=None),
        3,
    ),
    Forgery(
        "case dropped from a protocol", f"{_QUALIFY}/oq.json", lambda protocol: protocol["cases"].pop(), 3
    ),
    Forgery(
        "case counted as passed",
        f"{_QUALIFY}/oq.json",
        lambda protocol: protocol["counts"].update(passed=2, not_run=0),
        3,
    ),
    Forgery(
        "protocol of another product",
        f"{_QUALIFY}/pq.json",
        lambda protocol: protocol.update(product="other"),
        3,
    ),
    Forgery(
        "protocol executed from another version",
        f"{_QUALIFY}/iq.json",
        lambda protocol: protocol["approved"].update({"protocols/iq.yaml": "1" * 64}),
        3,
    ),
    Forgery("criteria removed from the release", _RELEASE, lambda release: release.update(criteria=[]), 3),
    Forgery("decision changed", _RELEASE, lambda release: release.update(decision="released"), 3),
    Forgery("demonstration denied", _RELEASE, lambda release: release.update(demonstration=False), 3),
    Forgery("unknown key in the release", _RELEASE, lambda release: release.update(unknown=1), 3),
    Forgery(
        "evidence left out of the release",
        _RELEASE,
        lambda release: release["evidence"].pop(f"reports/{PRODUCT}/metrics.json"),
        2,
    ),
)
