import json
from io import StringIO

import pytest
from rich.console import Console
from tests.quality.conftest import limited

from sealproof.evidence.records import Recorder
from sealproof.quality.findings import CHECKS, Finding, not_evaluated
from sealproof.quality.report import content, findings_table, record
from sealproof.quality.run import run_checks


def pointed(content, pointer):
    for key in pointer.strip("/").split("/"):
        content = content[int(key) if isinstance(content, list) else key]
    return content


@pytest.fixture(scope="module")
def facts(sound):
    data = limited(
        sound[0], sharpness_minimum=float(sound[0].frame["sharpness"].median()), neighbour_seconds=0
    )
    findings = run_checks(data)
    assert [f.code for f in findings] == ["sharpness_low"]
    return content(data, findings)


def test_the_content_is_json_and_complete(facts):
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert list(facts["checks"]) == list(CHECKS)
    assert facts["counts"] == {"error": 0, "warning": 1, "info": 0}
    assert facts["checks"]["sharpness_low"]["findings"] == 1
    assert facts["checks"]["sharpness_low"]["severity"] == "warning"
    assert facts["checks"]["blank_image"] == {
        "question": CHECKS["blank_image"].question,
        "reason": CHECKS["blank_image"].reason,
        "findings": 0,
        "severity": None,
    }
    assert {name: part["images"] for name, part in facts["measured"].items()} == {
        "all": 72,
        "calibration": 12,
        "test": 24,
        "train": 24,
        "tuning": 12,
    }
    assert len(facts["drift"]) == 6
    assert facts["limits"]["drift_level"] == 0.01


def test_the_measured_summary_agrees_with_the_frame(sound, facts):
    values = sorted(sound[0].frame["contrast"])
    told = facts["measured"]["all"]["contrast"]
    assert told["minimum"] == pytest.approx(values[0], rel=1e-5)
    assert told["median"] == pytest.approx((values[35] + values[36]) / 2, rel=1e-5)
    assert told["maximum"] == pytest.approx(values[-1], rel=1e-5)


def test_every_record_can_be_read_where_it_points(facts, tmp_path):
    path = tmp_path / "findings.json"
    path.write_text(json.dumps(facts))
    recorder = Recorder("check")
    record(recorder, facts, path)
    records = {r.id: r for r in recorder.finish(lambda p: (p, p.name))}
    for found in records.values():
        assert pointed(json.loads(path.read_text()), found.pointer) == found.value, found.id
        assert found.unit
        assert found.definition
    assert records["check.images"].value == 72
    assert records["check.errors"].value == 0
    assert records["check.warnings"].value == 1
    assert {f"check.{code}" for code in CHECKS} <= set(records)
    assert "check.measured.brightness.median" in records
    assert "check.cramers-v.training.group-setup" in records
    assert "check.drift.test.sharpness.p-value" in records


def test_a_check_that_was_not_carried_out_is_recorded_as_such(sound, tmp_path):
    facts = content(sound[0], [not_evaluated("time_neighbours_across_splits", "a", "b", "c")])
    path = tmp_path / "findings.json"
    path.write_text(json.dumps(facts))
    recorder = Recorder("check")
    record(recorder, facts, path)
    (found,) = [
        r for r in recorder.finish(lambda p: (p, p.name)) if r.id == "check.time_neighbours_across_splits"
    ]
    assert found.value is None
    assert "could not be carried out" in found.definition


def printed(findings):
    console = Console(file=StringIO(), width=140)
    console.print(findings_table(findings, 72))
    return console.file.getvalue()


def test_the_table_names_what_was_found():
    text = printed([Finding("blank_image", "error", "[bold]1 image is blank", ("a",), "b", "c", "d")])
    assert "1 errors, 0 warnings, 0 notes" in text
    assert "blank_image" in text
    assert "[bold]1 image is blank" in text, "text is never taken for markup"
    assert f"all {len(CHECKS)} checks passed" in printed([])
