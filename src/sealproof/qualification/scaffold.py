"""A model acceptance.yaml for a new product: complete, and marked as a demonstration until people decide."""

from __future__ import annotations

from pathlib import Path

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import write_bytes

MODEL = """\
# Acceptance criteria. Each acts on a confidence bound, on the unfavourable side, never on the point estimate.
# Decide on them, and have them approved, before the test set is opened for the first time: the ledger keeps the hash
# of this file for each opening, and a change afterwards makes a case of the performance qualification fail.
#
# The limits below are no advice. Replace them by your own, with your own reasons, then set demonstration to false.
demonstration: true

# How many different pairs of weights and thresholds may be judged on one test set. A second one is a choice made with
# the test set's help: its results no longer mean what they say.
maximum_systems_judged: 1

criteria:
  - id: AC-01
    title: Share of defective parts that are rejected
    metric: evaluate.{score}.recall         # {score} is the score in force; any record id may stand here
    bound: low                              # low with >=, high with <=
    comparison: ">="
    limit: 0.90
    sample: evaluate.test.defective         # the claim is refused when so many units could not prove it
    rationale: A missed defect is the hazard of the inspection.
    requirement: URS-017                    # protocols/requirements.yaml
    risk: RC-01                             # protocols/risks.yaml
  - id: AC-02
    title: Share of normal parts that are accepted
    metric: evaluate.{score}.specificity
    bound: low
    comparison: ">="
    limit: 0.90
    sample: evaluate.test.normal
    rationale: Good parts rejected or undecided cost parts, and trust in the alarm.
    requirement: URS-017
    risk: RC-05
  - id: AC-03
    title: Area under the ROC curve
    metric: evaluate.{score}.auroc
    bound: low
    comparison: ">="
    limit: 0.90
    rationale: The score itself has to tell defective from normal parts, whatever the threshold.
    requirement: URS-017
    risk: RC-01
  - id: AC-04
    title: Share of parts that are undecided
    metric: evaluate.test.undecided         # a count: with `of` its share and exact bounds are computed
    of: evaluate.test.images
    bound: high
    comparison: "<="
    limit: 0.05
    rationale: Undecided parts go to a person.
    requirement: URS-014
    risk: RC-15
"""


def write_acceptance_model(definition: Path) -> Path:
    """Write the model to `<definition>/acceptance.yaml`.

    Args:
        definition: the product's folder, `products/<name>`.

    Raises:
        DefinitionError: there are acceptance criteria already; they are never overwritten.
        OutputError: the folder cannot be written.
    """
    path = definition / "acceptance.yaml"
    if path.exists():
        raise DefinitionError(
            "there are acceptance criteria already",
            where=str(path),
            why="criteria that were decided on are never overwritten",
            mend="edit the file",
        )
    write_bytes(path, MODEL.encode())
    return path
