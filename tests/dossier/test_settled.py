"""What people recorded, decided and approved, as the documents print it."""

import json
import re
from html import unescape

import pytest

from sealproof.dossier.documents import Contents, draft_release, fill_document
from sealproof.dossier.facts import fact_records
from sealproof.dossier.frame import earlier_release
from sealproof.dossier.inputs import load_inputs
from sealproof.dossier.quotations import all_facts
from sealproof.dossier.settled import case_record
from sealproof.evidence.records import RecordBook
from sealproof.evidence.trail import append_event, read_trail
from sealproof.qualification.entries import approve, dispose, note_deviations, record_case
from sealproof.settings import load_settings

DISPOSITION = {
    "cause": "a cable was loose",
    "impact": "none on the product",
    "corrective_action": "cable fixed",
    "by": "A. Tester",
    "role": "quality",
}


def words(root, kind, changes=None):
    inputs = load_inputs(load_settings(root))
    release = draft_release(inputs)
    records = fact_records(all_facts(inputs, release), inputs.workspace, b"{}")
    html = fill_document(kind, Contents(inputs, release, records, {}, changes), root / "templates").html
    html = re.sub(r'\u202f?<a class="ix"[^>]*>\d+</a>', "", html)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


@pytest.fixture
def entered(project):
    """The project with a disposition of its one deviation and a recorded case."""
    workspace = load_settings(project).workspace
    inputs = load_inputs(load_settings(project))
    note_deviations(
        workspace, [item for one in inputs.executed.values() for item in one.deviations], by="a stage"
    )
    manual = next(case.id for case in inputs.executed["iq"].cases if not case.automated)
    record_case(
        workspace, manual, verdict="pass", observed="as drawn, 3 of 3", by="B. Tester", role="operator"
    )
    return project, workspace, manual


def test_a_disposition_is_printed_with_cause_impact_decision_and_who(entered):
    root, workspace, _ = entered
    dispose(workspace, "DEV-OQ-005", decision="accepted", **DISPOSITION)
    for kind in ("oq", "dossier"):
        text = words(root, kind)
        for part in (
            "✓ accepted",
            "a cable was loose",
            "none on the product",
            "cable fixed",
            "A. Tester (quality)",
        ):
            assert part in text
        assert "0 open, 1 accepted, 0 rejected" in text


def test_a_rejected_deviation_is_the_reason_on_the_first_page(entered):
    root, workspace, _ = entered
    dispose(workspace, "DEV-OQ-005", decision="rejected", **DISPOSITION)
    front = words(root, "dossier").split("Contents")[0]
    assert "deviation rejected: DEV-OQ-005" in front
    assert "0 open, 0 accepted, 1 rejected" in front


def test_a_recorded_case_is_printed_with_its_record_and_counted(entered):
    root, _, manual = entered
    inputs = load_inputs(load_settings(root))
    case = next(item for item in inputs.protocols["iq"].cases if item.id == manual)
    name = f"dossier.case.{manual.lower()}.observed"
    assert case_record(inputs, case) == name
    book = RecordBook(fact_records(all_facts(inputs, draft_release(inputs)), inputs.workspace, b"{}"))
    record = book[name]
    assert (record.value, record.pointer) == ("as drawn, 3 of 3", "/observed")
    assert json.loads((root / record.artefact).read_text())["observed"] == record.value
    before = sum(item.verdict == "pass" for item in inputs.executed["iq"].cases)
    assert book["dossier.iq.passed"].value == before + 1
    text = words(root, "iq")
    assert "as drawn, 3 of 3" in text
    assert "B. Tester (operator)" in text


def test_a_record_about_other_results_counts_for_nothing_and_is_shown(entered):
    root, workspace, manual = entered
    path = workspace.definition / "executions" / f"{manual}.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"results_id": "0" * 64}))
    text = words(root, "dossier")
    assert "Entries of people that count for nothing" in text
    assert f"executions/{manual}.json: it was recorded for other results" in text
    assert "a record exists, but it was recorded for other results" in words(root, "iq")


def test_an_approval_is_printed_with_name_time_and_files(project):
    workspace = load_settings(project).workspace
    approve(workspace, by="C. Tester", role="process owner")
    text = words(project, "oq")
    assert "Approved by C. Tester (process owner)" in text
    assert text.count("✓ the same file") == 6
    assert "nobody has approved" not in text


def test_what_is_not_what_was_approved_is_said(project):
    workspace = load_settings(project).workspace
    approve(workspace, by="C. Tester", role="process owner")
    content = json.loads(workspace.approval.read_text())
    content["files"]["protocols/oq.yaml"] = "0" * 64
    workspace.approval.write_text(json.dumps(content))
    text = words(project, "oq")
    assert text.count("✗ not what was approved") == 1
    assert text.count("✓ the same file") == 5


def test_changes_are_printed_with_their_class(project):
    changes = [(f"claim {number}", "needs re-qualification") for number in range(1, 7)]
    text = words(project, "dossier", changes)
    front = text.split("Contents")[0]
    assert "claim 3 (needs re-qualification)" in front
    assert "claim 4" not in front
    assert "and more: see the dossier" in front
    assert "claim 6 needs re-qualification" in text
    assert "Nothing that a release states differs from the last one." in words(project, "dossier", [])


def test_an_earlier_release_is_never_denied(project):
    workspace = load_settings(project).workspace
    details = {
        "release_id": "ab" * 32,
        "path": "p",
        "sha256": "c" * 64,
        "mlflow_model": "",
        "mlflow_version": "",
    }
    append_event(workspace.trail, "release.published", details, by="a test")
    assert earlier_release(read_trail(workspace.trail)) == "ab" * 32
    text = words(project, "dossier")
    assert "Release abababababab came before" in text
    assert "No earlier release" not in text


def test_the_trail_is_printed_with_its_head(project):
    workspace = load_settings(project).workspace
    for number in range(15):
        details = {"stage": "train", "fingerprint": f"{number:064d}", "commit": "", "mlflow_run": ""}
        append_event(workspace.trail, "stage.run", details, by="a test")
    entries = read_trail(workspace.trail)
    text = words(project, "dossier")
    assert f"{len(entries)} lines when this document was rendered" in text
    assert entries[-1].sha256 in text
    assert len(re.findall(r"fingerprint 0{12} ; stage train", text)) == 12
