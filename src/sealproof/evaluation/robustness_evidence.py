"""Evidence records of robustness."""

from __future__ import annotations

from pathlib import Path

from sealproof.evaluation.robustness_result import METRICS, Cell, Robustness, Series, severity_key
from sealproof.evaluation.sheet import Sheet
from sealproof.evidence.records import Recorder

_METRICS = {
    "recall": "share of the defective test images that are rejected; an undecided one counts as missed",
    "specificity": "share of the normal test images that are accepted; an undecided one counts as rejected",
    "auroc": "chance that a defective test image scores above a normal one; undecided counts against the detector",
    "undecided": "share of the test images without a verdict",
}
_JUDGED = "every acceptance criterion on recall, specificity and AUROC"
_FIGURES = (
    ("declared", "1", "whether the product declares an acquisition envelope"),
    ("statement", "1", f"up to which amount of each disturbance by itself {_JUDGED} holds on its bound"),
    ("images", "images", "test images that were disturbed, each in every way and at every severity"),
    ("test_images", "images", "images of the test split"),
    (
        "criteria_lost_inside",
        "criteria",
        "acceptance criteria that hold undisturbed and fail inside the envelope",
    ),
)
_CLASSES = {"defective": "rejected", "normal": "accepted"}


def record_robustness(recorder: Recorder, found: Robustness, artefact: Path) -> None:
    """Record what a document may print of robustness.json.

    Ids: `evaluate.robustness.<figure>`; `evaluate.robustness.undisturbed.<metric>`;
    `evaluate.robustness.<disturbance>.<severity>.<metric>` (severity as `1_0`) with `.low` and `.high`,
    `.amount` and `.loss.<class>`; `evaluate.robustness.<disturbance>.limit`;
    `evaluate.robustness.<disturbance>.<criteria_hold_up_to|no_loss_up_to>` with `.severity` and `.reason`.

    Args:
        recorder: of the stage evaluate.
        found: what was found.
        artefact: robustness.json.
    """
    sheet = Sheet(recorder, artefact, found.rule.confidence)
    content = found.as_json()
    for name, unit, text in _FIGURES:
        sheet.add(f"robustness.{name}", content[name], unit, text, f"/{name}")
    if found.undisturbed is not None:
        _record_cell(sheet, found.undisturbed, "undisturbed", "undisturbed", "/undisturbed")
    for series in found.series:
        _record_series(sheet, series)


def _record_series(sheet: Sheet, series: Series) -> None:
    name, pointer, unit = f"robustness.{series.name}", f"/disturbances/{series.name}", series.unit
    sheet.add(f"{name}.limit", series.limit, unit, f"declared limit: {series.meaning}", f"{pointer}/limit")
    no_loss = (
        "no class loses right verdicts by a one-sided exact McNemar test against the undisturbed images at "
        f"p <= {1 - sheet.confidence:.2g}, each test on its own,"
    )
    for key, reach, text in (
        ("criteria_hold_up_to", series.criteria, f"{_JUDGED} holds"),
        ("no_loss_up_to", series.no_loss, no_loss),
    ):
        what = f"largest amount tested of {series.name} up to which {text} without a gap; {reach.reason}"
        sheet.add(f"{name}.{key}", reach.amount, unit, what, f"{pointer}/{key}/amount")
        text = f"the same as a multiple of the declared limit, 0 when it fails at the smallest tested; {reach.reason}"
        sheet.add(f"{name}.{key}.severity", reach.severity, "1", text, f"{pointer}/{key}/severity")
        text = f"what ends that range of {series.name}, or why there is none"
        sheet.add(f"{name}.{key}.reason", reach.reason, "1", text, f"{pointer}/{key}/reason")
    for cell in series.cells:
        key, place = severity_key(cell.severity), f"{pointer}/cells/{severity_key(cell.severity)}"
        of = f"{series.name} of {cell.amount:g} {unit} ({cell.severity:g} times the declared limit)"
        sheet.add(
            f"{name}.{key}.amount",
            cell.amount,
            unit,
            f"amount of {series.name} at this severity",
            f"{place}/amount",
        )
        _record_cell(sheet, cell, f"{series.name}.{key}", of, place)


def _record_cell(sheet: Sheet, cell: Cell, name: str, of: str, pointer: str) -> None:
    for metric in METRICS:
        sheet.estimate(
            f"robustness.{name}.{metric}",
            cell.metrics[metric],
            f"{_METRICS[metric]}; {of}",
            f"{pointer}/metrics/{metric}",
        )
    for group, loss in cell.loss.items():
        text = (
            f"{group} test images that are {_CLASSES[group]} undisturbed and no longer with {of}; {loss.gained} the "
            f"other way round; one-sided exact McNemar test p = {loss.p_value:.2g}"
        )
        sheet.add(
            f"robustness.{name}.loss.{group}", loss.lost, "images", text, f"{pointer}/loss/{group}/lost"
        )
