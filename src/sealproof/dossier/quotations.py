"""What documents quote from results that no stage recorded: each a record that points into the file it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sealproof.dossier.facts import Fact, count_facts
from sealproof.dossier.inputs import RESULTS, DossierInputs
from sealproof.dossier.settled import settled_facts
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.release import Release


def all_facts(inputs: DossierInputs, release: Release) -> dict[str, Fact]:
    """Every record that the dossier adds to those of the stages, by name: its own counts and its quotations."""
    return count_facts(inputs, release) | dict(_quoted(inputs))


def _quoted(inputs: DossierInputs) -> Iterator[tuple[str, Fact]]:
    folder = f"artifacts/{inputs.workspace.product}"
    yield from quote_model(inputs.results["model"], f"{folder}/{RESULTS['model']}")
    yield from quote_findings(inputs.results["findings"]["findings"], f"{folder}/{RESULTS['findings']}")
    yield from quote_guarantees(inputs.results["guarantees"], f"{folder}/{RESULTS['guarantees']}")
    yield from quote_reasons(inputs.judged.criteria, f"{folder}/qualify/criteria.json")
    yield from settled_facts(inputs)
    yield from quote_runs(inputs.runs, f"{folder}/runs")


def quote_model(model: Mapping[str, Any], artefact: str) -> Iterator[tuple[str, Fact]]:
    """The card of the detector and the size of its input.

    Args:
        model: content of model.json.
        artefact: its path.

    Example:
        >>> card = {"title": "T", "summary": "S", "reference": "R", "pretrained": "none"}
        >>> card |= {"limits": [], "differences": []}
        >>> model = {"card": card, "input": {"height": 64, "width": 256}}
        >>> dict(quote_model(model, "model.json"))["model.input.height"].pointer
        '/input/height'
    """
    card = model["card"]
    for name in ("title", "summary", "reference", "pretrained"):
        text = f"{name} of the detector, from its card"
        yield f"model.{name}", Fact(card[name], "1", text, artefact, f"/card/{name}")
    for place, text in enumerate(card["limits"]):
        what = "a limit of the detector, from its card"
        yield f"model.limit.{place + 1}", Fact(text, "1", what, artefact, f"/card/limits/{place}")
    for place, row in enumerate(card["differences"]):
        for name in ("source", "here", "reason"):
            what = f"where the detector departs from its reference, {name}"
            pointer = f"/card/differences/{place}/{name}"
            yield f"model.difference.{place + 1}.{name}", Fact(row[name], "1", what, artefact, pointer)
    for name in ("height", "width"):
        what = f"{name} of the patch that the detector is given"
        yield f"model.input.{name}", Fact(model["input"][name], "px", what, artefact, f"/input/{name}")


def quote_findings(findings: Sequence[Mapping[str, Any]], artefact: str) -> Iterator[tuple[str, Fact]]:
    """What the data checks found and observed, in their own words.

    Example:
        >>> found = dict(quote_findings([{"what": "dark", "observed": "0.1"}], "findings.json"))
        >>> found["finding.1.observed"].value, found["finding.1.observed"].pointer
        ('0.1', '/findings/0/observed')
    """
    for place, finding in enumerate(findings):
        for name, what in (("what", "finding"), ("observed", "observation")):
            text = f"{what} of a data check, in its own words"
            pointer = f"/findings/{place}/{name}"
            yield f"finding.{place + 1}.{name}", Fact(finding[name], "1", text, artefact, pointer)


def quote_guarantees(table: Mapping[str, Any], artefact: str) -> Iterator[tuple[str, Fact]]:
    """The numbers of normals and the distributions of the simulation: heads of columns and rows of its table.

    Args:
        table: content of guarantees.json.
        artefact: its path.

    Example:
        >>> table = {"distributions": {"normal": "normal"}, "rows": [{"n": 20}, {"n": 20}, {"n": 50}]}
        >>> {name: fact.pointer for name, fact in quote_guarantees(table, "guarantees.json")}["guarantees.n.50"]
        '/rows/2/n'
    """
    seen = set()
    for place, row in enumerate(table["rows"]):
        if row["n"] not in seen:
            seen.add(row["n"])
            what = "number of normals (of training defects, for recall_bound) that was simulated"
            yield f"guarantees.n.{row['n']}", Fact(row["n"], "images", what, artefact, f"/rows/{place}/n")
    for name, words in table["distributions"].items():
        what = "distribution of scores that was simulated, in words"
        yield f"guarantees.distribution.{name}", Fact(words, "1", what, artefact, f"/distributions/{name}")


def quote_reasons(criteria: Sequence[CriterionOutcome], artefact: str) -> Iterator[tuple[str, Fact]]:
    """Why a criterion could not be evaluated, in the words of its judgement."""
    for place, item in enumerate(criteria):
        if item.met is None:
            what = f"why {item.id} could not be evaluated"
            pointer = f"/criteria/{place}/reason"
            yield f"criterion.{item.id.lower()}.reason", Fact(item.reason, "1", what, artefact, pointer)


def quote_runs(runs: Mapping[str, Mapping[str, Any] | None], folder: str) -> Iterator[tuple[str, Fact]]:
    """How long each stage took, from the side record of the run that made its output."""
    for stage, run in runs.items():
        if run is not None:
            artefact = f"{folder}/{stage}-{run['fingerprint'][:16]}.json"
            yield (
                f"run.{stage}.seconds",
                Fact(run["seconds"], "s", f"duration of stage {stage}", artefact, "/seconds"),
            )
