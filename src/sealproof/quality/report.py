"""What the check stage leaves behind: findings.json, records, Data Docs and a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.markup import escape
from rich.table import Table

from sealproof.datasets.recording import slugs
from sealproof.evidence.records import Recorder
from sealproof.quality.confounding import Association, associations
from sealproof.quality.data_docs import index_page, mark_simulated, write_site
from sealproof.quality.drift import DriftTest, drift_tests
from sealproof.quality.examination import Examination
from sealproof.quality.expectations import outcome, validate
from sealproof.quality.findings import CHECKS, Finding, as_json, count

MEASURES = {
    "brightness": "mean grey value of an image, 0 black to 1 white",
    "contrast": "standard deviation of the grey values of an image, 0 to 0.5",
    "sharpness": "variance of the Laplacian of an image, grey values 0 to 1",
    "saturated": "share of pixels of an image at the top of the scale",
}
_QUANTILES = {"minimum": 0.0, "median": 0.5, "maximum": 1.0}
_COLOUR = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def content(data: Examination, findings: Sequence[Finding]) -> dict[str, Any]:
    """The content of `findings.json`.

    Returns:
        - `images`: images that were checked; `simulated`: whether any shows no real product;
        - `counts`: findings of each severity;
        - `checks`: reason code -> question, reason, findings (null when it could not be carried out), worst
            severity;
        - `findings`: all of them, in full, most severe first;
        - `measured`: split -> measure -> minimum, median, maximum, and `images`;
        - `associations`: subgroup against class; `drift`: comparisons of splits;
        - `limits`: the settings of the checks.
    """
    return {
        "images": len(data.frame),
        "simulated": bool(data.manifest["simulated"].any()),
        "counts": count(findings),
        "checks": {code: _outcome(findings, code) for code in CHECKS},
        "findings": [as_json(finding) for finding in findings],
        "measured": _measured(data),
        "associations": [_association(found) for found in associations(data)],
        "drift": [_drift(test) for test in drift_tests(data)],
        "limits": data.checks.model_dump(),
    }


def _outcome(findings: Sequence[Finding], code: str) -> dict[str, Any]:
    own = [finding for finding in findings if finding.code == code]
    return {
        "question": CHECKS[code].question,
        "reason": CHECKS[code].reason,
        "findings": outcome(findings, code),
        "severity": own[0].severity if own else None,
    }


def _measured(data: Examination) -> dict[str, Any]:
    frame = data.pictures
    parts = {"all": frame, **{str(name): part for name, part in frame.groupby("split")}}
    return {name: {"images": len(part), **_summary(part)} for name, part in parts.items() if len(part)}


def _summary(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    return {m: {q: _short(float(frame[m].quantile(p))) for q, p in _QUANTILES.items()} for m in MEASURES}


def _association(found: Association) -> dict[str, Any]:
    return {
        "pool": found.pool,
        "column": found.column,
        "counts": found.counts,
        "cramers_v": None if found.cramers_v is None else _short(found.cramers_v),
        "p_value": None if found.p_value is None else _short(found.p_value),
    }


def _drift(test: DriftTest) -> dict[str, Any]:
    numbers = {key: _short(getattr(test, key)) for key in ("statistic", "p_value", "adjusted")}
    return asdict(test) | {"sizes": list(test.sizes)} | numbers


def _short(value: float) -> float:
    """Six significant digits: what lies behind them differs between processors.

    Example:
        >>> _short(0.123456789)
        0.123457
    """
    return float(f"{value:.6g}")


def record(recorder: Recorder, facts: dict[str, Any], path: Path) -> None:
    """Record what a document may print.

    `images`, `errors`, `warnings`, `infos`, one record a reason code, `measured.<measure>.<quantile>`,
    `cramers-v.<pool>.<column>`, `drift.<split>.<measure>.p-value`.

    Args:
        recorder: of the check stage.
        facts: as `content` gives it.
        path: the findings as written.
    """

    def add(name: str, value: Any, unit: str, definition: str, pointer: str) -> None:
        recorder.add(name, value, unit=unit, definition=definition, artefact=path, pointer=pointer)

    add("images", facts["images"], "images", "images that were checked, excluded ones included", "/images")
    for severity, meaning in (
        ("error", "stop the pipeline"),
        ("warning", "go on record"),
        ("info", "are told"),
    ):
        definition = f"findings of severity {severity}, which {meaning}"
        add(f"{severity}s", facts["counts"][severity], "findings", definition, f"/counts/{severity}")
    for code, told in facts["checks"].items():
        missing = "; could not be carried out, see the finding" if told["findings"] is None else ""
        definition = f"number of findings: {told['question']}{missing}"
        add(code, told["findings"], "findings", definition, f"/checks/{code}/findings")
    for measure, definition in MEASURES.items():
        for name, value in facts["measured"].get("all", {}).get(measure, {}).items():
            text = f"{name} over all images that are neither excluded nor blank: {definition}"
            add(f"measured.{measure}.{name}", value, "1", text, f"/measured/all/{measure}/{name}")
    _record_tests(add, facts)


def _record_tests(add: Any, facts: dict[str, Any]) -> None:
    names = slugs({found["column"] for found in facts["associations"]})
    for index, found in enumerate(facts["associations"]):
        text = (
            f"bias-corrected Cramer's V of {found['column']} and class in {found['pool']}, 0 independent to 1"
        )
        text += "" if found["cramers_v"] is not None else "; not evaluable: one subgroup or one class only"
        name = f"cramers-v.{found['pool']}.{names[found['column']]}"
        add(name, found["cramers_v"], "1", text, f"/associations/{index}/cramers_v")
    for index, test in enumerate(facts["drift"]):
        pair = f"{test['first']} against {test['second']}"
        text = f"Kolmogorov-Smirnov p-value, Holm-corrected for all tests: {test['measure']} of {pair}"
        add(
            f"drift.{test['first']}.{test['measure']}.p-value",
            test["adjusted"],
            "1",
            text,
            f"/drift/{index}/adjusted",
        )


def write_data_docs(
    folder: Path, data: Examination, findings: Sequence[Finding], facts: dict[str, Any], product: str
) -> None:
    """Validate with Great Expectations and write the Data Docs: index.html and two pages a suite.

    Raises:
        OutputError: the folder cannot be written.
    """
    success, pages = validate(data, findings)
    pages |= {"index.html": index_page(facts, findings, product, success)}
    if facts["simulated"]:
        pages = {name: mark_simulated(page) for name, page in pages.items()}
    write_site(folder, pages)


def findings_table(findings: Sequence[Finding], images: int) -> Table:
    """The findings as a table for the terminal, one colour a severity."""
    told = count(findings)
    title = f"{images} images: {told['error']} errors, {told['warning']} warnings, {told['info']} notes"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, show_lines=False)
    for column in ("severity", "check", "finding", "observed"):
        table.add_column(column, no_wrap=column in {"severity", "check"}, overflow="fold")
    for finding in findings:
        colour = _COLOUR[finding.severity]
        cells = (finding.severity, finding.code, finding.what, finding.observed)
        table.add_row(
            *(f"[{colour}]{escape(cell)}[/]" if n < 2 else escape(cell) for n, cell in enumerate(cells))
        )
    if not findings:
        table.add_row("", "", f"all {len(CHECKS)} checks passed", "")
    return table
