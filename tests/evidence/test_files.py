import os
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sealproof.evidence import files
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError, OutputError


def test_write_replaces_whole_and_leaves_no_helper_file(tmp_path):
    target = tmp_path / "deep" / "value.json"
    files.write_json(target, {"b": 1, "a": None})
    files.write_json(target, {"b": 2})
    assert files.read_json(target) == {"b": 2}
    assert [path.name for path in target.parent.iterdir()] == ["value.json"]


def test_a_failed_write_keeps_the_old_content(tmp_path, monkeypatch):
    target = tmp_path / "value.json"
    files.write_json(target, 1)

    def full_disk(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        files.write_json(target, 2)
    assert files.read_json(target) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["value.json"]


def test_nan_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        files.write_json(tmp_path / "x.json", float("nan"))


def test_folder_in_the_way_is_an_output_error(tmp_path):
    (tmp_path / "x").write_text("a file where a folder should be")
    with pytest.raises(OutputError) as caught:
        files.write_bytes(tmp_path / "x" / "y", b"")
    assert "mend" in str(caught.value)


@pytest.mark.parametrize(("content", "kind"), [(None, EvidenceMissingError), ("{", EvidenceAlteredError)])
def test_unreadable_json(tmp_path, content, kind):
    path = tmp_path / "r.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(kind, match=r"r\.json"):
        files.read_json(path)


@pytest.mark.parametrize("content", [None, "a: [", "!!python/object/apply:os.getcwd []"])
def test_bad_yaml_is_a_definition_error_and_runs_no_code(tmp_path, content):
    path = Path(tmp_path / "p.yaml")
    if content is not None:
        path.write_text(content)
    with pytest.raises(DefinitionError, match=r"p\.yaml"):
        files.read_yaml(path)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3e-05", 3e-05),
        ("1e-3", 0.001),
        ("-2E4", -2e4),
        ("1.5e3", 1500.0),
        ("1e", "1e"),
        ("e5", "e5"),
        ("12", 12),
    ],
)
def test_numbers_mean_what_dvc_takes_them_for(tmp_path, written, value):
    path = tmp_path / "params.yaml"
    path.write_text(f"key: {written}\n")
    assert files.read_yaml(path) == {"key": value}
    assert YAML(typ="safe", pure=True).load(path) == {"key": value}, "DVC reads it with this library"
