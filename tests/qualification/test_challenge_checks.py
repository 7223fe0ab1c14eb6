"""The checks of repetition and robustness: they pass what is sound and name what is not; the stage without envelope."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import yaml
from tests.qualification.build import ROOT
from tests.qualification.conftest import context_of
from tests.qualification.small import PRODUCT, run_stage_script

from sealproof.evaluation.robustness import evaluate_robustness
from sealproof.evaluation.robustness_result import Rule
from sealproof.qualification.acceptance import claims, load_acceptance
from sealproof.qualification.catalogue import load_catalogue
from sealproof.settings import load_settings

REPEATS = {"minimum_repeats": 3, "relative_tolerance": 1e-5}
RECOMPUTED = {"images": 6, "relative_tolerance": 1e-5}


def artefact(root, stage, name):
    return root / "artifacts" / PRODUCT / stage / name


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def change_table(path, change):
    change(pd.read_parquet(path)).to_parquet(path, index=False)


@pytest.mark.parametrize("name", ["OQ-025", "OQ-026", "PQ-030"])
def test_the_protocols_call_these_checks(name):
    case = next(case for case in load_catalogue(ROOT).cases() if case.id == name)
    assert case.automated


def test_the_test_set_repeats(sound, run):
    finding = run("test-set-repeats", sound, **REPEATS)
    assert finding.passed is True
    assert "scored 3 times more" in finding.actual
    assert "0 verdicts changed" in finding.actual
    assert run("test-set-repeats", sound, **REPEATS | {"minimum_repeats": 4}).passed is False
    assert run("test-set-repeats", sound, **REPEATS | {"relative_tolerance": 1e-15}).passed is False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(mse=t["mse"] * 1.01), "states other figures"),
        (lambda t: t[t["image_id"] != t["image_id"].iloc[0]], "holds other images"),
        (lambda t: t.assign(mse=t["mse"].where(t["repeat"] != 2)), "states other figures"),
    ],
)
def test_repetitions_that_differ_are_named(altered, run, change, words):
    change_table(artefact(altered, "challenge", "repeats.parquet"), change)
    finding = run("test-set-repeats", context_of(altered), **REPEATS)
    assert finding.passed is False
    assert words in finding.actual
    json.dumps(finding.values, allow_nan=False)


def test_a_statement_that_hides_a_flip_is_noticed(altered, run):
    force = json.loads(artefact(altered, "threshold", "thresholds.json").read_text())["in_force"]
    flip = 3 * force["threshold"]
    change_table(
        artefact(altered, "challenge", "repeats.parquet"),
        lambda t: t.assign(**{force["score"]: t[force["score"]].where(t.index != 0, flip)}),
    )
    finding = run("test-set-repeats", context_of(altered), **REPEATS)
    assert finding.passed is False
    assert "1 verdicts changed" in finding.actual


def test_images_are_scored_again_from_the_file(sound, run):
    finding = run("test-images-recomputed", sound, **RECOMPUTED)
    assert finding.passed is True
    assert finding.actual.startswith("6 test images")
    assert run("test-images-recomputed", sound, **RECOMPUTED | {"images": 1000}).actual.startswith("60 test")


def test_scores_that_are_not_those_of_the_images_are_noticed(altered, run):
    change_table(artefact(altered, "score", "scores.parquet"), lambda t: t.assign(mae=t["mae"] * 1.001))
    assert run("test-images-recomputed", context_of(altered), **RECOMPUTED).passed is False


def test_images_that_are_decided_otherwise_are_noticed(altered, run):
    change_table(artefact(altered, "score", "scores.parquet"), lambda t: t.assign(decided=False))
    finding = run("test-images-recomputed", context_of(altered), **RECOMPUTED)
    assert finding.passed is False
    assert "6 decided otherwise" in finding.actual


@pytest.mark.parametrize(
    ("check", "parameters"), [("test-set-repeats", REPEATS), ("test-images-recomputed", RECOMPUTED)]
)
def test_without_a_threshold_nothing_passes(altered, run, check, parameters):
    change_json(
        artefact(altered, "threshold", "thresholds.json"), lambda c: c["in_force"].update(threshold=None)
    )
    change_json(artefact(altered, "challenge", "repeatability.json"), lambda c: c.update(verdict_flips=None))
    assert run(check, context_of(altered), **parameters).passed is None


def test_a_detector_that_holds_nothing_undisturbed_is_not_evaluable(sound, run):
    finding = run("robust-inside-envelope", sound)  # random weights meet no criterion
    assert finding.passed is None
    assert "no criterion holds undisturbed" in finding.actual


def judge_again(root, limit=0.0):
    """robustness.json anew, with acceptance limits that even random weights reach."""
    force = json.loads(artefact(root, "threshold", "thresholds.json").read_text())["in_force"]
    acceptance = load_acceptance(root / "products" / PRODUCT / "acceptance.yaml")
    criteria = [replace(claim, limit=limit) for claim in claims(acceptance, force["score"])]
    found = evaluate_robustness(
        pd.read_parquet(artefact(root, "challenge", "disturbed.parquet")),
        json.loads(artefact(root, "challenge", "challenge.json").read_text())["disturbed"],
        pd.read_parquet(artefact(root, "ingest", "sealed_labels.parquet")),
        Rule.of(force, 0.95, criteria),
    )
    artefact(root, "evaluate", "robustness.json").write_text(json.dumps(found.as_json()))
    return context_of(root)


def test_robustness_is_judged_where_criteria_hold_undisturbed(altered, run):
    context = judge_again(altered)
    finding = run("robust-inside-envelope", context)
    assert finding.passed is True
    assert "0 times one is lost" in finding.actual
    path = artefact(altered, "evaluate", "robustness.json")
    kept = path.read_text()

    def fail(content):
        content["disturbances"]["blur"]["cells"]["1_0"]["holds"]["AC-01"] = False

    for change, words in (
        (fail, "AC-01 at blur 0.8"),
        (lambda c: c["undisturbed"]["metrics"]["recall"].update(low=0.99), "recall is"),
        (lambda c: c.update(images=21), "images instead of 21"),
        (lambda c: c["lost_inside"].append({}), "lists other criteria"),
    ):
        path.write_text(kept)
        change_json(path, change)
        finding = run("robust-inside-envelope", context)
        assert finding.passed is False
        assert words in finding.actual
    path.write_text(kept)
    change_json(path, lambda c: c["disturbances"].clear())
    assert run("robust-inside-envelope", context).passed is False, "nothing was tested"


def test_a_product_without_an_envelope_runs_and_is_not_evaluable(altered, run):
    path = altered / "products" / PRODUCT / "inspection.yaml"
    content = yaml.safe_load(path.read_text())
    del content["acquisition"]
    path.write_text(yaml.safe_dump(content))
    run_stage_script(load_settings(altered), "challenge")
    judge_again(altered)
    assert pd.read_parquet(artefact(altered, "challenge", "disturbed.parquet")).empty
    finding = run("robust-inside-envelope", context_of(altered))
    assert finding.passed is None
    assert "not declared" in finding.actual
    assert run("test-set-repeats", context_of(altered), **REPEATS).passed is True


def test_the_stage_gives_the_same_bytes_again(altered):
    names = ("disturbed.parquet", "repeats.parquet", "repeatability.json", "challenge.json", "seeded.parquet")
    before = {name: artefact(altered, "challenge", name).read_bytes() for name in names}
    run_stage_script(load_settings(altered), "challenge")
    assert {name: artefact(altered, "challenge", name).read_bytes() for name in names} == before
