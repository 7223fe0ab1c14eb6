"""DVC stage `dossier`: iq.pdf, oq.pdf, pq.pdf, dossier.pdf, release.json and provenance.json."""

from rich.console import Console
from rich.table import Table

from sealproof.change.headlines import headlines
from sealproof.dossier.attachments import attachments
from sealproof.dossier.documents import Contents, draft_release, finish_release, render_all
from sealproof.dossier.facts import fact_records, facts_json
from sealproof.dossier.inputs import load_inputs
from sealproof.dossier.quotations import all_facts
from sealproof.dossier.signature_boxes import boxes_json
from sealproof.dossier.statement import announce, state_provenance
from sealproof.evidence.files import write_bytes, write_json
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Read all evidence, decide, render the four documents, write the release."""
    inputs = load_inputs(stage.settings)
    draft = draft_release(inputs)
    facts = all_facts(inputs, draft)
    context = stage.output("context.json")
    write_json(context, facts_json(facts))
    records = fact_records(facts, stage.workspace, context.read_bytes())
    for name, fact in facts.items():
        stage.recorder.add(
            name,
            fact.value,
            unit=fact.unit,
            definition=fact.definition,
            artefact=stage.workspace.root / fact.artefact if fact.artefact else context,
            pointer=fact.pointer or f"/{name}",
        )

    attached = attachments(inputs, draft, records)
    contents = Contents(inputs, draft, records, attached, headlines(stage.workspace))
    rendered = render_all(contents, stage.workspace.root / "templates")
    for document in rendered:
        write_bytes(stage.report(document.name), document.content)
    release = finish_release(draft, stage.workspace, rendered)
    made = stage.report("release.json")
    write_json(made, release.model_dump(mode="json"))
    statement = state_provenance(release, made, stage.workspace, commit=stage.commit, dirty=stage.dirty)
    write_bytes(stage.report("provenance.json"), statement)
    write_json(stage.output("printed.json"), {document.name: document.printed for document in rendered})
    write_json(stage.output("signature_boxes.json"), boxes_json({item.name: item.boxes for item in rendered}))

    stage.params = {"product": stage.workspace.product, "revision": inputs.product.revision}
    stage.metrics = {
        f"{name}.open": float(str(facts[f"{name}.open"].value)) for name in ("annex-iv", "deviations")
    }
    table = Table("document", "bytes", "records printed", title=f"release: {release.decision}")
    for document in rendered:
        table.add_row(document.name, str(len(document.content)), str(len(document.printed)))
    Console().print(table)
    in_place = stage.workspace.reports / made.name
    stage.afterwards(lambda: announce(release, in_place, stage.workspace.trail))


if __name__ == "__main__":
    run_stage("dossier", work)
