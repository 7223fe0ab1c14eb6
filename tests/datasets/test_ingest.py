import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pipeline.ingest import work

from sealproof.datasets.ingest import ingest
from sealproof.datasets.recording import images_sha256, record_ingest, slugs
from sealproof.datasets.sealing import seal
from sealproof.datasets.settings import ClassCounts, DatasetSettings, SplitSettings
from sealproof.datasets.splits import assign_splits
from sealproof.datasets.summary import summarise, summary_table
from sealproof.evidence.errors import DataError
from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.records import Recorder
from sealproof.settings import load_settings
from sealproof.stage import Stage

ROOT = Path(__file__).parents[2]
SPLIT = SplitSettings(
    subset="small",
    subsets={
        "small": ClassCounts(normal=10, defective=2),
        "big": ClassCounts(normal=99, defective=2, at_most=True),
    },
    test=ClassCounts(normal=5, defective=4),
)
FOLDER = DatasetSettings(adapter="folder", source="line 7", licence="in house")


@pytest.fixture
def data(tmp_path, put):
    root = tmp_path / "data"
    for number in range(20):
        put(root / "normal" / f"{number:02d}.png", number=number)
    for number in range(8):
        put(root / "defective" / ("dent/x" if number % 2 else "a b") / f"{number}.png", number=100 + number)
    lines = [
        f"{path.relative_to(root).as_posix()},{'AB'[index % 2]}"
        for index, path in enumerate(sorted(root.rglob("*.png")))
    ]
    (root / "subgroups.csv").write_text("image,line\n" + "\n".join(lines) + "\n")
    return root


def brute_force(ingested):
    """Counts from the whole table, put together again from manifest and sealed labels, row by row."""
    labels = dict(zip(ingested.sealed["image_id"], ingested.sealed["label"], strict=True))
    counts = {}
    for row in ingested.manifest.itertuples():
        label = labels.get(row.image_id, row.label)
        name = "unlabelled" if label is pd.NA else ("normal", "defective")[label]
        for key in ((row.split, name), (row.group_line, row.split, name)):
            counts[key] = counts.get(key, 0) + 1
    return counts


def test_the_summary_counts_what_is_there(data):
    ingested = ingest(data, FOLDER, SPLIT, 4)
    summary, counts = ingested.summary, brute_force(ingested)
    for split, classes in summary["splits"].items():
        for name, number in classes.items():
            assert number == counts.get((split, name), 0)
            for line in "AB":
                assert summary["subgroups"]["group_line"][line][split][name] == counts.get(
                    (line, split, name), 0
                )
    assert sum(sum(kinds.values()) for kinds in summary["defect_types"].values()) == 8
    assert (summary["source"], summary["licence"], summary["simulated"]) == ("line 7", "in house", False)
    assert summary["sets"]["big"]["normal"] == {
        "wanted": 99,
        "found": 15,
        "shortfall": 84,
        "at_most": True,
        "in_use": False,
    }


def test_the_summary_names_no_image(data):
    text = json.dumps(ingest(data, FOLDER, SPLIT, 4).summary)
    assert ".png" not in text
    assert "normal/" not in text


def test_an_unreadable_image_is_kept_for_the_check_stage(data):
    (data / "normal" / "03.png").write_bytes(b"")
    ingested = ingest(data, FOLDER, SPLIT, 4)
    row = ingested.manifest.set_index("path").loc["normal/03.png"]
    assert (row["mode"], row["split"]) == ("unreadable", "unused")
    assert ingested.summary["unreadable"] == 1


def test_a_shortfall_names_the_unreadable_images(data):
    for number in range(10):
        (data / "normal" / f"{number:02d}.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        ingest(data, FOLDER, SPLIT, 4)
    assert "small, normal: expected 10, found 5" in caught.value.why
    assert "cannot be read: normal/03.png" in caught.value.why


def resolve(document, pointer):
    """RFC 6901, written out."""
    for part in pointer.split("/")[1:]:
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def test_every_record_can_be_read_where_it_points(data, tmp_path):
    ingested = ingest(data, FOLDER, SPLIT, 4)
    manifest, path = tmp_path / "manifest.parquet", tmp_path / "split_summary.json"
    manifest.write_bytes(b"x")
    write_json(path, ingested.summary)
    recorder = Recorder("ingest")
    record_ingest(recorder, ingested, FOLDER, manifest, path)
    records = {record.id: record for record in recorder.finish(lambda file: (file, file.name))}
    for record in records.values():
        if record.artefact == manifest.name:
            continue
        assert record.sha256 == sha256_file(path)
        there = resolve(ingested.summary, record.pointer)
        assert record.value == (
            sum(there.values()) if isinstance(there, dict) else there if there != "" else None
        )
    assert records["ingest.count.train"].value == 7
    assert records["ingest.count.test.normal"].value == 5
    assert records["ingest.count.total"].value == 28
    assert records["ingest.set.big.normal.shortfall"].value == 84
    assert records["ingest.images.sha256"].value == images_sha256(ingested.manifest)
    assert records["ingest.subgroup.group-line.a.test.normal"].unit == "images"
    assert records["ingest.adapter"].value == "folder"


def test_the_hash_over_all_images_sees_every_image_and_no_split(unsplit):
    table = unsplit()
    one, other = (seal(assign_splits(table, SplitSettings(), seed).frame)[0] for seed in (1, 2))
    assert images_sha256(one) == images_sha256(other)
    changed = one.copy()
    changed.loc[5, "sha256"] = "f" * 64
    assert images_sha256(changed) != images_sha256(one)


def test_names_that_look_alike_get_records_of_their_own():
    short = slugs(["A b", "a-b", "a_b", "äöü", "ß"])
    assert len(set(short.values())) == 5


def test_the_terminal_table_shows_shortfalls(unsplit):
    division = assign_splits(
        unsplit(), SplitSettings(subsets={"big": ClassCounts(normal=900, defective=1)}), 1
    )
    table = summary_table(summarise(division, SplitSettings(), 1))
    assert "big, normal: 858 of 900 wanted are not there" in str(table.caption)
    assert table.row_count == 6


# The two scripts ------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "products" / "tiny").mkdir(parents=True)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump(params | {"product": "tiny"}))
    inspection = yaml.safe_load((ROOT / "products" / "seal-sim" / "inspection.yaml").read_text())
    inspection["dataset"]["options"] |= {
        "normal": 24,
        "defective": 9,
        "height": 64,
        "width": 64,
        "pixel_mm": 0.3,
    }
    inspection["split"] |= {"subset": "all", "subsets": {}, "test": {"normal": 6, "defective": 6}}
    (root / "products" / "tiny" / "inspection.yaml").write_text(yaml.safe_dump(inspection))
    return root


def run(project, script, *arguments):
    return subprocess.run(
        [sys.executable, ROOT / "pipeline" / script, *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


def ingest_stage(project):
    """The stage without its tracking: hashes of all it writes."""
    stage = Stage("ingest", load_settings(project))
    stage.start()
    work(stage)
    stage.finish()
    folder = project / "artifacts" / "tiny" / "ingest"
    return {path.name: sha256_file(path) for path in folder.iterdir()}


def test_acquire_and_ingest_give_the_same_bytes_again(project):
    done = run(project, "acquire.py", "tiny")
    assert done.returncode == 0, done.stderr
    assert "33 images in data/tiny" in done.stdout
    first = ingest_stage(project)
    assert set(first) == {"manifest.parquet", "sealed_labels.parquet", "split_summary.json", "records.json"}
    assert ingest_stage(project) == first


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 4, "PRODUCT"),
        (("nowhere",), 4, "products/nowhere/inspection.yaml"),
        (("../x",), 4, "no name for a product"),
    ],
)
def test_acquire_tells_what_is_wrong(project, arguments, code, said):
    done = run(project, "acquire.py", *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_ingest_without_data_says_how_to_get_them(project):
    done = run(project, "ingest.py")
    assert done.returncode == 5
    assert "python pipeline/acquire.py tiny" in done.stderr
    assert not (project / "artifacts" / "tiny" / "ingest").exists()
