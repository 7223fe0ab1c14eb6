"""Every method for every score, on held-out normals and on training scores, and the one in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sealproof.evidence.errors import DefinitionError
from sealproof.thresholds.assumptions import same_distribution
from sealproof.thresholds.bounds import false_rejects
from sealproof.thresholds.conformal import conformal
from sealproof.thresholds.evt_pot import evt_pot
from sealproof.thresholds.mean_sigma import mean_sigma
from sealproof.thresholds.percentile import percentile
from sealproof.thresholds.result import Assumption, Basis, CalibrationKind, Floats, ThresholdResult
from sealproof.thresholds.selection import CalibrationScores
from sealproof.thresholds.settings import METHOD_NAMES, MethodName, ThresholdSettings
from sealproof.thresholds.supervised_accuracy import supervised_accuracy

Results = Mapping[str, Mapping[str, ThresholdResult]]


@dataclass(frozen=True)
class Comparison:
    """All thresholds of a run.

    Attributes:
        score, method: named in params.yaml beforehand.
        held_out: score -> method -> threshold from held-out normals: the ones that count.
        training: the same from training normals: the paper's way, shown for comparison.
        optimism: score -> test whether training normals score like held-out normals.
        scores: what they were computed from.
    """

    score: str
    method: MethodName
    held_out: Results
    training: Results
    optimism: Mapping[str, Assumption]
    scores: CalibrationScores

    @property
    def in_force(self) -> ThresholdResult:
        """The result that decides; its threshold is None when there is no valid one."""
        return self.held_out[self.score][self.method]

    def rows(self) -> Iterator[tuple[str, ThresholdResult]]:
        """(score, result), held-out before training, scores and methods in their order."""
        for results in (self.held_out, self.training):
            for score, methods in results.items():
                for result in methods.values():
                    yield score, result


def compare(scores: CalibrationScores, settings: ThresholdSettings, seed: int) -> Comparison:
    """Compute every method for every score and for both calibrations.

    Args:
        scores: from `calibration_scores`, which has dropped the test split.
        settings: methods' parameters, and the score and method in force.
        seed: of bootstrap intervals and tests.

    Raises:
        DefinitionError: the score in force was not computed.
    """
    if settings.score not in scores.names:
        raise DefinitionError(
            f"the score in force, {settings.score!r}, is not among the computed scores",
            where="params.yaml, key `threshold.score`",
            why=f"scores.parquet holds {', '.join(scores.names)}",
            mend="name one of these",
        )
    held_out = {
        name: _all_methods(values, scores.defects[name], settings, _basis(settings, "held-out", seed))
        for name, values in scores.held_out.items()
    }
    training = {
        name: {
            method: _with_held_out_rate(result, scores.held_out[name], settings.confidence)
            for method, result in _all_methods(
                values, scores.defects[name], settings, _basis(settings, "training", seed)
            ).items()
        }
        for name, values in scores.training.items()
    }
    optimism = {
        name: same_distribution(scores.training[name], scores.held_out[name]) for name in scores.names
    }
    return Comparison(settings.score, settings.method, held_out, training, optimism, scores)


def _basis(settings: ThresholdSettings, calibration: CalibrationKind, seed: int) -> Basis:
    return Basis(calibration, settings.confidence, settings.bootstrap, seed, settings.minimum_normals)


def _all_methods(
    normals: Floats, defects: Floats, settings: ThresholdSettings, basis: Basis
) -> dict[str, ThresholdResult]:
    results = (
        mean_sigma(
            normals, sigmas=settings.sigmas, require_normality=settings.require_normality, basis=basis
        ),
        percentile(normals, percent=settings.percentile, basis=basis),
        evt_pot(normals, settings=settings.evt, basis=basis),
        conformal(normals, false_reject_rate=settings.conformal.false_reject_rate, basis=basis),
        supervised_accuracy(normals, defects, basis=basis),
    )
    found = {result.method: result for result in results}
    return {method: found[method] for method in METHOD_NAMES}


def _with_held_out_rate(result: ThresholdResult, held_out: Floats, confidence: float) -> ThresholdResult:
    """Add what a threshold from training scores does to normals that the detector has not seen.

    These normals had no part in it, so the Clopper-Pearson bounds are exact.
    """
    if result.threshold is not None:
        result.details["held_out_false_rejects"] = false_rejects(held_out, result.threshold, confidence)
    return result


def thresholds_json(comparison: Comparison) -> dict[str, Any]:
    """Content of thresholds.json: `in_force`, `scores` (held-out), `training_scores` (the paper's way)."""
    chosen = comparison.in_force
    return {
        "in_force": {"score": comparison.score, "method": comparison.method} | chosen.as_json(),
        "scores": _as_json(comparison.held_out),
        "training_scores": _as_json(comparison.training),
        "optimism": {score: asdict(test) for score, test in comparison.optimism.items()},
        "undecided": dict(comparison.scores.undecided),
    }


def _as_json(results: Results) -> dict[str, Any]:
    return {
        score: {method: result.as_json() for method, result in methods.items()}
        for score, methods in results.items()
    }
