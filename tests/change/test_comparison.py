import json
import shutil
import subprocess
from pathlib import Path

import pypdf
import pytest
from tests.change.build import ARTIFACTS, COMMIT, PRODUCT, edit, put, run_stages, seal, write

from sealproof.change.claims import Classification
from sealproof.change.comparison import changes_since, compare, latest_archive
from sealproof.change.integrity import needed
from sealproof.change.tree import Tree
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import append_event
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.results import RESULT_STAGES
from sealproof.signing.archive import archive

RELEASE = f"reports/{PRODUCT}/release.json"
LATER = "b" * 40


def test_a_release_does_not_differ_from_itself(sound_release):
    found = compare(sound_release, sound_release)
    assert (found.changes, found.gaps, found.problems) == ((), (), ())
    assert (found.exit_code, found.verdict) == (0, "no change")
    assert [test.p_value for test in found.paired] == [1.0, 1.0, 1.0]


def test_the_exit_code_is_the_gravest_of_what_was_found(pair):
    put(pair.new, "params.yaml", 4, "train", "epochs")
    assert pair.compare().exit_code == 1
    (pair.new / "constraints.txt").unlink()
    found = pair.compare()
    assert (found.exit_code, [gap.path for gap in found.gaps]) == (2, ["packages"])
    assert found.changes, "what can be compared is compared"
    (pair.old / "protocols/iq.yaml").write_text("stage: iq\n")
    found = compare(pair.old, pair.new)
    assert (found.exit_code, found.changes) == (3, ())


@pytest.mark.parametrize("side", ["old", "new"])
@pytest.mark.parametrize(
    "name",
    [
        f"{ARTIFACTS}/ingest/manifest.parquet",
        f"{ARTIFACTS}/train/model.safetensors",
        f"products/{PRODUCT}/product.yaml",
    ],
)
def test_an_altered_release_is_named_and_not_compared(pair, side, name):
    path = getattr(pair, side) / name
    path.write_bytes(path.read_bytes() + b"\n")
    found = compare(pair.old, pair.new)
    assert (found.exit_code, found.changes) == (3, ())
    assert [problem.text for problem in found.problems] == [
        f"{side.upper()}: {name} is not the file that the release rests on"
    ]


def test_all_missing_files_are_named_at_once(pair):
    names = [f"{ARTIFACTS}/evaluate/evaluation.json", f"{ARTIFACTS}/ledger.jsonl", "params.yaml"]
    for name in names[:2]:
        (pair.new / name).unlink()
    found = compare(pair.old, pair.new)
    assert found.exit_code == 2
    told = "\n".join(problem.text for problem in found.problems)
    assert all(name in told for name in names[:2])
    assert "OLD" not in told


@pytest.mark.parametrize("name", needed(Tree("NEW", Workspace(Path(), PRODUCT))))
def test_every_needed_file_is_missed_even_by_a_release_that_does_not_name_it(pair, name):
    (pair.new / name).unlink()
    edit(pair.new, RELEASE, lambda release: release | {"evidence": _without(release["evidence"], name)})
    if name == "params.yaml":
        with pytest.raises(EvidenceMissingError):
            compare(pair.old, pair.new)
        return
    found = [problem.text for problem in compare(pair.old, pair.new).problems]
    assert f"NEW: {name} does not exist" in found


def _without(evidence, name):
    return {path: digest for path, digest in evidence.items() if path != name}


def test_a_release_without_release_json_or_with_one_that_names_nothing_is_not_compared(pair):
    put(pair.new, RELEASE, {}, "evidence")
    assert compare(pair.old, pair.new).exit_code == 3
    (pair.new / RELEASE).unlink()
    assert compare(pair.old, pair.new).exit_code == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("product", "other"),
        ("release_id", "0" * 64),
        ("evidence", {"../outside": "0" * 64}),
        ("documents", None),
    ],
)
def test_a_release_json_that_contradicts_itself_is_altered(pair, key, value):
    put(pair.new, RELEASE, value, key)
    assert compare(pair.old, pair.new).exit_code == 3


def test_a_release_json_that_the_trail_does_not_know_is_altered(pair):
    release = json.loads((pair.new / RELEASE).read_text())
    details = {
        "release_id": release["release_id"],
        "decision": "released",
        "release_sha256": "0" * 64,
        "documents": {},
    }
    append_event(pair.new / ARTIFACTS / "trail.jsonl", "release.made", details, by="test")
    found = compare(pair.old, pair.new)
    assert "audit trail recorded" in found.problems[0].text
    details["release_sha256"] = sha256_file(pair.new / RELEASE)
    append_event(pair.new / ARTIFACTS / "trail.jsonl", "release.made", details, by="test")
    assert compare(pair.old, pair.new).problems == ()


def test_a_broken_trail_is_altered(pair):
    trail = pair.new / ARTIFACTS / "trail.jsonl"
    trail.write_text(trail.read_text().replace('"number":2', '"number":7'))
    assert compare(pair.old, pair.new).exit_code == 3


def test_releases_of_different_products_and_no_release_at_all(pair, tmp_path):
    put(pair.new, "params.yaml", "other", "product")
    with pytest.raises(DefinitionError, match="different products"):
        compare(pair.old, pair.new)
    put(pair.new, "params.yaml", "../x", "product")
    with pytest.raises(DefinitionError, match="not named"):
        compare(pair.old, pair.new)
    with pytest.raises(EvidenceMissingError, match="no release"):
        compare(pair.old, tmp_path / "nowhere")


# Code and packages


def lock(dataset="0", command="python pipeline/train.py"):
    dependencies = [
        {"path": "src/x", "hash": "md5", "md5": dataset},
        {"path": f"data/{PRODUCT}", "hash": "md5", "md5": "7"},
    ]
    ingest = {"cmd": "c", "deps": dependencies, "outs": [{"path": f"{ARTIFACTS}/ingest"}]}
    return {"stages": {"ingest": ingest, "train": {"cmd": command}, "acquire@other": {"cmd": dataset}}}


def test_locked_code_is_compared_by_stage(pair):
    write(pair.old / "dvc.lock", lock())
    write(pair.new / "dvc.lock", lock("1", "other"))
    found = pair.changes()
    assert {path: (change.old, change.new) for path, change in found.items()} == {
        "code.stages.ingest.src/x": ("0", "1"),
        "code.stages.train.cmd": ("python pipeline/train.py", "other"),
    }


def test_sources_noted_by_the_runs_come_before_the_lock(pair):
    for root, digest in ((pair.old, "0"), (pair.new, "1")):
        for stage in RESULT_STAGES:
            fingerprint = sha256_file(root / ARTIFACTS / stage / "records.json")
            inputs = {"src/x/": digest, f"{ARTIFACTS}/a": digest, "params.yaml#/seed": digest}
            side = {"fingerprint": fingerprint, "inputs": inputs}
            write(root / ARTIFACTS / "runs" / f"{stage}-{fingerprint[:16]}.json", side)
    found = pair.changes()
    assert found["code.stages.train.src/x/"].new == "1"
    assert all(path.endswith("src/x/") for path in found)


def test_a_lock_of_another_product_tells_nothing_and_the_commit_has_to(pair):
    for root in (pair.old, pair.new):
        write(root / "dvc.lock", {"stages": {"ingest": {"outs": [{"path": "artifacts/other/ingest"}]}}})
    assert pair.compare().gaps == ()
    (pair.new / ARTIFACTS / "trail.jsonl").unlink()
    assert [gap.path for gap in pair.compare().gaps] == ["code.stages", "code.commit"]
    (pair.old / ARTIFACTS / "trail.jsonl").unlink()
    assert [gap.path for gap in pair.compare().gaps] == ["code.stages"]


def test_commits_that_no_repository_knows_ask_for_requalification(pair):
    run_stages(pair.new, LATER)
    found = pair.changes()["code.commit"]
    assert (found.old, found.new, found.kind) == (COMMIT, LATER, "changed")
    assert found.classification is Classification.REQUALIFICATION


def test_a_commit_of_an_older_run_does_not_count(pair):
    run_stages(pair.new, LATER)
    put(pair.new, f"{ARTIFACTS}/train/model.json", "b", "architecture")
    for stage in RESULT_STAGES:
        write(pair.new / ARTIFACTS / stage / "records.json", [{"stage": stage, "run": 2}])
    run_stages(pair.new, COMMIT)
    assert "code.commit" not in pair.changes()


def test_files_between_commits_are_classed_on_their_own(pair, tmp_path):
    def git(*arguments):
        command = [
            "git",
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@localhost",
            "-C",
            str(pair.new),
            *arguments,
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    commits = []
    for text in ("one", "two"):
        for name in ("README.md", "docs/a.md", "src/a.py", "src/b.py", "params.yaml", "protocols/x.yaml"):
            write(pair.new / "files" / name, "x")
            path = pair.new / name
            path.parent.mkdir(exist_ok=True)
            path.write_text((path.read_text() if path.exists() else "") + f"\n# {text}")
        git("add", "README.md", "docs", "src", "params.yaml", "protocols/x.yaml")
        git("commit", "-qm", text)
        commits.append(git("rev-parse", "HEAD"))
    shutil.rmtree(pair.new / "files")
    (pair.new / "protocols/x.yaml").unlink()
    run_stages(pair.old, commits[0])
    run_stages(pair.new, commits[1])
    found = pair.changes()
    assert {path: change.classification.word for path, change in found.items()} == {
        "code.commit": "none",
        "code.files.README.md": "none",
        "code.files.docs": "none",
        "code.files.src": "requalification",
    }
    assert found["code.files.src"].details == ("src/a.py", "src/b.py")


def test_a_commit_that_is_no_hash_never_reaches_git(pair, tmp_path):
    run_stages(pair.new, f"--output={tmp_path / 'written'}")
    assert "code.commit" not in pair.changes()
    assert not (tmp_path / "written").exists()


def test_stages_of_dvc_yaml(pair):
    write(pair.old / "dvc.yaml", {"stages": {"train": {"cmd": "a"}}})
    write(pair.new / "dvc.yaml", {"stages": {"train": {"cmd": "b"}}})
    assert set(pair.changes()) == {"code.pipeline.train.cmd"}


def test_packages_by_constraints(pair):
    (pair.new / "constraints.txt").write_text("torch==2.14.0\nnumpy==2.4.6\nnew_one==1\n")
    found = pair.changes()
    assert {path: (change.kind, change.old, change.new) for path, change in found.items()} == {
        "packages.torch": ("changed", "2.13.0", "2.14.0"),
        "packages.new-one": ("added", None, "1"),
    }


def attach(root, version):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    components = [
        {"type": "library", "name": "Torch", "version": version},
        {"type": "machine-learning-model", "name": "model", "version": "x"},
    ]
    writer.add_attachment("other.json", b"{}")
    writer.add_attachment("sbom.json", json.dumps({"components": components}).encode())
    writer.write(root / f"reports/{PRODUCT}/dossier.pdf")


def test_packages_by_the_bill_of_materials_in_the_dossier(pair):
    attach(pair.old, "1")
    assert pair.changes() == {}, "constraints.txt is what both have"
    attach(pair.new, "2")
    assert {path: change.new for path, change in pair.changes().items()} == {"packages.torch": "2"}
    (pair.new / f"reports/{PRODUCT}/dossier.pdf").write_bytes(b"no pdf")
    with pytest.raises(EvidenceAlteredError, match="cannot be compared"):
        pair.compare()


def test_signatures_are_read_from_the_trail(pair):
    release = json.loads((seal(pair.new) / RELEASE).read_text())
    for release_id, name in ((release["release_id"], "A. Author"), ("0" * 64, "someone else")):
        details = {
            "release_id": release_id,
            "role": "author",
            "name": name,
            "certificate_sha256": "c",
            "documents": {},
        }
        append_event(pair.new / ARTIFACTS / "trail.jsonl", "document.signed", details, by="test")
    found = pair.changes()["signatures.author"]
    assert (found.new, found.classification.word) == ("A. Author, c", "none")


# For the documents


def test_changes_since_needs_no_release_json_of_the_present_run(pair):
    put(pair.new, "params.yaml", 4, "train", "epochs")
    (pair.new / RELEASE).unlink()
    found = changes_since(pair.old, Workspace(pair.new, PRODUCT))
    assert [change.path for change in found] == ["parameters.train.epochs"]


def test_changes_since_shows_what_cannot_be_compared_as_a_change(pair):
    (pair.new / "constraints.txt").unlink()
    (found,) = changes_since(pair.old, Workspace(pair.new, PRODUCT))
    assert (found.path, found.kind, found.classification) == (
        "packages",
        "not compared",
        Classification.REQUALIFICATION,
    )


def test_changes_since_refuses_an_altered_previous_release(pair):
    edit(pair.old, f"{ARTIFACTS}/train/model.json", lambda content: content | {"x": 1})
    with pytest.raises(EvidenceAlteredError, match="previous release"):
        changes_since(pair.old, Workspace(pair.new, PRODUCT))
    (pair.new / "params.yaml").unlink()
    with pytest.raises(EvidenceMissingError, match=r"this release: params\.yaml"):
        changes_since(seal(pair.old), Workspace(pair.new, PRODUCT))


def archives(sound_release, root, *names):
    for name in names:
        shutil.copytree(sound_release, root / "releases" / PRODUCT / name)
    return Workspace(root, PRODUCT)


def published(workspace, name):
    details = {
        "release_id": "r",
        "path": f"releases/{PRODUCT}/{name}",
        "sha256": "s",
        "mlflow_model": "m",
        "mlflow_version": "1",
    }
    append_event(workspace.trail, "release.published", details, by="test")


def test_an_archive_does_not_differ_from_the_project_it_was_made_of(pair):
    write(pair.new / "dvc.yaml", {"stages": {}})
    write(pair.new / "dvc.lock", lock())
    write(pair.new / "data" / PRODUCT / "a.png", "image")
    workspace = Workspace(pair.new, PRODUCT)
    release_id = json.loads((seal(pair.new) / RELEASE).read_text())["release_id"]
    archive(workspace, release_id)
    found = compare(workspace.releases / release_id[:12], pair.new)
    assert (found.changes, found.gaps, found.problems) == ((), (), ())
    assert latest_archive(workspace) == workspace.releases / release_id[:12]
    put(pair.new, "params.yaml", 4, "train", "epochs")
    assert [change.path for change in changes_since(latest_archive(workspace), workspace)] == [
        "parameters.train.epochs"
    ]


def test_the_latest_archive_is_the_one_published_last(sound_release, tmp_path):
    assert latest_archive(Workspace(tmp_path, PRODUCT)) is None
    workspace = archives(sound_release, tmp_path, "a1", "b2", "c3")
    for name in ("c3", "a1"):
        published(workspace, name)
    assert latest_archive(workspace) == workspace.releases / "a1"


def test_without_a_trail_the_latest_archive_is_the_one_qualified_last(sound_release, tmp_path):
    workspace = archives(sound_release, tmp_path, "a1", "b2")
    put(workspace.releases / "a1", f"{ARTIFACTS}/qualify/pq.json", "2026-02-01T00:00:00+00:00", "finished_at")
    assert latest_archive(workspace) == workspace.releases / "a1"
    published(workspace, "b2")
    assert latest_archive(workspace) == workspace.releases / "b2"
