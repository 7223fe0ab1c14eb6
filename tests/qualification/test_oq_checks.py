"""OQ checks: each passes where the function works and fails where it is broken on purpose."""

from types import SimpleNamespace

import numpy as np
import pytest
from tests.qualification.conftest import context_of

from sealproof.evaluation.cases import verdicts
from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.files import read_json, write_json
from sealproof.qualification import (
    oq_data,
    oq_evidence,
    oq_images,
    oq_input,
    oq_scores,
    oq_statistics,
    oq_threshold,
)
from sealproof.qualification.detector import Detector, draw_sample, relative_difference
from sealproof.qualification.gate import GateResult
from sealproof.scores.settings import SCORE_NAMES

REFERENCE = {"file": "protocols/data/ssim_reference.npz", "tolerance": 1e-6, "minimum_values": 32}
REPEAT = {"images": 8, "batch_size": 3, "relative_tolerance": 1e-4}
DEFECTS = {"images": 8, "sizes": [0.06, 0.25], "depth": 0.6, "minimum_raised": 0.9, "minimum_detected": 0.8}
EXACT = {"trials": [1, 2, 20, 59], "claims": {0.95: 59}, "tolerance": 1e-9}
COVERAGE = {"trials": [5, 20], "steps": 20, "confidence": 0.95}


def test_similarity_reference(sound, run, monkeypatch):
    finding = run("similarity-reference", sound, **REFERENCE)
    assert finding.passed is True
    assert len(finding.values["pairs"]) == 4
    assert run("similarity-reference", sound, **(REFERENCE | {"minimum_values": 33})).passed is False
    monkeypatch.setattr(oq_scores, "similarity", lambda a, b, variant: np.array([0.5]))
    assert run("similarity-reference", sound, **REFERENCE).passed is False
    monkeypatch.setattr(oq_scores, "similarity", lambda a, b, variant: np.array([np.nan]))
    assert run("similarity-reference", sound, **REFERENCE).passed is False


def test_scores_repeat(sound, run):
    finding = run("scores-repeat", sound, **REPEAT)
    assert finding.passed is True
    assert set(finding.values["differences"]) == {"one by one", "small batches", "reverse order"}


@pytest.mark.parametrize(
    "fault", ["depends on its batch", "depends on the repetition", "is sometimes missing"]
)
def test_scores_that_do_not_repeat(sound, run, monkeypatch, fault):
    original, calls = Detector.score_patches, []

    def broken(self, patches, positions, batch_size=None):
        scores = original(self, patches, positions, batch_size)
        calls.append(batch_size)
        if fault == "depends on its batch" and batch_size:
            scores["mse"] = scores["mse"] * 1.01
        elif fault == "depends on the repetition":
            scores["mse"] = scores["mse"] * (1 + 1e-12 * len(calls))
        elif fault == "is sometimes missing" and batch_size == 1:
            scores["mse"] = np.full_like(scores["mse"], np.nan)
        return scores

    monkeypatch.setattr(Detector, "score_patches", broken)
    assert run("scores-repeat", sound, **REPEAT).passed is False


def test_scores_recomputed(sound, run):
    parameters = {"images": 6, "relative_tolerance": 1e-3}
    finding = run("scores-recomputed", sound, **parameters)
    assert finding.passed is True
    assert list(finding.values["differences"]) == list(SCORE_NAMES)
    sound.scores["mae"] = sound.scores["mae"] * 1.01
    assert run("scores-recomputed", sound, **parameters).passed is False


def test_scores_recomputed_of_an_image_that_is_now_undecided(sound, run, monkeypatch):
    monkeypatch.setattr(oq_images, "score_image", lambda *_: None)
    assert run("scores-recomputed", sound, images=2, relative_tolerance=1e-3).passed is False


def test_a_sample_is_drawn_by_the_seed_of_decided_calibration_images(sound):
    first, again = draw_sample(sound, 5), draw_sample(sound, 5)
    assert first.images == again.images
    assert len(first.images) == 5
    splits = sound.manifest.set_index("image_id").loc[first.images, "split"]
    assert set(splits) == {"calibration"}
    sound.regions["decided"] = False
    with pytest.raises(ValueError, match="no calibration image"):
        draw_sample(sound, 5)


def test_decision_boundary(sound, run):
    finding = run("decision-boundary", sound)
    assert finding.passed is True
    assert finding.values["decisions"] == 15


@pytest.mark.parametrize(
    "wrong",
    [
        lambda score, limit, found: np.where(np.isnan(score), "accept", found),
        lambda score, limit, found: found if limit is not None else np.full(score.shape, "accept"),
        lambda score, limit, found: np.where(score == limit, "accept", found),
        lambda score, limit, found: np.where(score < (limit or 0), "reject", found),
    ],
    ids=["accepts no number", "accepts without a threshold", "accepts the threshold", "rejects below it"],
)
def test_a_wrong_decision_rule_is_noticed(sound, run, monkeypatch, wrong):
    def decide(scores, decided, threshold):
        return wrong(np.asarray(scores, dtype=float), threshold, verdicts(scores, decided, threshold))

    monkeypatch.setattr(oq_input, "verdicts", decide)
    assert run("decision-boundary", sound).passed is False


@pytest.mark.parametrize("name", ["decision-boundary", "seeded-defects"])
def test_without_a_threshold_there_is_nothing_to_evaluate(sound, run, name):
    sound.thresholds["in_force"]["threshold"] = None
    assert run(name, sound, **(DEFECTS if name == "seeded-defects" else {})).passed is None


class Answer:
    """Stands for the detector's verdict on whatever is scored."""

    def __init__(self, monkeypatch, verdict):
        monkeypatch.setattr(Detector, "verdicts", lambda self, scores: np.full(scores.shape, verdict))


def test_invalid_input(sound, run, monkeypatch):
    Answer(monkeypatch, "reject")
    finding = run("invalid-input", sound)
    assert finding.passed is True
    ends = finding.values["ends"]
    assert len(ends) == 9
    assert {ends[name] for name in ("truncated", "text", "empty")} == {"unreadable"}
    assert {ends[name] for name in ("black", "white", "one-grey-value")} == {"refused (blank_image)"}
    assert ends["noise"] == "reject"


def test_invalid_input_that_is_accepted(sound, run, monkeypatch):
    Answer(monkeypatch, "accept")
    finding = run("invalid-input", sound)
    assert finding.passed is False
    assert finding.values["ends"]["noise"] == "accept"


def test_region_undecided(sound, run, monkeypatch):
    assert run("region-undecided", sound).passed is True
    certain = [type("Region", (), {"decided": True})]
    monkeypatch.setattr(oq_images, "propose", lambda *_: certain)
    assert run("region-undecided", sound).passed is False


def test_undecided_stays_undecided(sound, run):
    assert run("undecided-stays-undecided", sound).passed is True


def test_an_undecided_image_with_a_score(sound, run):
    sound.regions.loc[0, "decided"] = False
    finding = run("undecided-stays-undecided", sound)
    assert finding.passed is False
    assert "undecided, but has a score" in finding.actual


def test_an_accepted_image_without_a_score(sound, run):
    image = sound.predictions.loc[sound.predictions["verdict"] == "accept", "image_id"].iloc[0]
    sound.scores.loc[sound.scores["image_id"] == image, sound.scores.select_dtypes("float").columns] = np.nan
    finding = run("undecided-stays-undecided", sound)
    assert finding.passed is False
    assert f"{image}: no score, but accepted" in finding.actual


def test_an_image_that_got_lost(sound, run):
    sound.__dict__["scores"] = sound.scores.iloc[1:]
    finding = run("undecided-stays-undecided", sound)
    assert finding.passed is False
    assert "not scored" in finding.actual


def test_altered_model(sound, run, monkeypatch):
    assert run("altered-model-refused", sound).passed is True
    monkeypatch.setattr(oq_input, "load_detector", lambda folder: None)
    assert run("altered-model-refused", sound).passed is False


def test_thresholds_recomputed(sound, run):
    finding = run("threshold-recomputed", sound, relative_tolerance=1e-9)
    assert finding.passed is True
    assert finding.values["compared"] >= 40


@pytest.mark.parametrize(
    "method",
    [
        "mean_sigma",
        "percentile",
        "conformal",
        "tolerance_normal",
        "supervised_accuracy",
        "supervised_balanced",
        "cost",
    ],
)
def test_a_threshold_that_differs_is_found(sound, run, method):
    score, result = next((score, methods[method]) for score, methods in sound.thresholds["scores"].items())
    if result["threshold"] is None:
        result["details"]["estimate"] *= 1 + 1e-7
    else:
        result["threshold"] *= 1 + 1e-7
    finding = run("threshold-recomputed", sound, relative_tolerance=1e-9)
    assert finding.passed is False
    assert f"{score} {method}" in finding.actual


def test_a_verdict_in_three_ways_that_is_out_of_reach_leaves_no_threshold(sound, run):
    sound.thresholds["in_force"] |= {"threshold": None, "reason_code": "acceptance-out-of-reach"}
    finding = run("threshold-recomputed", sound, relative_tolerance=1e-9)
    assert (finding.passed, finding.values["problems"]) == (None, [])


def test_a_threshold_in_force_that_is_not_of_its_method(sound, run):
    sound.thresholds["in_force"]["threshold"] += 1e-6
    assert run("threshold-recomputed", sound, relative_tolerance=1e-9).passed is False


def test_thresholds_ignore_the_test_split(sound, run, monkeypatch):
    assert run("threshold-ignores-test", sound).passed is True
    original = oq_threshold.calibration_scores

    def leaking(table, **rest):
        return original(table.assign(split=table["split"].replace({"test": "calibration"})), **rest)

    monkeypatch.setattr(oq_threshold, "calibration_scores", leaking)
    assert run("threshold-ignores-test", sound).passed is False


def test_seeded_data_faults(sound, run, monkeypatch):
    finding = run("seeded-data-faults", sound)
    assert finding.passed is True
    assert finding.values["missed"] == []
    assert len(finding.values["seeded"]) == 8
    clean, reported = finding.values["faultless"], finding.values["reported"]
    monkeypatch.setattr(oq_data, "acquire", lambda *_: 0)
    monkeypatch.setattr(oq_data, "ingest", lambda *_: SimpleNamespace(manifest=[]))
    monkeypatch.setattr(oq_data, "seed_faults", lambda *_: [])
    for code in oq_data.SEEDED:  # a data check that does not look is noticed
        answers = iter([clean, {name: grave for name, grave in reported.items() if name != code}])
        monkeypatch.setattr(oq_data, "_codes", lambda *_, answers=answers: next(answers))
        assert run("seeded-data-faults", sound).passed is False
    answers = iter([clean | {"class_count": "error"}, reported])
    monkeypatch.setattr(oq_data, "_codes", lambda *_: next(answers))
    assert run("seeded-data-faults", sound).passed is False, "a false alarm on the faultless set"


def test_seeded_defects(sound, run, monkeypatch):
    darkness = {
        "4-ms-ssim": lambda patches: 1 - patches.mean(axis=(1, 2)).astype(np.float64),
    }
    monkeypatch.setattr(
        Detector,
        "score_patches",
        lambda self, patches, positions, batch_size=None: {k: f(patches) for k, f in darkness.items()},
    )
    monkeypatch.setattr(Detector, "verdicts", lambda self, scores: np.where(scores > 0, "reject", "accept"))
    finding = run("seeded-defects", sound, **DEFECTS)
    assert finding.passed is True
    assert [row["size"] for row in finding.values["by_size"]] == [0.06, 0.25]
    darkness["4-ms-ssim"] = lambda patches: patches.mean(axis=(1, 2)).astype(np.float64)
    assert run("seeded-defects", sound, **DEFECTS).passed is False


def test_blobs_are_dark_of_the_stated_size_and_inside():
    patches = np.ones((20, 64, 128), np.float32)
    dark = oq_scores.blobs(patches, 0.25, 0.6, seed=3)
    assert (patches == 1).all(), "the originals are not changed"
    half_depth = (dark < 0.71).sum(axis=(1, 2))
    assert np.allclose(2 * np.sqrt(half_depth / np.pi), 0.25 * 64, atol=1.5)
    assert (dark[:, 0] == 1).all()
    assert (dark[:, :, 0] == 1).all()


def test_exact_bounds(sound, run, monkeypatch):
    assert run("exact-bounds", sound, **EXACT).passed is True
    assert run("exact-bounds", sound, **(EXACT | {"claims": {0.95: 60}})).passed is False
    monkeypatch.setattr(oq_statistics, "clopper_pearson", lambda k, n, c: (k / n, k / n))
    assert run("exact-bounds", sound, **EXACT).passed is False


def test_bounds_that_break_their_promise(sound, run, monkeypatch):
    assert run("bounds-keep-promise", sound, **COVERAGE).passed is True

    def wald(k, n, confidence):
        half = 1.96 * np.sqrt(k / n * (1 - k / n) / n)
        return k / n - half, k / n + half

    monkeypatch.setattr(oq_statistics, "clopper_pearson", wald)
    assert run("bounds-keep-promise", sound, **COVERAGE).passed is False


def test_opening_on_record(altered, run):
    assert run("opening-on-record", context_of(altered)).passed is True
    context = context_of(altered)
    path = context.workspace.artifacts("threshold") / "thresholds.json"
    path.write_text(path.read_text() + "\n")
    finding = run("opening-on-record", context_of(altered))
    assert finding.passed is False
    assert finding.values == {"openings": 1, "own": 0, "opened_at": "none"}


def test_an_evaluation_older_than_its_opening(altered, run):
    import os

    context = context_of(altered)
    os.utime(context.workspace.artifacts("evaluate") / "evaluation.json", (1, 1))
    assert run("opening-on-record", context).passed is False


def test_an_opening_that_cannot_be_told(altered, run):
    context = context_of(altered)
    (context.workspace.artifacts("ingest") / "sealed_labels.parquet").unlink()
    with pytest.raises(EvidenceMissingError):
        run("opening-on-record", context)


def test_tampering_noticed(sound, run, monkeypatch):
    finding = run("tampering-noticed", sound)
    assert finding.passed is True
    assert len(finding.values["alterations"]) == 8
    monkeypatch.setattr(oq_evidence, "read_ledger", lambda path: path.read_text().splitlines())
    assert run("tampering-noticed", sound).passed is False


def test_gate_fails_closed(sound, run, monkeypatch):
    finding = run("gate-fails-closed", sound)
    assert finding.passed is True
    assert len(finding.values["exit_codes"]) == 22
    monkeypatch.setattr(
        oq_evidence, "evaluate_gate", lambda workspace: GateResult("challenge", "none", (), ())
    )
    assert run("gate-fails-closed", sound).passed is False


def test_the_detector_is_the_one_on_record(altered, run):
    context = context_of(altered)
    released = Detector.released(context)
    force = read_json(context.workspace.artifacts("threshold") / "thresholds.json")["in_force"]
    assert (released.score, released.threshold) == (force["score"], force["threshold"])
    description = context.workspace.artifacts("train") / "model.json"
    write_json(description, read_json(description) | {"architecture": "unknown"})
    with pytest.raises(Exception, match="no detector 'unknown'"):
        Detector.released(context_of(altered))


def test_relative_difference():
    assert relative_difference(np.array([-2.0, 4.0]), np.array([-2.0, 4.4])) == pytest.approx(0.1)
    assert relative_difference(np.array([np.nan]), np.array([np.nan])) == 0
    assert relative_difference(np.array([1.0]), np.array([np.inf])) == float("inf")


def test_a_verdict_at_the_limit_is_told_from_one_that_changed(sound):
    detector = Detector.released(sound)
    limit = detector.threshold
    first = np.array([limit, limit * 0.5, limit * 1.5])
    rounded = np.array([limit * (1 - 1e-9), limit * 0.5, limit * 1.5])
    assert detector.changes(first, first, 1e-6) == (0, 0)
    assert detector.changes(first, rounded, 1e-6) == (0, 1)
    off = np.array([limit * (1 + 1e-3), limit * 0.5, limit * 1.5])
    assert detector.changes(off, rounded, 1e-6) == (1, 0)
    assert detector.changes(off, rounded, 1e-2) == (0, 1)


def test_a_verdict_in_three_ways_is_decided_at_both_limits(sound, run, monkeypatch):
    sound.thresholds["in_force"]["accept_below"] = sound.thresholds["in_force"]["threshold"] / 2
    plain = run("decision-boundary", sound)
    assert plain.passed is True
    monkeypatch.setattr(
        oq_input,
        "verdicts",
        lambda scores, decided, threshold, _below=None: verdicts(scores, decided, threshold),
    )
    assert run("decision-boundary", sound).passed is False
