"""Code of two releases: what each stage ran, by the hashes that DVC locked, and what lies between their commits."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sealproof.change.claims import CHANGED, Change, Gap, differences, flatten
from sealproof.change.tree import RESULT_STAGES, Tree
from sealproof.evidence.tracking import side_record

_ELSEWHERE = ("data/", "artifacts/", "reports/", "products/", "protocols/")
"""Dependencies that are claims of other sections."""
_JUDGED = ("dvc.lock", "params.yaml", "constraints.txt", "products", "protocols")
"""Top of a path that is compared by its content in another section."""
_SHOWN = 10
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def inputs_of(tree: Tree) -> dict[str, Any]:
    """`<stage>.<path>` -> SHA-256 of the sources that each stage read, as the runs that made the results noted them.

    Empty unless the run of every stage is known.
    """
    found: dict[str, Any] = {}
    for stage in RESULT_STAGES:
        digest = tree.sha256(f"{tree.artifacts}/{stage}/records.json")
        side = side_record(tree.workspace, stage, digest) if digest else None
        inputs = side.get("inputs") if side else None
        if not isinstance(inputs, Mapping):
            return {}
        for path, value in inputs.items():
            if "#/" not in path and not path.startswith(_ELSEWHERE) and path not in _JUDGED:
                found[f"stages.{stage}.{path}"] = value
    return found


def code_changes(old: Tree, new: Tree) -> Iterator[Change | Gap]:
    """Changes of the code by stage and by commit; a gap when a release tells neither.

    Raises:
        EvidenceAlteredError: the audit trail's chain does not hold.
        DefinitionError: dvc.lock or dvc.yaml is not YAML.
    """
    commits = [commits_of(tree) for tree in (old, new)]
    yield from _stages(old, new, told=all(commits))
    if all(commits):
        if commits[0] != commits[1]:
            yield from _between(old, new, *(sorted(set(found.values())) for found in commits))
    elif any(commits):
        yield Gap("code.commit", f"the audit trail of {old.name if commits[1] else new.name} names no commit")
    yield from _pipeline(old, new)


def _stages(old: Tree, new: Tree, *, told: bool) -> Iterator[Change | Gap]:
    """What each stage ran, from the first kind of source that both releases hold; `told`: the commits tell it too."""
    for read in (inputs_of, locked_code):
        first, second = read(old), read(new)
        if first and second:
            yield from differences(first, second, "code")
            return
    if not told:
        yield Gap(
            "code.stages", "no kind of source tells it of both: inputs noted by the runs, dvc.lock, commits"
        )


def locked_code(tree: Tree) -> dict[str, Any]:
    """`<stage>.<dependency>` -> hash and `<stage>.cmd` -> command, of each stage in dvc.lock about this product.

    Empty when there is no dvc.lock, or the one there is was written for another product.
    """
    stages = tree.mapping("dvc.lock").get("stages", {}) if tree.has("dvc.lock") else {}
    ingested = [out.get("path") for out in stages.get("ingest", {}).get("outs", [])]
    if f"{tree.artifacts}/ingest" not in ingested:
        return {}
    found = {}
    for name, stage in stages.items():
        if "@" in name and not name.endswith(f"@{tree.product}"):
            continue
        found[f"stages.{name}.cmd"] = stage.get("cmd")
        for dependency in stage.get("deps", []):
            path = dependency["path"]
            if not path.startswith(_ELSEWHERE) and path not in _JUDGED:
                found[f"stages.{name}.{path}"] = dependency.get(dependency.get("hash", "md5"))
    return found


def commits_of(tree: Tree) -> dict[str, str]:
    """Stage -> commit of the run that made its present output, as far as the audit trail knows."""
    found: dict[str, str] = {}
    prints = {stage: tree.sha256(f"{tree.artifacts}/{stage}/records.json") for stage in RESULT_STAGES}
    for entry in tree.trail():
        if entry.event != "stage.run" or not _COMMIT.fullmatch(entry.details["commit"]):
            continue
        stage = entry.details["stage"]
        if prints.get(stage) == entry.details["fingerprint"]:
            found[stage] = entry.details["commit"]
    return found


def _between(old: Tree, new: Tree, before: list[str], after: list[str]) -> Iterator[Change]:
    files = [_changed_files(old, new, a, b) for a in before for b in after]
    told = ", ".join(before), ", ".join(after)
    if any(names is None for names in files):
        detail = "what lies between them cannot be told here: no repository knows both commits"
        yield Change("code.commit", CHANGED, *told, (detail,))
        return
    yield Change("code.commit", "listed", *told)
    tops: dict[str, set[str]] = {}
    for name in {name for names in files for name in names or ()}:
        top = name.split("/")[0]
        if top not in _JUDGED:
            tops.setdefault(top, set()).add(name)
    for top, names in sorted(tops.items()):
        shown = tuple(sorted(names)[:_SHOWN])
        more = (f"and {len(names) - _SHOWN} more",) if len(names) > _SHOWN else ()
        count = f"{len(names)} file{'s' if len(names) > 1 else ''} differ between the commits"
        yield Change(f"code.files.{top}", CHANGED, None, count, (*shown, *more))


def _changed_files(old: Tree, new: Tree, before: str, after: str) -> list[str] | None:
    """Files that differ between two commits, from the first repository that knows both; None when none does."""
    for root in (new.root, old.root):
        names = _git_names(root, before, after)
        if names is not None:
            return names
    return None


def _git_names(root: Path, before: str, after: str) -> list[str] | None:
    options = ["-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv"]
    command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", "diff-tree", *options, before, after]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - plumbing that runs no program of the repository; both hashes are hexadecimal
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return [name for name in done.stdout.split("\0") if name]


def _pipeline(old: Tree, new: Tree) -> Iterator[Change]:
    """dvc.yaml, where both releases hold it: which stages there are and what they depend on."""
    if old.has("dvc.yaml") and new.has("dvc.yaml"):
        first, second = (flatten(tree.mapping("dvc.yaml").get("stages", {})) for tree in (old, new))
        yield from differences(first, second, "code.pipeline")
