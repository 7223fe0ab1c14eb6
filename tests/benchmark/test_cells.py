"""The declaration: what it resolves to, and every way in which it can be wrong."""

import copy

import pytest
import yaml
from tests.benchmark.conftest import CELLS, PRODUCT, dump
from tests.qualification.build import ROOT

from sealproof.benchmark.cells import Benchmark
from sealproof.benchmark.declaration import BenchmarkFile
from sealproof.benchmark.report import selected
from sealproof.benchmark.runner import target
from sealproof.benchmark.workspace import CellWorkspace
from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import read_yaml

COMMITTED = Benchmark.load(ROOT)


def declared(tmp_path, *path, value):
    """A project whose declaration differs in one place."""
    content = copy.deepcopy(CELLS)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    dump(tmp_path / "benchmark" / "cells.yaml", content)
    (tmp_path / "products").symlink_to(ROOT / "products")
    (tmp_path / "params.yaml").symlink_to(ROOT / "params.yaml")
    return tmp_path


@pytest.mark.parametrize("product", COMMITTED.file.products)
def test_every_committed_cell_resolves(product):
    cells = [COMMITTED.cell(product, name, 1) for name in COMMITTED.file.names]
    assert len({cell.sha256 for cell in cells}) == len(cells)
    release = yaml.safe_load((ROOT / "params.yaml").read_text())["seed"]
    assert release not in COMMITTED.file.seeds


def test_a_younger_section_is_in_the_definition_of_its_own_detector_alone():
    guided, other = (COMMITTED.cell(PRODUCT, name, 1) for name in ("guided-padim", "padim-flattened-more"))
    assert guided.definition["train"]["guided_padim"]["weight"] == 0.5
    assert other.definition["train"].keys() == guided.definition["train"].keys() - {"guided_padim"}


def test_a_configured_cell_is_that_of_params_yaml():
    cell = COMMITTED.cell("elpv-mono", "released-configuration", 1)
    stated = yaml.safe_load((ROOT / "params.yaml").read_text())["train"]
    resolved = cell.train.model_dump(mode="json")
    assert {key: resolved[key] for key in stated if not isinstance(stated[key], dict)} == {
        key: value for key, value in stated.items() if not isinstance(value, dict)
    }


def test_the_pipeline_names_every_cell_and_the_release_pipeline_none():
    stages = read_yaml(ROOT / "benchmark" / "dvc.yaml")["stages"]
    axes = {name: stages[name]["matrix"] for name in ("cell", "configured")}
    assert axes["cell"] == {"product": "${products}", "seed": "${seeds}", "cell": "${order}"}
    assert axes["configured"] == {"product": "${products}", "seed": "${seeds}", "cell": "${configured}"}
    for stage in stages.values():
        (out,) = stage["outs"]
        path = "benchmark/results/${item.product}/${item.cell}-${item.seed}.json"
        assert out == {path: {"cache": False}}
        for dependency in stage["deps"]:
            assert "${" in dependency or (ROOT / dependency).exists(), dependency
    assert "benchmark" not in str(read_yaml(ROOT / "dvc.yaml"))
    cell = COMMITTED.cell("elpv-mono", "padim", 2)
    assert target(COMMITTED, cell) == "benchmark/dvc.yaml:cell@elpv-mono-2-padim"
    other = COMMITTED.cell("elpv-mono", "released-configuration", 1)
    assert target(COMMITTED, other).endswith(":configured@elpv-mono-1-released-configuration")


def test_overrides_lie_over_defaults(tmp_path):
    root = declared(
        tmp_path,
        "cells",
        "attention-autoencoder",
        value=CELLS["cells"]["attention-autoencoder"]
        | {
            "train": {"epochs": 7},
            "products": {PRODUCT: {"train": {"epochs": 9}, "roi": {"patch_height": 48}}},
            "subset": "partial-1",
        },
    )
    benchmark = Benchmark.load(root)
    mine = benchmark.cell(PRODUCT, "attention-autoencoder", 1)
    other = benchmark.cell("elpv-mono", "attention-autoencoder", 1)
    assert (mine.train.epochs, other.train.epochs, mine.train.latent) == (9, 7, 6)
    assert (mine.roi.patch_height, mine.roi.method) == (48, "sobel_transition")
    assert (mine.split.subset, other.split.subset) == ("partial-1", "partial-1")
    assert mine.scorings["layer-2-500"].mahalanobis.features == 8
    assert mine.scorings["standard"].mahalanobis.features == 6


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("order",), ["attention-autoencoder"], "order does not list the cells: vanilla-autoencoder"),
        (("configured",), ["x"], "configured does not list the cells: x"),
        (("seeds",), [1, 1], "a seed stands twice"),
        (("reference",), "padim", "reference 'padim' is no cell"),
        (("committed",), {PRODUCT: 1}, "committed does not name each product once"),
        (("committed",), {PRODUCT: 4, "elpv-mono": 1}, "there are only 3 seeds"),
        (("products",), [PRODUCT, "Bad name"], "'Bad name' is not lower-case"),
        (("cells", "vanilla-autoencoder", "products"), {"x": {}}, "there is no such product"),
        (("cells", "vanilla-autoencoder", "headline"), {"scoring": "a", "score": "mse"}, "not among"),
        (("cells", "vanilla-autoencoder", "scorings"), {"standard": {}}, "name another"),
        (("cells", "vanilla-autoencoder", "titel"), "x", "unknown key"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path, path, value, message):
    with pytest.raises(DefinitionError) as error:
        Benchmark.load(declared(tmp_path, *path, value=value))
    assert message in error.value.why


def test_all_problems_at_once():
    content = copy.deepcopy(CELLS) | {"seeds": [1, 1], "reference": "nothing"}
    with pytest.raises(DefinitionError) as error:
        strict.parse(BenchmarkFile, content, "cells.yaml")
    assert "a seed stands twice" in error.value.why
    assert "'nothing' is no cell" in error.value.why


@pytest.mark.parametrize(
    ("product", "name", "seed", "message"),
    [
        ("nowhere", "padim", 1, "there is no product 'nowhere'"),
        ("elpv-mono", "nothing", 1, "there is no cell 'nothing'"),
        ("elpv-mono", "padim", 9, "there is no seed 9"),
    ],
)
def test_what_is_not_declared_is_named(product, name, seed, message):
    with pytest.raises(DefinitionError) as error:
        COMMITTED.cell(product, name, seed)
    assert message in error.value.why


@pytest.mark.parametrize("count", [0, 4])
def test_seeds_that_are_not_declared(count):
    with pytest.raises(DefinitionError, match="seeds cannot be run"):
        COMMITTED.seeds("elpv-mono", count)


def test_an_impossible_override_is_named(tmp_path):
    root = declared(tmp_path, "cells", "vanilla-autoencoder", "train", value={"epoch": 3})
    with pytest.raises(DefinitionError) as error:
        Benchmark.load(root).cell(PRODUCT, "vanilla-autoencoder", 1)
    assert "epoch: unknown key" in error.value.why
    assert "cells.vanilla-autoencoder" in error.value.where


def test_a_cell_works_apart_from_the_release(tmp_path):
    workspace = CellWorkspace.of(tmp_path, COMMITTED.cell("elpv-mono", "padim", 1))
    release = tmp_path / "artifacts"
    for path in (workspace.artifacts("train"), workspace.ledger, workspace.trail, workspace.result):
        assert not path.is_relative_to(release)
        assert path.is_relative_to(tmp_path / "benchmark")
    assert workspace.images == tmp_path / "data" / "elpv-mono"


def test_a_cell_may_have_fewer_seeds_than_are_committed_of_the_others(tmp_path):
    names = list(COMMITTED.file.names)
    fewer = {PRODUCT: {names[1]: 0}}
    some = Benchmark(ROOT, COMMITTED.file.model_copy(update={"fewer": fewer}))
    assert [cell.name for cell in selected(some, PRODUCT, None, "*")] == names[:1] + names[2:]
    everything = selected(some, PRODUCT, 2, "*")
    assert len(everything) == 2 * len(names)


def test_a_cell_may_hold_another_share_of_the_normals_out(tmp_path):
    name = next(iter(CELLS["cells"]))
    root = declared(tmp_path, "cells", name, "split", value={"calibration_fraction": 0.1})
    before = Benchmark.load(ROOT).cell(PRODUCT, "padim", 1).split
    after = Benchmark.load(root).cell(PRODUCT, name, 1).split
    assert after.calibration_fraction == 0.1
    assert after.model_copy(update={"calibration_fraction": before.calibration_fraction}) == before


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"nowhere": {}}, "fewer.nowhere: there is no such product"),
        ({PRODUCT: {"oracle": 0}}, f"fewer.{PRODUCT}.oracle: there is no such cell"),
        ({PRODUCT: {CELLS["reference"]: 9}}, "9 is not fewer than"),
    ],
)
def test_fewer_seeds_of_what_is_not_there_are_refused(tmp_path, value, why):
    with pytest.raises(DefinitionError, match=why):
        Benchmark.load(declared(tmp_path, "fewer", value=value))
