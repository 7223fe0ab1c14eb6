import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from tests.change.project import PRODUCT, commit, git, make_project, write_stage

from sealproof.change.clone import is_committed, make_clone, makes_images, require_clean, run_pipeline
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError, OutputError
from sealproof.evidence.workspace import Workspace


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("clone") / "sound")


@pytest.fixture
def root(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "project", symlinks=True)
    return tmp_path / "project"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clone").mkdir()
    return tmp_path / "clone"


def clone(root, folder):
    return make_clone(Workspace(root, PRODUCT), folder, require_clean(root))


def test_a_clean_tree_gives_its_commit_and_dvc_lock_does_not_count(root):
    (root / "dvc.lock").write_text("x")
    assert require_clean(root) == git(root, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    "name", ["params.yaml", "stage.py", "new.py", "products/tiny/executions/IQ-024.json"]
)
def test_a_tree_that_differs_from_its_commit_is_refused_and_named(root, name):
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("# changed\n")
    with pytest.raises(DefinitionError, match="from a commit") as caught:
        require_clean(root)
    assert name in caught.value.where


def test_without_a_repository_there_is_no_commit(tmp_path):
    with pytest.raises(EvidenceMissingError):
        require_clean(tmp_path)


def test_a_clone_holds_the_commit_the_images_and_nothing_else(root, folder):
    (root / ".dvc" / "cache" / "files").mkdir(parents=True)
    (root / ".dvc" / "cache" / "files" / "x").write_text("cached")
    found = clone(root, folder)
    top = found.workspace.root
    assert git(top, "rev-parse", "HEAD") == found.commit
    assert git(top, "status", "--porcelain") == ""
    assert not any((top / name).exists() for name in ("artifacts", "reports", ".dvc/cache", "dvc.lock"))
    assert sorted(path.name for path in found.workspace.images.iterdir()) == ["a.png", "b.png"]
    assert found.images.startswith("2 files from data/tiny")


def test_a_project_below_the_top_of_its_repository(root, folder, tmp_path):
    outer = tmp_path / "outer"
    shutil.copytree(root, outer / "inner", ignore=shutil.ignore_patterns(".git"))
    git(outer, "init", "-q")
    commit(outer)
    found = clone(outer / "inner", folder)
    assert found.workspace.root.name == "inner"
    assert (found.workspace.root / "params.yaml").is_file()


def test_the_environment_is_that_of_this_interpreter_and_of_no_cache(root, folder, monkeypatch):
    for name in ("DVC_CACHE", "MLFLOW_TRACKING_URI", "GIT_DIR_X", "PYTHONPATH"):
        monkeypatch.setenv(name, "elsewhere")
    found = clone(root, folder)
    environment = found.environment
    assert not any("elsewhere" in value for value in environment.values())
    assert environment["PYTHONPATH"] == str(found.workspace.root / "src")
    python = shutil.which("python", path=environment["PATH"])
    assert sys.executable in Path(python).read_text()
    assert environment["DVC_GLOBAL_CONFIG_DIR"].startswith(str(folder))
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_images_that_are_missing_or_altered_stop_it(root, folder):
    image = root / "data" / PRODUCT / "a.png"
    image.write_bytes(b"other")
    with pytest.raises(EvidenceAlteredError, match="not those of the release") as caught:
        clone(root, folder)
    assert "a.png" in caught.value.where
    image.unlink()
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(EvidenceMissingError, match="missing"):
        clone(root, folder)


def test_images_are_copied_where_they_cannot_be_linked(root, folder, monkeypatch):
    def refuse(source, target):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    found = clone(root, folder)
    image = found.workspace.images / "a.png"
    assert (image.read_bytes(), image.stat().st_nlink) == (b"a", 1)


def test_images_in_the_repository_are_used_as_they_are(root, folder):
    (root / ".gitignore").write_text("/artifacts/\n/reports/\n__pycache__/\n")
    commit(root)
    assert clone(root, folder).images == "part of the repository"


def test_a_commit_that_holds_results_has_nothing_to_make(root, folder):
    (root / ".gitignore").write_text("/data/\n/reports/\n__pycache__/\n")
    commit(root)
    with pytest.raises(DefinitionError, match="nothing to make"):
        clone(root, folder)


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (
            {"acquire": {"foreach": ["other", "tiny"], "do": {"outs": [{"data/${item}": {"cache": False}}]}}},
            True,
        ),
        ({"acquire": {"foreach": ["other"], "do": {"outs": ["data/${item}"]}}}, False),
        ({"acquire": {"outs": ["data/tiny"]}}, True),
        ({"ingest": {"deps": ["data/tiny"], "outs": ["artifacts/tiny/ingest"]}}, False),
        ({}, False),
    ],
)
def test_whether_the_pipeline_makes_the_images(tmp_path, stages, expected):
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    assert makes_images(tmp_path, PRODUCT) is expected


def test_the_shipped_pipeline_makes_images_of_packaged_data_sets_only():
    assert makes_images(Path(), "elpv-mono")
    assert not makes_images(Path(), "ssi")


def test_a_clone_that_would_run_other_sources_is_refused(root, folder):
    """Sources that do not import: the package of the working tree must not stand in for them."""
    package = root / "src" / "sealproof"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('broken')\n")
    commit(root)
    with pytest.raises(EvidenceAlteredError, match="own sources") as caught:
        clone(root, folder)
    assert "broken" in caught.value.why


def test_a_clone_that_git_cannot_make_is_told(root, folder):
    (folder / "project").mkdir()
    (folder / "project" / "x").write_text("in the way")
    with pytest.raises(OutputError, match="cloned"):
        clone(root, folder)


def test_a_stage_that_fails_leaves_its_last_lines(root, folder):
    write_stage(root, before="raise SystemExit('the stage has failed')\n")
    commit(root)
    lines = []
    stopped = run_pipeline(clone(root, folder), "evaluate", lines.append)
    assert "the stage has failed" in stopped
    assert any(line.startswith("Running stage") for line in lines)


def test_whether_a_file_is_committed(root):
    (root / "new.yaml").write_text("x")
    assert is_committed(root, root / "params.yaml")
    assert not is_committed(root, root / "new.yaml")
    assert not is_committed(root, root / "data" / PRODUCT / "a.png")
    assert not is_committed(root, root.parent / "outside.yaml")
