"""The whole qualification of a product: criteria judged, protocols executed, trace built, values recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.records import RecordBook, Recorder
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.approval import approval_in_force
from sealproof.qualification.context import Context
from sealproof.qualification.criteria import JudgedCriteria, judge_product
from sealproof.qualification.definitions import STAGE_NAMES
from sealproof.qualification.execution import Runner, execute, utc_now
from sealproof.qualification.linked import load_definitions
from sealproof.qualification.outcome import ExecutedProtocol
from sealproof.qualification.trace import TraceRow, trace_matrix
from sealproof.settings import Settings

_SHOWN = {"pass": "green", "fail": "bold red", "not run": "yellow", "not evaluable": "yellow"}


@dataclass(frozen=True)
class Qualification:
    """What the stage writes: criteria.json, iq.json, oq.json, pq.json, trace.json."""

    judged: JudgedCriteria
    protocols: tuple[ExecutedProtocol, ...]
    trace: tuple[TraceRow, ...]


def qualify(
    settings: Settings, book: RecordBook, observations: Path, now: Callable[[], str] = utc_now
) -> Qualification:
    """Judge the criteria and execute the three protocols.

    Args:
        settings: of the run.
        book: records of all earlier stages.
        observations: folder that the observation file of each case is written to.
        now: clock, ISO 8601 with zone.

    Raises:
        DefinitionError: the protocols or the acceptance criteria are wrong, or the trace is broken.
        EvidenceMissingError: the score in force or the confidence of the bounds is not recorded.
        EvidenceAlteredError: the approval cannot be trusted.
    """
    workspace = settings.workspace
    defined = load_definitions(workspace)
    acceptance, catalogue = defined.acceptance, defined.catalogue
    path = workspace.definition / "acceptance.yaml"
    digest = sha256_file(path)
    judged = judge_product(acceptance, digest, book)
    approved = {**catalogue.hashes, workspace.relative(path): digest}
    context = Context(settings, book, acceptance, judged.criteria, approved, approval_in_force(workspace))
    printed = f"{workspace.relative(workspace.artifacts('qualify'))}/observations"
    runner = Runner(observations, printed, now)
    protocols = tuple(execute(catalogue.protocols[stage], context, runner) for stage in STAGE_NAMES)
    return Qualification(judged, protocols, tuple(trace_matrix(catalogue, protocols)))


def record_qualification(recorder: Recorder, done: Qualification, folder: Path) -> None:
    """Record counts, verdicts, observed values and criteria.

    Ids: `qualify.<stage>.<count>`, `qualify.<case>.verdict`, `qualify.<case>.actual`,
    `qualify.criteria.<criterion>.<figure>`, `qualify.criteria.met`, `qualify.deviations.open`.

    Args:
        recorder: of the stage.
        done: as executed.
        folder: where criteria.json and the protocols are written.
    """
    for protocol in done.protocols:
        _record_protocol(recorder, protocol, folder / f"{protocol.stage}.json")
    path = folder / "criteria.json"
    for place, outcome in enumerate(done.judged.criteria):
        _record_criterion(recorder, outcome, path, f"/criteria/{place}")
    met = sum(outcome.met is True for outcome in done.judged.criteria)
    for name, value, definition in (
        ("met", met, "acceptance criteria that are met by their confidence bound"),
        ("total", len(done.judged.criteria), "acceptance criteria"),
    ):
        recorder.add(
            f"criteria.{name}",
            value,
            unit="1",
            definition=f"number of {definition}",
            artefact=path,
            pointer="/criteria",
        )
    opened = sum(len(protocol.deviations) for protocol in done.protocols)
    definition = "number of deviations that failed cases opened and nobody has closed"
    recorder.add("deviations.open", opened, unit="1", definition=definition, artefact=folder / "trace.json")


def _record_protocol(recorder: Recorder, protocol: ExecutedProtocol, path: Path) -> None:
    title = protocol.stage.upper()
    for name, number in protocol.counts.model_dump().items():
        words = name.replace("_", " ")
        definition = f"number of {title} cases, {'all' if name == 'total' else words}"
        recorder.add(
            f"{protocol.stage}.{name.replace('_', '-')}",
            number,
            unit="1",
            definition=definition,
            artefact=path,
            pointer=f"/counts/{name}",
        )
    for place, case in enumerate(protocol.cases):
        for name, text, what in (
            ("verdict", case.verdict, "verdict"),
            ("actual", case.actual, "observation"),
        ):
            recorder.add(
                f"{case.id.lower()}.{name}",
                text,
                unit="1",
                definition=f"{what} of case {case.id}: {case.title}",
                artefact=path,
                pointer=f"/cases/{place}/{name}",
            )


def _record_criterion(recorder: Recorder, outcome: CriterionOutcome, path: Path, pointer: str) -> None:
    why = f"; not evaluable: {outcome.reason}" if outcome.reason else ""
    about = f"{outcome.id}, {outcome.title.lower()}"
    for name, key, value, what in (
        ("value", "value", outcome.value, "estimate"),
        ("bound", "bound_value", outcome.bound_value, f"{outcome.bound} confidence bound"),
        ("limit", "limit", outcome.limit, f"limit ({outcome.comparison}), the product's decision"),
        ("n", "n", outcome.n, "number of units"),
        ("met", "met", outcome.met, "whether the bound meets the limit"),
    ):
        recorder.add(
            f"criteria.{outcome.id.lower()}.{name}",
            value,
            unit=outcome.unit,
            definition=f"{what} of {about}{why if value is None else ''}",
            artefact=path,
            pointer=f"{pointer}/{key}",
        )


def summary_table(done: Qualification) -> Table:
    """Cases by verdict, and each case that did not pass, for the terminal."""
    table = Table(title="qualification", title_justify="left")
    for heading in ("case", "title", "verdict", "observed"):
        table.add_column(heading)
    for protocol in done.protocols:
        counts = protocol.counts
        words = f"{counts.passed} passed, {counts.failed} failed, {counts.not_run} not run"
        table.add_row(
            f"[bold]{protocol.stage.upper()}[/]",
            protocol.title,
            words,
            f"{counts.not_evaluable} not evaluable",
        )
        for case in protocol.cases:
            if case.verdict in {"fail", "not evaluable"}:
                colour = _SHOWN[case.verdict]
                table.add_row(
                    case.id, case.title, f"[{colour}]{case.verdict}[/]", case.actual[:160].replace("[", r"\[")
                )
        table.add_section()
    return table
