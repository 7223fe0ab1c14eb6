import pytest
import yaml
from tests.qualification.build import ROOT

from sealproof.evidence.errors import DefinitionError
from sealproof.models.settings import TrainSettings
from sealproof.tuning.apply import difference, edited

PARAMS = (ROOT / "params.yaml").read_text()


def wanted(**changes):
    return TrainSettings.model_validate(yaml.safe_load(PARAMS)["train"] | changes)


def test_comments_and_all_other_lines_stay():
    text = edited(PARAMS, wanted(filters=[16, 32, 64, 128], learning_rate=1e-5, dropout=0.25))
    assert yaml.safe_load(text)["train"] == yaml.safe_load(PARAMS)["train"] | {
        "filters": [16, 32, 64, 128], "learning_rate": 1e-5, "dropout": 0.25,
    }  # fmt: skip
    changed = [line for line in difference(PARAMS, text).splitlines()[2:] if line[0] in "+-"]
    assert [line for line in changed if line[0] == "+"] == [
        "+  filters: [16, 32, 64, 128]  # stride-2 convolution layers, 3 to 6 of them",
        "+  dropout: 0.25               # the paper's 0.11228 blurs normal patches too",
        "+  learning_rate: 1.0e-05      # peak of the schedule",
    ]
    assert len(changed) == 6
    assert [line.split("#")[1:] for line in text.splitlines()] == [
        line.split("#")[1:] for line in PARAMS.splitlines()
    ]


def test_nothing_changes_where_nothing_differs():
    assert edited(PARAMS, wanted()) == PARAMS
    assert difference(PARAMS, PARAMS) == ""


def test_a_key_that_is_not_there_is_added_at_the_end_of_the_section():
    text = edited(
        "seed: 1\ntrain:\n  epochs: 9\n\nscore:\n  batch_size: 4\n", TrainSettings(epochs=9, latent=7)
    )
    assert text == "seed: 1\ntrain:\n  epochs: 9\n  latent: 7\n\nscore:\n  batch_size: 4\n"


def test_a_longer_value_keeps_its_comment():
    text = edited("train:\n  epochs: 9 # passes\n", TrainSettings(epochs=12345))
    assert text == "train:\n  epochs: 12345 # passes\n"


@pytest.mark.parametrize(
    "text",
    [
        "train:\n  filters:\n  - 32\n  - 64\n  - 96\n  - 128\n",
        "train: {filters: [32, 64, 96, 128]}\n",
        "seed: 1\n",
    ],
)
def test_what_cannot_be_edited_line_by_line_is_left_alone(text):
    with pytest.raises(DefinitionError, match="cannot be edited line by line"):
        edited(text, TrainSettings(filters=(8, 16, 32, 64)))
