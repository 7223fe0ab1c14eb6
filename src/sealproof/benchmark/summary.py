"""The detectors side by side: ranking, errors, time, memory, size, and each against the reference, paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sealproof.benchmark.result import Result, VerdictRow
from sealproof.benchmark.statistics import PairedAreas, Spread, paired_areas, spread
from sealproof.evaluation.intervals import Estimate, rate_estimates
from sealproof.evidence.errors import EvidenceAlteredError

RATES = ("recall", "specificity", "accuracy")


@dataclass(frozen=True)
class Judged:
    """Rates of one seed at one threshold, with exact bounds; no rates where there is no threshold."""

    seed: int
    row: VerdictRow
    rates: Mapping[str, Estimate]


@dataclass(frozen=True)
class Overview:
    """One cell, by its headline.

    Attributes:
        name, title: of the cell.
        scoring, score: of the headline.
        auroc: over seeds.
        results: by seed.
        judged: by method and seed, calibrated on held-out normals.
        ms_batch_1, ms_batch, fit_seconds, memory, size: over seeds; memory in MiB, size in bytes.
    """

    name: str
    title: str
    scoring: str
    score: str
    auroc: Spread
    results: tuple[Result, ...]
    judged: Mapping[str, tuple[Judged, ...]]
    ms_batch_1: Spread
    ms_batch: Spread
    fit_seconds: Spread
    memory: Spread
    size: Spread


@dataclass(frozen=True)
class Comparison:
    """A cell against the reference on the same test images.

    Attributes:
        by_seed: seed -> areas of the reference and of the cell.
        verdict: `better` or `worse` where the bounds of every seed lie on one side of 0, else `no difference shown`.
    """

    name: str
    title: str
    by_seed: Mapping[int, PairedAreas]
    verdict: str


def overview(results: Sequence[Result], confidence: float) -> Overview:
    """The overview of one cell from its results, one a seed."""
    first = results[0]
    headline = first.definition["headline"]
    scoring, score = headline["scoring"], headline["score"]
    areas = [_headline_area(result, scoring, score) for result in results]
    methods: dict[str, list[Judged]] = {}
    for result in results:
        for row in result.verdicts:
            if (row.scoring, row.score, row.calibration) == (scoring, score, "held-out"):
                found = rate_estimates(row.confusion, confidence) if row.judged_at is not None else {}
                methods.setdefault(row.method, []).append(Judged(result.seed, row, found))
    measured = [result.measured for result in results]
    return Overview(
        name=first.cell,
        title=first.title,
        scoring=scoring,
        score=score,
        auroc=spread(areas, confidence),
        results=tuple(results),
        judged={method: tuple(rows) for method, rows in methods.items()},
        ms_batch_1=spread([item.times[scoring].batch_1_ms for item in measured]),
        ms_batch=spread([item.times[scoring].batch_ms for item in measured]),
        fit_seconds=spread([item.fit_seconds for item in measured]),
        memory=spread([item.peak_memory_mib for item in measured]),
        size=spread([item.model_bytes for item in measured]),
    )


def _headline_area(result: Result, scoring: str, score: str) -> float:
    row = result.score(scoring, score)
    if row is not None and row.auroc is not None and row.auroc.value is not None:
        return row.auroc.value
    raise EvidenceAlteredError(
        "a result does not hold the score that stands for its cell",
        where=f"benchmark/results/{result.product}/{result.cell}-{result.seed}.json",
        why=f"there is no area of {scoring}, {score}",
        mend="delete it and run the cell again",
    )


def compare(cell: Overview, reference: Overview, confidence: float) -> Comparison:
    """Paired DeLong tests, a seed each; no correction for the number of comparisons, which the report says.

    Raises:
        EvidenceAlteredError: results of one seed are not of the same test images.
    """
    theirs = {result.seed: result for result in reference.results}
    found = {}
    for result in cell.results:
        other = theirs.get(result.seed)
        if other is None:
            continue
        if other.images.test_sha256 != result.images.test_sha256:
            raise _other_images(result, other)
        found[result.seed] = paired_areas(other.placements, result.placements, confidence)
    return Comparison(cell.name, cell.title, found, verdict(list(found.values())))


def verdict(found: Sequence[PairedAreas]) -> str:
    """`better` or `worse` only where every seed shows it by its bounds.

    Example:
        >>> verdict([])
        'no difference shown'
        >>> verdict([PairedAreas(0.8, 0.9, 0.1, 0.05, 0.15, 0.001)])
        'better'
    """
    if found and all(item.low is not None and item.low > 0 for item in found):
        return "better"
    if found and all(item.high is not None and item.high < 0 for item in found):
        return "worse"
    return "no difference shown"


def _other_images(result: Result, other: Result) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "results of one seed are not of the same test images",
        where=f"benchmark/results/{result.product}: {result.cell}-{result.seed}.json, {other.cell}-{other.seed}.json",
        why="the hashes of their test splits differ, so they cannot be compared in pairs",
        mend="run both cells again on the same data",
    )
