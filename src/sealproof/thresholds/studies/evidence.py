"""Evidence records of the simulation studies; each points into the copy that the threshold stage writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sealproof.evidence.records import Recorder
from sealproof.thresholds.studies.tail_answers import good_for

_SHOWN = "mean_sigma"
_WORST = {
    "distribution": ("1", "distribution of the cell"),
    "n": ("images", "number of normals (of training defects, for recall_bound) of the cell"),
    "promised": ("1", "rate that is promised there, mean over eligible data sets"),
    "observed": ("1", "true rate there, mean over eligible data sets"),
    "share_exceeding": ("1", "share of eligible data sets there whose true rate is above the promise"),
    "share_eligible": ("1", "share of data sets there on which the method is eligible"),
}
_COUNTS = {
    "cells": "number of cells (distribution and number of images) simulated",
    "kept": "number of cells in which the promise is kept within simulation error",
    "refused": "number of cells in which the method is eligible in fewer than 10 % of the data sets",
    "broken": "number of cells in which the promise is broken beyond simulation error",
}


def record_guarantees(recorder: Recorder, table: dict[str, Any], artefact: Path) -> None:
    """Record what documents print of the table of guarantees.

    Ids: `threshold.guarantees.<count>`, `.sentence`, `.broken_coverage`, `.<method>.<count>`,
    `.<method>.broken_without_rule`, `.<method>.worst.<field>`, and all rows of mean_sigma as
    `.mean_sigma.<distribution>.<n>.<field>`.

    Args:
        recorder: of the threshold stage.
        table: content of guarantees.json.
        artefact: the copy of guarantees.json among the stage's outputs.
    """
    found = table["summary"]

    def add(name: str, value: Any, unit: str, definition: str, pointer: str) -> None:
        text = f"{definition}, by simulation ({table['command']}, seed {table['seed']})"
        if value is None:
            text += "; none: no data set gave it"
        recorder.add(
            f"guarantees.{name}", value, unit=unit, definition=text, artefact=artefact, pointer=pointer
        )

    for key, words in _COUNTS.items():
        add(key, found[key], "1", f"{words}, all methods", f"/summary/{key}")
    add("sentence", found["sentence"], "1", "what the table of guarantees comes to", "/summary/sentence")
    words = "number of exact intervals and bounds that cover less than stated beyond simulation error"
    add("broken_coverage", found["broken_coverage"], "1", words, "/summary/broken_coverage")
    for method, counts in found["methods"].items():
        place = f"/summary/methods/{method}"
        for key, words in _COUNTS.items():
            add(f"{method}.{key}", counts[key], "1", f"{words}, method {method}", f"{place}/{key}")
        words = f"number of cells in which {method} without its eligibility rule would break its promise"
        key = "broken_without_rule"
        add(f"{method}.{key}", counts[key], "1", words, f"{place}/{key}")
        if counts["worst"] is not None:
            row = table["rows"][counts["worst"]]
            for key, (unit, words) in _WORST.items():
                text = f"{words} in which {method} comes closest to breaking its promise"
                add(f"{method}.worst.{key}", row[key], unit, text, f"/rows/{counts['worst']}/{key}")
    for index, row in enumerate(table["rows"]):
        if row["method"] == _SHOWN:
            _add_row(add, row, f"/rows/{index}")


def _add_row(add: Any, row: dict[str, Any], place: str) -> None:
    where = f"{row['method']} on {row['n']} normals of the distribution {row['distribution']}"
    name = f"{row['method']}.{row['distribution']}.{row['n']}"
    for key, words in (
        ("share_eligible", "share of data sets on which the method is eligible"),
        ("promised", "false-reject rate that is promised, mean over eligible data sets"),
        ("observed", "true false-reject rate, mean over eligible data sets"),
        ("verdict", "whether the promise is kept, the method refused, or the promise broken"),
    ):
        add(f"{name}.{key}", row[key], "1", f"{words}: {where}", f"{place}/{key}")
    for key, words in (
        ("promised", "false-reject rate that would be promised without the eligibility rule"),
        ("observed", "true false-reject rate without the eligibility rule, mean over all data sets"),
        ("verdict", "whether the promise would be kept without the eligibility rule"),
    ):
        value = row["without_rule"][key]
        add(f"{name}.without_rule.{key}", value, "1", f"{words}: {where}", f"{place}/without_rule/{key}")


def with_own_answer(study: dict[str, Any], own_n: int) -> dict[str, Any]:
    """evt_sample_size.json with `answers.own`: what the product's own number of held-out normals is good for."""
    return study | {"answers": study["answers"] | {"own": good_for(study, own_n)}}


def record_evt_study(recorder: Recorder, study: dict[str, Any], artefact: Path) -> None:
    """Record the answers of the sample-size study.

    Ids: `threshold.evt_study.sentence` (how many normals each quantile needs), `.needs.<place>.<field>` (place 0, 1,
    2: the rates 1 %, 0.1 %, 0.01 %), `.paper.sentence` (382 normals), `.own.sentence`, `.own.n`, and for both
    `.quantiles.<place>.<field>`.

    Args:
        recorder: of the threshold stage.
        study: from `with_own_answer`.
        artefact: its copy among the stage's outputs.
    """
    answers = study["answers"]

    def add(name: str, value: Any, unit: str, definition: str, pointer: str) -> None:
        text = f"{definition}, by simulation ({study['command']}, seed {study['seed']})"
        if value is None:
            text += "; none: more than the largest number simulated is needed"
        place = f"/answers/{pointer}"
        recorder.add(f"evt_study.{name}", value, unit=unit, definition=text, artefact=artefact, pointer=place)

    words = "how many normals the quantiles of extreme value theory need"
    add("sentence", answers["sentence"], "1", words, "sentence")
    for place, row in enumerate(answers["needs"]):
        _add_needs(add, place, row)
    for whose, n in (("paper", "the paper's 382 normals"), ("own", "the held-out normals of this product")):
        found = answers[whose]
        add(f"{whose}.sentence", found["sentence"], "1", f"what {n} are good for", f"{whose}/sentence")
        add(f"{whose}.n", found["n"], "images", f"number of normals: {n}", f"{whose}/n")
        for place, row in enumerate(found["quantiles"]):
            _add_quantile(add, f"{whose}/quantiles/{place}", row, n)


def _add_needs(add: Any, place: int, row: dict[str, Any]) -> None:
    base = f"needs/{place}"
    add(f"needs.{place}.rate", row["rate"], "1", "wanted false-reject rate", f"{base}/rate")
    for key, words in (
        ("rate_within_factor", "the realised rate lies within a factor of 2 of the wanted one"),
        ("threshold_close", "the threshold lies within 10 % of its distance from the median"),
    ):
        text = f"fewest simulated normals with which in 90 % of cases on every distribution {words}"
        add(f"needs.{place}.{key}", row[key], "images", text, f"{base}/{key}")


def _add_quantile(add: Any, base: str, row: dict[str, Any], n: str) -> None:
    for key, words in (
        ("rate", "wanted false-reject rate"),
        (
            "error_low",
            "lower end of the error of the threshold, of its distance from the median, 5 % of cases",
        ),
        (
            "error_high",
            "upper end of the error of the threshold, of its distance from the median, 95 % of cases",
        ),
        ("ratio_low", "realised over wanted rate, 5 % of cases"),
        ("ratio_high", "realised over wanted rate, 95 % of cases"),
        (
            "share_close",
            "share of cases in which the threshold lies within 10 % of its distance from the median",
        ),
        ("share_within_factor", "share of cases in which the realised rate lies within a factor of 2"),
        ("share_eligible", "share of cases in which evt_pot is eligible"),
    ):
        text = f"{words}, worst distribution, {n}"
        add(f"{base.replace('/', '.')}.{key}", row[key], "1", text, f"{base}/{key}")
