import json

import pytest
from tests.benchmark.challenger_project import artifact, challenger_file
from typer.testing import CliRunner

from sealproof.cli import build
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError

OTHER = {"train": {"epochs": 1, "latent": 4}, "threshold": {"score": "mse"}}


@pytest.fixture
def root(champion_copy):
    return champion_copy


def call(root, *words, content=None, name="other"):
    file = challenger_file(root, OTHER if content is None else content, name)
    app = build(["challenger"])
    found = CliRunner().invoke(
        app, ["challenger", str(file), "--root", str(root), *words], env={"COLUMNS": "200"}
    )
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def test_compared_twice_with_the_same_bytes(root):
    found = call(root)
    assert found.exit_code == 0
    for text in (
        "toy: 12 held-out normals, 8 training defects",
        "challenger other",
        "4-ms-ssim",
        "ms an image",
        "95 % bounds",
        "on these development images, at 95 % confidence",
        "no test label was read",
        "Challengers on record against this champion: 1.",
        "written artifacts/toy/challengers/other.json",
    ):
        assert text in found.stdout
    path = artifact(root, "challengers/other.json")
    first = path.read_bytes()
    assert str(root).encode() not in first
    call(root)
    assert path.read_bytes() == first
    assert [item.name for item in path.parent.iterdir()] == ["other.json"]


def test_json_is_the_record_with_the_times(root):
    found = call(root, "--json", "--require", "not-worse", "--margin", "1")
    printed = json.loads(found.stdout)
    assert printed.pop("measured").keys() == {"champion_ms", "challenger_ms"}
    asked = printed.pop("required")
    assert (asked["what"], asked["margin"]) == ("not-worse", 1.0)
    assert found.exit_code == (0 if asked["met"] else 1)
    assert asked["met"] is (printed["low"] is not None and printed["low"] > -1)
    assert printed == json.loads(artifact(root, "challengers/other.json").read_text())


def test_what_is_required_and_not_shown_exits_1_and_is_on_record(root):
    found = call(root, "--require", "better", content={})
    assert found.exit_code == 1
    assert "it has no variance, so there are no 95 % bounds" in found.stdout
    assert "No difference is shown" in found.stdout
    assert "required: better; not met" in found.stdout
    assert artifact(root, "challengers/other.json").is_file()
    second = call(root, content=OTHER, name="second")
    assert "this champion: 2. The best of several" in second.stdout


def test_wrong_use_is_refused(root):
    with pytest.raises(DefinitionError, match="margin"):
        call(root, "--margin", "0.1")
    with pytest.raises(DefinitionError, match="margin"):
        call(root, "--require", "better", "--margin", "0.1")
    with pytest.raises(DefinitionError, match="no score"):
        call(root, "--score", "padim")
    assert call(root, "--require", "equal").exit_code == 2  # the command line itself; `sealproof` makes it 64
    artifact(root, "train/model.json").unlink()
    with pytest.raises(EvidenceMissingError, match="no champion"):
        call(root)
