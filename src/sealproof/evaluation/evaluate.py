"""The evaluation: every score with its own threshold, every method, subgroups, the promise and the errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sealproof.evaluation.cases import score_names, verdicts, worst_case
from sealproof.evaluation.counts import ACCEPT, REJECT, UNDECIDED, ConfusionCounts, count_verdicts
from sealproof.evaluation.intervals import RATES, Estimate, not_evaluable, proportion, rate_estimates
from sealproof.evaluation.ranking import AREAS, area_estimates, delong
from sealproof.evaluation.settings import EvaluateSettings
from sealproof.evaluation.subgroups import Subgroup, known_values, subgroups
from sealproof.evidence.errors import EvidenceAlteredError

METRICS = (*RATES, *AREAS)
NO_THRESHOLD = "there is no valid threshold, so nothing was decided"


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
class MethodEvaluation:
    """One score with the threshold of one method and calibration, for the comparison of methods."""

    score: str
    method: str
    calibration: str
    threshold: float | None
    promised: float | None
    counts: ConfusionCounts
    metrics: Mapping[str, Estimate]
    false_rejects: Estimate


@dataclass(frozen=True)
class Evaluation:
    """Everything that the test split says.

    Attributes:
        score, method: in force.
        cases: test images with label, scores, `verdict` and `margin` (score - threshold in force).
        scores: score -> evaluation with the method in force.
        methods: every score, method and calibration.
        subgroups: with the score and threshold in force.
    """

    score: str
    method: str
    cases: pd.DataFrame
    scores: Mapping[str, ScoreEvaluation]
    methods: tuple[MethodEvaluation, ...]
    subgroups: tuple[Subgroup, ...]
    confidence: float

    @property
    def in_force(self) -> ScoreEvaluation:
        """The evaluation that the release rests on."""
        return self.scores[self.score]

    @property
    def promise(self) -> MethodEvaluation:
        """What the threshold in force promised and what was observed."""
        wanted = (self.score, self.method, "held-out")
        return next(row for row in self.methods if (row.score, row.method, row.calibration) == wanted)

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
) -> Evaluation:
    """Evaluate the opened test cases.

    Args:
        cases: from `assemble_cases`.
        thresholds: content of thresholds.json.
        manifest: names the subgroups that exist.
        settings: confidence and resamples.
        seed: of the bootstrap.

    Raises:
        EvidenceAlteredError: thresholds.json does not hold the method in force for every score.
    """
    score, method = thresholds["in_force"]["score"], thresholds["in_force"]["method"]
    _check_thresholds(thresholds, score_names(cases), score, method)
    found = {
        name: _evaluate_score(cases, name, thresholds["scores"][name][method]["threshold"], settings, seed)
        for name in score_names(cases)
    }
    threshold = found[score].threshold
    decided = cases.assign(
        verdict=verdicts(cases[score], cases["decided"], threshold),
        margin=cases[score] - (np.nan if threshold is None else threshold),
    )
    return Evaluation(
        score=score,
        method=method,
        cases=decided,
        scores=found,
        methods=tuple(_evaluate_methods(cases, thresholds, settings.confidence)),
        subgroups=tuple(subgroups(decided, known_values(manifest, cases), settings.confidence)),
        confidence=settings.confidence,
    )


def _check_thresholds(thresholds: Mapping[str, Any], names: list[str], score: str, method: str) -> None:
    lines = [f"{name}: no {method}" for name in names if method not in thresholds["scores"].get(name, {})]
    if score not in names:
        lines.append(f"the score in force, {score}, is not among the scores of the test images")
    elif thresholds["in_force"]["threshold"] != thresholds["scores"][score][method]["threshold"]:
        lines.append(f"the threshold in force is not the one of {score} and {method}")
    if lines:
        raise EvidenceAlteredError(
            "the thresholds do not fit the scores",
            where="thresholds.json",
            why="\n".join(lines),
            mend="delete the thresholds and run `dvc repro`",
        )


def _evaluate_score(
    cases: pd.DataFrame, name: str, threshold: float | None, settings: EvaluateSettings, seed: int
) -> ScoreEvaluation:
    labels = cases["label"].to_numpy()
    scores, decided = cases[name].to_numpy(), cases["decided"].to_numpy()
    counts = count_verdicts(labels, verdicts(scores, decided, threshold))
    areas = partial(area_estimates, confidence=settings.confidence, resamples=settings.bootstrap, seed=seed)
    ranked = worst_case(scores, decided, labels)
    return ScoreEvaluation(
        threshold=threshold,
        counts=counts,
        metrics=_rates(counts.conservative(), threshold, settings.confidence) | areas(labels, ranked),
        decided_only=_rates(counts.decided_only(), threshold, settings.confidence)
        | areas(labels[decided], scores[decided]),
        delong=delong(labels, ranked, settings.confidence),
    )


def _rates(counts: ConfusionCounts, threshold: float | None, confidence: float) -> dict[str, Estimate]:
    if threshold is None:
        return dict.fromkeys(RATES, not_evaluable(NO_THRESHOLD))
    return rate_estimates(counts, confidence)


def _evaluate_methods(
    cases: pd.DataFrame, thresholds: Mapping[str, Any], confidence: float
) -> list[MethodEvaluation]:
    """Every score, method and calibration. Only the one in force was chosen beforehand; the others inform."""
    labels, decided = cases["label"].to_numpy(), cases["decided"].to_numpy()
    rows = []
    for key in ("scores", "training_scores"):
        for name, methods in thresholds.get(key, {}).items():
            for method, result in methods.items():
                counts = count_verdicts(labels, verdicts(cases[name], decided, result["threshold"]))
                rows.append(
                    MethodEvaluation(
                        score=name,
                        method=method,
                        calibration=result["calibration"],
                        threshold=result["threshold"],
                        promised=result["promised_false_reject_rate"],
                        counts=counts,
                        metrics=_rates(counts.conservative(), result["threshold"], confidence),
                        false_rejects=_false_rejects(counts, result["threshold"], confidence),
                    )
                )
    return rows


def _false_rejects(counts: ConfusionCounts, threshold: float | None, confidence: float) -> Estimate:
    """Share of decided normal images that are rejected: what a promised false-reject rate speaks of."""
    if threshold is None:
        return not_evaluable(NO_THRESHOLD)
    return proportion(counts.fp, counts.fp + counts.tn, confidence, "there is no decided normal image")
