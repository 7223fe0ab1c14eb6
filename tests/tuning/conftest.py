"""A toy project to tune, and a bench whose objective is a formula where training is not the point."""

import math
import shutil

import pytest
import yaml
from tests.repetition.conftest import write_project

from sealproof.settings import load_settings
from sealproof.tuning.objective import Area
from sealproof.tuning.trials import Bench

SPACE = {
    "minimum_defects": 5,
    "startup_trials": 2,
    "halving": {"rungs": 2, "factor": 2},
    "step_1": {
        "learning_rate": {"low": 0.0001, "high": 0.01, "scale": "log"},
        "epochs": {"low": 10, "high": 40},
        "bottleneck": {"choices": ["dense", "convolutional"]},
    },
    "step_2": {"batch_size": {"choices": [4, 8]}, "learning_rate": {"low": 0.001, "high": 0.01}},
}


def write_space(root, **changes):
    """The search space of the toy project, with some of its sections replaced."""
    place = root / "products" / "toy" / "tuning"
    place.mkdir(exist_ok=True)
    (place / "space.yaml").write_text(yaml.safe_dump(SPACE | changes))


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A project with images, made once and copied."""
    root = tmp_path_factory.mktemp("tuning") / "project"
    root.mkdir()
    write_project(root)
    write_space(root)
    return root


@pytest.fixture
def project(template, tmp_path):
    """Root of a project whose images can be tuned on."""
    return shutil.copytree(template, tmp_path / "project")


@pytest.fixture
def settings(project):
    """Its settings."""
    return load_settings(project)


class Formula:
    """Stands in for training: best at a learning rate of 0.003 and 30 epochs; counts and can be interrupted."""

    def __init__(self):
        self.calls, self.stop_after = [], None

    def measure(self, settings):
        if self.stop_after is not None and len(self.calls) >= self.stop_after:
            raise KeyboardInterrupt
        self.calls.append(settings)
        distance = abs(math.log10(settings.learning_rate / 0.003)) + abs(settings.epochs - 30) / 60
        return Area(round(0.95 - 0.1 * distance, 12), 0.02)


@pytest.fixture
def formula(monkeypatch):
    """No training: the objective is a formula."""
    found = Formula()
    monkeypatch.setattr(Bench, "measure", lambda _bench, settings: found.measure(settings))
    return found


class Quiet:
    """Takes note of what it is told."""

    def __init__(self):
        self.told = []

    def configured(self, found):
        self.told.append(("configured", found))

    def step(self, step, trials, of):
        self.told.append((step, len(trials), of))
