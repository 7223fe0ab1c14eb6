"""The paper's tables with ours beside: every value with the data it was obtained on and the file it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sealproof.benchmark.paper import WITHOUT_THRESHOLD, Paper, PaperRow, PaperTable, Reference, reference
from sealproof.benchmark.result import Result
from sealproof.benchmark.statistics import Spread, spread
from sealproof.evaluation.counts import rates

#: Calibrations, as reports name them.
CALIBRATIONS = {
    "training": "threshold: training scores, the paper's way",
    "held-out": "threshold: held-out normals",
}
#: cell -> results by seed, in the order of the seeds
Results = Mapping[str, Sequence[Result]]


@dataclass(frozen=True)
class Value:
    """One figure of a table.

    Attributes:
        spread: over seeds; None where there is none.
        reason: why not; empty otherwise.
    """

    spread: Spread | None
    reason: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a printed table.

    Attributes:
        whose: `paper` or `ours`.
        data: what the values were obtained on.
        way: how the threshold came about; empty where there is none, or the paper's.
        values: one a column.
        origin: files and rows, or a remark on the paper's values.
    """

    whose: str
    data: str
    way: str
    values: tuple[Value | float | None, ...]
    origin: str


@dataclass(frozen=True)
class Block:
    """A row of the paper with its lines.

    Attributes:
        reasons: why values of ours are missing, each once.
    """

    name: str
    lines: tuple[Line, ...]
    remark: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of the paper, rebuilt."""

    number: int
    title: str
    caption: str
    note: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]


def rebuild(paper: Paper, results: Results, product: str, confidence: float) -> list[Table]:
    """All tables of the paper, ours beside.

    Args:
        paper: its tables.
        results: of the cells that were run.
        product: what they were run on.
        confidence: of the bounds of means.
    """
    return [
        Table(
            number=table.number,
            title=table.title,
            caption=table.caption,
            note=table.note.strip(),
            columns=tuple(column.name for column in table.columns),
            blocks=tuple(_block(paper, table, row, results, product, confidence) for row in table.rows),
        )
        for table in paper.tables
    ]


def _block(
    paper: Paper, table: PaperTable, row: PaperRow, results: Results, product: str, confidence: float
) -> Block:
    lines = (
        [Line("paper", paper.data.split(" ")[0], "", row.values, f"Table {table.number}")]
        if row.values
        else []
    )
    found = [reference(table, row, column) for column in table.columns]
    ours = list(_ours([item for item in found if item is not None], results, product, confidence))
    values = [value for line in ours for value in line.values if isinstance(value, Value)]
    if any(value.spread for value in values):  # lines of dashes alone say less than the reason
        lines += ours
    printed = ", ".join("none" if value is None else f"{value:.3f}" for value in row.printed)
    remarks = [
        f"Corrected: {row.correction}. Printed: {printed}." if row.correction else "",
        f"Impossible as printed: {row.impossible}." if row.impossible else "",
        "" if row.ours else "No counterpart here.",
    ]
    reasons = dict.fromkeys(value.reason for value in values if value.reason)
    return Block(row.name, tuple(lines), " ".join(remark for remark in remarks if remark), tuple(reasons))


def _ours(wanted: list[Reference], results: Results, product: str, confidence: float) -> Iterator[Line]:
    if not wanted:
        return
    judged = any(item.metric not in WITHOUT_THRESHOLD for item in wanted)
    for calibration, way in CALIBRATIONS.items() if judged else [("", "")]:
        values = tuple(value_of(item, calibration, results, confidence) for item in wanted)
        yield Line("ours", product, way, values, _origin(wanted, results))


def _origin(wanted: list[Reference], results: Results) -> str:
    parts: dict[str, None] = {}
    for item in wanted:
        seeds = [result.seed for result in results.get(item.cell, ())]
        seeds = seeds if item.run is None else seeds[item.run - 1 : item.run]
        numbers = ", ".join(map(str, seeds)) or "none"
        method = f" {item.method}" if item.method else ""
        parts[f"{item.cell} (seeds {numbers}): {item.scoring}, {item.score}{method}"] = None
    names = list(parts)
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more alike"


def value_of(wanted: Reference, calibration: str, results: Results, confidence: float) -> Value:
    """Our value of a reference over all seeds, or why there is none."""
    found = results.get(wanted.cell)
    if not found:
        return Value(None, f"cell {wanted.cell} was not run")
    if wanted.run is not None:
        if wanted.run > len(found):
            return Value(None, f"there are {len(found)} seeds")
        found = found[wanted.run - 1 : wanted.run]
    values = []
    for result in found:
        value, reason = _one(wanted, calibration, result)
        if value is None:
            return Value(None, f"seed {result.seed}: {reason}")
        values.append(value)
    return Value(spread(values, confidence))


def _one(wanted: Reference, calibration: str, result: Result) -> tuple[float | None, str]:
    """(value, why there is none) in one result."""
    refused = result.score(wanted.scoring, "")
    if refused is not None:
        return None, f"refused: {refused.refused}"
    row = result.score(wanted.scoring, wanted.score)
    if row is None:
        return None, f"{wanted.scoring}, {wanted.score} was not scored"
    if wanted.metric == "auroc":
        value = None if row.auroc is None else row.auroc.value
        return value, "there is no area"
    if wanted.metric in ("ms_batch_1", "ms_batch"):
        times = result.measured.times[wanted.scoring]
        return (times.batch_1_ms if wanted.metric == "ms_batch_1" else times.batch_ms), ""
    verdict = result.verdict(wanted.scoring, wanted.score, str(wanted.method), calibration)
    if verdict is None or verdict.judged_at is None:
        return None, f"{wanted.method} gives no threshold" + (f": {verdict.reason}" if verdict else "")
    return rates(verdict.confusion)[wanted.metric], "the rate has no denominator (no image was rejected)"
