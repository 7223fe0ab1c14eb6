"""Settles protocols: what people recorded and decided is laid over what the pipeline executed.

The stage that executes the protocols does not read it, so that a person's entry does not execute everything again.
Each entry names by hash what it is about; one about something else counts for nothing and is shown as stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealproof.evidence.hashing import sha256_file
from sealproof.qualification.definitions import STAGE_NAMES, StageName
from sealproof.qualification.disposition import FOLDER as DISPOSITIONS
from sealproof.qualification.disposition import Disposition, load_dispositions
from sealproof.qualification.outcome import Counts, Deviation, DeviationStatus, ExecutedCase, ExecutedProtocol
from sealproof.qualification.recording import (
    FOLDER,
    Recording,
    executed,
    load_recordings,
    recording_path,
    why_not_counted,
)


@dataclass(frozen=True)
class Settled:
    """Protocols with what people entered.

    Attributes:
        protocols: by stage; recorded cases carry their verdict, deviations their status.
        stale: entries that count for nothing, one sentence each.
    """

    protocols: Mapping[StageName, ExecutedProtocol]
    stale: tuple[str, ...]

    @property
    def counts(self) -> dict[StageName, Counts]:
        """Verdicts by stage."""
        return {stage: protocol.counts for stage, protocol in self.protocols.items()}

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """All deviations, IQ first."""
        return tuple(item for protocol in self.protocols.values() for item in protocol.deviations)

    def with_status(self, status: DeviationStatus) -> tuple[Deviation, ...]:
        """Deviations of one status."""
        return tuple(item for item in self.deviations if item.status == status)


def settle(protocols: Mapping[StageName, ExecutedProtocol], definition: Path, results_id: str) -> Settled:
    """Lay recorded executions and dispositions over executed protocols.

    Args:
        protocols: as the pipeline executed them, by stage.
        definition: the product's folder, `products/<name>` below the project's root.
        results_id: of the results that are to be released (`results.results_id`).

    Raises:
        DefinitionError: a disposition cannot stand.
        EvidenceAlteredError: a recorded execution cannot be trusted.
    """
    recordings = {item.case: item for item in load_recordings(definition)}
    dispositions = {item.deviation: item for item in load_dispositions(definition)}
    reasons = dict(_not_counted(protocols, recordings, results_id, definition.parents[1]))
    counted = {case: item for case, item in recordings.items() if case not in reasons}
    settled = {
        stage: _settled(protocols[stage], definition, counted, reasons, dispositions)
        for stage in STAGE_NAMES
        if stage in protocols
    }
    deviations = [item for protocol in settled.values() for item in protocol.deviations]
    stale = [f"{FOLDER}/{case}.json: {reason}" for case, reason in reasons.items()]
    return Settled(settled, (*sorted(stale), *_stale_dispositions(dispositions, deviations)))


def _not_counted(
    protocols: Mapping[StageName, ExecutedProtocol],
    recordings: Mapping[str, Recording],
    results_id: str,
    root: Path,
) -> Iterator[tuple[str, str]]:
    """(case, reason) of each record that does not count."""
    cases = {case.id: case for protocol in protocols.values() for case in protocol.cases}
    for name, recording in recordings.items():
        case = cases.get(name)
        reason = why_not_counted(recording, case, results_id, root) if case else "there is no such case"
        if reason:
            yield name, reason


def _settled(
    protocol: ExecutedProtocol,
    definition: Path,
    recordings: Mapping[str, Recording],
    reasons: Mapping[str, str],
    dispositions: Mapping[str, Disposition],
) -> ExecutedProtocol:
    cases = tuple(_settled_case(case, definition, recordings, reasons) for case in protocol.cases)
    opened = (_deviation(case) for case in cases if case.deviation)
    fields = dict(protocol) | {
        "cases": cases,
        "counts": Counts.of(case.verdict for case in cases),
        "deviations": tuple(_disposed(item, dispositions.get(item.id)) for item in opened),
    }
    return ExecutedProtocol(**fields)


def _settled_case(
    case: ExecutedCase, definition: Path, recordings: Mapping[str, Recording], reasons: Mapping[str, str]
) -> ExecutedCase:
    if case.id in recordings:
        path = recording_path(definition, case.id)
        printed = path.relative_to(definition.parents[1]).as_posix()
        return executed(case, recordings[case.id], printed, sha256_file(path))
    if case.id in reasons and not case.automated:
        return case.model_copy(update={"actual": f"not run - a record exists, but {reasons[case.id]}"})
    return case


def _deviation(case: ExecutedCase) -> Deviation:
    return Deviation(
        id=case.deviation or "", case=case.id, title=case.title, expected=case.expected, actual=case.actual
    )


def _disposed(deviation: Deviation, disposition: Disposition | None) -> Deviation:
    if disposition is None or not _covers(disposition, deviation):
        return deviation
    return Deviation(**dict(deviation) | {"status": disposition.decision, "disposition": disposition})


def _covers(disposition: Disposition, deviation: Deviation) -> bool:
    return (disposition.case, disposition.failure_sha256) == (deviation.case, deviation.failure_sha256)


def _stale_dispositions(
    dispositions: Mapping[str, Disposition], deviations: Sequence[Deviation]
) -> Iterator[str]:
    present = {item.id: item for item in deviations}
    for name, disposition in sorted(dispositions.items()):
        deviation = present.get(name)
        if deviation is None:
            yield f"{DISPOSITIONS}/{name}.yaml: the failure is no longer there"
        elif not _covers(disposition, deviation):
            yield f"{DISPOSITIONS}/{name}.yaml: it is about another failure of {disposition.case}; {name} is open"
