"""Evidence records of what the verdicts in force prove: plan, predictive values, reliabilities, human inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sealproof.evaluation.intervals import Estimate
from sealproof.evaluation.noninferiority import METRICS
from sealproof.evaluation.predictive import NAMES, NO_PREVALENCE
from sealproof.evaluation.sheet import Sheet

Content = Mapping[str, Any]
_PREDICTIVE = {
    "positive": "share of defective parts among those that would be rejected in the field",
    "negative": "share of normal parts among those that would be accepted in the field",
}
_PLAN = {
    "units": ("images", "number of test images behind the criterion, known before the test set was opened"),
    "strongest": ("1", "best bound that so many images can give, with no failure at all"),
    "limit": ("1", "limit of the criterion"),
    "failures_allowed": ("images", "number of failures with which the bound would still meet the limit"),
    "units_needed": ("images", "fewest images that could carry the criterion, with no failure at all"),
    "carried": ("1", "whether the test set is large enough to prove the criterion"),
}
_RELIABILITY = {
    "units": ("images", "number of test images"),
    "failures": ("images", "number of test images not judged rightly, undecided ones among them"),
    "reliability": ("1", "one-sided exact lower bound"),
    "statement": ("1", "the bound as a statement with its confidence, rounded down"),
}
_SHARES = {"recall": "defective parts that are rejected", "specificity": "normal parts that are accepted"}


def record_claims(sheet: Sheet, content: Content, subgroups: Sequence[str]) -> None:
    """Record the sections `plan`, `predictive`, `reliability` and `non_inferiority` of evaluation.json.

    Ids: `evaluate.plan.<ac-id>.<figure>`; `evaluate.predictive.<positive|negative>` with `.low` and `.high`;
    `evaluate.reliability.<metric>.<figure>`, `evaluate.reliability.<subgroup>.<metric>.<figure>`,
    `evaluate.reliability.smallest.<metric>.<figure>`; `evaluate.non_inferiority.<metric>.<figure>`.

    Args:
        sheet: of evaluation.json.
        content: of evaluation.json.
        subgroups: record id of each subgroup, in the order of the subgroups.
    """
    if content["plan"] is not None:
        _record_plan(sheet, content["plan"])
    _record_predictive(sheet, content["predictive"])
    _record_reliability(sheet, content["reliability"], subgroups)
    _record_noninferiority(sheet, content["non_inferiority"])


def _record_plan(sheet: Sheet, plan: Content) -> None:
    text = "confidence of one side of the two-sided bounds that the acceptance criteria act on"
    sheet.add(
        "plan.one_sided_confidence", plan["one_sided_confidence"], "1", text, "/plan/one_sided_confidence"
    )
    for name, row in plan["criteria"].items():
        why = f"; {row['reason']}" if row["reason"] else ""
        of = f", acceptance criterion {name} ({row['bound']} bound){why}"
        for figure, (unit, words) in _PLAN.items():
            pointer = f"/plan/criteria/{name}/{figure}"
            sheet.add(f"plan.{name.lower()}.{figure}", row[figure], unit, words + of, pointer)


def _record_predictive(sheet: Sheet, found: Content) -> None:
    text = "share of defective parts in the field, as the manufacturer gives it"
    missing = "" if found["provided"] else f"; {NO_PREVALENCE}"
    at = "/predictive/field_prevalence"
    sheet.add("predictive.field_prevalence", found["field_prevalence"], "1", text + missing, at)
    for name in NAMES:
        words = f"{_PREDICTIVE[name]}, at the field prevalence and the recall and specificity in force"
        sheet.estimate(f"predictive.{name}", Estimate(**found[name]), words, f"/predictive/{name}")


def _record_reliability(sheet: Sheet, found: Content, subgroups: Sequence[str]) -> None:
    text = "one-sided confidence of each statement of reliability"
    sheet.add("reliability.confidence", found["confidence"], "1", text, "/reliability/confidence")
    for metric in METRICS:
        _record_one(sheet, f"reliability.{metric}", found[metric], metric, "", f"/reliability/{metric}")
        least = found["smallest"][metric]
        if least is not None:
            where = f"{least['column']} = {least['value'] or '(not stated)'}"
            of, pointer = f", smallest subgroup {where}", f"/reliability/smallest/{metric}"
            for key in ("column", "value"):
                words = f"{key} of the subgroup with the fewest such test images"
                sheet.add(f"reliability.smallest.{metric}.{key}", least[key], "1", words, f"{pointer}/{key}")
            _record_one(sheet, f"reliability.smallest.{metric}", least, metric, of, pointer)
    for place, (name, row) in enumerate(zip(subgroups, found["subgroups"], strict=True)):
        of = f", subgroup {row['column']} = {row['value'] or '(not stated)'}"
        for metric in METRICS:
            pointer = f"/reliability/subgroups/{place}/{metric}"
            _record_one(sheet, f"reliability.{name}.{metric}", row[metric], metric, of, pointer)


def _record_one(sheet: Sheet, name: str, row: Content, metric: str, of: str, pointer: str) -> None:
    why = f"; not evaluable: {row['reason']}" if "reason" in row else ""
    for figure, (unit, words) in _RELIABILITY.items():
        text = f"{words}, for the share of {_SHARES[metric]}{of}{why}"
        sheet.add(f"{name}.{figure}", row[figure], unit, text, f"{pointer}/{figure}")


def _record_noninferiority(sheet: Sheet, found: Content) -> None:
    texts = {
        "provided": "whether the manufacturer says how the inspection does that is replaced",
        "not_applicable": "reason of the manufacturer why there is nothing to compare with",
        "margin": "largest loss that the manufacturer tolerates",
        "source": "source of the figures of human inspection, as the manufacturer gives it",
        "confidence": "one-sided confidence of the lower bounds",
    }
    for figure, text in texts.items():
        sheet.add(f"non_inferiority.{figure}", found[figure], "1", text, f"/non_inferiority/{figure}")
    for metric in METRICS:
        row, name, pointer = found[metric], f"non_inferiority.{metric}", f"/non_inferiority/{metric}"
        why = f"; not evaluable: {row['reason']}" if row["reason"] else ""
        for side in ("machine", "human"):
            for figure, unit in (("right", "images"), ("units", "images"), ("share", "1")):
                if row[side] is not None:
                    words = f"{_FIGURES[figure]} {_SHARES[metric]}, {_SIDES[side]}"
                    sheet.add(
                        f"{name}.{side}.{figure}",
                        row[side][figure],
                        unit,
                        words,
                        f"{pointer}/{side}/{figure}",
                    )
        for figure, words in (
            ("difference", f"share of {_SHARES[metric]}, detector minus human inspection"),
            ("low", f"lower bound of the difference ({found['method']})"),
            ("shown", "whether the lower bound lies above minus the margin: no worse than human inspection"),
        ):
            sheet.add(f"{name}.{figure}", row[figure], "1", f"{words}, {metric}{why}", f"{pointer}/{figure}")


_FIGURES = {"right": "number of", "units": "number of parts behind the share of", "share": "share of"}
_SIDES = {"machine": "detector on the test split", "human": "inspection that is replaced"}
