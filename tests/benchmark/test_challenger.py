import pytest
from tests.benchmark.challenger_project import challenger_file, edit_yaml
from tests.repetition.conftest import write_project

from sealproof.benchmark.challenger import load_challenger
from sealproof.evidence.errors import DefinitionError
from sealproof.settings import load_settings


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("challenger")
    write_project(root)
    return root


@pytest.fixture
def load(template):
    settings = load_settings(template)
    return lambda content, score=None: load_challenger(challenger_file(template, content), settings, score)


def test_a_file_lies_over_the_champions_settings(template, load):
    own = load_settings(template)
    found = load(
        {"train": {"epochs": 1}, "score": {"pooling": {"fraction": 0.1}}, "roi": {"patch_height": 32}}
    )
    assert found.file == "other"
    assert found.params.train == own.params.train.model_copy(update={"epochs": 1})
    assert (found.params.score.pooling.fraction, found.params.score.pooling.smoothing) == (0.1, 2.0)
    assert found.roi == own.inspection.roi.model_copy(update={"patch_height": 32})
    assert (found.score, found.params.score.names) == ("4-ms-ssim", ("4-ms-ssim",))
    assert found.params.threshold.score == "4-ms-ssim"
    assert found.params.seed == own.params.seed


def test_a_method_of_regions_replaces_the_section(load):
    assert load({"roi": {"method": "grid", "options": {"rows": 1}}}).roi.patch_height == 128


def test_an_empty_file_is_the_champion_again(load):
    assert load({}).definition == load({"train": {}}).definition
    assert load({}).sha256 != load({"train": {"epochs": 3}}).sha256 != load({}, "mse").sha256


@pytest.mark.parametrize(
    ("content", "option", "score"),
    [
        ({}, None, "4-ms-ssim"),
        ({}, "mse", "mse"),
        ({"threshold": {"score": "mae"}}, None, "mae"),
        ({"threshold": {"score": "mae"}}, "mse", "mse"),
        ({"score": {"names": ["psnr", "mae"]}}, None, "psnr"),
        ({"train": {"detector": "padim"}}, None, "padim"),
        ({"train": {"detector": "patchcore"}}, "patchcore-upper", "patchcore-upper"),
        ({"score": {"names": ["k-means", "4-ms-ssim"]}}, "k-means", "k-means"),
    ],
)
def test_which_score_stands_for_a_challenger(load, content, option, score):
    assert load(content, option).score == score


def test_names_of_another_detector_are_not_kept(tmp_path):
    write_project(tmp_path)
    edit_yaml(tmp_path / "params.yaml", "score", names=["4-ms-ssim", "mse"])
    settings = load_settings(tmp_path)
    assert (
        load_challenger(challenger_file(tmp_path, {"train": {"detector": "padim"}}), settings).score
        == "padim"
    )
    with pytest.raises(DefinitionError, match="no score 'mae'"):
        load_challenger(challenger_file(tmp_path, {"threshold": {"score": "mae"}}), settings)


@pytest.mark.parametrize(
    ("content", "option", "message"),
    [
        ({"train": {"epoch": 1}, "roi": {"patch_width": 3}}, None, "2 settings are wrong"),
        ({"train": {"detector": "unknown"}}, None, "1 setting is wrong"),
        ({"seed": 4}, None, "1 setting is wrong"),
        ({"threshold": {"method": "percentile"}}, None, "1 setting is wrong"),
        ({"train": {"detector": "padim"}}, "mse", "has no score 'mse'"),
        ({}, "nonsense", "has no score 'nonsense'"),
        ({"train": {"detector": "cpcae"}}, None, "the challenger cannot be compared"),
        ({"train": {"detector": "rag-padim"}}, None, "the challenger cannot be compared"),
        ({"score": {"names": ["mse", "decision"]}}, "decision", "the challenger cannot be compared"),
    ],
)
def test_what_cannot_be_a_challenger_is_refused(load, content, option, message):
    with pytest.raises(DefinitionError, match=message):
        load(content, option)


def test_a_file_that_is_not_there(template):
    with pytest.raises(DefinitionError, match="missing"):
        load_challenger(template / "nothing.yaml", load_settings(template))
