"""Protocols as documents print them: with what people recorded and decided, every value by the id of its record."""

from __future__ import annotations

from collections.abc import Iterator

from sealproof.dossier.facts import Fact
from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.verdict import Headline, protocol_headline
from sealproof.qualification.definitions import StageName
from sealproof.qualification.outcome import ExecutedCase, ExecutedProtocol
from sealproof.qualification.recording import recording_path

COUNTS = ("total", "passed", "failed", "not_run", "not_evaluable")


def settled_headline(protocol: ExecutedProtocol) -> Headline:
    """The result of a protocol, with the deviations that QA accepted."""
    return protocol_headline(protocol.counts, sum(item.status == "accepted" for item in protocol.deviations))


def settled_facts(inputs: DossierInputs) -> Iterator[tuple[str, Fact]]:
    """Counts and reasons of each protocol, durations, and what people recorded, by record name."""
    for stage, protocol in inputs.protocols.items():
        yield from _counts(stage, protocol)
        for place, text in enumerate(settled_headline(protocol).reasons, start=1):
            yield f"{stage}.reason.{place}", Fact(text, "1", f"reason for the result of {stage.upper()}")
        yield from _cases(inputs, stage)


def case_record(inputs: DossierInputs, case: ExecutedCase) -> str:
    """Id of the record that holds what was observed in a case, by the pipeline or by whoever recorded it."""
    before = {item.id: item.actual for item in inputs.executed[_stage(case)].cases}
    return (
        f"qualify.{case.id.lower()}.actual"
        if before.get(case.id) == case.actual
        else f"dossier.case.{case.id.lower()}.observed"
    )


def _stage(case: ExecutedCase) -> StageName:
    stages: dict[str, StageName] = {"IQ": "iq", "OQ": "oq", "PQ": "pq"}
    return stages[case.id[:2]]


def _counts(stage: str, protocol: ExecutedProtocol) -> Iterator[tuple[str, Fact]]:
    for name in COUNTS:
        words = "all" if name == "total" else name.replace("_", " ")
        definition = f"number of {stage.upper()} cases, {words}, with what people recorded"
        yield f"{stage}.{name.replace('_', '-')}", Fact(getattr(protocol.counts, name), "1", definition)
    for status in ("open", "accepted", "rejected"):
        number = sum(item.status == status for item in protocol.deviations)
        yield f"{stage}.deviations.{status}", Fact(number, "1", f"deviations of {stage.upper()}, {status}")


def _cases(inputs: DossierInputs, stage: StageName) -> Iterator[tuple[str, Fact]]:
    artefact = f"artifacts/{inputs.workspace.product}/qualify/{stage}.json"
    for place, case in enumerate(inputs.protocols[stage].cases):
        name = f"case.{case.id.lower()}"
        if case.seconds is not None:
            what = f"duration of case {case.id}"
            yield f"{name}.seconds", Fact(case.seconds, "s", what, artefact, f"/cases/{place}/seconds")
        if case_record(inputs, case).startswith("dossier."):
            yield f"{name}.observed", _observed(inputs, case)


def _observed(inputs: DossierInputs, case: ExecutedCase) -> Fact:
    definition = f"observation of case {case.id}: {case.title}"
    if case.verdict == "not run":
        return Fact(case.actual, "1", definition)
    path = inputs.workspace.relative(recording_path(inputs.workspace.definition, case.id))
    return Fact(case.actual, "1", f"{definition}, as recorded by {case.executed_by}", path, "/observed")
