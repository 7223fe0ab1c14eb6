"""DVC stage `check`: what can be wrong with the data set; errors stop the run, warnings go on record."""

from rich.console import Console

from sealproof.datasets.manifest import read_manifest
from sealproof.evidence.files import read_json, write_json
from sealproof.quality.examination import Examination
from sealproof.quality.findings import enforce
from sealproof.quality.measure import measure
from sealproof.quality.report import content, findings_table, record, write_data_docs
from sealproof.quality.run import run_checks
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Measure every image, run all checks, stop on errors, else write findings, records and Data Docs."""
    inspection, compute = stage.settings.inspection, stage.settings.params.compute
    manifest = read_manifest(stage.input("ingest", "manifest.parquet"))
    summary = read_json(stage.input("ingest", "split_summary.json"))
    measured = measure(manifest, stage.workspace.images, compute.threads)
    data = Examination(manifest, measured, summary, inspection.checks, inspection.split)
    findings = run_checks(data)
    Console().print(findings_table(findings, len(manifest)))
    enforce(findings)
    facts = content(data, findings)
    path = stage.output("findings.json")
    write_json(path, facts)
    write_data_docs(stage.report("data_docs"), data, findings, facts, stage.workspace.product)
    record(stage.recorder, facts, path)
    stage.params = {"checks": inspection.checks.model_dump()}
    stage.metrics = {f"findings.{severity}": float(number) for severity, number in facts["counts"].items()}


if __name__ == "__main__":
    run_stage("check", work)
