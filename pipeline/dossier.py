"""DVC stage `dossier`: iq.pdf, oq.pdf, pq.pdf, dossier.pdf and release.json."""

from rich.console import Console
from rich.table import Table

from sealproof.dossier.documents import KINDS, draft_release, finish_release, render_document
from sealproof.dossier.facts import count_facts, fact_records, facts_json
from sealproof.dossier.inputs import load_inputs
from sealproof.evidence.files import write_bytes, write_json
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Read all evidence, decide, render the four documents, write the release."""
    inputs = load_inputs(stage.settings)
    draft = draft_release(inputs)
    facts = count_facts(inputs, draft)
    context = stage.output("context.json")
    write_json(context, facts_json(facts))
    records = fact_records(facts, stage.workspace, context.read_bytes())
    for name, fact in facts.items():
        stage.recorder.add(
            name, fact.value, unit=fact.unit, definition=fact.definition, artefact=context, pointer=f"/{name}"
        )

    templates = stage.workspace.root / "templates"
    rendered = [render_document(kind, inputs, draft, records, templates) for kind in KINDS]
    for document in rendered:
        write_bytes(stage.report(document.name), document.content)
    release = finish_release(draft, stage.workspace, rendered)
    write_json(stage.report("release.json"), release.model_dump(mode="json"))
    write_json(stage.output("printed.json"), {document.name: document.printed for document in rendered})

    stage.params = {"product": stage.workspace.product, "revision": inputs.product.revision}
    stage.metrics = {
        f"{name}.open": float(str(facts[f"{name}.open"].value)) for name in ("annex-iv", "deviations")
    }
    table = Table("document", "bytes", "records printed", title=f"release: {release.decision}")
    for document in rendered:
        table.add_row(document.name, str(len(document.content)), str(len(document.printed)))
    Console().print(table)


if __name__ == "__main__":
    run_stage("dossier", work)
