"""Hand-made criteria, records and protocol files for the tests of this room."""

import json
import shutil
from pathlib import Path

import yaml

from sealproof.evidence.records import Record, RecordBook
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.challenge import (
    CRITERION,
    executed_case,
    executed_protocol,
    write_project,
    write_release,
)
from sealproof.qualification.definitions import STAGE_NAMES
from sealproof.qualification.outcome import Counts, Deviation, ExecutedProtocol

ROOT = Path(__file__).parents[2]


def outcome(criterion_id="AC-01", *, met=True, reason="", **changes):
    """A judged criterion whose bound is on the side that `met` says."""
    bound_value = {True: 0.95, False: 0.85, None: None}[met]
    fields = {
        **{key: value for key, value in CRITERION.items() if key not in {"id", "metric"}},
        "id": criterion_id,
        "metric": "evaluate.4-ms-ssim.recall",
        "value": 0.97,
        "bound_value": bound_value,
        "unit": "1",
        "n": None,
        "met": met,
        "reason": reason or ("" if met is not None else "not recorded"),
    }
    return CriterionOutcome(**(fields | changes))


def record(record_id, value, artefact="artifacts/demo/evaluate/evaluation.json", sha256="0" * 64):
    return Record(
        record_id, value, "1", f"definition of {record_id}", artefact, "", sha256, record_id.split(".")[0]
    )


def book(**values):
    """Records by id, dots written as two underscores, hyphens as one: `evaluate__4_ms_ssim__recall`."""
    return RecordBook(
        record(name.replace("__", ".").replace("_", "-"), value) for name, value in values.items()
    )


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=2, sort_keys=True) + "\n"
    path.write_text(text)
    return path


def copy_protocols(root):
    shutil.copytree(ROOT / "protocols", root / "protocols")
    return root / "protocols"


def change_yaml(path, change):
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def people_project(root, *, failed=()):
    """A made-up project with the real protocols: all automated cases passed but `failed`, none for people run."""
    workspace = write_project(root)
    shutil.rmtree(root / "protocols")
    copy_protocols(root)
    write(root / "params.yaml", "product: challenge\n")
    catalogue = load_catalogue(root)
    for stage in STAGE_NAMES:
        protocol = catalogue.protocols[stage]
        cases = tuple(executed(case, failed) for case in protocol.cases)
        write_executed(workspace, stage, catalogue.hashes, cases)
    write_release(workspace)
    return workspace


def executed(case, failed=()):
    verdict = "not run" if not case.automated else "fail" if case.id in failed else "pass"
    fields = case.model_dump(exclude={"id", "for_each"})
    return executed_case(case.id, verdict, **fields)


def write_executed(workspace, stage, approved, cases):
    protocol = executed_protocol(stage, dict(approved), ("pass",))
    deviations = tuple(
        Deviation(
            id=item.deviation, case=item.id, title=item.title, expected=item.expected, actual=item.actual
        )
        for item in cases
        if item.deviation
    )
    whole = ExecutedProtocol(
        **dict(protocol)
        | {"cases": cases, "counts": Counts.of(item.verdict for item in cases), "deviations": deviations}
    )
    write(workspace.artifacts("qualify") / f"{stage}.json", whole.model_dump(mode="json"))
