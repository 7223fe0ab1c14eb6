"""PQ checks: each passes on results that hold and fails, or is not evaluable, on those that do not."""

import itertools

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.qualification.build import outcome, write
from tests.qualification.conftest import context_of

from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evaluation.predictive import predictive_values
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import record_opening
from sealproof.qualification.approval import approval_in_force, hashes_to_approve
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.entries import approve
from sealproof.qualification.pq_results import bayes


@pytest.mark.parametrize("met", [True, False, None])
def test_a_criterion_is_a_case(sound, run, met):
    sound.outcomes = (outcome("AC-01", met=met),)
    finding = run("acceptance-criterion", sound, criterion="AC-01")
    assert finding.passed is met
    assert finding.values["limit"] == 0.9
    assert finding.records[0] == "evaluate.4-ms-ssim.recall"


def test_an_unknown_criterion_cannot_pass(sound, run):
    with pytest.raises(StopIteration):
        run("acceptance-criterion", sound, criterion="AC-99")


def test_sample_size(sound, run):
    """30 units prove at best 0.8843 at 95 % two-sided; the limits of the demonstration ask for 0.90."""
    finding = run("sample-size", sound)
    assert finding.passed is None
    assert "AC-01: 30 units prove at best 0.8843, limit 0.9: too few" in finding.actual
    sound.outcomes = tuple(item.model_copy(update={"n": 300}) for item in sound.outcomes)
    assert run("sample-size", sound).passed is True
    sound.outcomes = tuple(item.model_copy(update={"n": None}) for item in sound.outcomes)
    assert run("sample-size", sound).passed is None
    sound.outcomes = ()
    assert run("sample-size", sound).passed is None


def open_again(context, **changes):
    last = context.openings[-1]
    hashes = {
        "labels": last.labels_sha256,
        "model": last.model_sha256,
        "threshold": last.threshold_sha256,
        "criteria": last.criteria_sha256,
    }
    record_opening(context.workspace.ledger, purpose="again", **(hashes | changes))


@pytest.mark.parametrize(
    ("changes", "openings", "criteria"),
    [
        ({}, True, True),
        ({"threshold": "1" * 64}, False, True),
        ({"model": "1" * 64}, False, True),
        ({"criteria": "1" * 64}, True, False),
        ({"labels": "1" * 64, "model": "1" * 64, "criteria": "1" * 64}, True, True),
    ],
    ids=["the same system", "another threshold", "other weights", "other criteria", "another test set"],
)
def test_openings(altered, run, changes, openings, criteria):
    open_again(context_of(altered), **changes)
    assert run("test-openings", context_of(altered)).passed is openings
    assert run("criteria-frozen", context_of(altered)).passed is criteria


def declare(root, model, threshold):
    row = {"model_sha256": model, "threshold_sha256": threshold, "reason": "a new lamp", "by": "A. Person"}
    write(root / "products/seal-sim/approvals/openings.yaml", yaml.safe_dump({"openings": [row]}))


@pytest.mark.parametrize(
    ("declared", "allowed", "passed"),
    [(True, 2, True), (False, 2, False), (True, 1, False), (False, 1, False)],
)
def test_a_second_system_has_to_be_declared_and_allowed(altered, run, declared, allowed, passed):
    context = context_of(altered)
    first, model = context.openings[0], "1" * 64
    path = context.workspace.definition / "acceptance.yaml"
    path.write_text(
        path.read_text().replace("maximum_systems_judged: 1", f"maximum_systems_judged: {allowed}")
    )
    open_again(context, model=model)
    declare(altered, model if declared else "2" * 64, first.threshold_sha256)
    finding = run("test-openings", context_of(altered))
    assert finding.passed is passed
    silent = [] if declared else ["opening 2"]
    assert [text[:9] for text in finding.values["undeclared"]] == silent


def test_declarations_that_cannot_stand(altered, run):
    write(altered / "products/seal-sim/approvals/openings.yaml", "openings: [{model_sha256: x}]")
    with pytest.raises(DefinitionError) as caught:
        run("test-openings", context_of(altered))
    assert "openings.0.by: missing" in caught.value.why


def approved(root):
    context = context_of(root)
    approve(context.workspace, by="A. Person", role="head of quality")
    return read_again(root)


def read_again(root):
    """A context with the approval in force and the hashes of what would be executed now."""
    context = context_of(root)
    context.approval = approval_in_force(context.workspace)
    context.approved = {**load_catalogue(root).hashes, **hashes_to_approve(context.workspace)}
    return context


def clear_ledger(context):
    context.workspace.ledger.write_text("")


def open_as(context, approval):
    """The present labels, opened under an approval."""
    hashes = dict.fromkeys(("model", "threshold", "criteria"), "1" * 64)
    labels = sha256_file(context.artefact("ingest", "sealed_labels.parquet"))
    record_opening(context.workspace.ledger, purpose="x", labels=labels, approval=approval, **hashes)


def test_criteria_approved_before_the_opening(altered, run):
    context = approved(altered)
    clear_ledger(context)
    assert run("criteria-approved-before-opening", read_again(altered)).passed is False, "never opened"
    open_as(context, context.approval.sha256)
    open_as(context, context.approval.sha256)
    finding = run("criteria-approved-before-opening", read_again(altered))
    assert finding.passed is True
    assert "approved by A. Person (head of quality)" in finding.actual


def test_nobody_approved(sound, run):
    finding = run("criteria-approved-before-opening", sound)
    assert finding.passed is False
    assert finding.actual == (
        "nobody approved the acceptance criteria and protocols; 1 opening of these labels"
    )
    assert run("executed-as-approved", sound).passed is None


def test_criteria_approved_after_the_opening(altered, run):
    finding = run("criteria-approved-before-opening", approved(altered))
    assert finding.passed is False
    assert "opening 1 of 20" in finding.actual
    assert "was made before anybody approved" in finding.actual


def test_an_opening_under_another_approval_is_named(altered, run):
    context = approved(altered)
    clear_ledger(context)
    open_as(context, context.approval.sha256)
    open_as(context, "2" * 64)
    finding = run("criteria-approved-before-opening", read_again(altered))
    assert finding.passed is False
    assert "1 without this approval: opening 2 of" in finding.actual


def test_openings_of_other_labels_ask_for_no_approval(altered, run):
    context = approved(altered)
    clear_ledger(context)
    open_as(context, context.approval.sha256)
    record_opening(
        context.workspace.ledger,
        purpose="another test set",
        **dict.fromkeys(("labels", "model", "threshold", "criteria"), "3" * 64),
    )
    assert run("criteria-approved-before-opening", read_again(altered)).passed is True


@pytest.mark.parametrize(
    "name", ["products/seal-sim/acceptance.yaml", "protocols/pq.yaml", "protocols/risks.yaml"]
)
def test_what_was_executed_is_not_what_was_approved(altered, run, name):
    assert run("executed-as-approved", approved(altered)).passed is True
    path = altered / name
    path.write_text(path.read_text() + "# a word more\n")
    finding = run("executed-as-approved", read_again(altered))
    assert finding.passed is False
    assert finding.values["problems"] == [f"{name}: executed in another version"]


def test_an_approval_of_another_product(altered, run):
    context = approved(altered)
    path = context.workspace.approval
    path.write_text(path.read_text().replace('"product": "seal-sim"', '"product": "other"'))
    assert run("executed-as-approved", read_again(altered)).passed is False


def test_a_test_set_that_was_never_opened(altered, run):
    context_of(altered).workspace.ledger.write_text("")
    assert run("test-openings", context_of(altered)).passed is False
    assert run("criteria-frozen", context_of(altered)).passed is False


def test_limits_changed_after_the_opening(altered, run):
    path = context_of(altered).workspace.definition / "acceptance.yaml"
    path.write_text(path.read_text().replace("limit: 0.90", "limit: 0.10"))
    finding = run("criteria-frozen", context_of(altered))
    assert finding.passed is False
    assert finding.values["acceptance"] not in finding.values["stated"]


def test_splits_disjoint(sound, run):
    assert run("splits-disjoint", sound).passed is True
    assert run("test-independent", sound).passed is True
    train, test = (sound.manifest.index[sound.manifest["split"] == name][0] for name in ("train", "test"))
    sound.manifest.loc[test, "sha256"] = sound.manifest.loc[train, "sha256"]
    assert run("splits-disjoint", sound).passed is False
    assert run("test-independent", sound).passed is False


@pytest.mark.parametrize("split", ["train", "calibration", "tuning"])
def test_a_file_of_the_test_set_in_any_other_split_fails(sound, run, split):
    other, test = (sound.manifest.index[sound.manifest["split"] == name][0] for name in (split, "test"))
    sound.manifest.loc[other, "sha256"] = sound.manifest.loc[test, "sha256"]
    finding = run("test-independent", sound)
    assert (finding.passed, finding.values["shared"]) == (False, 1)


def test_no_test_image_is_no_pass(sound, run):
    sound.manifest["split"] = sound.manifest["split"].replace({"test": "unused"})
    assert run("splits-disjoint", sound).passed is False


@pytest.mark.parametrize(
    ("finding", "passed"),
    [
        ({"code": "duplicate_across_splits", "severity": "error", "evaluated": True}, False),
        ({"code": "near_duplicate_across_splits", "severity": "info", "evaluated": False}, False),
        ({"code": "near_duplicate_across_splits", "severity": "warning", "evaluated": True}, True),
        ({"code": "blank_image", "severity": "error", "evaluated": True}, True),
    ],
)
def test_copies_across_splits(altered, run, finding, passed):
    path = context_of(altered).workspace.artifacts("check") / "findings.json"
    content = read_json(path)
    content["findings"] = [{"what": "two", **finding}]
    write_json(path, content)
    assert run("test-independent", context_of(altered)).passed is passed


def test_a_check_for_copies_that_was_not_made(altered, run):
    path = context_of(altered).workspace.artifacts("check") / "findings.json"
    content = read_json(path)
    del content["checks"]["near_duplicate_across_splits"]
    write_json(path, content)
    assert run("test-independent", context_of(altered)).passed is False


def test_data_errors(altered, run):
    assert run("data-errors", context_of(altered)).passed is True
    path = context_of(altered).workspace.artifacts("check") / "findings.json"
    content = read_json(path)
    content["counts"]["error"] = 1
    write_json(path, content)
    assert run("data-errors", context_of(altered)).passed is False


def test_every_test_image_is_accounted_for(sound, run):
    assert run("test-accounted-for", sound).passed is True


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.iloc[1:],
        lambda table: table.assign(image_id=["unknown", *table["image_id"][1:]]),
        lambda table: table.assign(image_id=[table["image_id"][1], *table["image_id"][1:]]),
        lambda table: table.assign(verdict=["maybe", *table["verdict"][1:]]),
        lambda table: table.iloc[:0],
    ],
)
def test_an_image_without_its_verdict(sound, run, change):
    sound.__dict__["predictions"] = change(sound.predictions)
    assert run("test-accounted-for", sound).passed is False


def test_undecided_that_flatters(sound, run):
    """An undecided defect must count as missed; here it was left out of the rate."""
    table = sound.predictions
    missed = table.index[(table["label"] == 1) & (table["verdict"] == "accept")][0]
    table.loc[missed, "verdict"] = "undecided"
    rows = table[(table["label"] == 1) & (table["verdict"] != "undecided")]
    sound.metrics["4-ms-ssim"]["recall"]["value"] = float((rows["verdict"] == "reject").mean())
    finding = run("test-accounted-for", sound)
    assert finding.passed is False
    assert "counted against the detector" in finding.actual


RATES = {"tolerance": 1e-9, "bound_tolerance": 1e-6}


def test_rates_from_counts(sound, run):
    finding = run("rates-from-counts", sound, **RATES)
    assert finding.passed is True
    assert finding.values["compared"] == 13


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *itertools.product(["recall", "specificity", "accuracy", "precision"], ["value", "low", "high"]),
        ("f1", "value"),
    ],
)
def test_a_rate_that_does_not_derive_from_the_counts(sound, run, name, key):
    sound.metrics["4-ms-ssim"][name][key] = sound.metrics["4-ms-ssim"][name][key] * 0.99 + 0.001
    assert run("rates-from-counts", sound, **RATES).passed is False


def test_counts_that_differ(sound, run):
    sound.evaluation["scores"]["4-ms-ssim"]["counts"]["true_positive"] += 1
    assert run("rates-from-counts", sound, **RATES).passed is False


def test_subgroups(sound, run):
    finding = run("subgroups-reported", sound)
    assert finding.passed is True
    assert finding.values["columns"] == ["group_setup"]


@pytest.mark.parametrize(
    "change",
    [
        lambda groups: groups["all"].clear(),
        lambda groups: groups["all"].pop(-1 if groups["all"][-1]["column"] == "group_setup" else 0),
        lambda groups: groups["all"][0].update(images=None),
    ],
)
def test_a_subgroup_that_is_not_reported(sound, run, change):
    groups = sound.evaluation["subgroups"]
    groups["all"].sort(key=lambda row: row["column"] == "group_setup")
    change(groups)
    assert run("subgroups-reported", sound).passed is False


@pytest.mark.parametrize(
    ("rejected", "promise", "passed"), [(0, 0.02, True), (8, 0.02, False), (8, 0.2, True)]
)
def test_false_rejects_as_promised(sound, run, rejected, promise, passed):
    normals = sound.predictions.index[sound.predictions["label"] == 0]
    sound.predictions.loc[normals, "verdict"] = ["reject"] * rejected + ["accept"] * (len(normals) - rejected)
    sound.thresholds["in_force"]["promised_false_reject_rate"] = promise
    assert run("false-rejects-as-promised", sound).passed is passed


def test_nothing_promised_is_not_evaluable(sound, run):
    sound.thresholds["in_force"]["promised_false_reject_rate"] = None
    assert run("false-rejects-as-promised", sound).passed is None


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["in_force"].update(calibration="training"),
        lambda t: t["in_force"].update(calibration="training", threshold=None),
        lambda t: t["training_scores"]["4-ms-ssim"]["conformal"].update(threshold=None),
        lambda t: t["optimism"]["4-ms-ssim"].update(p_value=None),
    ],
)
def test_optimism(sound, run, change):
    assert run("optimism-stated", sound).passed is True
    change(sound.thresholds)
    assert run("optimism-stated", sound).passed is False


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["in_force"].update(eligible=False),
        lambda t: t["scores"]["4-ms-ssim"]["evt_pot"].update(reason_code=""),
        lambda t: t["scores"]["4-ms-ssim"]["evt_pot"]["details"].pop("exceedances"),
    ],
)
def test_evt_eligibility(sound, run, change):
    finding = run("evt-eligibility", sound)
    assert finding.passed is True
    assert "too-few-exceedances" in finding.actual
    change(sound.thresholds)
    assert run("evt-eligibility", sound).passed is False


def test_predictive_values(altered, run):
    path = context_of(altered).workspace.definition / "product.yaml"
    write(path, "title: x\n")
    assert run("predictive-values", context_of(altered)).passed is None
    path.unlink()
    assert run("predictive-values", context_of(altered)).passed is None
    write(path, "field_prevalence: 0.01\n")
    assert run("predictive-values", context_of(altered)).passed is False, (
        "it was evaluated without a prevalence"
    )

    context = context_of(altered)
    counts = ConfusionCounts(tp=20, fp=3, tn=27, fn=10)
    verdicts = ["reject"] * 20 + ["accept"] * 10 + ["reject"] * 3 + ["accept"] * 27
    context.__dict__["predictions"] = pd.DataFrame({"label": [1] * 30 + [0] * 30, "verdict": verdicts})
    found = {name: item.as_json() for name, item in predictive_values(counts, 0.01).items()}
    context.evaluation["predictive"] = {"field_prevalence": 0.01, **found}
    finding = run("predictive-values", context)
    assert finding.passed is True, finding.actual
    assert finding.values["positive"][0] == pytest.approx(0.01 * 2 / 3 / (0.01 * 2 / 3 + 0.99 * 0.1))
    for change in ({"low": None}, {"value": 0.5}, {"high": 0.5}):
        context.evaluation["predictive"] = {
            "field_prevalence": 0.01,
            **found,
            "positive": found["positive"] | change,
        }
        assert run("predictive-values", context).passed is False
    context.evaluation["predictive"] = {"field_prevalence": 0.02, **found}
    assert run("predictive-values", context).passed is False


def test_bayes_by_counting():
    random = np.random.default_rng(0)
    defective = random.random(400_000) < 0.1
    rejected = np.where(defective, random.random(400_000) < 0.8, random.random(400_000) < 0.3)
    positive, negative = bayes(0.8, 0.7, 0.1)
    assert positive == pytest.approx(defective[rejected].mean(), abs=0.01)
    assert negative == pytest.approx((~defective[~rejected]).mean(), abs=0.01)
    assert bayes(0.0, 1.0, 0.1) is None
    assert bayes(None, 1.0, 0.1) is None


@pytest.mark.parametrize("name", ["false_negatives", "false_positives"])
def test_errors_listed(sound, run, name):
    assert run("errors-listed", sound).passed is True
    label, verdict = (1, "accept") if name == "false_negatives" else (0, "reject")
    row = sound.predictions.index[sound.predictions["label"] == label][0]
    others = {"accept": "reject", "reject": "accept"}
    before = sound.predictions.loc[row, "verdict"]
    sound.predictions.loc[row, "verdict"] = others[before]
    finding = run("errors-listed", sound)
    assert finding.passed is False
    assert ("wrongly" in finding.actual) == (before == verdict)


# --- no valid threshold: nothing is decided, so nothing can be said ---


@pytest.fixture
def without_threshold(sound):
    """As the stages leave it when no threshold is valid: every image undecided, no rate stated."""
    for results in (sound.thresholds["scores"], sound.thresholds["training_scores"]):
        for methods in results.values():
            for result in methods.values():
                result.update(threshold=None, eligible=False)
    sound.thresholds["in_force"].update(threshold=None, eligible=False)
    sound.predictions["verdict"] = "undecided"
    for entry in sound.metrics["4-ms-ssim"].values():
        entry.update(value=None, low=None, high=None)
    return sound


NEEDS_A_THRESHOLD = {
    "threshold-recomputed": {"relative_tolerance": 1e-9},
    "rates-from-counts": RATES,
    "test-accounted-for": {},
    "optimism-stated": {},
    "evt-eligibility": {},
}


@pytest.mark.parametrize("name", NEEDS_A_THRESHOLD)
def test_without_a_threshold_it_is_not_evaluable(without_threshold, run, name):
    finding = run(name, without_threshold, **NEEDS_A_THRESHOLD[name])
    assert finding.passed is None
    assert finding.actual.startswith("not evaluable: there is no valid threshold in force")


def accept_one(context):
    context.predictions.loc[context.predictions.index[0], "verdict"] = "accept"


def state_a_rate(context):
    context.metrics["4-ms-ssim"]["recall"]["value"] = 0.0


def lose_an_image(context):
    context.__dict__["predictions"] = context.predictions.iloc[1:]


def exchange_the_threshold(context):
    context.thresholds["scores"]["4-ms-ssim"]["mean_sigma"]["threshold"] = 0.5


def calibrate_on_training(context):
    context.thresholds["in_force"]["calibration"] = "training"


def hide_the_reason(context):
    context.thresholds["scores"]["4-ms-ssim"]["evt_pot"]["reason_code"] = ""


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rates-from-counts", accept_one),
        ("rates-from-counts", state_a_rate),
        ("test-accounted-for", accept_one),
        ("test-accounted-for", lose_an_image),
        ("threshold-recomputed", exchange_the_threshold),
        ("optimism-stated", calibrate_on_training),
        ("evt-eligibility", hide_the_reason),
    ],
)
def test_without_a_threshold_what_contradicts_that_fails(without_threshold, run, name, change):
    change(without_threshold)
    assert run(name, without_threshold, **NEEDS_A_THRESHOLD[name]).passed is False
