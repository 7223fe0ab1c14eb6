"""The standalone script: its statistics against SciPy and scikit-learn, and a forger who covers every hash."""

import ast
import csv
import functools
import hashlib
import importlib.util
import io
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from sealproof.dossier import verify_dossier as script

SCRIPT = Path(script.__file__)
COPIES = {name: place.format(product="seal-sim") for name, place in script.COPIES.items()}


def _load(name):
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"sealproof_tests_dossier_{name}_of_verifier", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def proof():
    return _load("proof")


@pytest.fixture(scope="module")
def files(proof, build, tmp_path_factory):
    """Name -> content of sound attachments."""
    return proof.make_proof(build, tmp_path_factory.mktemp("verifier") / "project")[1]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "attachments"
    place.mkdir()
    return place


def write(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def sha(content):
    return hashlib.sha256(content).hexdigest()


def found(folder):
    """(exit code, [(section, status, text)])."""
    sections = script.verify(folder)
    problems = [(one.title, status, text) for one in sections for status, text in one.problems]
    return script.exit_code(sections), problems


@functools.cache
def written_hash(text):
    """The hash that a JSON text has once a stage has written it; kept, as most forgeries alter one stage alone."""
    return sha(script.indented(json.loads(text)))


class Forger:
    """Changes attachments and covers it up: every hash that the attachments hold of each other is made to fit."""

    def __init__(self, files):
        self.files = dict(files)

    def json(self, name):
        return json.loads(self.files[name])

    def put(self, name, value):
        plain = name == "records.json"  # many; what counts is their content
        self.files[name] = script.canonical(value).encode() if plain else script.indented(value)

    def edit(self, name, change):
        value = self.json(name)
        change(value)
        self.put(name, value)

    def text(self, name, old, new):
        content = self.files[name].decode()
        assert old in content
        self.files[name] = content.replace(old, new, 1).encode()

    def rows(self, name):
        return list(csv.DictReader(io.StringIO(self.files[name].decode(), newline="")))

    def put_rows(self, name, rows):
        stream = io.StringIO()
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.files[name] = stream.getvalue().encode()

    def edit_row(self, name, image, **cells):
        rows = self.rows(name)
        next(row for row in rows if row["image_id"] == image).update(cells)
        self.put_rows(name, rows)

    def drop_row(self, name, image):
        self.put_rows(name, [row for row in self.rows(name) if row["image_id"] != image])

    def record(self, record_id, **fields):
        rows = self.json("records.json")
        next(row for row in rows if row["id"] == record_id).update(fields)
        self.put("records.json", rows)

    def lines(self, name):
        return [json.loads(line) for line in self.files[name].splitlines()]

    def chain(self, name, lines):
        """Write lines with numbers and hashes that fit; the release and the records name the new head."""
        previous, out = script.ORIGIN, []
        for number, line in enumerate(lines, start=1):
            line |= {"number": number, "previous": previous}
            out.append(script.canonical(line))
            previous = sha(out[-1].encode())
        self.files[name] = "".join(f"{line}\n" for line in out).encode()
        if name == "trail.jsonl":
            self.edit("release.json", lambda release: release.update(trail_head=previous))
            self.record("dossier.trail.head", value=previous)
            self.record("dossier.trail.lines", value=len(out))

    def chains(self, change):
        """Change the lines of trail and ledger, and let the trail name the ledger's new lines."""
        trail, ledger = self.lines("trail.jsonl"), self.lines("ledger.jsonl")
        change(trail, ledger)
        self.chain("ledger.jsonl", ledger)
        hashes = [sha(line) for line in self.files["ledger.jsonl"].splitlines()]
        opened = [line["details"] for line in trail if line["event"] == "test-set.opened"]
        for details, digest in zip(opened, hashes, strict=False):
            details["ledger_sha256"] = digest
        self.chain("trail.jsonl", trail)

    def cover(self):
        """Make hashes and ids fit what is attached now: the work of a forger with time."""
        before = dict(self.json("release.json")["evidence"])
        self._cover_evidence()
        self._cover_chains(before)
        self._cover_evidence()
        named = {name: sha(content) for name, content in self.files.items() if name != "attachments.json"}
        self.put("attachments.json", named)

    def _cover_evidence(self):
        records, release = self.json("records.json"), self.json("release.json")
        evidence = release["evidence"]
        for name, path in COPIES.items():
            if name in self.files:
                evidence[path] = sha(self.files[name])
        for row in records:
            row["sha256"] = evidence.get(row["artefact"], row["sha256"])
        self._cover_records(records, evidence)
        release["release_id"] = script.release_id(evidence, release["product"])
        release["results_id"] = script.results_id(evidence, release["product"])
        self._cover_facts(records, release)
        self.put("release.json", release)
        self.put("records.json", records)

    def _cover_chains(self, before):
        """Runs in the trail name the new outputs, the ledger the new thresholds; both are chained anew."""
        after = self.json("release.json")["evidence"]
        new = {digest: after[path] for path, digest in before.items() if after[path] != digest}

        def change(trail, ledger):
            for details in (line["details"] for line in trail if line["event"] == "stage.run"):
                details["fingerprint"] = new.get(details["fingerprint"], details["fingerprint"])
            for line in ledger:
                line["threshold_sha256"] = new.get(line["threshold_sha256"], line["threshold_sha256"])

        if new and {"trail.jsonl", "ledger.jsonl"} <= self.files.keys():
            self.chains(change)

    def _cover_records(self, records, evidence):
        for stage in script.STAGES:
            rows = [{key: row[key] for key in script.RECORD_KEYS} for row in records if row["stage"] == stage]
            evidence[f"artifacts/seal-sim/{stage}/records.json"] = written_hash(script.canonical(rows))
        for row in records:
            row["inputs"] = {place: evidence.get(place, digest) for place, digest in row["inputs"].items()}

    def _cover_facts(self, records, release):
        own = [row for row in records if row["artefact"].endswith("/dossier/context.json")]
        for row in own:
            row["value"] = release["release_id"] if row["id"] == "dossier.release-id" else row["value"]
        content = script.indented({row["id"].removeprefix("dossier."): row["value"] for row in own})
        for row in own:
            row["sha256"] = sha(content)


# ------------------------------------------------------------------------------------------------ sound and incomplete


def test_untouched_attachments_are_sound(files, folder):
    assert found(write(folder, files)) == (0, [])


@pytest.mark.parametrize(
    ("method", "sizes", "undecided"),
    [
        ("evt_pot", {"calibration": 60, "tuning": 0}, {"calibration-0003"}),  # no threshold is valid
        ("percentile", {}, {f"test-{index:04d}" for index in range(60)}),  # nothing was decided
    ],
)
def test_results_that_are_not_evaluable_are_sound_as_well(
    proof, build, folder, tmp_path, monkeypatch, method, sizes, undecided
):
    monkeypatch.setattr(proof, "SIZES", proof.SIZES | sizes)
    monkeypatch.setattr(proof, "UNDECIDED", undecided)
    made = proof.make_proof(build, tmp_path / "project", method)[1]
    metrics = json.loads(made["evaluation.json"])["scores"]["4-ms-ssim"]
    assert metrics["decided_only"]["recall"]["value"] is None
    assert found(write(folder, made)) == (0, [])


def test_what_is_not_recomputed_is_named_and_never_counted_as_agreed(files, folder):
    sections = {one.title: one for one in script.verify(write(folder, files))}
    left, agreed = sections["evaluation"].left, sections["evaluation"].agreed
    evaluation = json.loads(files["evaluation.json"])
    items = [score[key][area] for score in evaluation["scores"].values()
             for key in ("metrics", "decided_only") for area in ("auroc", "auprc")]  # fmt: skip
    bounded = sum(item["interval"].startswith("percentile bootstrap") for item in items)
    assert bounded > 0
    assert left["bootstrap bounds of areas (seeded resampling of NumPy)"] == 2 * bounded
    assert not any("bootstrap" in what and "order" not in what for what in agreed)
    assert sections["thresholds"].left["bootstrap intervals of thresholds (seeded resampling of NumPy)"] > 0


def test_a_forger_who_changes_nothing_covers_nothing_up(files, folder):
    forger = Forger(files)
    forger.cover()
    assert found(write(folder, forger.files)) == (0, [])


@pytest.mark.parametrize("name", script.EXPECTED)
def test_an_attachment_that_is_missing_is_named(files, folder, name):
    write(folder, files)
    (folder / name).unlink()
    code, problems = found(folder)
    assert code == script.MISSING_CODE
    assert (
        "attachments",
        script.MISSING,
        f"{name} is named in attachments.json, but not attached",
    ) in problems


@pytest.mark.parametrize("name", ["trail.jsonl", "sbom.json", "scores.csv"])
def test_leaving_it_out_of_the_index_as_well_does_not_help(files, folder, name):
    forger = Forger(files)
    del forger.files[name]
    forger.cover()
    code, problems = found(write(folder, forger.files))
    assert code == script.MISSING_CODE
    assert ("attachments", script.MISSING, f"{name} is not attached") in problems


def test_an_empty_folder_is_incomplete(folder):
    assert found(folder)[0] == script.MISSING_CODE


def test_a_trail_without_a_line_is_missing_not_sound(files, folder):
    forger = Forger(files)
    forger.chain("trail.jsonl", [])
    forger.edit("release.json", lambda release: release.update(trail_head=""))
    forger.cover()
    code, problems = found(write(folder, forger.files))
    assert code != script.SOUND_CODE
    assert ("trail and ledger", script.MISSING, "trail.jsonl has no line") in problems


def test_criteria_in_a_shape_the_script_cannot_read_are_missing_not_agreed(files, folder):
    forger = Forger(files)
    forger.text("acceptance.yaml", "limit: 0.90", "limit: !!float 0.90")
    forger.cover()
    code, problems = found(write(folder, forger.files))
    assert code != script.SOUND_CODE
    assert any(status == script.MISSING and "acceptance.yaml" in text for _, status, text in problems)


# ----------------------------------------------------------------------------------------------- tampering, not covered


@pytest.mark.parametrize("name", script.EXPECTED)
def test_one_bit_of_any_attachment_is_found_by_its_hash(files, folder, name):
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    dossier, section = (
        script.Dossier(write(folder, files | {name: bytes(content)})),
        script.Section("attachments"),
    )
    script.verify_attachments(dossier, section)
    assert [(status, text.partition(":")[0]) for status, text in section.problems] == [(script.ALTERED, name)]
    assert script.exit_code([section]) == script.ALTERED_CODE


# --------------------------------------------------------------------------------- tampering, every hash covered up


def _in_force(change):
    def forge(forger):
        def edit(thresholds):
            score, method = thresholds["in_force"]["score"], thresholds["in_force"]["method"]
            change(thresholds["in_force"])
            change(thresholds["scores"][score][method])

        forger.edit("thresholds.json", edit)

    return forge


def _threshold(method, change, score="mse"):
    return lambda forger: forger.edit("thresholds.json", lambda found: change(found["scores"][score][method]))


def _evaluation(change):
    return lambda forger: forger.edit("evaluation.json", change)


def _metric(metric, key, delta):
    """A metric in evaluation, metrics and records alike."""

    def forge(forger):
        def shift(item):
            item[key] += delta

        forger.edit("evaluation.json", lambda found: shift(found["scores"]["4-ms-ssim"]["metrics"][metric]))
        forger.edit("metrics.json", lambda found: shift(found["4-ms-ssim"][metric]))
        name = f"evaluate.4-ms-ssim.{metric}" + ("" if key == "value" else f".{key}")
        value = forger.json("metrics.json")["4-ms-ssim"][metric][key]
        forger.record(name, value=value)

    return forge


def _criterion(**fields):
    def forge(forger):
        for name in ("criteria.json", "release.json"):
            forger.edit(name, lambda found: found["criteria"][0].update(fields))

    return forge


def _release(**fields):
    return lambda forger: forger.edit("release.json", lambda found: found.update(fields))


def _case(stage, verdict, change):
    """Change the first case of a verdict."""

    def edit(protocol):
        change(next(case for case in protocol["cases"] if case["verdict"] == verdict), protocol)

    return lambda forger: forger.edit(f"{stage}.json", edit)


def _flip_label(forger):
    row = next(
        row for row in forger.rows("predictions.csv") if row["verdict"] == "accept" and row["label"] == "1"
    )
    forger.edit_row("predictions.csv", row["image_id"], label="0", correct="true")


def _one_bit(forger):
    row = next(
        row for row in forger.rows("scores.csv") if row["split"] == "test" and row["decided"] == "true"
    )
    value = math.nextafter(float(row["4-ms-ssim"]), math.inf)
    forger.edit_row("scores.csv", row["image_id"], **{"4-ms-ssim": repr(value)})


def _calibration_score(forger):
    forger.edit_row("scores.csv", "calibration-0000", mse="1.3")


def _calibration_row(forger):
    for name in ("scores.csv", "manifest.csv"):
        forger.drop_row(name, "calibration-0001")


def _test_row(forger):
    for name in ("scores.csv", "manifest.csv", "predictions.csv"):
        forger.drop_row(name, "test-0003")


def _twice(forger):
    rows = forger.rows("scores.csv")
    forger.put_rows("scores.csv", [rows[0], *rows])


def _split(forger):
    forger.edit_row("manifest.csv", "test-0000", split="calibration", label="0")
    forger.edit_row("scores.csv", "test-0000", split="calibration")
    forger.drop_row("predictions.csv", "test-0000")


def _undecide(forger):
    """A missed defect becomes undecided: it counts as missed all the same, but it was not so."""
    row = next(
        row for row in forger.rows("predictions.csv") if row["verdict"] == "accept" and row["label"] == "1"
    )
    forger.edit_row("scores.csv", row["image_id"], decided="false", mse="", **{"4-ms-ssim": ""})
    forger.edit_row("predictions.csv", row["image_id"], score="", verdict="undecided", correct="false")


def _drop_event(event):
    def change(trail, _):
        del trail[next(place for place, line in enumerate(trail) if line["event"] == event)]

    return lambda forger: forger.chains(change)


def _cut_line(forger):
    lines = forger.files["trail.jsonl"].splitlines(keepends=True)
    forger.files["trail.jsonl"] = b"".join([*lines[:2], *lines[3:]])


def _swap_lines(forger):
    lines = forger.files["trail.jsonl"].splitlines(keepends=True)
    forger.files["trail.jsonl"] = b"".join([lines[1], lines[0], *lines[2:]])


def _cut_end(forger):
    lines = forger.files["trail.jsonl"].splitlines(keepends=True)
    forger.files["trail.jsonl"] = b"".join(lines[:-1])


def _approve_later(forger):
    def change(trail, _):
        trail.append(
            trail.pop(next(i for i, line in enumerate(trail) if line["event"] == "criteria.approved"))
        )

    forger.chains(change)


def _no_opening(forger):
    """The ledger loses its only opening and gets one of other weights; the trail still tells of the first."""
    lines = forger.lines("ledger.jsonl")
    lines[0]["purpose"] = "another"
    forger.chain("ledger.jsonl", lines)


def _second_opening(forger):
    lines = forger.lines("ledger.jsonl")
    forger.chain("ledger.jsonl", [*lines, dict(lines[0])])


def _other_model(forger):
    forger.chains(lambda trail, ledger: ledger[0].update(model_sha256="9" * 64))


def _disposition(**fields):
    def change(release):
        item = next(item for item in release["deviations"] if item["disposition"])
        item["disposition"].update(fields)
        item["status"] = item["disposition"]["decision"]

    return lambda forger: forger.edit("release.json", change)


def _recorded_case(forger):
    """A recorded failure is told as a pass."""

    def change(trail, _):
        next(line for line in trail if line["event"] == "case.recorded")["details"]["verdict"] = "fail"

    forger.chains(change)


def _acceptance(forger):
    forger.text("acceptance.yaml", "limit: 0.90", "limit: 0.10")
    digest = sha(forger.files["acceptance.yaml"])
    forger.edit("criteria.json", lambda found: found.update(acceptance_sha256=digest))


def _subgroup(change):
    def edit(evaluation):
        change(next(row for row in evaluation["subgroups"]["all"] if row["column"] == "group_setup"))

    return _evaluation(edit)


def _defect_type(evaluation):
    row = next(row for row in evaluation["subgroups"]["all"] if row["column"] == "defect_type")
    row["counts"]["true_positive"] += 1
    row["counts"]["false_negative"] -= 1


def _drop_record(forger):
    rows = forger.json("records.json")
    forger.put("records.json", [row for row in rows if row["id"] != "ingest.images.sha256"])


def _bill(forger):
    def change(bill):
        model = next(item for item in bill["components"] if item["type"] == "machine-learning-model")
        model["hashes"][0]["content"] = "9" * 64

    forger.edit("sbom.json", change)


def _trace(forger):
    def change(rows):
        case = next(case for row in rows for case in row["cases"] if case["verdict"] == "fail")
        case["verdict"] = "pass"

    forger.edit("trace.json", change)


def _passed(case, protocol):
    """A failed case is told as a pass, with all that hangs on it."""
    case.update(verdict="pass", deviation=None)
    protocol["deviations"] = []
    protocol["counts"]["failed"] -= 1
    protocol["counts"]["passed"] += 1


def _both(*forgeries):
    def forge(forger):
        for each in forgeries:
            each(forger)

    return forge


def _three_way(key):
    def edit(thresholds):
        item = thresholds["three_way"]["mse"][-1]
        if key == "share":
            item["share_undecided"]["tuning"] += 0.01
        else:
            item[key] += 1e-6

    return lambda forger: forger.edit("thresholds.json", edit)


def _accept_below(forger):
    for name in ("thresholds.json", "evaluation.json"):
        forger.edit(name, lambda found: found["in_force"].update(accept_below=1.0))


def _detection(**fields):
    return lambda forger: forger.edit(
        "detection.json", lambda found: found["curves"]["seeded"]["crack"].update(fields)
    )


def _robust(change):
    return lambda forger: forger.edit("robustness.json", lambda found: change(found["disturbances"]["blur"]))


def _disturbed_score(forger):
    rows = forger.rows("disturbed.csv")
    row = next(row for row in rows if row["disturbance"] == "blur" and row["decided"] == "true")
    row["4-ms-ssim"] = "5.0"
    forger.put_rows("disturbed.csv", rows)


def _repeated_score(forger):
    rows = forger.rows("repeats.csv")
    rows[5]["4-ms-ssim"] = "0.5"
    forger.put_rows("repeats.csv", rows)


def _disturbed_row(forger):
    rows = forger.rows("disturbed.csv")
    forger.put_rows("disturbed.csv", rows[:-1])


TAMPERS = {
    # name: (forgery, section, part of the text that names it)
    "threshold in force lowered": (
        _in_force(lambda item: item.update(threshold=item["threshold"] * 0.999)),
        "thresholds",
        "4-ms-ssim, conformal, held-out: threshold",
    ),
    "threshold in force is not that of its method": (
        lambda forger: forger.edit("thresholds.json", lambda found: found["in_force"].update(threshold=1.0)),
        "thresholds",
        "thresholds.json, in_force",
    ),
    "percentile threshold": (
        _threshold("percentile", lambda item: item.update(threshold=item["threshold"] + 1e-6)),
        "thresholds",
        "mse, percentile, held-out: threshold",
    ),
    "exact interval of a percentile": (
        _threshold("percentile", lambda item: item.update(low=item["low"] - 1e-6)),
        "thresholds",
        "mse, percentile, held-out: low",
    ),
    "conformal threshold one float lower": (
        _threshold("conformal", lambda item: item["details"].update(rank=item["details"]["rank"] - 1)),
        "thresholds",
        "mse, conformal, held-out: rank",
    ),
    "shape of a tail": (
        _threshold("evt_pot", lambda item: item["details"].update(shape=item["details"]["shape"] + 1e-3)),
        "thresholds",
        "mse, evt_pot, held-out: shape",
    ),
    "extreme value threshold": (
        _threshold(
            "evt_pot", lambda item: item["details"].update(estimate=item["details"]["estimate"] * 1.0001)
        ),
        "thresholds",
        "mse, evt_pot, held-out: estimate",
    ),
    "supervised threshold": (
        _threshold("supervised_accuracy", lambda item: item.update(threshold=item["threshold"] + 1e-4)),
        "thresholds",
        "mse, supervised_accuracy, held-out: threshold",
    ),
    "reason against a threshold left out": (
        _threshold("supervised_accuracy", lambda item: item["details"].update(reason_codes=["no-defects"])),
        "thresholds",
        "mse, supervised_accuracy, held-out: no-defects",
    ),
    "rejected calibration images": (
        _threshold(
            "mean_sigma", lambda item: item["details"]["calibration_false_rejects"].update(rejected=0)
        ),
        "thresholds",
        "calibration_false_rejects, rejected",
    ),
    "score of a calibration image": (_calibration_score, "thresholds", "mse, mean_sigma, held-out: mean"),
    "one bit of a test score": (_one_bit, "images, scores, predictions", "predictions.csv: test-"),
    "label of a test image": (_flip_label, "evaluation", "4-ms-ssim: counts"),
    "label, against the counts of the split": (_flip_label, "records", "ingest.count.test."),
    "verdict of a test image": (
        lambda forger: forger.edit_row("predictions.csv", "test-0000", verdict="undecided"),
        "images, scores, predictions",
        "predictions.csv: test-0000",
    ),
    "a missed defect made undecided": (_undecide, "evaluation", "evaluation.json, test"),
    "a calibration image dropped": (_calibration_row, "images, scores, predictions", "ingest.images.sha256"),
    "a test image dropped everywhere": (_test_row, "images, scores, predictions", "ingest.images.sha256"),
    "a test image dropped from the predictions": (
        lambda forger: forger.drop_row("predictions.csv", "test-0003"),
        "images, scores, predictions",
        "predictions.csv: test-0003",
    ),
    "an image twice": (_twice, "images, scores, predictions", "given twice: ['calibration-0000']"),
    "an image moved out of the test split": (_split, "records", "ingest.count.test"),
    "an image put in the place of another": (
        lambda forger: forger.edit_row("manifest.csv", "train-0000", sha256="9" * 64),
        "images, scores, predictions",
        "ingest.images.sha256",
    ),
    "a label of the test split unsealed": (
        lambda forger: forger.edit_row("manifest.csv", "test-0000", label="0"),
        "images, scores, predictions",
        "test-0000 breaks the rules",
    ),
    "an image path that leaves the data": (
        lambda forger: forger.edit_row("manifest.csv", "train-0000", path="images/../../key.png"),
        "images, scores, predictions",
        "train-0000 breaks the rules",
    ),
    "a subgroup renamed": (
        lambda forger: forger.edit_row("manifest.csv", "test-0001", group_setup="12"),
        "subgroups",
        "group_setup = 12: counts",
    ),
    "tolerance limit": (
        _threshold("tolerance_order", lambda item: item.update(threshold=item["threshold"] - 1e-6)),
        "thresholds",
        "mse, tolerance_order, held-out: threshold",
    ),
    "estimate of a tolerance limit that may not be used": (
        _threshold("tolerance_normal", lambda item: item["details"].update(estimate=1.0)),
        "thresholds",
        "mse, tolerance_normal, held-out: estimate",
    ),
    "threshold of least cost": (
        _threshold("cost", lambda item: item.update(threshold=item["threshold"] + 1e-4)),
        "thresholds",
        "mse, cost, held-out: threshold",
    ),
    "threshold of balanced accuracy": (
        _threshold("supervised_balanced", lambda item: item["details"].update(balanced_accuracy=0.99)),
        "thresholds",
        "mse, supervised_balanced, held-out: balanced_accuracy",
    ),
    "promise with more confidence": (
        _threshold("tolerance_order", lambda item: item.update(promise_confidence=0.99)),
        "thresholds",
        "mse, tolerance_order, held-out: promise_confidence",
    ),
    "words of a promise": (
        _threshold("conformal", lambda item: item.update(promise=item["promise"].replace("5 %", "1 %"))),
        "thresholds",
        "mse, conformal, held-out: the words of the promise",
    ),
    "p-value of a candidate level": (
        _threshold("evt_pot", lambda item: item["details"]["candidates"][0].update(p_value=0.001)),
        "thresholds",
        "mse, evt_pot, held-out: candidates_rejected",
    ),
    "three-way limit": (_three_way("accept_below"), "thresholds", "three-way, mse, 0.1, 0.2: accept_below"),
    "three-way share": (
        _three_way("share"),
        "thresholds",
        "three-way, mse, 0.1, 0.2: share undecided, tuning",
    ),
    "limit of acceptance in force": (_accept_below, "thresholds", "in_force, accept_below"),
    "what the test set can carry": (
        _evaluation(lambda found: found["plan"]["criteria"]["AC-01"].update(failures_allowed=20)),
        "evaluation",
        "plan, AC-01, failures_allowed",
    ),
    "predictive value": (
        _evaluation(lambda found: found["predictive"]["positive"].update(low=0.99)),
        "evaluation",
        "predictive, positive, low",
    ),
    "reliability": (
        _evaluation(lambda found: found["reliability"]["recall"].update(reliability=0.999)),
        "evaluation",
        "overall, recall: reliability",
    ),
    "words of a reliability": (
        _evaluation(lambda found: found["reliability"]["recall"].update(statement="at least 0.99")),
        "evaluation",
        "reliability, overall, recall: the words",
    ),
    "comparison with people": (
        _evaluation(lambda found: found["non_inferiority"]["recall"].update(low=0.5)),
        "evaluation",
        "non_inferiority, recall: low",
    ),
    "images sent to a person": (
        _evaluation(lambda found: found["three_way"][-1]["counts"]["undecided"].update(normal=0)),
        "evaluation",
        "three_way, 0.1, 0.2: counts",
    ),
    "recall under a disturbance": (
        _robust(lambda blur: blur["cells"]["1_0"]["metrics"]["recall"].update(value=1.0)),
        "robustness",
        "blur, 1.0, recall, value",
    ),
    "images lost to a disturbance": (
        _robust(lambda blur: blur["cells"]["2_0"]["loss"]["normal"].update(lost=99)),
        "robustness",
        "blur, 2.0, normal",
    ),
    "envelope widened": (
        _robust(lambda blur: blur["no_loss_up_to"].update(severity=9.0)),
        "robustness",
        "blur, no_loss_up_to",
    ),
    "score of a disturbed image": (_disturbed_score, "robustness", "blur, 1.0, auroc"),
    "disturbed image left out": (_disturbed_row, "disturbances and repetitions", "disturbed.csv, jpeg, 2.0"),
    "verdict flips": (
        lambda forger: forger.edit("repeatability.json", lambda found: found.update(verdict_flips=3)),
        "disturbances and repetitions",
        "verdict flips",
    ),
    "repeated score": (_repeated_score, "disturbances and repetitions", "largest difference"),
    "size that is detected": (_detection(a90_95=2.0), "detection and localisation", "seeded crack: a90_95"),
    "hits of seeded defects": (_detection(hits=80), "detection and localisation", "seeded crack: counts"),
    "curve of detection": (
        _detection(slope=9.0, intercept=-9.0),
        "detection and localisation",
        "seeded crack: the stated curve is no maximum",
    ),
    "pointing at defects": (
        lambda forger: forger.edit("localisation.json", lambda found: found["pointing"].update(hits=3)),
        "detection and localisation",
        "localisation.json: more hits",
    ),
    "recall raised everywhere": (_metric("recall", "value", 0.01), "evaluation", "metrics, recall, value"),
    "lower bound raised by a millionth": (
        _metric("recall", "low", 1e-6),
        "evaluation",
        "metrics, recall, low",
    ),
    "AUROC raised": (_metric("auroc", "value", 1e-6), "evaluation", "4-ms-ssim, metrics, auroc: "),
    "AUPRC raised": (_metric("auprc", "value", 1e-6), "evaluation", "4-ms-ssim, metrics, auprc: "),
    "bootstrap bound made impossible": (
        _metric("auroc", "high", 1.0),
        "evaluation",
        "bounds are no interval",
    ),
    "DeLong bound": (
        _evaluation(lambda found: found["scores"]["mse"]["auroc_delong"].update(low=0.999)),
        "evaluation",
        "mse: auroc_delong, low",
    ),
    "metrics.json alone": (
        lambda forger: forger.edit("metrics.json", lambda found: found["mse"]["f1"].update(value=1.0)),
        "evaluation",
        "metrics.json, mse",
    ),
    "a missed defect not listed": (
        _evaluation(lambda found: found["false_negatives"].pop()),
        "evaluation",
        "evaluation.json, false_negatives",
    ),
    "a method not compared": (
        _evaluation(lambda found: found["methods"].pop()),
        "evaluation",
        "evaluation.json, methods",
    ),
    "a promise kept that was not": (
        _evaluation(lambda found: found["promise"].update(kept=None)),
        "evaluation",
        "promise, kept",
    ),
    "counts of a subgroup": (
        _subgroup(lambda row: row["counts"].update(true_positive=row["counts"]["true_positive"] + 1)),
        "subgroups",
        "group_setup = 12: counts",
    ),
    "a subgroup left out": (
        _evaluation(lambda found: found["subgroups"].update(all=found["subgroups"]["all"][1:])),
        "subgroups",
        "evaluation.json, subgroups",
    ),
    "a missed defect type found": (_evaluation(_defect_type), "subgroups", "defect types: true_positive"),
    "limit lowered after the fact": (_criterion(limit=0.1), "acceptance criteria", "AC-01: limit"),
    "limit lowered in acceptance.yaml too": (
        _acceptance,
        "trail and ledger",
        "ledger.jsonl, criteria_sha256",
    ),
    "a criterion met that is not": (_criterion(met=True), "acceptance criteria", "AC-01: met"),
    "the favourable bound": (_criterion(bound="high"), "acceptance criteria", "AC-01: bound"),
    "a criterion dropped": (
        _both(
            *(
                lambda forger, name=name: forger.edit(name, lambda found: found["criteria"].pop())
                for name in ("criteria.json", "release.json")
            )
        ),
        "acceptance criteria",
        "criteria.json, criteria",
    ),
    "decision turned": (_release(decision="criteria_met"), "decision", "release.json, decision"),
    "reasons left out": (_release(reasons=[]), "decision", "the reasons are not those"),
    "a demonstration told as none": (_release(demonstration=False), "decision", "are a demonstration"),
    "a signature in the draft": (_release(missing_signatures=[]), "decision", "signatures of the draft"),
    "defects that are said to have taught": (
        lambda forger: forger.edit("thresholds.json", lambda found: found.update(fitted_to_defects=["mse"])),
        "thresholds",
        "thresholds.json, fitted_to_defects",
    ),
    "a failed case told as passed": (
        _case("oq", "fail", _passed),
        "entries of people",
        "release.json, cases, oq",
    ),
    "a pass without evidence": (
        _case("oq", "pass", lambda case, _: case.update(evidence=[])),
        "protocols",
        "a pass without execution or evidence",
    ),
    "a case dropped": (
        _case("iq", "pass", lambda case, protocol: protocol["cases"].remove(case)),
        "protocols",
        "iq.json, counts",
    ),
    "evidence of a case": (
        _case("pq", "pass", lambda case, _: case["evidence"][0].update(sha256="9" * 64)),
        "protocols",
        "evidence artifacts/seal-sim/qualify/observations",
    ),
    "a definition exchanged": (
        lambda forger: forger.edit(
            "release.json", lambda f: f["evidence"].update({"protocols/oq.yaml": "9" * 64})
        ),
        "protocols",
        "executed from another version of protocols/oq.yaml",
    ),
    "an approval of somebody else": (
        _release(approval={"by": "C", "role": "r", "at": "2026-01-01T00:00:00+00:00", "sha256": "9" * 64}),
        "protocols",
        "release.json, approval",
    ),
    "trace matrix": (_trace, "protocols", "trace.json, "),
    "a deviation left out": (_release(deviations=[]), "entries of people", "release.json, deviations"),
    "a disposition of another failure": (
        _disposition(failure_sha256="9" * 64),
        "entries of people",
        "DEV-OQ-005: disposition",
    ),
    "a disposition turned": (
        _disposition(decision="rejected"),
        "entries of people",
        "DEV-OQ-005: in the trail",
    ),
    "a recorded verdict turned": (_recorded_case, "entries of people", "release.json, cases, iq"),
    "a record's value": (
        lambda forger: forger.record("evaluate.mse.recall", value=0.999),
        "records",
        "evaluate.mse.recall: stated 0.999",
    ),
    "a record that points elsewhere": (
        lambda forger: forger.record("evaluate.mse.recall", pointer="/nowhere"),
        "records",
        "evaluate.mse.recall: '/nowhere' leads nowhere",
    ),
    "a record that points at nothing in particular": (
        lambda forger: forger.record("evaluate.mse.recall", pointer=""),
        "records",
        "evaluate.mse.recall: stated",
    ),
    "a record of a count": (
        lambda forger: forger.record("threshold.calibration.held_out_normals", value=5),
        "records",
        "threshold.calibration.held_out_normals",
    ),
    "a record's commit": (
        lambda forger: forger.record("evaluate.mse.recall", commit="d" * 40),
        "records",
        "its run and commit are not in trail.jsonl",
    ),
    "a recorded mean": (
        lambda forger: forger.record("score.mse.train.mean", value=1.0),
        "records",
        "score.mse.train.mean",
    ),
    "a line of the trail dropped": (_cut_line, "trail and ledger", "trail.jsonl, line 3: does not continue"),
    "lines of the trail exchanged": (
        _swap_lines,
        "trail and ledger",
        "trail.jsonl, line 1: does not continue",
    ),
    "the end of the trail cut off": (_cut_end, "trail and ledger", "release.json, trail_head"),
    "a disposition out of the trail": (
        _drop_event("deviation.disposed"),
        "entries of people",
        "its disposition is not in trail.jsonl",
    ),
    "an opening out of the trail": (
        _drop_event("test-set.opened"),
        "trail and ledger",
        "opening 1 is not in trail.jsonl",
    ),
    "an opening exchanged in the ledger": (
        _no_opening,
        "trail and ledger",
        "trail.jsonl: opening 1 is not in ledger",
    ),
    "an opening the trail does not know": (
        _second_opening,
        "trail and ledger",
        "opening 2 is not in trail.jsonl",
    ),
    "an opening of other weights": (_other_model, "trail and ledger", "ledger.jsonl, model_sha256"),
    "an approval after the opening": (_approve_later, "trail and ledger", "does not stand before it"),
    "model of the bill": (_bill, "software bill of materials", "sbom.json, machine-learning-model"),
    "NaN": (
        lambda forger: forger.text("thresholds.json", '"n": ', '"n": NaN, "m": '),
        "thresholds",
        "NaN is no number",
    ),
    "a key twice": (
        lambda forger: forger.text(
            "evaluation.json", '"confidence": 0.95', '"confidence": 0.5,\n "confidence": 0.95'
        ),
        "evaluation",
        "key given twice: ['confidence']",
    ),
    "a number without end": (
        lambda forger: forger.text("metrics.json", '"high": ', '"high": 1e999, "x": '),
        "evaluation",
        "number out of range",
    ),
    "an endless integer": (
        lambda forger: forger.text("iq.json", '"execution_no": 1', f'"execution_no": {"9" * 5000}'),
        "protocols",
        "number out of range",
    ),
    "nesting without end": (
        lambda forger: forger.files.update({"trace.json": b"[" * 100_000}),
        "protocols",
        "trace.json is not strict JSON",
    ),
    "a score that is no number": (
        lambda forger: forger.edit_row("scores.csv", "calibration-0000", mse="nan"),
        "thresholds",
        "'nan' is no number",
    ),
    "another spelling of a number": (
        lambda forger: forger.edit_row("scores.csv", "calibration-0000", mse="1_0.5"),
        "thresholds",
        "'1_0.5' is no number",
    ),
    "a table of another form": (
        lambda forger: forger.files.update(
            {"scores.csv": forger.files["scores.csv"].replace(b"\n", b"\r\n")}
        ),
        "images, scores, predictions",
        "scores.csv is not CSV as it is attached",
    ),
    "a release about nothing": (
        lambda forger: forger.put("release.json", forger.json("release.json") | {"product": "../x"}),
        "release",
        "names no product",
    ),
    "a path that leaves the project": (
        lambda forger: forger.edit(
            "release.json", lambda found: found["evidence"].update({"../x": "9" * 64})
        ),
        "release",
        "'../x' is no path and hash",
    ),
}
UNCOVERED = {"a release about nothing"}  # hashes of a release without a product cannot be made to fit
INCOMPLETE = {"a disposition out of the trail"}


@pytest.mark.parametrize("name", TAMPERS)
def test_a_forgery_whose_hashes_all_fit_is_found_and_named(files, folder, name):
    forge, section, text = TAMPERS[name]
    forger = Forger(files)
    forge(forger)
    assert forger.files != files
    if name not in UNCOVERED:
        forger.cover()
    code, problems = found(write(folder, forger.files))
    assert code == (script.MISSING_CODE if name in INCOMPLETE else script.ALTERED_CODE), problems
    assert any(title == section and text in one for title, _, one in problems), problems


# -------------------------------------------------------------------------------------- names, links, strange folders


def test_an_attachment_too_many_is_found(files, folder):
    write(folder, files)
    (folder / "more.csv").write_text("a\n")
    assert found(folder) == (
        3,
        [("attachments", "ALTERED", "more.csv is in the folder, but not in attachments.json")],
    )


def test_an_unknown_attachment_is_found_even_when_the_index_names_it(files, folder):
    named = json.loads(files["attachments.json"]) | {"more.csv": sha(b"a\n")}
    write(folder, files | {"attachments.json": script.indented(named), "more.csv": b"a\n"})
    assert ("attachments", "ALTERED", "more.csv is no attachment of a dossier") in found(folder)[1]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "attachments.json", "a\\b", ""])
def test_a_name_that_leaves_the_folder_is_never_opened(files, folder, name, monkeypatch):
    named = json.loads(files["attachments.json"]) | {name: "0" * 64}
    write(folder, files | {"attachments.json": script.indented(named)})
    (folder.parent / "secret").write_text("secret")
    opened = []
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path) or read(path))
    code, problems = found(folder)
    assert code == script.ALTERED_CODE
    assert any("is no attachment's name" in text for _, _, text in problems)
    assert all(path.parent == folder for path in opened)


def test_a_link_is_not_followed(files, folder):
    write(folder, files)
    shutil.move(folder / "scores.csv", folder.parent / "scores.csv")
    (folder / "scores.csv").symlink_to(folder.parent / "scores.csv")
    assert ("attachments", "ALTERED", "scores.csv is no plain file") in found(folder)[1]


def test_an_index_that_is_no_list_is_altered(files, folder):
    write(folder, files | {"attachments.json": b"[]\n"})
    assert found(folder)[0] == script.ALTERED_CODE


RUBBISH = (b"", b"null\n", b"{}\n", b"[[]]\n", b"\xff\xfe\x00")


@pytest.mark.parametrize("place", range(len(script.EXPECTED) - 1))
def test_rubbish_never_passes_and_never_crashes(files, folder, place):
    name, content = script.EXPECTED[place], RUBBISH[place % len(RUBBISH)]
    forger = Forger(files)
    forger.files[name] = content
    named = {key: sha(value) for key, value in forger.files.items() if key != "attachments.json"}
    forger.put("attachments.json", named)
    code, _ = found(write(folder, forger.files))
    assert code in {script.ALTERED_CODE, script.MISSING_CODE}


# --------------------------------------------------------------------------------------------------- the statistics


@given(
    a=st.floats(0.5, 3000),
    b=st.floats(0.5, 3000),
    probability=st.floats(1e-6, 1 - 1e-6),
)
@settings(max_examples=300, deadline=None)
def test_the_beta_distribution_is_that_of_scipy(a, b, probability):
    x = stats.beta.ppf(probability, a, b)
    assert script.incomplete_beta(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-10)


@given(
    a=st.floats(1, 3000),
    b=st.floats(1, 3000),
    probability=st.floats(1e-6, 1 - 1e-6),
)
@settings(max_examples=300, deadline=None)
def test_the_inverse_of_the_beta_distribution_is_one(a, b, probability):
    # SciPy's inverse is off by up to 1e-8 at some symmetrical parameters (a = b = 0.6566 at one half gives
    # 0.49999998951), so ours is held against the distribution function itself. Below one the function climbs without
    # bound at the edge (1.6e-10 from one double to the next at a = 2631, b = 0.5); counts are never below one.
    ours = script.beta_quantile(probability, a, b)
    assert stats.beta.cdf(ours, a, b) == pytest.approx(probability, abs=1e-10)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99, math.sqrt(0.95)])
def test_exact_bounds_agree_with_scipy_to_twelve_digits(confidence):
    worst = 0.0
    for total in (1, 2, 7, 59, 180, 1000):
        for part in {0, 1, total // 3, total // 2, total - 1, total}:
            wanted = stats.binomtest(part, total).proportion_ci(confidence, "exact")
            got = script.clopper_pearson(part, total, confidence)
            worst = max(worst, abs(got[0] - wanted.low), abs(got[1] - wanted.high))
    assert worst < 1e-12


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.lists(st.integers(3, 12), min_size=1, max_size=40),
)
@settings(deadline=None)
def test_areas_are_those_of_scikit_learn_with_ties(good, bad):
    labels, scores = [0] * len(good) + [1] * len(bad), good + bad
    assert script.area_under_roc(bad, good) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert script.average_precision(bad, good) == pytest.approx(
        average_precision_score(labels, scores), abs=1e-12
    )


def test_areas_count_infinite_ranks():
    bad, good = [2.0, -math.inf], [1.0, math.inf]
    assert script.area_under_roc(bad, good) == 0.25


def test_delong_is_the_published_variance():
    """By the definition: covariance of placement values (DeLong 1988, equations 5 to 7), written out with NumPy."""
    random = np.random.default_rng(5)
    good, bad = random.normal(0, 1, 40).round(1), random.normal(1, 1, 30).round(1)
    wins = (bad[:, None] > good[None, :]) + 0.5 * (bad[:, None] == good[None, :])
    value = wins.mean()
    error = math.sqrt(wins.mean(axis=1).var(ddof=1) / 30 + wins.mean(axis=0).var(ddof=1) / 40)
    step = stats.norm.ppf(0.975) * error / (value * (1 - value))
    logit = math.log(value / (1 - value))
    wanted = (value, *(1 / (1 + math.exp(-(logit + sign * step))) for sign in (-1, 1)))
    assert script.delong(bad.tolist(), good.tolist(), 0.95) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.0, 0.2, 0.6])
def test_a_tail_is_fitted_at_least_as_well_as_by_scipy(shape):
    excesses = stats.genpareto.rvs(shape, scale=2.0, size=60, random_state=np.random.default_rng(7))
    got = script.pareto_fit(excesses.tolist())
    wanted = stats.genpareto.fit(excesses, floc=0)
    assert got == pytest.approx((wanted[0], wanted[2]), abs=2e-3)
    likelihood = [
        stats.genpareto.logpdf(excesses, c, scale=s).sum() for c, s in (got, (wanted[0], wanted[2]))
    ]
    assert likelihood[0] >= likelihood[1] - 1e-9
    quantile = script.pareto_quantile(*got, 0.1)
    assert quantile == pytest.approx(stats.genpareto.isf(0.1, got[0], scale=got[1]), rel=1e-12)


def test_small_numbers_of_other_distributions_are_those_of_scipy():
    values = sorted(np.random.default_rng(1).normal(size=137).tolist())
    assert script.linear_quantile(values, 0.95) == pytest.approx(np.quantile(values, 0.95), abs=1e-15)
    assert script.student_tail(1.98, 20) == pytest.approx(stats.t.sf(1.98, 20), abs=1e-13)
    assert script.binomial_distribution(137, 0.95)[120] == pytest.approx(
        stats.binom.cdf(120, 137, 0.95), abs=1e-13
    )
    wanted = [values[int(stats.binom.ppf(q, 137, 0.95))] for q in (0.025, 0.975)]
    low, high = script.order_statistics(values, 0.95, 0.95)
    assert low <= wanted[0] <= wanted[1] <= high


def test_the_attached_data_hold_a_tail_that_is_fitted_and_a_threshold_for_every_method(files, folder):
    """So that the forgeries above forge something: no method is left out for want of data."""
    results = json.loads(files["thresholds.json"])["scores"]["mse"]
    assert {method for method, result in results.items() if result["eligible"]} >= {
        "percentile", "conformal", "tolerance_order", "supervised_accuracy", "supervised_balanced", "cost"}  # fmt: skip
    assert "estimate" in results["mean_sigma"]["details"]
    assert json.loads(files["detection.json"])["curves"]["seeded"]["crack"]["a90_95"] is not None
    assert "estimate" in results["evt_pot"]["details"]
    agreed = {what for one in script.verify(write(folder, files)) for what in one.agreed}
    assert "generalised Pareto quantiles, fitted anew" in agreed
    assert "dispositions" in agreed


# ----------------------------------------------------------------------------------------------------- the command


def run(*arguments, cwd=None, script_path=SCRIPT):
    command = [sys.executable, "-I", "-S", str(script_path), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_it_runs_without_any_installed_package_and_finds_its_folder(files, folder):
    write(folder, files)
    for done in (run(folder), run(cwd=folder), run(script_path=folder / "verify_dossier.py")):
        assert (done.returncode, done.stderr) == (0, "")
        assert "\nSOUND: " in done.stdout
    assert not (folder / "__pycache__").exists()


def test_the_report_as_json_says_the_same(files, folder):
    done = run(write(folder, files), "--json")
    found_json = json.loads(done.stdout)
    assert (found_json["verdict"], found_json["exit_code"], done.returncode) == ("sound", 0, 0)
    assert found_json["totals"]["ok"] > 5000
    assert {one["section"] for one in found_json["sections"]} == {title for title, _ in script.SECTIONS}


def test_exit_codes_and_the_last_line(files, folder):
    write(folder, files)
    (folder / "sbom.json").unlink()
    done = run(folder)
    assert (done.returncode, "\nINCOMPLETE: " in done.stdout) == (2, True)
    (folder / "scores.csv").write_bytes(b"x" + files["scores.csv"])
    done = run(folder)
    assert (done.returncode, "\nALTERED: " in done.stdout) == (3, True)


@pytest.mark.parametrize("arguments", [["--nonsense"], ["a", "b"], ["no-such-folder"], []])
def test_wrong_usage_is_64(arguments, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (64, "")


def test_what_a_forger_writes_cannot_steer_the_terminal(files, folder):
    forger = Forger(files)
    forger.record("evaluate.mse.recall", pointer="/\x1b[2Jgone")
    forger.cover()
    done = run(write(folder, forger.files))
    assert "\x1b" not in done.stdout
    assert "2Jgone" in done.stdout


def test_it_is_one_file_of_python_3_9_and_its_standard_library():
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert not {"socket", "subprocess", "urllib", "http"} & imported


def test_attachments_taken_out_of_a_pdf_by_poppler_agree(files, tmp_path):
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    for name, content in files.items():
        writer.add_attachment(name, content)
    writer.write(tmp_path / "dossier.pdf")
    place = tmp_path / "out"
    place.mkdir()
    subprocess.run(["pdfdetach", "-saveall", "-o", str(place), str(tmp_path / "dossier.pdf")], check=True)
    done = run(script_path=place / "verify_dossier.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
