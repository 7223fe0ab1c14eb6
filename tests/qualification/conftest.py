"""A small project made by the real stages, once for this room; copies of it for tests that alter it."""

import shutil
from pathlib import Path

import pytest
import torch
from tests.qualification.small import make_small_project

from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.records import RecordBook
from sealproof.qualification.acceptance import load_acceptance
from sealproof.qualification.context import Context
from sealproof.qualification.criteria import judge_product
from sealproof.qualification.library import CHECKS
from sealproof.settings import load_settings

STAGES = ("ingest", "check", "roi", "train", "score", "cross_fit", "threshold", "challenge", "evaluate")


@pytest.fixture(scope="session")
def sound_root(tmp_path_factory):
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("qualification") / "project"
    make_small_project(root)
    return root


def context_of(root: Path) -> Context:
    """What the checks get, read anew."""
    settings = load_settings(root)
    book = RecordBook.load(settings.workspace.artifacts(stage) / "records.json" for stage in STAGES)
    path = settings.workspace.definition / "acceptance.yaml"
    acceptance = load_acceptance(path)
    judged = judge_product(acceptance, sha256_file(path), book)
    return Context(settings, book, acceptance, judged.criteria, {})


@pytest.fixture
def sound(sound_root):
    """A context of the untouched project; values may be replaced in it, files may not be changed."""
    return context_of(sound_root)


@pytest.fixture
def altered(sound_root, tmp_path):
    """A copy of the project whose files may be changed; call `context_of(altered)` afterwards."""
    root = tmp_path / "project"
    shutil.copytree(sound_root, root, symlinks=True)
    return root


@pytest.fixture
def run():
    """Run a check by its name: `run("clock", context)`, parameters as keywords."""

    def call(name, context, **parameters):
        entry = CHECKS[name]
        return entry.function(context, entry.parameters.model_validate(parameters))

    return call
