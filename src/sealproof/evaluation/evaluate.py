"""The evaluation: every score with its own threshold, every method, subgroups, the promise and the errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sealproof.evaluation.cases import score_names, verdicts, worst_case
from sealproof.evaluation.claims import Plan
from sealproof.evaluation.counts import ACCEPT, REJECT, UNDECIDED, ConfusionCounts, count_verdicts
from sealproof.evaluation.intervals import RATES, Estimate
from sealproof.evaluation.methods import (
    NO_THRESHOLD,
    SECTIONS,
    MethodEvaluation,
    evaluate_method,
    evaluate_methods,
    rates_or_none,
)
from sealproof.evaluation.noninferiority import HumanInspection
from sealproof.evaluation.ranking import AREAS, area_estimates, delong
from sealproof.evaluation.settings import EvaluateSettings
from sealproof.evaluation.subgroups import Subgroup, known_values, subgroups
from sealproof.evidence.errors import EvidenceAlteredError

METRICS = (*RATES, *AREAS)
__all__ = [
    "METRICS",
    "NO_THRESHOLD",
    "Beforehand",
    "Evaluation",
    "MethodEvaluation",
    "ScoreEvaluation",
    "evaluate",
]


@dataclass(frozen=True)
class ScoreEvaluation:
    """One score with the threshold of the method in force.

    Attributes:
        threshold: None when the method has no valid one for this score.
        counts: confusion counts, undecided images apart.
        metrics: metric -> estimate; undecided counts against the detector.
        decided_only: the same over decided images alone.
        delong: AUROC by DeLong's method, to check the bootstrap.
    """

    threshold: float | None
    counts: ConfusionCounts
    metrics: Mapping[str, Estimate]
    decided_only: Mapping[str, Estimate]
    delong: Estimate


@dataclass(frozen=True)
class Beforehand:
    """What is known before the test set is opened, beside the thresholds.

    Attributes:
        plan: what the test set can prove of each acceptance criterion.
        prevalence: share of defective parts in the field; None when the manufacturer gives none.
        human: how the inspection did that is replaced; None when the manufacturer gives nothing.
    """

    plan: Plan | None = None
    prevalence: float | None = None
    human: HumanInspection | None = None


@dataclass(frozen=True)
class Evaluation:
    """Everything that the test split says.

    Attributes:
        score, method, calibration: in force.
        accept_below: with a three-way verdict in force, the score below which is accepted; None otherwise.
        cases: test images with label, scores, `verdict` and `margin` (score - threshold in force).
        scores: score -> evaluation with the method in force.
        methods: every score, method and calibration.
        promise: what the threshold in force promised and what was observed; nothing when there is no valid one.
        subgroups: with the score and threshold in force.
        three_way: settings of the three-way verdict for the score in force, as thresholds.json has them.
        beforehand: what was known before the opening.
    """

    score: str
    method: str
    calibration: str
    accept_below: float | None
    cases: pd.DataFrame
    scores: Mapping[str, ScoreEvaluation]
    methods: tuple[MethodEvaluation, ...]
    promise: MethodEvaluation
    subgroups: tuple[Subgroup, ...]
    confidence: float
    three_way: tuple[Mapping[str, Any], ...] = ()
    beforehand: Beforehand = field(default_factory=Beforehand)

    @property
    def in_force(self) -> ScoreEvaluation:
        """The evaluation that the release rests on."""
        return self.scores[self.score]

    @property
    def reason(self) -> str:
        """Why no verdict can be evaluated; empty when it can."""
        return NO_THRESHOLD if self.in_force.threshold is None else ""

    def errors(self, label: int) -> pd.DataFrame:
        """Wrongly decided images of a class (1: missed defects, 0: false rejects), largest margin first."""
        verdict = ACCEPT if label == 1 else REJECT
        return self._by_margin((self.cases["label"] == label) & (self.cases["verdict"] == verdict))

    def correct(self, label: int) -> pd.DataFrame:
        """Rightly decided images of a class, the largest margin first."""
        verdict = REJECT if label == 1 else ACCEPT
        return self._by_margin((self.cases["label"] == label) & (self.cases["verdict"] == verdict))

    def undecided(self) -> pd.DataFrame:
        """Images without a verdict, by image_id."""
        return self.cases[self.cases["verdict"] == UNDECIDED]

    def _by_margin(self, chosen: pd.Series[bool]) -> pd.DataFrame:
        found = self.cases[chosen]
        keys = found.assign(distance=-found["margin"].abs())
        return found.loc[keys.sort_values(["distance", "image_id"]).index]


def evaluate(
    cases: pd.DataFrame,
    thresholds: Mapping[str, Any],
    manifest: pd.DataFrame,
    settings: EvaluateSettings,
    seed: int,
    beforehand: Beforehand | None = None,
) -> Evaluation:
    """Evaluate the opened test cases.

    Args:
        cases: from `assemble_cases`.
        thresholds: content of thresholds.json.
        manifest: names the subgroups that exist.
        settings: confidence and resamples.
        seed: of the bootstrap.
        beforehand: what was known before the opening; nothing when None.

    Raises:
        EvidenceAlteredError: thresholds.json does not hold the method in force for every score.
    """
    force = thresholds["in_force"]
    score, method = force["score"], force["method"]
    # A limit of acceptance belongs to the score in force; the other scores are judged by their thresholds alone.
    limit, accept_below = force["threshold"], force.get("accept_below")
    _check_thresholds(thresholds, score_names(cases), force)
    results = thresholds[SECTIONS[force["calibration"]]]
    found = {
        name: _evaluate_score(
            cases,
            name,
            (limit, accept_below) if name == score else (results[name][method]["threshold"], None),
            settings,
            seed,
        )
        for name in score_names(cases)
    }
    decided = cases.assign(
        verdict=verdicts(cases[score], cases["decided"], limit, accept_below),
        margin=cases[score] - (np.nan if limit is None else limit),
    )
    return Evaluation(
        score=score,
        method=method,
        calibration=force["calibration"],
        accept_below=accept_below,
        cases=decided,
        scores=found,
        methods=tuple(evaluate_methods(cases, thresholds, settings.confidence)),
        promise=evaluate_method(cases, score, method, results[score][method], limit, settings.confidence),
        subgroups=tuple(subgroups(decided, known_values(manifest, cases), settings.confidence)),
        confidence=settings.confidence,
        three_way=tuple(thresholds.get("three_way", {}).get(score, ())),
        beforehand=beforehand or Beforehand(),
    )


def _check_thresholds(thresholds: Mapping[str, Any], names: list[str], force: Mapping[str, Any]) -> None:
    score, method, calibration = force["score"], force["method"], force["calibration"]
    results = thresholds.get(SECTIONS.get(calibration, ""), {})
    lines = [
        f"{name}: no {method} from {calibration} normals"
        for name in names
        if method not in results.get(name, {})
    ]
    if score not in names:
        lines.append(f"the score in force, {score}, is not among the scores of the test images")
    elif method in results.get(score, {}) and not _of_its_method(force, results[score][method]):
        lines.append(f"the threshold in force is not the one of {score} and {method}")
    if lines:
        raise EvidenceAlteredError(
            "the thresholds do not fit the scores",
            where="thresholds.json",
            why="\n".join(lines),
            mend="delete the thresholds and run `dvc repro`",
        )


def _of_its_method(force: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """A verdict in three ways that is out of reach takes the threshold back, and says so."""
    taken_back = force["threshold"] is None and force.get("reason_code") == "acceptance-out-of-reach"
    return bool(taken_back or force["threshold"] == result["threshold"])


def _evaluate_score(
    cases: pd.DataFrame,
    name: str,
    limits: tuple[float | None, float | None],
    settings: EvaluateSettings,
    seed: int,
) -> ScoreEvaluation:
    """`limits`: the threshold, and the score below which is accepted where a three-way verdict is in force."""
    labels = cases["label"].to_numpy()
    scores, decided = cases[name].to_numpy(), cases["decided"].to_numpy()
    threshold, accept_below = limits
    counts = count_verdicts(labels, verdicts(scores, decided, threshold, accept_below))
    areas = partial(area_estimates, confidence=settings.confidence, resamples=settings.bootstrap, seed=seed)
    ranked = worst_case(scores, decided, labels)
    confidence = settings.confidence
    return ScoreEvaluation(
        threshold=threshold,
        counts=counts,
        metrics={**rates_or_none(counts.conservative(), threshold, confidence), **areas(labels, ranked)},
        decided_only={
            **rates_or_none(counts.decided_only(), threshold, confidence),
            **areas(labels[decided], scores[decided]),
        },
        delong=delong(labels, ranked, confidence),
    )
