"""IQ checks of what is qualified: commit, pipeline definition, images, weights, records, ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from sealproof.evidence.files import read_json, read_yaml
from sealproof.evidence.hashing import sha256_file
from sealproof.qualification.context import Context
from sealproof.qualification.git import WRITTEN_BY_THE_RUN, changed_files, head_commit
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check
from sealproof.qualification.release import EVIDENCE_STAGES

_EARLIER_STAGES = EVIDENCE_STAGES[:-1]


@check("commit", NoParameters)
def commit(context: Context, parameters: NoParameters) -> Finding:
    """Is the commit known, and is the source tree clean in the stated meaning?"""
    del parameters
    head, changed = head_commit(context.root), changed_files(context.root)
    actual = (
        f"commit {head.sha} of {head.committed_at.isoformat(timespec='seconds')}; {len(changed)} files "
        f"differ from it or are unknown to it, {', '.join(WRITTEN_BY_THE_RUN)} and ignored files "
        f"not counted{shown(changed)}"
    )
    values = {"commit": head.sha, "committed_at": head.committed_at.isoformat(), "changed": changed}
    return Finding(passed=not changed, actual=actual, values=values)


@check("pipeline-definition", NoParameters)
def pipeline_definition(context: Context, parameters: NoParameters) -> Finding:
    """Has each stage its script and, in dvc.lock, the parameters of params.yaml as they are now?

    DVC itself is not called: inside `dvc repro` the project is locked.
    """
    del parameters
    definition = dict(read_yaml(context.existing(context.root / "dvc.yaml")))["stages"]
    params = read_yaml(context.existing(context.root / "params.yaml"))
    lock_path = context.root / "dvc.lock"
    scripts = [f"pipeline/{stage}.py" for stage in EVIDENCE_STAGES]
    problems = [f"{script} is missing" for script in scripts if not (context.root / script).is_file()]
    problems += [f"stage {stage} is not in dvc.yaml" for stage in EVIDENCE_STAGES if stage not in definition]
    files = (context.root / "dvc.yaml", context.root / "params.yaml")
    if not lock_path.exists():
        return Finding(
            passed=None, actual="there is no dvc.lock: this run was not started by DVC", files=files
        )
    locked = dict(yaml.safe_load(lock_path.read_text(encoding="utf-8")))["stages"]
    compared = 0
    for stage in _EARLIER_STAGES:
        recorded = locked.get(stage, {}).get("params", {}).get("params.yaml", {})
        if stage not in locked:
            problems.append(f"stage {stage} is not in dvc.lock")
        for key, value in recorded.items():
            compared += 1
            if _setting(params, key) != value:
                problems.append(f"stage {stage} ran with another {key}")
    actual = (
        f"{len(scripts)} stage scripts, {len(_EARLIER_STAGES)} earlier stages, {compared} locked parameters "
        f"compared with params.yaml, {len(problems)} differences{shown(problems)}"
    )
    return Finding(
        passed=not problems and compared > 0,
        actual=actual,
        values={"compared": compared, "problems": problems},
        files=files,
    )


def _setting(params: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        params = params.get(part) if isinstance(params, dict) else None
    return params


@check("images-match-manifest", NoParameters)
def images_match_manifest(context: Context, parameters: NoParameters) -> Finding:
    """Has each image on disk the SHA-256 of its row in the manifest?"""
    del parameters
    rows = list(context.manifest[["path", "sha256"]].itertuples(index=False, name=None))
    root = context.workspace.images
    with ThreadPoolExecutor(2) as pool:  # hashing releases the interpreter lock
        states = list(pool.map(lambda row: _state(root / row[0], row[1]), rows))
    problems = [f"{path} {state}" for (path, _), state in zip(rows, states, strict=True) if state]
    return Finding(
        passed=not problems and bool(rows),
        actual=f"{len(rows)} images hashed, {len(problems)} differ or are missing{shown(problems)}",
        values={"images": len(rows), "problems": problems},
        files=(context.artefact("ingest", "manifest.parquet"),),
    )


def _state(path: Path, recorded: str) -> str:
    try:
        return "" if sha256_file(path) == recorded else "differs"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


@check("model-identity", NoParameters)
def model_identity(context: Context, parameters: NoParameters) -> Finding:
    """Have the weights the SHA-256 that model.json states, and do they load?"""
    del parameters
    from sealproof.models.storage import load_detector

    weights, description = (
        context.artefact("train", "model.safetensors"),
        context.artefact("train", "model.json"),
    )
    stated, found = read_json(description)["weights"]["sha256"], sha256_file(weights)
    loaded = load_detector(description.parent).parameters()
    return Finding(
        passed=stated == found,
        actual=f"SHA-256 of the weights {found}, stated {stated}; {loaded} parameters loaded",
        values={"found": found, "stated": stated, "parameters": loaded},
        files=(weights, description),
    )


@check("records-match-artefacts", NoParameters)
def records_match_artefacts(context: Context, parameters: NoParameters) -> Finding:
    """Has each recorded artefact still the SHA-256 of its record, and has each stage recorded something?"""
    del parameters
    artefacts = {(record.artefact, record.sha256) for record in context.book}
    problems = [
        f"{name} {state}"
        for name, digest in sorted(artefacts)
        if (state := _state(context.root / name, digest))
    ]
    stages = {record.stage for record in context.book}
    problems += [f"stage {stage} recorded nothing" for stage in _EARLIER_STAGES if stage not in stages]
    actual = (
        f"{len(context.book)} records of {len(stages)} stages in {len(artefacts)} artefacts, "
        f"{len(problems)} differ or are missing{shown(problems)}"
    )
    values = {"records": len(context.book), "artefacts": len(artefacts), "problems": problems}
    files = tuple(context.artefact(stage, "records.json") for stage in _EARLIER_STAGES)
    return Finding(passed=not problems and bool(artefacts), actual=actual, values=values, files=files)


@check("ledger-chain", NoParameters)
def ledger_chain(context: Context, parameters: NoParameters) -> Finding:
    """Does each line of the test-set ledger carry the hash of the line before it, first to last?"""
    del parameters
    ledger = context.existing(context.workspace.ledger)
    openings = context.openings
    last = openings[-1].opened_at if openings else "never"
    return Finding(
        passed=bool(openings),
        actual=f"{len(openings)} openings, every line continues the one before it; last opened {last}",
        values={"openings": len(openings), "last": last},
        files=(ledger,),
    )
