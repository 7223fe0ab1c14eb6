"""DVC stage `qualify`: IQ, OQ and PQ protocols, executed; acceptance criteria, judged."""

from rich.console import Console

from sealproof.evidence.files import write_json
from sealproof.qualification.entries import note_deviations
from sealproof.qualification.execution import EXECUTOR
from sealproof.qualification.run import qualify, record_qualification, summary_table
from sealproof.stage import STAGES, Stage, run_stage

_EARLIER = STAGES[: STAGES.index("qualify")]


def work(stage: Stage) -> None:
    """Execute the protocols, write them with criteria, trace and records, note new deviations in the audit trail."""
    criteria = stage.output("criteria.json")
    folder = criteria.parent
    done = qualify(stage.settings, stage.records(*_EARLIER), folder / "observations")
    write_json(criteria, done.judged.model_dump(mode="json"))
    for protocol in done.protocols:
        write_json(stage.output(f"{protocol.stage}.json"), protocol.model_dump(mode="json"))
    write_json(stage.output("trace.json"), [row.model_dump(mode="json") for row in done.trace])
    record_qualification(stage.recorder, done, folder)
    stage.params = {"score": done.judged.score, "method": done.judged.method}
    stage.metrics = {
        f"{protocol.stage}.{name}": float(number)
        for protocol in done.protocols
        for name, number in protocol.counts.model_dump().items()
    }
    deviations = [item for protocol in done.protocols for item in protocol.deviations]
    note_deviations(stage.workspace, deviations, by=EXECUTOR)
    Console().print(summary_table(done))


if __name__ == "__main__":
    run_stage("qualify", work)
