"""Evidence records of the evaluation, each defined in a sentence for readers in quality assurance."""

from __future__ import annotations

from pathlib import Path

from sealproof.evaluation.claims import subgroup_id
from sealproof.evaluation.claims_evidence import record_claims
from sealproof.evaluation.documents import evaluation_json
from sealproof.evaluation.evaluate import METRICS, Evaluation
from sealproof.evaluation.methods import promise_kept
from sealproof.evaluation.sheet import Sheet
from sealproof.evaluation.subgroups import Subgroup, smallest, without_images
from sealproof.evaluation.three_way import record_three_way
from sealproof.evidence.records import Recorder

METRIC_DEFINITIONS = {
    "recall": "share of defective test images that are rejected; an undecided one counts as missed",
    "specificity": "share of normal test images that are accepted; an undecided one counts as rejected",
    "accuracy": "share of test images judged rightly, at the test split's own share of defects",
    "balanced_accuracy": "mean of recall and specificity",
    "precision": "share of defective among the rejected images, at the test split's own share of defects",
    "f1": "harmonic mean of precision and recall, at the test split's own share of defects",
    "auroc": "chance that a defective test image scores above a normal one; it needs no threshold",
    "auprc": "average precision over all thresholds, at the test split's own share of defects",
}
_COUNTS = {
    "true_positive": "defective test images that are rejected",
    "false_positive": "normal test images that are rejected",
    "true_negative": "normal test images that are accepted",
    "false_negative": "defective test images that are accepted: missed defects",
    "undecided_normal": "normal test images without a verdict",
    "undecided_defective": "defective test images without a verdict",
}


def record_evaluation(recorder: Recorder, evaluation: Evaluation, artefact: Path) -> None:
    """Record everything a document may print of the evaluation, readable in evaluation.json.

    Ids: `evaluate.<score>.<metric>` with `.low` and `.high`; `evaluate.<score>.decided_only.<metric>`;
    `evaluate.<score>.counts.<count>`; `evaluate.<score>.threshold`; `evaluate.test.<count>`;
    `evaluate.method.<score>.<method>.<calibration>.<figure>`; `evaluate.promise.<figure>`;
    `evaluate.subgroup.<column>.<value>.<figure>`; `evaluate.subgroups.<figure>`; those of `record_claims` and
    `record_three_way`.
    """
    content = evaluation_json(evaluation)
    sheet = Sheet(recorder, artefact, evaluation.confidence)
    _record_test_set(sheet, evaluation, content["test"])
    for name in evaluation.scores:
        _record_score(sheet, evaluation, name)
    _record_methods(sheet, evaluation)
    _record_promise(sheet, evaluation)
    _record_subgroups(sheet, evaluation)
    record_claims(sheet, content, subgroup_ids(list(evaluation.subgroups)))
    record_three_way(sheet, content["three_way"])


def _record_test_set(sheet: Sheet, evaluation: Evaluation, test_set: dict[str, int]) -> None:
    without = "without a confident region of interest, and therefore without a score"
    between = "" if evaluation.accept_below is None else ", or with a score between the two limits in force"
    texts = {
        "images": "images of the test split",
        "normal": "normal images of the test split",
        "defective": "defective images of the test split",
        "undecided": f"test images {without}{between}",
        "undecided_normal": f"normal test images {without}{between}",
        "undecided_defective": f"defective test images {without}{between}",
    }
    for name, value in test_set.items():
        sheet.add(f"test.{name}", value, "images", f"number of {texts[name]}", f"/test/{name}")
    sheet.add(
        "test.confidence", evaluation.confidence, "1", "two-sided confidence of all bounds", "/confidence"
    )
    sheet.add("in_force.score", evaluation.score, "1", "score in force", "/in_force/score")
    sheet.add("in_force.method", evaluation.method, "1", "threshold method in force", "/in_force/method")
    text = "normals that the threshold in force was computed from"
    sheet.add("in_force.calibration", evaluation.calibration, "1", text, "/in_force/calibration")
    text = "score below which is accepted with the three-way verdict; without one the threshold decides alone"
    sheet.add("in_force.accept_below", evaluation.accept_below, "score", text, "/in_force/accept_below")
    for name, cases in (
        ("false_negatives", evaluation.errors(1)),
        ("false_positives", evaluation.errors(0)),
    ):
        sheet.add(f"in_force.{name}", len(cases), "images", f"number of {name.replace('_', ' ')}", f"/{name}")


def _record_score(sheet: Sheet, evaluation: Evaluation, name: str) -> None:
    found, pointer = evaluation.scores[name], f"/scores/{name}"
    of = f", score {name}, threshold by {evaluation.method}"
    text = (
        f"threshold by {evaluation.method} that the test images were judged with; at or above it is rejected"
    )
    sheet.add(f"{name}.threshold", found.threshold, "score", text, f"{pointer}/threshold")
    for metric in METRICS:
        definition = METRIC_DEFINITIONS[metric] + of
        place = f"{pointer}/metrics/{metric}"
        sheet.estimate(f"{name}.{metric}", found.metrics[metric], definition, place)
        sheet.estimate(
            f"{name}.decided_only.{metric}",
            found.decided_only[metric],
            f"{metric.replace('_', ' ')} over the decided test images alone{of}",
            f"{pointer}/decided_only/{metric}",
        )
    delong = "AUROC by DeLong's method, to check the bootstrap bounds" + of
    sheet.estimate(f"{name}.auroc_delong", found.delong, delong, f"{pointer}/auroc_delong")
    for count, value in found.counts.as_json().items():
        definition = f"number of {_COUNTS[count]}{of}"
        sheet.add(f"{name}.counts.{count}", value, "images", definition, f"{pointer}/counts/{count}")


def _record_methods(sheet: Sheet, evaluation: Evaluation) -> None:
    """Every method; only the one in force was chosen beforehand, the others inform."""
    for place, row in enumerate(evaluation.methods):
        prefix = f"method.{row.score}.{row.method}.{row.calibration}"
        of = f", score {row.score}, threshold by {row.method} from {row.calibration} normals"
        pointer = f"/methods/{place}"
        sheet.add(f"{prefix}.threshold", row.threshold, "score", f"threshold{of}", f"{pointer}/threshold")
        text = f"whether the method may be used{of}"
        sheet.add(f"{prefix}.eligible", row.eligible, "1", text, f"{pointer}/eligible")
        text = f"score that the test images were judged at: the threshold, or its estimate where not eligible{of}"
        sheet.add(f"{prefix}.judged_at", row.judged_at, "score", text, f"{pointer}/judged_at")
        would = "promises" if row.eligible else "is not eligible and would promise"
        text = f"share of new normal parts that the method {would} to reject at most{of}"
        at = f"{pointer}/promised_false_reject_rate"
        sheet.add(f"{prefix}.promised", row.promised, "1", text, at)
        for metric in ("recall", "specificity", "accuracy"):
            definition = METRIC_DEFINITIONS[metric] + of
            at = f"{pointer}/metrics/{metric}"
            sheet.estimate(f"{prefix}.{metric}", row.metrics[metric], definition, at)
        definition = f"share of normal test images with a score that are rejected{of}"
        sheet.estimate(
            f"{prefix}.observed_false_reject_rate",
            row.false_rejects,
            definition,
            f"{pointer}/observed_false_reject_rate",
        )


def _record_promise(sheet: Sheet, evaluation: Evaluation) -> None:
    row = evaluation.promise
    text = "share of new normal parts that the method in force promises to reject"
    at = "/promise/promised_false_reject_rate"
    sheet.add(
        "promise.promised", row.promised, "1", text + ("" if row.promised else "; it promises nothing"), at
    )
    text = "confidence of the promised rate for this very threshold; none: it holds on average over calibration sets"
    sheet.add("promise.confidence", row.promise_confidence, "1", text, "/promise/promise_confidence")
    text = "the promise of the threshold in force, with its condition"
    sheet.add("promise.text", row.promise, "1", text, "/promise/promise")
    sheet.estimate(
        "promise.observed",
        row.false_rejects,
        "share of normal test images with a score that the threshold in force rejects",
        "/promise/observed_false_reject_rate",
    )
    text = (
        "whether the test split is compatible with the promised false-reject rate (lower bound not above it)"
    )
    sheet.add("promise.kept", promise_kept(row), "1", text, "/promise/kept")


def _record_subgroups(sheet: Sheet, evaluation: Evaluation) -> None:
    groups = list(evaluation.subgroups)
    names = subgroup_ids(groups)
    for place, (group, name) in enumerate(zip(groups, names, strict=True)):
        pointer = f"/subgroups/all/{place}"
        what = f"subgroup {group.column} = {group.value or '(not stated)'}"
        for figure, value in (
            ("images", group.counts.total),
            ("normal", group.counts.normal),
            ("defective", group.counts.defective),
        ):
            text = f"number of {'test' if figure == 'images' else figure + ' test'} images in {what}"
            sheet.add(f"{name}.{figure}", value, "images", text, f"{pointer}/{figure}")
        sheet.add(f"{name}.value", group.value, "1", f"value of {group.column}", f"{pointer}/value")
        for metric, found in (("recall", group.recall), ("specificity", group.specificity)):
            definition = f"{METRIC_DEFINITIONS[metric]}, {what}"
            sheet.estimate(f"{name}.{metric}", found, definition, f"{pointer}/{metric}")
    least = smallest(groups)
    described = None if least is None else f"{least.column} = {least.value or '(not stated)'}"
    text = "subgroup with the fewest test images: its bounds are the weakest statement"
    sheet.add("subgroups.smallest", described, "1", text, "/subgroups/smallest")
    count = 0 if least is None else least.counts.total
    sheet.add(
        "subgroups.smallest.images",
        count,
        "images",
        "its number of test images",
        "/subgroups/smallest/images",
    )
    absent = ", ".join(
        f"{group.column} = {group.value or '(not stated)'}" for group in without_images(groups)
    )
    text = "subgroups of the data set without any test image: nothing is known of them"
    sheet.add("subgroups.not_evaluable", absent or "none", "1", text, "/subgroups/not_evaluable")


def subgroup_ids(groups: list[Subgroup]) -> list[str]:
    """A record id for each subgroup: lower-case words; a number tells values apart that would read the same.

    Example:
        >>> from sealproof.evaluation.counts import ConfusionCounts
        >>> from sealproof.evaluation.intervals import not_evaluable
        >>> nothing = ConfusionCounts(0, 0, 0, 0), not_evaluable(""), not_evaluable("")
        >>> subgroup_ids([Subgroup("group_type", value, *nothing) for value in ("A b", "a-b", "")])
        ['subgroup.group_type.a-b', 'subgroup.group_type.a-b-2', 'subgroup.group_type.not-stated']
    """
    taken: dict[str, int] = {}
    names = []
    for group in groups:
        name = subgroup_id(group.column, group.value)
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name}-{taken[name]}")
    return names


def tracked_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Metrics for experiment tracking: `<score>.<metric>`, `.low` and `.high`, where there are any."""
    found = {}
    for name, result in evaluation.scores.items():
        for metric, estimate in result.metrics.items():
            for key, value in (("", estimate.value), (".low", estimate.low), (".high", estimate.high)):
                if value is not None:
                    found[f"{name}.{metric}{key}"] = value
    return found
