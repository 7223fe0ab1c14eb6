"""PQ checks of the acceptance criteria: each as a case, sample sizes, openings, limits frozen beforehand."""

from __future__ import annotations

from sealproof.evaluation.planning import strongest_bound
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import Opening
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.context import Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.openings import load_declared, undeclared
from sealproof.qualification.rederivation import records_behind
from sealproof.qualification.registry import Finding, NoParameters, check


class CriterionParameters(StrictModel):
    """`criterion`: id of an acceptance criterion."""

    criterion: str


@check("acceptance-criterion", CriterionParameters)
def acceptance_criterion(context: Context, parameters: CriterionParameters) -> Finding:
    """Does the unfavourable bound meet the limit of this criterion?"""
    outcome = next(item for item in context.outcomes if item.id == parameters.criterion)
    return Finding(
        passed=outcome.met,
        actual=criterion_text(outcome),
        values=outcome.model_dump(mode="json"),
        files=(context.existing(context.workspace.definition / "acceptance.yaml"),),
        records=tuple(record.id for record in records_behind(outcome, context.book)),
    )


def criterion_text(outcome: CriterionOutcome) -> str:
    """A judged criterion in a sentence."""
    if outcome.met is None:
        return f"{outcome.title}: not evaluable: {outcome.reason}"
    units = f", {outcome.n} units" if outcome.n is not None else ""
    return (
        f"{outcome.title}: {outcome.bound} bound {outcome.bound_value:.4f} (estimate "
        f"{outcome.value:.4f}{units}), limit {outcome.comparison} {outcome.limit:g}: "
        f"{'met' if outcome.met else 'not met'}"
    )


@check("sample-size", NoParameters)
def sample_size(context: Context, parameters: NoParameters) -> Finding:
    """Could each limit on a proportion be proved with the units there are, if there were no error at all?"""
    del parameters
    confidence = context.settings.params.evaluate.confidence
    rows: list[str] = []
    too_small: list[str] = []
    limits = {item.id: item for item in context.acceptance.criteria if item.units is not None}
    for outcome in context.outcomes:
        if outcome.id not in limits:
            continue
        if outcome.n is None:
            too_small.append(f"{outcome.id}: the number of units is not recorded")
            continue
        best = strongest_bound(outcome.n, outcome.bound, confidence)
        enough = best >= outcome.limit if outcome.bound == "low" else best <= outcome.limit
        words = f"{outcome.id}: {outcome.n} units prove at best {best:.4f}, limit {outcome.limit:g}"
        (rows if enough else too_small).append(words if enough else f"{words}: too few")
    actual = "; ".join([*rows, *too_small]) or "no criterion is on a proportion with a stated number of units"
    return Finding(
        passed=None if too_small or not rows else True,
        actual=actual,
        values={"confidence": confidence, "claims": rows, "too_small": too_small},
        files=(context.existing(context.workspace.definition / "acceptance.yaml"),),
        records=tuple(
            sorted({str(item.units) for item in limits.values() if str(item.units) in context.book})
        ),
    )


def openings_of_these_labels(context: Context) -> list[Opening]:
    """Openings of the labels as they lie there now."""
    labels = sha256_file(context.artefact("ingest", "sealed_labels.parquet"))
    return [opening for opening in context.openings if opening.labels_sha256 == labels]


@check("test-openings", NoParameters)
def openings_of_test_set(context: Context, parameters: NoParameters) -> Finding:
    """How many systems, pairs of weights and thresholds, were judged on this test set, and who declared them?"""
    del parameters
    openings = openings_of_these_labels(context)
    systems = {(opening.model_sha256, opening.threshold_sha256) for opening in openings}
    allowed = context.acceptance.maximum_systems_judged
    silent = [
        f"opening {opening.number} of {opening.opened_at} judged a further system that nobody declared"
        for opening in undeclared(openings, load_declared(context.workspace.definition))
    ]
    actual = (
        f"{len(openings)} openings of these labels, {len(systems)} systems judged, {allowed} allowed, "
        f"{len(silent)} undeclared{shown(silent)}"
    )
    return Finding(
        passed=0 < len(systems) <= allowed and not silent,
        actual=actual,
        values={"openings": len(openings), "systems": len(systems), "allowed": allowed, "undeclared": silent},
        files=(context.existing(context.workspace.ledger),),
    )


@check("criteria-frozen", NoParameters)
def criteria_frozen(context: Context, parameters: NoParameters) -> Finding:
    """Are the criteria judged those that stood at each opening of these labels?"""
    del parameters
    path = context.existing(context.workspace.definition / "acceptance.yaml")
    found, openings = sha256_file(path), openings_of_these_labels(context)
    stated = sorted({opening.criteria_sha256 for opening in openings})
    actual = (
        f"acceptance.yaml has SHA-256 {found}; {len(openings)} openings name {len(stated)} different hashes: "
        f"{', '.join(stated) or 'none'}"
    )
    return Finding(
        passed=stated == [found],
        actual=actual,
        values={"acceptance": found, "openings": len(openings), "stated": stated},
        files=(path, context.existing(context.workspace.ledger)),
    )
