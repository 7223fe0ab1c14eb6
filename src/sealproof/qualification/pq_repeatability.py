"""PQ check of the repeatability over training seeds: what `make repeatability` found, where it was run."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from sealproof.evidence.strict import StrictModel
from sealproof.qualification.context import Context
from sealproof.qualification.registry import Finding, check
from sealproof.repetition.result import SeedStudy, Spread, outdated, read_study, study_path

#: Why there is nothing to judge.
NOT_DONE = "not done: run `make repeatability`"


class SeedParameters(StrictModel):
    """The lowest share of equal verdicts that passes, and how many trainings it takes to say so."""

    minimum_agreement: float = Field(gt=0, le=1)
    minimum_seeds: PositiveInt = 3


@check("repeatability-over-seeds", SeedParameters)
def repeatability_over_seeds(context: Context, parameters: SeedParameters) -> Finding:
    """Do detectors that were trained from other seeds come to the verdicts of the released one?

    Without a result, or with one about another system or from too few seeds, there is no answer, and none passes.
    """
    study = read_study(context.workspace)
    if study is None:
        return Finding(passed=None, actual=NOT_DONE)
    files = (study_path(context.workspace),)
    if differing := outdated(study, context.settings):
        actual = f"{NOT_DONE}; the result on file is about other {', '.join(differing)}"
        return Finding(passed=None, actual=actual, files=files)
    if len(study.runs) < parameters.minimum_seeds:
        actual = (
            f"not done with enough seeds: {len(study.runs)} were run, {parameters.minimum_seeds} are needed"
        )
        return Finding(passed=None, actual=f"{actual}: run `make repeatability`", files=files)
    agreement = study.summary.agreement
    if agreement is None:
        return Finding(passed=None, actual="no test image has a verdict to compare", files=files)
    return Finding(
        passed=agreement.low >= parameters.minimum_agreement,
        actual=_words(study, agreement),
        values={**study.model_dump(mode="json"), "minimum_agreement": parameters.minimum_agreement},
        files=files,
    )


def _words(study: SeedStudy, agreement: Spread) -> str:
    summary = study.summary
    return (
        f"{len(study.runs)} trainings from other seeds; share of {study.runs[0].equal.of} test images with the verdict "
        f"of the released detector {_spread(agreement)}, kappa {_spread(summary.kappa)}; development figures, no "
        f"test label read: threshold {_spread(summary.threshold)} (released {_number(study.released.threshold)}), "
        f"held-out normals rejected {_spread(summary.false_reject_rate)}, training defects rejected "
        f"{_spread(summary.recall)}, AUROC {_spread(summary.auroc)}"
    )


def _spread(found: Spread | None) -> str:
    if found is None:
        return "not evaluable"
    return f"{_number(found.low)} to {_number(found.high)} (mean {_number(found.mean)})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
