"""IQ checks of protection and device: each passes on a sound installation and fails on the fault it is there for."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.qualification.build import change_yaml, write
from tests.qualification.conftest import context_of

from sealproof.evidence import trail
from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.ledger import record_opening
from sealproof.evidence.records import RecordBook
from sealproof.qualification import iq_device


def test_permissions(sound, run):
    finding = run("file-permissions", sound)
    assert finding.passed is True
    assert finding.values["paths"] > 40


@pytest.mark.parametrize(
    "name",
    [
        "protocols",
        "protocols/pq.yaml",
        "products/seal-sim/acceptance.yaml",
        "products/seal-sim/approvals",
        "artifacts/seal-sim",
        "artifacts/seal-sim/train/model.safetensors",
        "artifacts/seal-sim/ledger.jsonl",
        "artifacts/seal-sim/trail.jsonl",
    ],
)
def test_what_every_account_can_write_is_named(altered, run, name):
    path = altered / name
    path.chmod(path.stat().st_mode | 0o002)
    finding = run("file-permissions", context_of(altered))
    assert finding.passed is False
    assert finding.values["world_writable"] == [name]


def test_group_may_write_and_links_are_not_followed(altered, run):
    (altered / "protocols" / "pq.yaml").chmod(0o664)
    (altered / "protocols" / "link.yaml").symlink_to("pq.yaml")
    assert run("file-permissions", context_of(altered)).passed is True


@pytest.mark.parametrize("name", ["ledger.jsonl", "trail.jsonl"])
def test_permissions_of_what_is_not_there_cannot_pass(altered, run, name):
    (altered / "artifacts" / "seal-sim" / name).unlink()
    assert run("file-permissions", context_of(altered)).passed is False


CLOCK = {"tolerance_seconds": 2, "readings": 1000}


def test_clock_of_the_file_system(sound, run):
    finding = run("file-clock", sound, **CLOCK)
    assert finding.passed is True
    assert not list(sound.workspace.artifacts("qualify").parent.glob(".clock-probe"))


@pytest.mark.parametrize("ahead", [-60.0, 60.0])
def test_a_clock_apart_from_the_file_system(sound, run, monkeypatch, ahead):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead)
    finding = run("file-clock", sound, **CLOCK)
    assert finding.passed is False
    assert finding.values["seconds_apart"] == pytest.approx(60, abs=1)


def test_a_clock_that_runs_back(sound, run, monkeypatch):
    readings = iter([5, 6, 4, 7, 3])
    monkeypatch.setattr(time, "time_ns", lambda: next(readings))
    finding = run("file-clock", sound, tolerance_seconds=2, readings=5)
    assert (finding.passed, finding.values["backwards"]) == (False, 2)


def test_no_monotonic_clock(sound, run, monkeypatch):
    monkeypatch.setattr(
        time, "get_clock_info", lambda name: SimpleNamespace(monotonic=False, implementation="made up")
    )
    assert run("file-clock", sound, **CLOCK).passed is False


def test_trail_and_ledger(altered, run):
    finding = run("trail-chain", context_of(altered))
    assert finding.passed is True
    assert (finding.values["openings"], finding.values["named"]) == (1, 1)


def digests():
    return dict.fromkeys(("labels", "model", "threshold", "criteria"), "1" * 64)


def test_an_opening_that_the_trail_does_not_name(altered, run):
    record_opening(context_of(altered).workspace.ledger, purpose="again", **digests())
    finding = run("trail-chain", context_of(altered))
    assert finding.passed is False
    assert finding.values["problems"] == ["opening 2 stands in the trail 0 times"]


def test_an_opening_that_was_taken_out_of_the_ledger(altered, run):
    place = context_of(altered).workspace
    record_opening(place.ledger, purpose="again", audit_trail=place.trail, **digests())
    assert run("trail-chain", context_of(altered)).passed is True
    lines = place.ledger.read_text().splitlines()
    place.ledger.write_text(lines[0] + "\n")
    finding = run("trail-chain", context_of(altered))
    assert finding.passed is False
    assert finding.values["problems"] == ["opening 2 of the trail is not in the ledger"]


def test_an_opening_that_is_named_twice(altered, run):
    place = context_of(altered).workspace
    entry = next(line for line in trail.read_trail(place.trail) if line.event == "test-set.opened")
    trail.append_event(place.trail, "test-set.opened", entry.details, by="x")
    assert run("trail-chain", context_of(altered)).passed is False


def test_a_trail_that_was_altered_or_is_missing(altered, run):
    place = context_of(altered).workspace
    line = json.loads(place.trail.read_text().splitlines()[0])
    write(place.trail, json.dumps(line | {"by": "somebody else"}) + "\n")
    with pytest.raises(EvidenceAlteredError):
        run("trail-chain", context_of(altered))
    place.trail.write_text("")
    assert run("trail-chain", context_of(altered)).passed is False
    place.trail.unlink()
    with pytest.raises(EvidenceMissingError):
        run("trail-chain", context_of(altered))


GPU = {"name": "made up", "memory_gib": 1.0, "capability": "9.0", "agrees": True}


@pytest.mark.parametrize(
    ("declared", "used", "seen", "driver", "passed"),
    [
        ("cpu", "cpu", [], "", True),
        ("cpu", "cpu", [GPU], "550", True),
        ("cpu", "cuda", [GPU], "550", False),
        ("auto", "cpu", [], "", True),
        ("auto", "cuda", [], "", False),
        ("cuda", "cpu", [], "", False),
        ("cuda", "cuda", [GPU], "550", True),
        ("auto", "cuda", [GPU], "550", True),
        ("cuda", "cuda", [GPU], "", False),
        ("cuda", "cuda", [GPU, GPU | {"agrees": False}], "550", False),
    ],
)
def test_gpu_and_driver(altered, run, monkeypatch, declared, used, seen, driver, passed):
    change_yaml(altered / "params.yaml", lambda params: params["compute"].update(device=declared))
    monkeypatch.setattr(iq_device, "devices", lambda: seen)
    monkeypatch.setattr(iq_device, "driver_version", lambda path: driver)
    context = context_of(altered)
    recorded = replace(context.book["train.device"], value=used)
    others = [record for record in context.book if record.id != recorded.id]
    finding = run("gpu-and-driver", replace(context, book=RecordBook([*others, recorded])))
    assert finding.passed is passed
    assert repr(declared) in finding.actual
    assert ("no GPU" in finding.actual) == (not seen)


def test_what_this_machine_has_is_stated(sound, run):
    import torch

    finding = run("gpu-and-driver", sound)
    assert len(finding.values["devices"]) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)


def test_the_version_of_the_driver_is_the_first_line(tmp_path):
    path = write(tmp_path / "version", "NVRM version: 550.54\nGCC version: 12\n")
    assert iq_device.driver_version(path) == "NVRM version: 550.54"
    assert iq_device.driver_version(tmp_path / "nothing") == ""
    assert iq_device.driver_version(write(tmp_path / "empty", "")) == ""
