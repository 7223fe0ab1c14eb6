"""Which class a change has, as data: the first rule that fits a claim's path and kind decides; the last fits all.

`covered`: whether product.yaml may plan such a change. `effect`: an output of the pipeline, which never changes by
itself: it takes the class of what caused it, and a change without a visible cause asks for requalification.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from sealproof.change.claims import Change, Classification

NONE, REQUALIFICATION = Classification.NONE, Classification.REQUALIFICATION
QUESTION = (
    "It may be a substantial modification in the sense of Article 3(23) of Regulation (EU) 2024/1689, after which "
    "Article 43(4) asks for a new conformity assessment. The provider decides."
)


@dataclass(frozen=True)
class Rule:
    """One line of the table below.

    Args:
        path, kind: patterns in which `*` stands for anything.
        classification: of a change that no plan covers.
        reason: why.
        covered: whether a plan may cover it.
        effect: whether it is an output of the pipeline.
        remark: what the provider has to ask.
    """

    path: str
    kind: str
    classification: Classification
    reason: str
    covered: bool = False
    effect: bool = False
    remark: str = ""


def _never(path: str, reason: str, kind: str = "*", remark: str = "") -> Rule:
    return Rule(path, kind, REQUALIFICATION, reason, remark=remark)


def _planned(path: str, reason: str) -> Rule:
    return Rule(path, "*", REQUALIFICATION, reason, covered=True)


def _effect(path: str, reason: str, kind: str = "*") -> Rule:
    return Rule(path, kind, REQUALIFICATION, reason, covered=True, effect=True)


RULES: tuple[Rule, ...] = (
    # What the manufacturer states
    _never("statements.intended_use", "the system was assessed for its intended use", remark=QUESTION),
    _never("statements.oversight", "human oversight is a requirement on the system", remark=QUESTION),
    _never("statements.hazards*", "the hazards decide what has to be qualified", remark=QUESTION),
    _never("statements.classification*", "the classification decides which duties apply", remark=QUESTION),
    _never("statements.provider*", "another provider takes responsibility", remark=QUESTION),
    _never("statements.predetermined_changes*", "a plan cannot approve a change of the plan"),
    _never("statements.demonstration", "it decides whether the product can be released at all"),
    Rule("statements.revision", "*", NONE, "document control numbers the documents anew"),
    Rule("statements.revision_history*", "*", NONE, "document control keeps the history of the documents"),
    _planned("statements.*", "documents and assessment rest on what the manufacturer states"),
    # Data
    _effect("data.train.counts.*", "counts follow the images"),
    _effect("data.calibration.counts.*", "counts follow the images"),
    _effect("data.tuning.counts.*", "counts follow the images"),
    _effect("data.unused.counts.*", "counts follow the images"),
    _effect("data.excluded.counts.*", "counts follow the images"),
    _never("data.test*", "every claim on performance rests on the test images"),
    _planned("data.summary.source", "images of another source show another thing"),
    _planned("data.summary.licence", "the right to use the images is part of the data's governance"),
    _never("data.summary.simulated", "simulated images are no evidence about a real product"),
    _planned("data.summary.split*", "the way the images are split decides what each of them proves"),
    _effect("data.summary*", "aggregates follow the images"),
    _planned("data.*", "what the system has learnt, or is calibrated on, is no longer what was qualified"),
    # Code, parameters, packages
    Rule("code.commit", "listed", NONE, "the files that differ between the commits are claims of their own"),
    Rule("code.files.docs", "*", NONE, "read by users of the software; neither run nor printed in a release"),
    Rule("code.files.README.md", "*", NONE, "read by users of the software; neither run nor printed"),
    Rule("code.files.CHANGELOG.md", "*", NONE, "read by users of the software; neither run nor printed"),
    _planned("code.*", "software that computes or documents results is no longer the one that was qualified"),
    _planned("parameters.*", "the results were qualified with these parameters"),
    _planned("packages.*", "the installation was qualified with these packages"),
    # Results
    _effect("model.*", "the model follows data, code, parameters and packages"),
    _never("threshold.eligible", "the assumptions of the threshold's method no longer hold", kind="worse"),
    _never("threshold.value", "there is no valid threshold any more", kind="worse"),
    _effect("threshold.*", "the threshold follows the scores of held-out normals and the parameters"),
    _never("metrics.promise.*", "the promise of the threshold in force is not kept any more", kind="worse"),
    _effect("metrics.*", "performance is what was qualified"),
    _effect("results.*", "outputs of the pipeline follow their inputs"),
    # What the qualification rests on
    Rule("criteria.*.verdict", "better", NONE, "a consequence; what caused it is classed on its own"),
    _never("criteria.*.verdict", "a criterion that was met is not met, or not evaluable, any more"),
    _never("criteria.*", "acceptance criteria are what the release is judged by; they are approved anew"),
    Rule("cases.*.verdict", "better", NONE, "a consequence; what caused it is classed on its own"),
    _never("cases.*.verdict", "the case has not passed", kind="worse"),
    _never("cases.*", "what is executed has to be what was approved"),
    _planned("protocols.files.*", "the documents are built from it"),
    _never("protocols.*", "what is executed has to be what was approved"),
    _never("requirements.*", "the requirements decide what has to be qualified"),
    _never("risks.*", "the risks decide what has to be qualified"),
    # What people decided and signed
    Rule(
        "deviations.*",
        "closed",
        NONE,
        "the failure no longer occurs; its case's verdict is a claim of its own",
    ),
    Rule("deviations.*", "accepted", NONE, "QA has decided; the disposition is part of the release"),
    _never("deviations.*", "a failure that the other release does not have, or that QA decided otherwise"),
    Rule("approvals.criteria*", "changed", NONE, "approved anew; what was approved is compared file by file"),
    Rule("approvals.criteria*", "added", NONE, "approved; what was approved is compared file by file"),
    _never("approvals.*", "criteria and protocols are not approved any more"),
    Rule("openings.ledger", "continued", NONE, "each release is judged once more; PQ judges how often"),
    _never("openings.*", "how often the test set was opened, and for what, decides what its results mean"),
    Rule("signatures.*", "*", NONE, "each release is signed anew; the gate judges whether all have signed"),
    _never("*", "a change of a kind that no rule knows"),
)


def rule_for(change: Change, rules: tuple[Rule, ...] = RULES) -> Rule:
    """The first rule that fits a change; the last of `RULES` fits every change.

    Example:
        >>> rule_for(Change("statements.revision", "changed", "1", "2")).classification.word
        'none'
        >>> rule_for(Change("new.thing", "changed", 1, 2)).reason
        'a change of a kind that no rule knows'
    """
    return next(
        rule for rule in rules if fnmatchcase(change.path, rule.path) and fnmatchcase(change.kind, rule.kind)
    )
