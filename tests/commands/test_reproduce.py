import pytest
import typer
from tests.change.project import OUTPUTS, PRODUCT, commit, make_project, report, write_stage
from typer.testing import CliRunner

from sealproof.commands.reproduce import reproduce
from sealproof.evidence.errors import DefinitionError, OutputError

app = typer.Typer()
app.command("reproduce")(reproduce)


@app.callback()
def _a_command_has_a_name():
    """With one command alone, Typer would take its name for an argument."""


def call(root, *options):
    arguments = ["reproduce", "--root", str(root), "--product", PRODUCT, *options]
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


@pytest.fixture
def root(tmp_path):
    return make_project(tmp_path / "project")


def test_reproduced_then_not(root, tmp_path):
    found = call(root, "--keep", str(tmp_path / "kept"))
    assert found.exit_code == 0, found.output
    assert "Running stage 'evaluate'" in found.output
    assert f"{OUTPUTS} identical by SHA-256" in found.output
    assert "written products/tiny/executions/IQ-024.json" in found.output
    assert report(root)["verdict"] == "reproduced"
    assert (tmp_path / "kept" / "project" / "artifacts").is_dir()

    write_stage(root, "0.25")
    commit(root)
    found = call(root)
    assert found.exit_code == 1, found.output
    assert "not reproduced" in found.output
    assert "artifacts/tiny/train/records.json" in found.output
    assert report(root)["counts"]["different"] == OUTPUTS - 1


def test_a_dirty_tree_and_a_full_folder_are_refused(root, tmp_path):
    (root / "new.txt").write_text("x")
    assert isinstance(call(root).exception, DefinitionError)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    assert isinstance(call(root, "--keep", str(tmp_path / "full")).exception, OutputError)
    assert not (root / "reports" / PRODUCT / "reproduction.json").exists()
