"""Result files: what a reader accepts, and every way in which one can be missing, altered or stale."""

import json
import re

import pytest
from tests.benchmark.conftest import PRODUCT, dump

from sealproof.benchmark.cells import Benchmark
from sealproof.benchmark.report import selected
from sealproof.benchmark.result import read_results
from sealproof.benchmark.workspace import CellWorkspace
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_yaml


def cells(root):
    return selected(Benchmark.load(root), PRODUCT, None, "*")


def path_of(root, name="vanilla-autoencoder", seed=1):
    return CellWorkspace.of(root, Benchmark.load(root).cell(PRODUCT, name, seed)).result


def change(path, *keys, value):
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))


def test_all_are_read(finished):
    assert list(read_results(finished, cells(finished))) == [
        f"{PRODUCT}/{name}-{seed}"
        for name in ("attention-autoencoder", "vanilla-autoencoder")
        for seed in (1, 2)
    ]


def test_a_missing_file_is_named(project):
    path_of(project).unlink()
    with pytest.raises(EvidenceMissingError) as error:
        read_results(project, cells(project))
    assert f"{PRODUCT}/vanilla-autoencoder-1: missing" in error.value.why
    assert f"sealproof benchmark {PRODUCT}" in error.value.mend


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("scores", 0, "auroc", "value"), 0.99, "its content has the hash"),
        (("verdicts", 0, "counts", "tp"), 14, "its content has the hash"),
        (("seed",), 2, "its content has the hash"),
        (("definition", "train", "epochs"), 100, "its content has the hash"),
        (("format",), 2, "format: "),
        (("surplus",), 1, "surplus: unknown key"),
        (("measured", "batch"), 0, "measured.batch"),
    ],
)
def test_an_altered_file_is_named(project, keys, value, message):
    change(path_of(project), *keys, value=value)
    with pytest.raises(EvidenceAlteredError) as error:
        read_results(project, cells(project))
    assert f"{PRODUCT}/vanilla-autoencoder-1: altered" in error.value.why
    assert message in error.value.why


def test_half_a_file_is_altered(project):
    path = path_of(project)
    path.write_text(path.read_text()[:200])
    with pytest.raises(EvidenceAlteredError, match="results were altered"):
        read_results(project, cells(project))


def test_a_file_of_another_cell_is_altered(project):
    path_of(project).write_bytes(path_of(project, "attention-autoencoder").read_bytes())
    with pytest.raises(EvidenceAlteredError) as error:
        read_results(project, cells(project))
    assert f"the file is that of {PRODUCT}/attention-autoencoder-1" in error.value.why


def test_a_stale_file_is_named_with_what_changed(project):
    place = project / "benchmark" / "cells.yaml"
    content = read_yaml(place)
    content["cells"]["vanilla-autoencoder"]["train"] = {"epochs": 2}
    dump(place, content)
    with pytest.raises(DefinitionError) as error:
        read_results(project, cells(project))
    lines = error.value.why.splitlines()
    assert [re.sub(r"-\d:", ":", line) for line in lines] == [
        f"{PRODUCT}/vanilla-autoencoder: stale, made with another definition of train"
    ] * 2


def test_all_problems_are_named_and_the_worst_gives_the_code(project):
    path_of(project, seed=1).unlink()
    change(path_of(project, seed=2), "title", value="x")
    with pytest.raises(EvidenceAlteredError) as error:
        read_results(project, cells(project))
    assert "vanilla-autoencoder-1: missing" in error.value.why
    assert "vanilla-autoencoder-2: altered" in error.value.why


def test_measurements_may_differ(project):
    change(path_of(project), "measured", "fit_seconds", value=123.0)
    found = read_results(project, cells(project))
    assert found[f"{PRODUCT}/vanilla-autoencoder-1"].measured.fit_seconds == 123.0
