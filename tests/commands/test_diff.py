import json

import pytest
import typer
from tests.change.build import ARTIFACTS, PRODUCT, Pair, make_tree, put
from typer.testing import CliRunner

from sealproof.commands.diff import diff

app = typer.Typer()
app.command("diff")(diff)


@app.callback()
def _a_command_has_a_name():
    """With one command alone, Typer would take its name for an argument."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make_tree(tmp_path_factory.mktemp("diff") / "sound")


@pytest.fixture
def pair(sound, tmp_path):
    return Pair(sound, tmp_path)


def call(pair, *options):
    found = CliRunner().invoke(app, ["diff", str(pair.old), str(pair.new), *options], env={"COLUMNS": "200"})
    return found.exit_code, found.output


def test_nothing_changed(pair):
    code, output = call(pair)
    assert code == 0
    assert "no change: 0 changes" in output


def test_a_change_that_asks_for_requalification(pair):
    put(pair.new, "params.yaml", 4, "train", "epochs")
    code, output = call(pair)
    assert code == 1
    assert "parameters.train.epochs" in output
    assert "requalification needed" in output
    assert "the provider decides" in output.replace("\n", " ")


def test_markup_in_a_value_is_printed_and_not_obeyed(pair):
    put(pair.new, "params.yaml", "[red]x[/red] [/]", "train", "epochs")
    code, output = call(pair)
    assert code == 1
    assert "[red]x[/red] [/]" in output


def test_a_planned_change(pair):
    put(pair.new, "params.yaml", 4, "train", "epochs")
    pair.plan("parameters.*")
    pair.compare()
    code, output = call(pair)
    assert code == 0
    assert "within the pre-determined changes" in output


@pytest.mark.parametrize("spoiled", ["missing", "altered"])
def test_evidence_missing_and_altered(pair, spoiled):
    path = pair.new / ARTIFACTS / "train" / "model.json"
    path.unlink() if spoiled == "missing" else path.write_text("{}")
    code, output = call(pair)
    assert code == {"missing": 2, "altered": 3}[spoiled]
    assert f"NEW: {ARTIFACTS}/train/model.json" in output


def test_json_says_the_same(pair):
    put(pair.new, "params.yaml", 4, "train", "epochs")
    code, output = call(pair, "--json", "--product", PRODUCT)
    found = json.loads(output)
    assert code == found["exit_code"] == 1
    assert found["counts"] == {"none": 0, "predetermined": 0, "requalification": 1}
    assert found["changes"][0]["path"] == "parameters.train.epochs"


def test_markdown(pair):
    put(pair.new, "params.yaml", 4, "train", "epochs")
    code, output = call(pair, "--markdown")
    assert code == 1
    assert "#### parameters" in output
    assert "| parameters.train.epochs | changed | 3 | 4 | requalification |" in output
