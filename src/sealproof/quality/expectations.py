"""The report for QA: Great Expectations checks the measured frame and every outcome, as Data Docs.

Two suites are validated. `images` holds the measured frame to its limits, image by image. `checks` has one
column a reason code with the number of its findings, expected to be 0, so that QA sees every check and its
result in one place, those that passed included. The context lives in memory, knows no network, and its
analytics are off.
"""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sealproof.evidence.telemetry import silence
from sealproof.quality.data_docs import clean_page
from sealproof.quality.examination import Examination
from sealproof.quality.findings import CHECKS, Finding, shown

SUITES = ("images", "checks")
#: Great Expectations wants a time for every run; the same one each time, and it is taken out of the pages
#: again.
_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_IDENTITY = ("image_id", "path", "split", "label", "width", "height", "mode", "sha256", "sha256_found")
_MEASURED = ("readable", "brightness", "contrast", "sharpness", "saturated", "perceptual_hash")
_COLUMNS = (*_IDENTITY, *_MEASURED)
_SEVERITY = {"error": "critical", "warning": "warning", "info": "info"}
_RESULT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["image_id"],
    "partial_unexpected_count": 20,
    "return_unexpected_index_query": False,
}


def image_frame(data: Examination) -> pd.DataFrame:
    """What Great Expectations sees: images that are not excluded, and all that cannot be read.

    Names are escaped, because Great Expectations puts them into its pages as they are.
    """
    rows = data.frame[~data.frame["excluded"] | ~data.frame["readable"]]
    names = {column: rows[column].map(html.escape).astype("string") for column in ("image_id", "path")}
    return rows[list(_COLUMNS)].assign(**names).round(9).reset_index(drop=True)


def check_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """One row, one column a reason code: the number of findings, missing where a check was not carried out.

    Example:
        >>> check_frame([]).loc[0, "blank_image"]
        np.int64(0)
    """
    listed = list(findings)
    return pd.DataFrame({code: pd.array([outcome(listed, code)], dtype="Int64") for code in CHECKS})


def outcome(findings: Iterable[Finding], code: str) -> int | None:
    """Number of findings of one check; None when it could not be carried out, which is never a pass.

    Example:
        >>> outcome([], "blank_image")
        0
    """
    own = [finding for finding in findings if finding.code == code]
    found = sum(finding.evaluated for finding in own)
    return found if found or all(finding.evaluated for finding in own) else None


def validate(data: Examination, findings: Sequence[Finding]) -> tuple[dict[str, bool], dict[str, str]]:
    """Run both suites and render them.

    Args:
        data: the data set.
        findings: what `sealproof.quality.run.run_checks` found in it.

    Returns:
        (suite -> whether every expectation was met, file name -> HTML page). Pages carry no time and no
        random id, need no network, and are the same for the same data.
    """
    silence()
    import great_expectations as gx

    frames = {"images": image_frame(data), "checks": check_frame(findings)}
    expectations = {
        "images": _image_expectations(data, len(frames["images"])),
        "checks": _check_expectations(findings),
    }
    context = _context(gx)
    source = context.data_sources.add_pandas("sealproof")
    success = {}
    for name in SUITES:
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations[name]))
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=batch, suite=suite)
        )
        success[name] = _run(gx, definition, frames[name])
    return success, _render(context)


def _context(gx: Any) -> Any:
    """A context in memory: no store on disk, no progress bars, no site but the one that is asked for."""
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    for site in list(context.list_data_docs_sites()):
        context.delete_data_docs_site(site)
    return context


def _run(gx: Any, definition: Any, frame: pd.DataFrame) -> bool:
    indexed = _RESULT if "image_id" in frame else _RESULT | {"unexpected_index_column_names": []}
    run_id = gx.RunIdentifier(run_name="check", run_time=_TIME)
    result = definition.run(batch_parameters={"dataframe": frame}, result_format=indexed, run_id=run_id)
    return bool(result.success)


def _render(context: Any) -> dict[str, str]:
    """Let Great Expectations build its site in a temporary folder, and take the pages out of it."""
    with tempfile.TemporaryDirectory() as folder:
        context.add_data_docs_site(
            "site",
            {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder},
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            },
        )
        context.build_data_docs()
        pages = {path: path.read_text(encoding="utf-8") for path in sorted(Path(folder).rglob("*.html"))}
        return {
            name: clean_page(text)
            for path, text in pages.items()
            if (name := _page_name(path.relative_to(folder).parts)) is not None
        }


def _page_name(parts: Sequence[str]) -> str | None:
    """The flat name of a page of the site; None for its index, which is replaced by our own.

    Example:
        >>> _page_name(("validations", "images", "check", "2000", "x.html"))
        'images.html'
        >>> _page_name(("expectations", "images.html"))
        'images-expectations.html'
    """
    if parts[0] == "validations":
        return f"{parts[1]}.html"
    return f"{Path(parts[-1]).stem}-expectations.html" if parts[0] == "expectations" else None


def _image_expectations(data: Examination, rows: int) -> list[Any]:
    """What every image must be like; the limits are those of the checks."""
    import great_expectations.expectations as gxe

    from sealproof.datasets.manifest import MODES, SPLITS

    limits = data.checks
    complete = [
        "image_id",
        "path",
        "split",
        "mode",
        "sha256",
        "brightness",
        "contrast",
        "sharpness",
        "saturated",
    ]
    between: Mapping[str, tuple[float | None, float | None]] = {
        "width": (limits.minimum_side, None),
        "height": (limits.minimum_side, None),
        "contrast": (limits.blank_deviation, None),
        "brightness": (limits.brightness.low, limits.brightness.high),
        "sharpness": (limits.sharpness_minimum, None),
        "saturated": (0.0, limits.saturated_maximum),
    }
    return [
        gxe.ExpectTableRowCountToEqual(value=rows),
        gxe.ExpectTableColumnsToMatchOrderedList(column_list=list(_COLUMNS)),
        gxe.ExpectColumnValuesToBeUnique(column="image_id"),
        gxe.ExpectColumnValuesToBeUnique(column="path"),
        *(gxe.ExpectColumnValuesToNotBeNull(column=column) for column in complete),
        gxe.ExpectColumnValuesToBeInSet(column="split", value_set=list(SPLITS)),
        gxe.ExpectColumnValuesToBeInSet(column="label", value_set=[0, 1]),
        gxe.ExpectColumnValuesToBeInSet(column="mode", value_set=[m for m in MODES if m != "unreadable"]),
        gxe.ExpectColumnValuesToBeInSet(column="readable", value_set=[True]),
        gxe.ExpectColumnPairValuesToBeEqual(column_A="sha256", column_B="sha256_found"),
        gxe.ExpectColumnValuesToMatchRegex(column="sha256", regex="^[0-9a-f]{64}$"),
        *(
            gxe.ExpectColumnValuesToBeBetween(
                column=column, min_value=low, max_value=high, strict_min=column == "contrast",
                severity="warning" if column in {"brightness", "sharpness", "saturated"} else "critical",
            )
            for column, (low, high) in between.items()
        ),
    ]  # fmt: skip


def _check_expectations(findings: Sequence[Finding]) -> list[Any]:
    """No findings for each reason code, and every check carried out."""
    import great_expectations.expectations as gxe

    expectations = []
    for code, check in CHECKS.items():
        own = [finding for finding in findings if finding.code == code]
        severity = _SEVERITY[own[0].severity] if own else "critical"
        text = _plain(" ".join([f"{check.question} Expected: no finding.", *map(_sentence, own)]))
        if outcome(findings, code) is None:
            expectations.append(
                gxe.ExpectColumnValuesToNotBeNull(column=code, severity=severity, description=text)
            )
        else:
            expectations.append(
                gxe.ExpectColumnValuesToBeBetween(
                    column=code, min_value=0, max_value=0, severity=severity, description=text
                )
            )
    return expectations


def _plain(text: str) -> str:
    """Text that Great Expectations, which escapes nothing and fills in `$names`, shows as it is.

    Example:
        >>> _plain("<b> costs $5")
        '&lt;b&gt; costs &#36;5'
    """
    return html.escape(text).replace("$", "&#36;")


def _sentence(finding: Finding) -> str:
    where = f" ({'; '.join(shown(finding.where, 5))})" if finding.where else ""
    found = f"{finding.severity.capitalize()}: {finding.what}{where}."
    return f"{found} Expected {finding.expected}; observed {finding.observed}."
