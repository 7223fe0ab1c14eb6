"""Every method for every score and every calibration, and the one in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sealproof.evidence.errors import DefinitionError
from sealproof.thresholds.assumptions import exchangeability, same_detector, same_distribution
from sealproof.thresholds.bounds import false_rejects
from sealproof.thresholds.cross_fit import CrossFitScores, no_folds
from sealproof.thresholds.judgement import withdrawn
from sealproof.thresholds.methods import all_methods
from sealproof.thresholds.result import Assumption, Basis, CalibrationKind, Fault, Floats, ThresholdResult
from sealproof.thresholds.selection import CalibrationScores
from sealproof.thresholds.settings import MethodName, ThresholdSettings
from sealproof.thresholds.three_way import ThreeWay, three_way_grid

Results = Mapping[str, Mapping[str, ThresholdResult]]
_FITTED = "the score was fitted to the training defects, so what they score says nothing about new ones"


@dataclass(frozen=True)
class Comparison:
    """All thresholds of a run.

    Attributes:
        score, method, calibration: named in params.yaml beforehand.
        held_out: score -> method -> threshold from held-out normals.
        training: the same from training normals: the paper's way, shown for comparison.
        optimism: score -> test whether training normals score like held-out normals.
        scores: what they were computed from.
        in_force: the result that decides; its threshold is None when there is no valid one.
        three_way: score -> limits of a verdict that leaves some parts undecided, a pair of rates each.
        accept_below: a score below it, and below the threshold in force, is accepted; None when the verdict is
            accept or reject alone.
        cross_fit: score -> method -> threshold from cross-fitting; empty when it did not run.
        cross_fit_normals: number of normals that cross-fitting scored.
    """

    score: str
    method: MethodName
    calibration: CalibrationKind
    held_out: Results
    training: Results
    optimism: Mapping[str, Assumption]
    scores: CalibrationScores
    in_force: ThresholdResult
    three_way: Mapping[str, list[ThreeWay]]
    accept_below: float | None = None
    cross_fit: Results = field(default_factory=dict)
    cross_fit_normals: int = 0

    def rows(self) -> Iterator[tuple[str, ThresholdResult]]:
        """(score, result), held-out, training, cross-fit, scores and methods in their order."""
        for results in (self.held_out, self.training, self.cross_fit):
            for score, methods in results.items():
                for result in methods.values():
                    yield score, result

    def decides(self, score: str, result: ThresholdResult) -> bool:
        """Whether this result is of the score, method and calibration in force."""
        named = (self.score, self.method, self.calibration)
        return (score, result.method, result.calibration) == named


def compare(
    scores: CalibrationScores,
    settings: ThresholdSettings,
    seed: int,
    cross_fit: CrossFitScores | None = None,
) -> Comparison:
    """Compute every method for every score and for every calibration.

    Args:
        scores: from `calibration_scores`, which has dropped the test split.
        settings: methods' parameters, and the score, method and calibration in force.
        seed: of bootstrap intervals and tests.
        cross_fit: from `cross_fit_scores`; None when cross-fitting did not run.

    Raises:
        DefinitionError: the score in force was not computed, or calibration by cross-fitting is asked for and
            did not run.
    """
    _check(scores, settings, cross_fit)
    held_out = _compute(
        scores, scores.held_out, scores.captured.get("calibration"), settings, ("held-out", seed)
    )
    training = _compute(scores, scores.training, scores.captured.get("train"), settings, ("training", seed))
    crossed: Results = {}
    if cross_fit is not None:
        found = _compute(scores, cross_fit.scores, cross_fit.captured, settings, ("cross-fit", seed))
        carried = {name: _carried_over(methods, cross_fit, name) for name, methods in found.items()}
        crossed = _with_held_out_rates(carried, scores, settings)
    decides = crossed if settings.calibration == "cross-fit" else held_out
    normals = (
        cross_fit.scores if cross_fit is not None and settings.calibration == "cross-fit" else scores.held_out
    )
    grids = {
        name: _explained_grid(
            three_way_grid(normals[name], scores.defects[name], settings.three_way),
            fitted=name in scores.fitted,
        )
        for name in scores.names
    }
    in_force, accept_below = _in_force(
        decides[settings.score][settings.method], grids[settings.score], settings
    )
    return Comparison(
        score=settings.score,
        method=settings.method,
        calibration=settings.calibration,
        held_out=held_out,
        training=_with_held_out_rates(training, scores, settings),
        optimism={
            name: same_distribution(scores.training[name], scores.held_out[name]) for name in scores.names
        },
        scores=scores,
        in_force=in_force,
        three_way=grids,
        accept_below=accept_below,
        cross_fit=crossed,
        cross_fit_normals=0 if cross_fit is None else int(cross_fit.scores[settings.score].size),
    )


def _check(scores: CalibrationScores, settings: ThresholdSettings, cross_fit: CrossFitScores | None) -> None:
    if settings.score not in scores.names:
        raise DefinitionError(
            f"the score in force, {settings.score!r}, is not among the computed scores",
            where="params.yaml, key `threshold.score`",
            why=f"scores.parquet holds {', '.join(scores.names)}",
            mend="name one of these",
        )
    if settings.calibration == "cross-fit" and cross_fit is None:
        raise no_folds()


def _compute(
    scores: CalibrationScores,
    normals: Mapping[str, Floats],
    captured: Mapping[str, Floats] | None,
    settings: ThresholdSettings,
    calibration: tuple[CalibrationKind, int],
) -> dict[str, dict[str, ThresholdResult]]:
    """Every method for every score, with the test of exchangeability in time order beside each."""
    kind, seed = calibration
    basis = Basis(kind, settings.confidence, settings.bootstrap, seed, settings.minimum_normals)
    results = {}
    for name, values in normals.items():
        drift = exchangeability(values, None if captured is None else captured[name], basis)
        results[name] = {
            method: _explained(
                replace(result, assumptions=(*result.assumptions, drift)), fitted=name in scores.fitted
            )
            for method, result in all_methods(values, scores.defects[name], settings, basis).items()
        }
    return results


def _explained(result: ThresholdResult, *, fitted: bool) -> ThresholdResult:
    """Say of a method that misses training defects that there are some, and why they do not count."""
    codes = result.details.get("reason_codes", [])
    return (
        replace(result, reason=f"{result.reason}; {_FITTED}") if fitted and "no-defects" in codes else result
    )


def _explained_grid(grid: list[ThreeWay], *, fitted: bool) -> list[ThreeWay]:
    if not fitted:
        return grid
    return [
        replace(item, reason=f"{item.reason}; {_FITTED}") if item.accept_below is None else item
        for item in grid
    ]


def _carried_over(
    methods: Mapping[str, ThresholdResult], cross_fit: CrossFitScores, score: str
) -> dict[str, ThresholdResult]:
    """What holds for the folds' detectors holds for the one in force only where both score alike."""
    test = same_detector(cross_fit.own[score], cross_fit.cross_fit[score])
    judged = {}
    for method, result in methods.items():
        tested = replace(result, assumptions=(*result.assumptions, test))
        fault = Fault("assumption-not-met", f"{test.name}: {test.meaning}")
        judged[method] = tested if test.holds else withdrawn(tested, fault)
    return judged


def _with_held_out_rates(
    results: Results, scores: CalibrationScores, settings: ThresholdSettings
) -> dict[str, dict[str, ThresholdResult]]:
    """Add what each threshold, or estimate of an ineligible one, does to the held-out normals' own scores.

    They had no part in a threshold from training scores, so the Clopper-Pearson bounds are exact there.
    """
    return {
        name: {
            method: _with_rate(result, scores.held_out[name], settings.confidence)
            for method, result in methods.items()
        }
        for name, methods in results.items()
    }


def _with_rate(result: ThresholdResult, held_out: Floats, confidence: float) -> ThresholdResult:
    threshold = result.details.get("estimate") if result.threshold is None else result.threshold
    if threshold is None:
        return result
    found = {"held_out_false_rejects": false_rejects(held_out, threshold, confidence)}
    return replace(result, details=result.details | found)


def _in_force(
    chosen: ThresholdResult, grid: list[ThreeWay], settings: ThresholdSettings
) -> tuple[ThresholdResult, float | None]:
    """The result that decides, and the limit below which a part is accepted.

    A three-way verdict that is asked for and out of reach leaves no valid threshold: nothing could be accepted.
    """
    asked = settings.three_way
    if not asked.in_force:
        return chosen, None
    rates = (asked.false_reject_rate, asked.missed_defect_rate)
    found = next(item for item in grid if (item.false_reject_rate, item.missed_defect_rate) == rates)
    if found.accept_below is None:
        text = f"a three-way verdict is asked for, but nothing could be accepted: {found.reason}"
        return withdrawn(chosen, Fault("acceptance-out-of-reach", text)), None
    if chosen.threshold is None:
        return chosen, None
    return chosen, min(found.accept_below, chosen.threshold)


def thresholds_json(comparison: Comparison) -> dict[str, Any]:
    """Content of thresholds.json: `in_force`, `scores` (held-out), `training_scores` (the paper's way),
    `cross_fit_scores` when cross-fitting ran, `optimism`, `undecided`, `three_way` and `fitted_to_defects`."""
    named = {"score": comparison.score, "method": comparison.method}
    content = {
        "in_force": named | comparison.in_force.as_json() | {"accept_below": comparison.accept_below},
        "scores": _as_json(comparison.held_out),
        "training_scores": _as_json(comparison.training),
        "optimism": {score: asdict(test) for score, test in comparison.optimism.items()},
        "undecided": dict(comparison.scores.undecided),
        "three_way": {
            score: [item.as_json() for item in grid] for score, grid in comparison.three_way.items()
        },
        "fitted_to_defects": sorted(comparison.scores.fitted),
    }
    if comparison.cross_fit:
        content["cross_fit_scores"] = _as_json(comparison.cross_fit)
    return content


def _as_json(results: Results) -> dict[str, Any]:
    return {
        score: {method: result.as_json() for method, result in methods.items()}
        for score, methods in results.items()
    }
