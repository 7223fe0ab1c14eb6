"""Where things lie in the release, and what forgers do more than once."""

import json
import sqlite3

from tests.e2e.project import PRODUCT
from tests.tamper.forger import canonical

A, R, P = f"artifacts/{PRODUCT}", f"reports/{PRODUCT}", f"products/{PRODUCT}"
TRAIL, LEDGER, RELEASE = f"{A}/trail.jsonl", f"{A}/ledger.jsonl", f"{R}/release.json"
MANIFEST, SEALED = f"{A}/ingest/manifest.parquet", f"{A}/ingest/sealed_labels.parquet"
SCORES, PATCHES = f"{A}/score/scores.parquet", f"{A}/score/patch_scores.parquet"
THRESHOLDS, EVALUATION, METRICS = (
    f"{A}/threshold/thresholds.json",
    f"{A}/evaluate/evaluation.json",
    f"{R}/metrics.json",
)
PREDICTIONS, WEIGHTS = f"{A}/evaluate/predictions.parquet", f"{A}/train/model.safetensors"
DOSSIER, SIGNED = f"{R}/dossier.pdf", f"{R}/signed/dossier.pdf"
DOCUMENTS = ("iq.pdf", "oq.pdf", "pq.pdf", "dossier.pdf")


def recording(forgery):
    return next((forgery.root / P / "executions").glob("*.json")).relative_to(forgery.root).as_posix()


def change_record(forgery, stage, name, value):
    def change(rows):
        next(row for row in rows if row["id"] == name)["value"] = value

    forgery.json(f"{A}/{stage}/records.json", change)


def edit_lines(forgery, name, change):
    rows = [json.loads(line) for line in forgery.read(name).splitlines()]
    change(rows)
    forgery.write(name, b"".join(canonical(row) + b"\n" for row in rows))
    forgery.rechain(name)


def append_line(forgery, name, fields):
    forgery.write(name, forgery.read(name) + canonical(fields) + b"\n")
    forgery.rechain(name)


def before_last_signature(content):
    """The file up to the end of the revision before the last."""
    return content[: content[: content.rindex(b"%%EOF")].rindex(b"%%EOF") + len(b"%%EOF\n")]


def sql(forgery, statement):
    """mlflow.db is one file for SQLite: it gets its own content first, or the untouched release would change."""
    forgery.write("mlflow.db", forgery.read("mlflow.db"))
    with sqlite3.connect(forgery.root / "mlflow.db") as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(statement)
