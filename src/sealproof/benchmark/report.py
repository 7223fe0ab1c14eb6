"""What the report prints, from result files, the declaration and the paper's tables alone: texts, no arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sealproof.benchmark import printing as show
from sealproof.benchmark.cells import Benchmark, Cell
from sealproof.benchmark.measuring import INSIDE
from sealproof.benchmark.paper import Paper
from sealproof.benchmark.result import Result, read_results
from sealproof.benchmark.summary import Comparison, Overview, compare, overview
from sealproof.benchmark.tables import Block, Line, Table, rebuild
from sealproof.benchmark.workspace import CellWorkspace
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import sha256_file, sha256_json

SIMULATED = "simulated images - not evidence about a real product"
_METHODS = {
    "mean_sigma": "mean + {sigmas:g} sigma",
    "percentile": "{percentile:g}th percentile",
    "conformal": "conformal, {false_reject_rate:.0%}",
    "supervised_accuracy": "supervised, accuracy",
}


@dataclass(frozen=True)
class Report:
    """Everything that the page and the PDF have in common.

    Attributes:
        context: for the template.
        overviews: for the figures.
        reference: name of the cell that others are compared with.
        identifier: the same for the same content.
    """

    context: Mapping[str, Any]
    overviews: tuple[Overview, ...]
    reference: str
    identifier: str


def selected(benchmark: Benchmark, product: str, seeds: int | None, only: str) -> list[Cell]:
    """The cells that a run or a report is about, cell by cell, seed by seed.

    Args:
        seeds: how many of the declared ones; None: as many as are committed of each cell.
        only: a pattern of cell names; `*` for all.

    Raises:
        DefinitionError: unknown product, an impossible number of seeds, or a pattern that no cell fits.
    """
    chosen = benchmark.seeds(product, seeds)
    names = [name for name in benchmark.file.names if fnmatchcase(name, only)]
    if not names:
        raise DefinitionError(
            f"no cell fits {only!r}",
            where="--only",
            why=f"declared are {', '.join(benchmark.file.names)}",
            mend="correct the pattern, for example 'padim*'",
        )
    fewer = benchmark.file.fewer.get(product, {}) if seeds is None else {}
    return [benchmark.cell(product, name, seed) for name in names for seed in chosen[: fewer.get(name)]]


def build(benchmark: Benchmark, product: str, seeds: int | None, only: str) -> Report:
    """Read the results and lay out every figure.

    Raises:
        DefinitionError, EvidenceMissingError, EvidenceAlteredError: as `read_results` and `selected`.
    """
    cells = selected(benchmark, product, seeds, only)
    found = read_results(benchmark.root, cells)
    by_cell: dict[str, list[Result]] = {}
    for cell in cells:
        by_cell.setdefault(cell.name, []).append(found[cell.id])
    confidence = benchmark.file.thresholds.confidence
    overviews = tuple(overview(results, confidence) for results in by_cell.values())
    reference = next((item for item in overviews if item.name == benchmark.file.reference), None)
    others = [item for item in overviews if item is not reference]
    comparisons = [compare(item, reference, confidence) for item in others] if reference else []
    tables = rebuild(Paper.load(benchmark.root), by_cell, product, confidence)
    context = _context(benchmark, product, cells, overviews, comparisons, tables)
    return Report(
        context=context,
        overviews=overviews,
        reference=benchmark.file.reference,
        identifier=sha256_json([context["provenance"], context["tables"]]),
    )


def _context(
    benchmark: Benchmark,
    product: str,
    cells: Sequence[Cell],
    overviews: Sequence[Overview],
    comparisons: Sequence[Comparison],
    tables: Sequence[Table],
) -> dict[str, Any]:
    first = overviews[0].results[0]
    thresholds = benchmark.file.thresholds
    methods = {name: text.format(**thresholds.model_dump()) for name, text in _METHODS.items()}
    return {
        "product": product,
        "seeds": sorted({cell.seed for cell in cells}),
        "simulated": first.images.simulated,
        "simulated_mark": SIMULATED,
        "source": first.images.source,
        "licence": first.images.licence,
        "images": first.images,
        "training": _training_counts(overviews),
        "confidence": f"{thresholds.confidence:.0%}",
        "reference": benchmark.file.cells[benchmark.file.reference].title,
        "inside": INSIDE,
        "batch": first.measured.batch,
        "detectors": [_detector(number, item) for number, item in enumerate(overviews, start=1)],
        "methods": list(methods.values()),
        "errors": [row for item in overviews for row in _errors(item, methods)],
        "comparisons": [_comparison(item) for item in comparisons],
        "tables": [_table(table) for table in tables],
        "scores": [row for item in overviews for row in _scores(item)],
        "provenance": [
            _provenance(benchmark.root, item, cells) for cell in overviews for item in cell.results
        ],
        "machines": sorted({_machine(result) for cell in overviews for result in cell.results}),
    }


def _training_counts(overviews: Sequence[Overview]) -> list[dict[str, Any]]:
    """How many images each configuration learns from and is calibrated on; those with the same counts together."""
    groups: dict[tuple[int, int, int], list[str]] = {}
    for item in overviews:
        images = item.results[0].images
        groups.setdefault((images.train, images.calibration, images.tuning), []).append(item.title)
    return [
        {"train": train, "calibration": calibration, "tuning": tuning, "titles": titles}
        for (train, calibration, tuning), titles in groups.items()
    ]


def _detector(number: int, item: Overview) -> dict[str, str]:
    return {
        "number": str(number),
        "title": item.title,
        "score": item.score,
        "auroc": show.mean_and_range(item.auroc),
        "interval": _interval(item),
        "ms_1": show.mean_and_range(item.ms_batch_1, 1),
        "ms_batch": show.mean_and_range(item.ms_batch, 1),
        "fit": show.digits(item.fit_seconds.mean, 1),
        "memory": f"{item.memory.largest:.0f}",
        "size": show.size(item.size.largest),
    }


def _interval(item: Overview) -> str:
    """The t-interval of the mean area, cut at 0 and 1: an area cannot lie beyond."""
    low, high = item.auroc.low, item.auroc.high
    return show.NONE if low is None or high is None else show.bounds(max(low, 0.0), min(high, 1.0))


def _errors(item: Overview, methods: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A line a method and seed: recall and specificity with exact bounds."""
    areas = {result.seed: result.score(item.scoring, item.score) for result in item.results}
    for method, rows in item.judged.items():
        for judged in rows:
            area = areas[judged.seed]
            found = None if area is None else area.auroc
            yield {
                "title": item.title,
                "method": methods[method] + ("" if judged.row.eligible else " *"),
                "seed": str(judged.seed),
                "auroc": show.NONE
                if found is None or found.value is None
                else f"{show.digits(found.value)} ({show.bounds(found.low, found.high)})",
                "recall": show.estimate(judged.rates.get("recall")),
                "specificity": show.estimate(judged.rates.get("specificity")),
                "accuracy": show.estimate(judged.rates.get("accuracy")),
            }


def _comparison(item: Comparison) -> dict[str, Any]:
    return {
        "title": item.title,
        "verdict": item.verdict,
        "seeds": [
            {
                "seed": str(seed),
                "areas": f"{show.digits(pair.first)}, {show.digits(pair.second)}",
                "difference": f"{pair.difference:+.3f}",
                "bounds": show.NONE if pair.low is None else f"{pair.low:+.3f} to {pair.high:+.3f}",
                "p": show.p_value(pair),
            }
            for seed, pair in item.by_seed.items()
        ],
    }


def _table(table: Table) -> dict[str, Any]:
    number = 1 if "milliseconds" in table.caption else 3
    return {
        "number": table.number,
        "title": table.title,
        "caption": table.caption,
        "note": table.note,
        "columns": table.columns,
        "blocks": [_block(block, number) for block in table.blocks],
    }


def _block(block: Block, number: int) -> dict[str, Any]:
    return {
        "name": block.name,
        "remark": block.remark,
        "reasons": block.reasons,
        "lines": [_line(line, number) for line in block.lines],
    }


def _line(line: Line, number: int) -> dict[str, Any]:
    return {
        "whose": line.whose,
        "data": line.data,
        "way": line.way,
        "values": [show.cell(value, number) for value in line.values],
        "origin": line.origin,
    }


def _scores(item: Overview) -> Iterator[dict[str, str]]:
    """Every score of every scoring of a cell: mean areas on the test split and on development images."""
    for row in item.results[0].scores:
        rows = [found for result in item.results if (found := result.score(row.scoring, row.score))]
        yield {
            "title": item.title,
            "scoring": row.scoring,
            "score": row.score or "refused",
            "test": _over(
                [found.auroc.value for found in rows if found.auroc is not None], len(item.results)
            ),
            "development": _over(
                [found.development.value for found in rows if found.development is not None],
                len(item.results),
            ),
            "refused": row.refused,
        }


def _over(values: Sequence[float | None], seeds: int) -> str:
    known = [value for value in values if value is not None]
    if len(known) < seeds:
        return show.NONE
    text = show.digits(sum(known) / len(known))
    return text if seeds == 1 else f"{text} ({show.digits(min(known))}{show.DASH}{show.digits(max(known))})"


def _provenance(root: Path, result: Result, cells: Sequence[Cell]) -> dict[str, str]:
    cell = next(item for item in cells if (item.name, item.seed) == (result.cell, result.seed))
    path = CellWorkspace.of(root, cell).result
    return {
        "file": path.relative_to(root).as_posix(),
        "sha256": sha256_file(path),
        "command": result.measured.command,
        "commit": (result.measured.commit or "none") + (", modified" if result.measured.modified else ""),
        "definition": result.definition_sha256,
        "model": result.model_sha256,
    }


def _machine(result: Result) -> str:
    measured = result.measured
    return f"{measured.processor}, {measured.device}, {measured.threads} thread(s)"
