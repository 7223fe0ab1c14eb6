"""The lists here are generated with the form and the counts of the published ones.

`SEALPROOF_SSI_LISTS` may name the folder of the published lists: then they are tested as well.
"""

import csv
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sealproof.datasets.ingest import ingest
from sealproof.datasets.registry import make_adapter
from sealproof.datasets.settings import DatasetSettings, SplitSettings
from sealproof.evidence import strict
from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.evidence.files import read_yaml

DEFINITION = Path(__file__).parents[2] / "products" / "ssi" / "inspection.yaml"
LISTS = {
    "partial-10": "rev_6_Partial-10/TrainingXVal.csv",
    "partial-1": "rev_8_Partial-01/TrainingXVal.csv",
    "test": "rev_6_Partial-10/Testing.csv",
}
#: set-up -> images, as counted in the published lists.
NORMAL = {"partial-10": {"12": 98, "20": 181, "23": 103}, "test": {"12": 55, "20": 79, "23": 46}}
DEFECTIVE = {"partial-10": {"12": 23, "23": 19}, "test": {"12": 101, "23": 79}}


def generate(root):
    """Write lists of the published form."""
    rows, start, tick = {}, datetime(2019, 9, 5, 3, 53, 10, tzinfo=UTC), 0
    for name in ("partial-10", "test"):
        rows[name] = []
        for kind, counts in (("NoLabel", NORMAL[name]), ("seal_breach_0", DEFECTIVE[name])):
            for setup, count in counts.items():
                for _ in range(count):
                    tick += 13
                    stamp = (start + timedelta(seconds=tick)).strftime("%Y%m%d_%H%M%S")
                    rows[name].append(row(kind, setup, stamp))
    extra = [row("NoLabel", "20", f"20191216_{100000 + number}") for number in range(38)]
    normals = [entry for entry in rows["partial-10"] if entry["classes"] == "[1 0]"]
    defects = [entry for entry in rows["partial-10"] if entry["classes"] == "[0 1]"]
    rows["partial-1"] = [*normals, *extra, *defects[:4]]
    for name, members in rows.items():
        save(root / LISTS[name], members)
    return root


def row(kind, setup, stamp):
    name = f"{kind}-{setup}_{stamp}.bmp"
    normal = kind == "NoLabel"
    mask = "" if normal else name.replace(".bmp", ".png")
    return {
        "names": name,
        "image_paths": f"{kind}\\{name}",
        "notation_paths": mask,
        "classes": "[1 0]" if normal else "[0 1]",
    }


def save(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)


def load(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def fill(root):
    """An 8 x 8 image for every name in any list."""
    names = sorted(
        {entry["image_paths"].replace("\\", "/") for file in LISTS.values() for entry in load(root / file)}
    )
    for number, name in enumerate(names):
        (root / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), number % 256, np.uint8)).save(root / name)
    return root


def published(root):
    source = Path(os.environ["SEALPROOF_SSI_LISTS"])
    for file in LISTS.values():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, root / file)
    return root


SOURCES = {"generated": generate} | ({"published": published} if "SEALPROOF_SSI_LISTS" in os.environ else {})


@pytest.fixture(scope="module", params=SOURCES)
def complete(request, tmp_path_factory):
    return fill(SOURCES[request.param](tmp_path_factory.mktemp("ssi")))


@pytest.fixture
def lists(tmp_path):
    return generate(tmp_path)


def adapter(**options):
    return make_adapter(DatasetSettings(adapter="ssi", options=options))


def definition():
    content = read_yaml(DEFINITION)
    return strict.parse(DatasetSettings, content["dataset"], "x"), strict.parse(
        SplitSettings, content["split"], "x"
    )


def test_the_product_as_shipped_needs_nothing_but_the_images(complete):
    dataset, split = definition()
    result = ingest(complete, dataset, split, 1)
    splits = result.summary["splits"]
    assert splits["test"] == {"normal": 180, "defective": 180, "unlabelled": 0}
    assert splits["train"]["normal"] == 267
    assert splits["calibration"]["normal"] == 115
    assert splits["tuning"]["defective"] == 42
    setups = result.summary["subgroups"]["group_setup"]
    assert {setup: counts["test"]["normal"] for setup, counts in setups.items()} == NORMAL["test"]
    assert {setup: counts["test"]["defective"] for setup, counts in setups.items()} == DEFECTIVE["test"] | {
        "20": 0
    }
    assert not result.summary["simulated"]


def test_the_other_subset_is_there_too(complete):
    dataset, split = definition()
    summary = ingest(complete, dataset, split.model_copy(update={"subset": "partial-1"}), 1).summary
    assert summary["splits"]["train"]["normal"] + summary["splits"]["calibration"]["normal"] == 420
    assert summary["splits"]["tuning"]["defective"] == 4
    assert summary["splits"]["test"]["defective"] == 180


def test_set_up_time_and_class_are_read_from_the_name(complete):
    samples = {sample.path: sample for sample in adapter().scan(complete)}
    for path, sample in list(samples.items())[::97]:
        kind, _, rest = path.rpartition("/")[2].removesuffix(".bmp").partition("-")
        setup, date, clock = rest.split("_")
        assert sample.groups == {"setup": setup}
        assert sample.captured_at.strftime("%Y%m%d%H%M%S") == date + clock
        assert sample.captured_at.tzinfo is UTC
        assert sample.label == (kind != "NoLabel")
        assert sample.defect_type == ("" if kind == "NoLabel" else "seal breach")


def test_masks_are_found_where_options_say(complete):
    defect = next(sample for sample in adapter().scan(complete) if sample.label == 1)
    name = defect.path.rpartition("/")[2].replace(".bmp", ".png")
    (complete / "notation").mkdir(exist_ok=True)
    (complete / "notation" / name).write_bytes(b"x")
    samples = {sample.path: sample for sample in adapter(masks="notation").scan(complete)}
    assert samples[defect.path].mask_path == f"notation/{name}"
    assert sum(bool(sample.mask_path) for sample in samples.values()) == 1


def test_images_may_lie_in_a_folder_of_their_own(lists):
    fill(lists)
    (lists / "frames").mkdir()
    for name in ("NoLabel", "seal_breach_0"):
        (lists / name).rename(lists / "frames" / name)
    assert all(sample.path.startswith("frames/") for sample in adapter(images="frames").scan(lists))


@pytest.mark.parametrize("name", LISTS)
def test_a_missing_list_is_named(lists, name):
    (lists / LISTS[name]).unlink()
    with pytest.raises(DataError, match="list of images is missing") as caught:
        adapter().scan(lists)
    assert caught.value.where.endswith(LISTS[name])


def test_absent_images_are_all_counted_and_the_first_named(lists):
    fill(lists)
    shutil.rmtree(lists / "seal_breach_0")
    with pytest.raises(DataError, match="222 images") as caught:
        adapter().scan(lists)
    assert "seal_breach_0/seal_breach_0-12" in caught.value.why
    assert "and 202 more" in caught.value.why


def test_wrong_counts_tell_expected_and_found(lists):
    rows = load(lists / LISTS["test"])
    save(lists / LISTS["test"], rows[1:])
    save(lists / LISTS["partial-1"], load(lists / LISTS["partial-1"])[:-1])
    with pytest.raises(DataError) as caught:
        adapter().scan(lists)
    assert (
        "expected 180 normal and 180 defective (Table 1 of the paper), found 179 and 180" in caught.value.why
    )
    assert "expected 420 normal and 4 defective (Table 1 of the paper), found 420 and 3" in caught.value.why


def test_stated_counts_replace_table_1(lists):
    fill(lists)
    save(lists / LISTS["test"], load(lists / LISTS["test"])[1:])
    counts = {"test": {"normal": 179, "defective": 180}}
    assert len(adapter(counts=counts).scan(lists)) == 784 + 38 - 1


def spoiled(rows, **change):
    return [{**rows[0], **change}, *rows[1:]]


SPOILED = {
    "label contradicts the name": (lambda rows: spoiled(rows, classes="[0 1]"), "contradicts the name"),
    "unknown label": (lambda rows: spoiled(rows, classes="[1 1]"), "neither [1 0] nor [0 1]"),
    "unknown form of name": (
        lambda rows: spoiled(rows, names="a.bmp", image_paths="a.bmp"),
        "is not of the form",
    ),
    "impossible date": (
        lambda rows: spoiled(
            rows,
            names="NoLabel-12_20191332_035310.bmp",
            image_paths="NoLabel\\NoLabel-12_20191332_035310.bmp",
        ),
        "is not of the form",
    ),
    "path of another file": (
        lambda rows: spoiled(rows, image_paths=rows[1]["image_paths"]),
        "names another file",
    ),
    "named twice": (lambda rows: [rows[1], *rows[1:]], "named twice"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_list_that_contradicts_itself_is_refused_with_its_line(lists, case):
    change, reason = SPOILED[case]
    save(lists / LISTS["test"], change(load(lists / LISTS["test"])))
    with pytest.raises(DataError, match="contradicts itself") as caught:
        adapter().scan(lists)
    assert reason in caught.value.why
    assert "line 2" in caught.value.why or case == "named twice"
    assert caught.value.where.endswith(LISTS["test"])


def test_a_path_that_leaves_the_folder_is_refused(lists):
    rows = load(lists / LISTS["test"])
    save(lists / LISTS["test"], spoiled(rows, image_paths="..\\" + rows[0]["image_paths"]))
    with pytest.raises(DataError, match="leaves the data folder"):
        adapter().scan(lists)


def test_an_image_in_training_and_test_is_refused(lists):
    rows = load(lists / LISTS["test"])
    rows[0] = load(lists / LISTS["partial-10"])[0]
    save(lists / LISTS["test"], rows)
    fill(lists)
    dataset, split = definition()
    with pytest.raises(DataError, match="1 images are in the test list and in the training list"):
        ingest(lists, dataset, split, 1)


def test_there_is_nothing_to_acquire(tmp_path):
    with pytest.raises(DataError, match="nothing to acquire") as caught:
        adapter().acquire(tmp_path, 0)
    assert "10.5281/zenodo.7834077" in caught.value.mend


def test_a_list_outside_the_options_is_a_wrong_definition(complete):
    with pytest.raises(DefinitionError):
        adapter(lists={"test": LISTS["test"]})
    dataset, split = definition()
    with pytest.raises(DefinitionError):
        ingest(complete, dataset, split.model_copy(update={"subset": "partial-50", "subsets": {}}), 1)
