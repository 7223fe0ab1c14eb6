"""What gives the result tables their rows. Rows come from the results, figures from the records they are named by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sealproof.dossier.evaluation_tables import evaluation_context
from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.model_settings import settings_in_force
from sealproof.dossier.ordering import known_first
from sealproof.dossier.threshold_tables import threshold_context
from sealproof.evaluation.intervals import RATES
from sealproof.evaluation.ranking import AREAS
from sealproof.evidence.records import RecordBook
from sealproof.quality.findings import CHECKS
from sealproof.scores.settings import ALL_SCORES
from sealproof.thresholds.settings import METHOD_NAMES

ALL_SCORE_METRICS = ("recall", "specificity", "precision", "f1", "auroc", "auprc")
"""Metrics of the table of all scores; the table of the score in force has every one."""
METRICS = (*RATES, *AREAS)
METRIC_NAMES = {"f1": "F1", "auroc": "AUROC", "auprc": "AUPRC"}


@dataclass(frozen=True)
class OpenPoint:
    """A count on the first page: a record, of how many, and in words."""

    record: str
    of: str
    words: str


OPEN_POINTS = (
    OpenPoint("qualify.criteria.met", "qualify.criteria.total", "acceptance criteria met"),
    OpenPoint("dossier.cases.open", "dossier.cases.total", "test cases not run or not evaluable"),
    OpenPoint("dossier.annex-iv.open", "dossier.annex-iv.total", "clauses of Annex IV open"),
    OpenPoint(
        "dossier.classification.open", "dossier.classification.total", "questions of Article 6(1) open"
    ),
)


def result_context(inputs: DossierInputs) -> dict[str, Any]:
    """What the result sections need beside the records."""
    return {
        **{name: inputs.results[name] for name in ("findings", "model")},
        "model_settings": settings_in_force(inputs.results["model"]["settings"]),
        **threshold_context(inputs),
        **evaluation_context(inputs),
        "score_names": known_first(ALL_SCORES, inputs.results["thresholds"]["scores"]),
        "method_names": known_first(
            METHOD_NAMES, inputs.results["thresholds"]["scores"][inputs.judged.score]
        ),
        "metric_names": METRICS,
        "check_names": known_first(CHECKS, inputs.results["findings"]["checks"]),
        "sets": set_rows(inputs.book),
        "excluded_reasons": [record.id for record in inputs.book.under("ingest.count.excluded-reason.")],
        "subgroups": subgroup_rows(inputs.book, inputs.results["evaluation"]["subgroups"]["all"]),
        "all_score_metrics": ALL_SCORE_METRICS,
        "open_points": OPEN_POINTS,
        "roi": inputs.settings.inspection.roi,
    }


def metric_name(name: str) -> str:
    """A metric as a table head prints it.

    Example:
        >>> metric_name("auroc"), metric_name("balanced_accuracy")
        ('AUROC', 'Balanced accuracy')
    """
    return METRIC_NAMES.get(name, name.replace("_", " ").capitalize())


def set_rows(book: RecordBook) -> list[tuple[str, str]]:
    """(set, class) of every set that was asked for, as the records of the ingest stage name them."""
    wanted = (record.id.split(".") for record in book.under("ingest.set.") if record.id.endswith(".wanted"))
    return [(parts[2], parts[3]) for parts in wanted]


def subgroup_rows(
    book: RecordBook, groups: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Mapping[str, Any]]]:
    """(stem of the record ids, subgroup) in the order of evaluation.json.

    The stems are read from the records' pointers, so that two values that read the same stay apart.
    """
    stems = {}
    for record in book.under("evaluate.subgroup."):
        found = re.fullmatch(r"/subgroups/all/(\d+)/images", record.pointer)
        if found:
            stems[int(found[1])] = record.id.removesuffix(".images")
    return [(stems[place], group) for place, group in enumerate(groups)]
