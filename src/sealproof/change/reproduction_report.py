"""What a reproduction leaves behind: a report for people and machines, a line in the trail, the executed IQ case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sealproof.change.outputs import OutputResult
from sealproof.change.printing import table_lines
from sealproof.change.reproduction import Reproduction
from sealproof.evidence.files import write_bytes, write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import append_event
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.entries import record_case
from sealproof.qualification.execution import EXECUTOR

ROLE = "tool"
OPENING = (
    "The clone opened its copy of the test set to evaluate the same system once more. That opening stands in the "
    "ledger of the clone, not in this project's; it left no choice open: model and threshold follow from commit, "
    "images and seed."
)
SIGNATURE = (
    "A tool executed this. A person judges it, and takes responsibility for it with the signature under IQ."
)


def as_dict(found: Reproduction) -> dict[str, Any]:
    """`reports/<product>/reproduction.json`: JSON types only."""
    return {
        "product": found.product,
        "case": found.case,
        "verdict": "reproduced" if found.reproduced else "not reproduced",
        "commit": found.commit,
        "results_id": found.results_id,
        "results_id_clone": found.clone_results_id,
        "last_stage": found.scope,
        "images": found.images,
        "counts": found.counts,
        "outputs": [output.as_dict() for output in found.outputs],
        "stopped": found.stopped,
        "tolerances": dict(found.tolerances),
        "test_set": {"openings_in_the_clone": found.openings, "statement": OPENING},
        "signature": SIGNATURE,
        "executed_by": EXECUTOR,
        "started": found.started,
        "seconds": found.seconds,
        "machine": found.machine,
        "versions": found.versions,
    }


def observed(found: Reproduction) -> str:
    """One sentence for the executed case."""
    if found.stopped:
        return f"The pipeline stopped in the clone of commit {found.commit[:12]}: {found.stopped.splitlines()[-1]}"
    counts = found.counts
    return (
        f"{len(found.outputs)} outputs compared with a clone of commit {found.commit[:12]}: "
        f"{counts['identical']} identical by SHA-256, {counts['within tolerance']} within the declared tolerance, "
        f"{counts['different']} different."
    )


def as_markdown(found: Reproduction) -> str:
    """`reports/<product>/reproduction.md`."""
    machine = found.machine
    facts: list[tuple[str, ...]] = [
        ("commit", found.commit),
        ("results here", found.results_id),
        ("results of the clone", found.clone_results_id or "none"),
        ("last stage", found.scope),
        ("images", found.images),
        ("declared tolerances", _tolerances(found)),
        ("started, duration", f"{found.started}, {found.seconds:.0f} s"),
        ("machine", f"{machine['host']}, {machine['system']}, {machine['processor']}, {machine['python']}"),
        ("versions", ", ".join(f"{name} {number}" for name, number in sorted(found.versions.items()))),
    ]
    verdict = "reproduced" if found.reproduced else "not reproduced"
    lines = [
        f"# Reproduction of {found.product}: {verdict}",
        "",
        observed(found),
        "",
        SIGNATURE,
        "",
        OPENING,
        "",
    ]
    lines += table_lines(("what", "value"), facts)
    if found.stopped:
        lines += ["", "## Where it stopped", "", *(f"    {line}" for line in found.stopped.splitlines())]
    if found.outputs:
        lines += ["", "## Outputs", "", *table_lines(_HEADINGS, [_row(output) for output in found.outputs])]
    return "\n".join([*lines, ""])


def _tolerances(found: Reproduction) -> str:
    if not found.tolerances["declared"]:
        return "none: every output has to be identical"
    return f"{found.tolerances['declared']} in {found.tolerances['path']}"


_HEADINGS = ("output", "verdict", "largest deviation", "relative", "where", "remark", "SHA-256 here")


def _row(output: OutputResult) -> tuple[str, ...]:
    numbers = ("" if value is None else f"{value:.3g}" for value in (output.absolute, output.relative))
    return output.path, output.verdict, *numbers, output.where, output.why, (output.here or "none")[:12]


def record(workspace: Workspace, found: Reproduction) -> list[Path]:
    """Write the report, note it in the audit trail and record the executed case.

    The report is copied beside the recorded case, where it is committed with it: the record rests on it, and reports
    are no part of the repository.

    Returns:
        the files written.

    Raises:
        OutputError: a file cannot be written.
        EvidenceAlteredError: the audit trail's chain does not hold.
    """
    report, text = workspace.reports / "reproduction.json", workspace.reports / "reproduction.md"
    write_json(report, as_dict(found))
    write_bytes(text, as_markdown(found).encode())
    verdict = "pass" if found.reproduced else "fail"
    details = {"path": workspace.relative(report), "sha256": sha256_file(report), "verdict": verdict}
    append_event(workspace.trail, "reproduction.done", details, by=EXECUTOR)
    evidence = workspace.definition / "executions" / "evidence" / f"{found.case}-reproduction.json"
    write_json(evidence, as_dict(found))  # the same bytes as the report
    case = record_case(
        workspace,
        found.case,
        verdict=verdict,
        observed=observed(found),
        by=EXECUTOR,
        role=ROLE,
        evidence=[evidence],
    )
    return [report, text, case, evidence]
