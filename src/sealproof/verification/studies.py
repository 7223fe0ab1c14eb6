"""Simulation studies: those beside the thresholds are the committed ones, and each verdict follows from its figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from scipy import special

from sealproof.verification.differences import differences
from sealproof.verification.scores import image_scores
from sealproof.verification.tree import Tree

_COMMITTED = "protocols/data"
#: A promise counts as broken when what was observed is this improbable if it were kept.
_LEVEL = 0.001
#: A method that is eligible in a smaller share of the data sets counts as refused.
_REFUSED = 0.1
#: Figures are written with so many digits: what is decided within them is not decided here.
_ROUNDING = 2e-6
#: Another table differs in hundreds of places: the first of them are enough.
_SHOWN = 3


def check_studies(tree: Tree) -> None:
    """Hold guarantees.json and evt_sample_size.json against the committed studies, and their verdicts anew."""
    scored = image_scores(tree)
    for name in ("guarantees.json", "evt_sample_size.json"):
        file, committed = tree.artifact("threshold", name), f"{_COMMITTED}/{name}"
        stated, wanted = tree.dictionary(file), tree.dictionary(committed, optional=True)
        if not stated:
            continue
        with tree.findings.guard(file):
            if wanted:
                # The answer for the product's own number of normals is added when thresholds are computed.
                for pointer, expected, found in islice(differences(wanted, stated), _SHOWN):
                    tree.findings.add("study-changed", file, pointer, expected=expected, found=found)
            if name == "guarantees.json":
                wrong = list(verdict_problems(stated))
                tree.findings.count("cells of guarantees", len(stated["rows"]))
            else:
                usable = (
                    0
                    if scored is None
                    else int(((scored["split"] == "calibration") & scored["decided"]).sum())
                )
                wrong = list(differences({"n": usable}, stated["answers"]["own"], "/answers/own"))
            for pointer, expected, found in wrong:
                tree.findings.add("study-changed", file, pointer, expected=expected, found=found)


def verdict_problems(stated: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(pointer, expected, found) of verdicts that contradict the figures beside them, and of counts of verdicts.

    Args:
        stated: guarantees.json.
    """
    for place, row in enumerate(stated["rows"]):
        refused = row["eligible"] < _REFUSED * row["datasets"]
        if refused is not (row["verdict"] == "refused"):
            yield f"/rows/{place}/verdict", "refused" if refused else "kept or broken", row["verdict"]
        elif not refused and row["verdict"] not in _possible(row, row["confidence"], row["eligible"]):
            yield f"/rows/{place}/verdict", _possible(row, row["confidence"], row["eligible"]), row["verdict"]
    counts = Counter(row["verdict"] for row in stated["rows"])
    derived = {"cells": len(stated["rows"]), **{key: counts[key] for key in ("kept", "refused", "broken")}}
    derived["broken_coverage"] = sum(row["verdict"] == "broken" for row in stated["coverage"])
    yield from differences(derived, stated["summary"], "/summary")


def _possible(row: Mapping[str, Any], confidence: float | None, sets: int) -> list[str]:
    """Verdicts that the figures allow; both where rounding decides."""
    if confidence is not None:
        broken = float(special.bdtrc(row["exceeding"] - 1, sets, 1 - confidence)) if row["exceeding"] else 1.0
        return ["broken" if broken < _LEVEL else "kept"]
    excess = row["observed"] - row["promised"]
    limit = -float(special.ndtri(_LEVEL)) * (row["standard_error"] or 0.0)
    verdicts = ["kept"] if excess <= limit + 5 * _ROUNDING else []
    return [*verdicts, "broken"] if excess > limit - 5 * _ROUNDING else verdicts
