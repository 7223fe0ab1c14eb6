import shutil
from pathlib import Path

import pytest
import yaml

from sealproof.evidence.errors import DefinitionError
from sealproof.settings import load_settings

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "products", tmp_path / "products")
    return tmp_path


def change(project, *path, value):
    content = yaml.safe_load((project / "params.yaml").read_text())
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (project / "params.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("product", sorted(path.name for path in (ROOT / "products").iterdir()))
def test_every_product_of_the_project_loads(project, product):
    change(project, "product", value=product)
    assert load_settings(project).workspace.product == product


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["epochz"], 3, "epochz: unknown key"),
        (["train", "epoch"], 3, "train.epoch: unknown key"),
        (["train", "epochs"], 0, "train.epochs"),
        (["train", "epochs"], "many", "train.epochs"),
        (["train", "learning_rate"], float("nan"), "train.learning_rate"),
        (["train", "loss"], "guess", "train.loss"),
        (["seed"], -1, "seed"),
        (["threshold", "method"], "best", "threshold.method"),
        (["threshold", "percentile"], 101, "threshold.percentile"),
        (["product"], "../elsewhere", "product"),
        (["product"], "no-such-product", "no-such-product"),
    ],
)
def test_a_wrong_setting_is_named(project, path, value, named):
    change(project, *path, value=value)
    with pytest.raises(DefinitionError) as caught:
        load_settings(project)
    assert named in str(caught.value)


def test_all_wrong_settings_are_named_at_once(project):
    change(project, "train", "epochs", value=0)
    change(project, "threshold", "method", value="best")
    change(project, "extra", value=1)
    with pytest.raises(DefinitionError) as caught:
        load_settings(project)
    for named in ("train.epochs", "threshold.method", "extra"):
        assert named in str(caught.value)


def test_a_missing_key_is_not_silently_given_a_default(project):
    content = yaml.safe_load((project / "params.yaml").read_text())
    del content["seed"], content["threshold"]
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(DefinitionError, match=r"seed: missing[\s\S]*threshold: missing"):
        load_settings(project)
