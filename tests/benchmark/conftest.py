"""A small project with two cells, run once; tests that change something take a copy."""

import shutil

import pytest
import yaml
from tests.qualification.build import ROOT

from sealproof.benchmark.cells import Benchmark
from sealproof.benchmark.execution import Circumstances, run_cell
from sealproof.datasets.acquisition import acquire
from sealproof.evidence import strict
from sealproof.settings import Inspection

PRODUCT = "seal-sim"
SMALL = {
    "detector": "attention-autoencoder",
    "filters": [4, 4, 8, 8],
    "latent": 6,
    "epochs": 1,
    "batch_size": 8,
    "shift": 0,
}
CELLS = {
    "products": [PRODUCT, "elpv-mono"],
    "seeds": [1, 2, 3],
    "committed": {PRODUCT: 2, "elpv-mono": 1},
    "order": ["attention-autoencoder", "vanilla-autoencoder"],
    "reference": "attention-autoencoder",
    "compute": {"threads": 1, "device": "cpu"},
    "thresholds": {"minimum_normals": 8},
    "timing": {"batch": 2, "repeats": 1},
    "defaults": {
        "train": SMALL,
        "score": {"names": ["mse", "mahalanobis"], "mahalanobis": {"features": 6}},
    },
    "cells": {
        "attention-autoencoder": {
            "title": "Attention autoencoder",
            "headline": {"score": "mse"},
            "scorings": {
                "layer-2-500": {"score": {"names": ["mahalanobis"], "mahalanobis": {"features": 8}}},
                "layer-2-500-plain": {
                    "score": {
                        "names": ["mahalanobis"],
                        "mahalanobis": {"features": 500, "covariance": "plain"},
                    },
                    "may_be_refused": True,
                },
            },
        },
        "vanilla-autoencoder": {
            "title": "Vanilla autoencoder",
            "headline": {"score": "mse"},
            "score": {"names": ["mse"]},
            "roi": {"method": "full_frame", "patch_height": 32, "patch_width": 32},
        },
    },
}
TABLES = (2, 4, 8)
NOTHING = Circumstances("sealproof benchmark run", "", modified=False)


def silent(_):
    """Announces nothing."""


def dump(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def write_project(root):
    """Definitions and images, no result."""
    shutil.copytree(ROOT / "products" / PRODUCT, root / "products" / PRODUCT)
    place = root / "products" / PRODUCT / "inspection.yaml"
    inspection = yaml.safe_load(place.read_text())
    inspection["dataset"]["options"] |= {"normal": 44, "defective": 24, "height": 96, "width": 96}
    inspection["split"] |= {
        "subsets": {"partial-10": {"normal": 30, "defective": 8}},
        "test": {"normal": 12, "defective": 14},
    }
    inspection["roi"] = {
        "method": "grid",
        "options": {"rows": 2, "columns": 1},
        "patch_height": 16,
        "patch_width": 32,
    }
    dump(place, inspection)
    shutil.copy(ROOT / "params.yaml", root)
    dump(root / "benchmark" / "cells.yaml", CELLS)
    paper = yaml.safe_load((ROOT / "benchmark" / "paper.yaml").read_text())
    kept = [table for table in paper["tables"] if table["number"] in TABLES]
    dump(root / "benchmark" / "paper.yaml", paper | {"tables": kept})
    (root / "templates").symlink_to(ROOT / "templates")
    acquire(root / "data" / PRODUCT, strict.load(Inspection, place).dataset, 5)


@pytest.fixture(scope="session")
def finished(once):
    """Root of a project whose two cells ran with two seeds; read only."""
    return once("benchmark", _run_cells)


def _run_cells(root):
    write_project(root)
    benchmark = Benchmark.load(root)
    for name in CELLS["order"]:
        for seed in (1, 2):
            run_cell(root, benchmark.cell(PRODUCT, name, seed), NOTHING, silent)


@pytest.fixture
def project(finished, tmp_path):
    """A copy that may be changed, without images and templates."""
    wanted = shutil.ignore_patterns("data", "templates")
    return shutil.copytree(finished, tmp_path / "project", ignore=wanted)
