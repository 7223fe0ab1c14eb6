"""What a user can get wrong: each with one clear message, a code that is not zero, and nothing half-written."""

import shutil
import stat

import cv2
import numpy as np
import pytest
import yaml
from tests.e2e.project import make_project

from sealproof.evidence.telemetry import silence

pytestmark = pytest.mark.slow

INSPECTION = {
    "dataset": {"adapter": "folder", "options": {}},
    "split": {
        "source": "seed",
        "subset": "all",
        "subsets": {"all": {"normal": 20, "defective": 4}},
        "test": {"normal": 8, "defective": 8},
        "calibration_fraction": 0.3,
    },
    "checks": {"minimum_side": 32},
    "roi": {"method": "full_frame", "patch_height": 32, "patch_width": 32},
}


def picture(number):
    """A textured image that no other number gives."""
    rows, columns = np.mgrid[:48, :48] / 48
    wave = 0.5 + 0.2 * np.sin(2 * np.pi * (rows * (1 + number % 7) + columns * (1 + number % 5)) + number)
    noise = np.random.default_rng(number).normal(0, 0.05, (48, 48))
    return (255 * np.clip(wave + noise, 0, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("bad") / "template")
    project.change("params.yaml", "product", value="mine")
    for name in ("acceptance.yaml", "product.yaml"):
        (project.root / "products" / "mine").mkdir(exist_ok=True)
        shutil.copy(project.root / "products" / "seal-sim" / name, project.root / "products" / "mine" / name)
    (project.root / "products" / "mine" / "inspection.yaml").write_text(yaml.safe_dump(INSPECTION))
    for kind, numbers in (("normal", range(28)), ("defective", range(100, 112))):
        folder = project.root / "data" / "mine" / kind
        folder.mkdir(parents=True)
        for number in numbers:
            cv2.imwrite(str(folder / f"{number:03d}.png"), picture(number))
    return project


@pytest.fixture
def project(template, tmp_path):
    other = type(template)(shutil.copytree(template.root, tmp_path / "project"))
    other.images = other.root / "data" / "mine"
    return other


def run(project, *stages):
    """Run stages in order; the result of the first that fails, or of the last."""
    for stage in stages:
        done = project.call("python", f"pipeline/{stage}.py")
        if done.returncode:
            break
    return done


def artefacts(project):
    """Result folders that exist; a stage that failed may leave none of its own."""
    folder = project.root / "artifacts" / "mine"
    return {path.name for path in folder.iterdir() if path.is_dir()} - {"runs"} if folder.exists() else set()


def test_the_template_itself_passes(project):
    silence()
    assert run(project, "ingest", "check", "roi").returncode == 0
    assert artefacts(project) == {"ingest", "check", "roi"}


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "truncated": truncate,
    "text named png": lambda path: path.write_text("this is not an image"),
    "empty file": lambda path: path.write_bytes(b""),
    "all black": lambda path: cv2.imwrite(str(path), np.zeros((48, 48), np.uint8)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_image_stops_the_check_and_is_named(project, damage):
    victims = [project.images / "normal" / "003.png", project.images / "defective" / "105.png"]
    for victim in victims:
        DAMAGE[damage](victim)
    done = run(project, "ingest", "check")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "normal/003" in done.stderr
    assert "defective/105" in done.stderr, "all findings at once, not the first"
    assert "mend" in done.stderr
    assert "Traceback" not in done.stderr
    assert artefacts(project) <= {"ingest"}


def test_an_empty_class_folder_is_named(project):
    for path in (project.images / "defective").iterdir():
        path.unlink()
    done = run(project, "ingest")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "defective" in done.stderr
    assert "mend" in done.stderr
    assert artefacts(project) == set()


def test_no_images_at_all(project):
    shutil.rmtree(project.images)
    done = run(project, "ingest")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "data/mine" in done.stderr
    assert artefacts(project) == set()


def test_wrong_counts_are_told_with_wanted_and_found(project):
    project.change("products/mine/inspection.yaml", "split", "test", "normal", value=180)
    done = run(project, "ingest")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "180" in done.stderr
    assert "28" in done.stderr
    assert artefacts(project) == set()


def test_a_missing_split_list_is_named(project):
    content = yaml.safe_load((project.root / "products" / "ssi" / "inspection.yaml").read_text())
    (project.root / "products" / "mine" / "inspection.yaml").write_text(yaml.safe_dump(content))
    done = run(project, "ingest")
    assert done.returncode == 5, done.stdout + done.stderr
    assert ".csv" in done.stderr
    assert "Traceback" not in done.stderr
    assert artefacts(project) == set()


@pytest.mark.parametrize(
    ("file", "path", "value", "named"),
    [
        ("params.yaml", ("train", "epochz"), 3, "train.epochz: unknown key"),
        ("params.yaml", ("train", "dropout"), 1.5, "train.dropout"),
        ("products/mine/inspection.yaml", ("roi", "patch_height"), 33, "roi.patch_height"),
        ("products/mine/inspection.yaml", ("dataset", "adapter"), "magic", "dataset.adapter"),
    ],
)
def test_a_wrong_setting_is_named(project, file, path, value, named):
    project.change(file, *path, value=value)
    done = run(project, "ingest")
    assert done.returncode == 4, done.stdout + done.stderr
    assert named in done.stderr
    assert artefacts(project) == set()


def test_output_that_cannot_be_written(project):
    (project.root / "artifacts").write_text("a file where the folder should be")
    done = run(project, "ingest")
    assert done.returncode == 6, done.stdout + done.stderr
    assert "artifacts" in done.stderr
    assert "mend" in done.stderr
    assert (project.root / "artifacts").read_text() == "a file where the folder should be"
    assert stat.S_ISREG((project.root / "artifacts").stat().st_mode)


def test_a_manifest_path_that_leaves_the_data_root_is_refused(project, tmp_path):
    outside = tmp_path / "outside.png"
    cv2.imwrite(str(outside), picture(500))
    (project.images / "normal" / "000.png").unlink()
    (project.images / "normal" / "000.png").symlink_to(outside)
    done = run(project, "ingest", "check", "roi")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "000" in done.stderr
