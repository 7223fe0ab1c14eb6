"""The audit trail: every event against the file it names, and every file that needs an event against the trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sealproof.verification.chains import ORIGIN, Entry, read_chain
from sealproof.verification.definition import STAGES
from sealproof.verification.ledger import ledger_entries, ledger_name
from sealproof.verification.people import entries as entered
from sealproof.verification.tree import Tree

_FIELDS = {"at", "by", "details", "event", "number", "previous"}
_DETAILS = {
    "stage.run": {"stage", "fingerprint", "commit", "mlflow_run"},
    "criteria.approved": {"path", "sha256", "files"},
    "test-set.opened": {"opening", "ledger_sha256"},
    "deviation.opened": {"deviation", "case", "failure_sha256"},
    "deviation.disposed": {"deviation", "decision", "path", "sha256"},
    "case.recorded": {"case", "verdict", "path", "sha256"},
    "release.made": {"release_id", "decision", "release_sha256", "documents"},
    "document.signed": {"release_id", "role", "name", "certificate_sha256", "documents"},
    "release.published": {"release_id", "path", "sha256", "mlflow_model", "mlflow_version"},
    "reproduction.done": {"path", "sha256", "verdict"},
    "repeatability.done": {"path", "sha256"},
    "trail.repaired": {"bytes", "sha256"},
}


def trail_name(tree: Tree) -> str:
    """`artifacts/<product>/trail.jsonl`."""
    return f"artifacts/{tree.product}/trail.jsonl"


def trail_entries(tree: Tree) -> list[Entry] | None:
    """All readable lines; None when there is no trail. What is wrong with the chain is found on the way."""
    name = trail_name(tree)
    if not tree.exists(name):
        return None
    if name not in tree.shared:
        tree.shared[name] = read_chain(tree.path(name).read_bytes(), name, tree.findings, "trail")
    entries: list[Entry] = tree.shared[name]
    return entries


def check_trail(tree: Tree) -> None:
    """Hold the trail against ledger, stages, approvals, dispositions, releases and signatures."""
    file = trail_name(tree)
    entries = trail_entries(tree)
    if entries is None:
        tree.findings.add("trail-missing", file, expected="the audit trail", found="no such file")
        return
    for entry in entries:
        if not _is_event(entry):
            text = f"{entry.fields.get('event')!r} with {entry.fields.get('details')!r}"
            tree.findings.add(
                "trail-line-unreadable",
                file,
                f"line {entry.place}",
                expected="an event with its details",
                found=text,
            )
    good = good_entries(tree)
    for check in (_check_head, _check_stages, _check_openings, _check_entries, _check_release, _check_people):
        with tree.findings.guard(file):
            check(tree, file, good)


def _is_event(entry: Entry) -> bool:
    event, details = entry.fields.get("event"), entry.fields.get("details")
    return (
        set(entry.fields) == _FIELDS
        and isinstance(details, dict)
        and _DETAILS.get(str(event)) == set(details)
    )


def good_entries(tree: Tree) -> list[Entry]:
    """The lines that are events; none when there is no trail."""
    return [entry for entry in trail_entries(tree) or [] if _is_event(entry)]


def events(entries: list[Entry], name: str) -> Iterator[tuple[Entry, Mapping[str, Any]]]:
    """(line, details) of the events of that name, oldest first."""
    return ((entry, entry.fields["details"]) for entry in entries if entry.fields["event"] == name)


def _check_head(tree: Tree, file: str, entries: list[Entry]) -> None:
    """The line that was the last when the release was written is still there, and the release's own line behind it."""
    head = tree.dictionary(tree.release, optional=True).get("trail_head", "")
    if head and head not in {ORIGIN, *(entry.sha256 for entry in entries)}:
        tree.findings.add(
            "trail-head-gone",
            file,
            expected=f"a line of hash {head} (release.json)",
            found=f"{len(entries)} lines, none of that hash",
        )


def _check_stages(tree: Tree, file: str, entries: list[Entry]) -> None:
    """Each stage's present records were noted when it ran."""
    for stage in (*STAGES, "dossier"):
        present = tree.sha256(tree.artifact(stage, "records.json"))
        noted = {
            details["fingerprint"] for _, details in events(entries, "stage.run") if details["stage"] == stage
        }
        if present and present not in noted:
            # A trail that knows no run of the stage was begun later, or elsewhere: DVC restored the output.
            tree.findings.add(
                "stage-run-not-in-trail" if noted else "stage-run-missing",
                file,
                stage,
                expected=f"stage.run with fingerprint {present}",
                found=f"{len(noted)} runs, none with it",
            )


def _check_openings(tree: Tree, file: str, entries: list[Entry]) -> None:
    """Every line of the ledger has its line in the trail, in the same order, and the other way round."""
    opened = [details for _, details in events(entries, "test-set.opened")]
    lines = ledger_entries(tree)
    hashes = {entry.fields["number"]: entry.sha256 for entry in lines}
    for entry in lines:
        named = [details for details in opened if details["ledger_sha256"] == entry.sha256]
        if len(named) != 1 or named[0]["opening"] != entry.fields["number"]:
            tree.findings.add(
                "opening-not-in-trail",
                ledger_name(tree),
                f"line {entry.place}",
                expected="one test-set.opened of this line",
                found=f"{len(named)} in the trail",
            )
    for details in opened:
        if hashes.get(details["opening"]) != details["ledger_sha256"]:
            tree.findings.add(
                "opening-not-in-ledger",
                ledger_name(tree),
                f"opening {details['opening']}",
                expected=f"a line of hash {details['ledger_sha256']} (trail)",
                found=hashes.get(details["opening"], "no such opening"),
            )
    numbers = [details["opening"] for details in opened]
    if numbers != sorted(numbers):
        tree.findings.add(
            "trail-reordered", file, "test-set.opened", expected="openings in their order", found=str(numbers)
        )


def _check_entries(tree: Tree, file: str, entries: list[Entry]) -> None:
    """Files that people wrote have the hash of their last event, and each has one."""
    last: dict[str, str] = {}
    for name in (
        "criteria.approved",
        "deviation.disposed",
        "case.recorded",
        "reproduction.done",
        "repeatability.done",
    ):
        last |= {details["path"]: details["sha256"] for _, details in events(entries, name)}
    written = [
        name
        for folder in ("approvals/criteria.json", "deviations", "executions")
        for name in _present(tree, folder)
    ]
    for name in sorted({*written, *last}):
        found = tree.sha256_of(name)
        if name not in last:
            tree.findings.add(
                "entry-not-in-trail", name, expected="an event of the trail that names it", found="none"
            )
        elif not found:
            tree.findings.add(
                "entry-gone", name, expected=f"SHA-256 {last[name]} (trail)", found="no such file"
            )
        elif found != last[name]:
            tree.findings.add(
                "entry-altered-after-event",
                name,
                expected=f"SHA-256 {last[name]} (trail)",
                found=f"SHA-256 {found}",
            )


def _present(tree: Tree, below: str) -> list[str]:
    name = tree.definition(below)
    if tree.exists(name):
        return [name]
    return [*entered(tree, below, ".yaml"), *entered(tree, below, ".json")]


def _check_people(tree: Tree, file: str, entries: list[Entry]) -> None:
    """Each disposed deviation was opened before, and each deviation of the release was opened."""
    opened = {
        details["deviation"]: entry.fields["number"]
        for entry, details in reversed([*events(entries, "deviation.opened")])
    }
    for entry, details in events(entries, "deviation.disposed"):
        if opened.get(details["deviation"], entry.fields["number"]) >= entry.fields["number"]:
            tree.findings.add(
                "deviation-disposed-unopened",
                file,
                f"line {entry.place}",
                expected=f"{details['deviation']} opened before",
                found="not opened",
            )
    failures = {
        (details["deviation"], details["failure_sha256"])
        for _, details in events(entries, "deviation.opened")
    }
    for item in tree.dictionary(tree.release, optional=True).get("deviations", []):
        if (item["id"], item["failure_sha256"]) not in failures:
            tree.findings.add(
                "deviation-not-in-trail",
                file,
                item["id"],
                expected="deviation.opened with its failure_sha256",
                found="none",
            )


def _check_release(tree: Tree, file: str, entries: list[Entry]) -> None:
    """The release at hand is the one that was made last."""
    made = [details for _, details in events(entries, "release.made")]
    present = tree.sha256(tree.release)
    if not present:
        return
    matching = [details for details in made if details["release_sha256"] == present]
    if not matching:
        tree.findings.add(
            "release-not-in-trail",
            file,
            expected=f"release.made with release_sha256 {present}",
            found=f"{len(made)} releases made, none of them this one",
        )
        return
    if made[-1]["release_sha256"] != present:
        tree.findings.add(
            "release-superseded",
            file,
            expected="the release that was made last",
            found="a later one was made",
        )
    release = tree.dictionary(tree.release)
    for key in ("release_id", "decision"):
        tree.findings.compare(
            "release-not-in-trail",
            file,
            f"release.made, {key}",
            expected=release[key],
            found=matching[-1][key],
        )
    stated = {name.rsplit("/", 1)[-1]: digest for name, digest in matching[-1]["documents"].items()}
    wanted = {name.rsplit("/", 1)[-1]: digest for name, digest in release["documents"].items()}
    tree.findings.compare(
        "release-not-in-trail", file, "release.made, documents", expected=wanted, found=stated
    )
