import optuna
import pytest
from pydantic import ValidationError
from tests.tuning.conftest import write_space

from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.models.settings import TrainSettings
from sealproof.tuning.space import DEFAULT, DIGITS, Halving, Parameter, SearchSpace, load_space, with_values


def test_the_default_is_that_of_the_two_tables():
    """Appendix B of the paper, key by key."""
    space = strict.load(SearchSpace, DEFAULT)
    assert list(space.step_1) == ["filters", "learning_rate", "epochs", "optimiser", "loss", "dropout"]
    assert [len(filters) for filters in space.step_1["filters"].choices] == [3, 3, 4, 4, 5, 6, 4, 5]
    assert space.step_1["filters"].choices[5] == [16, 32, 96, 128, 160, 192]
    ranges = {
        (number, name): (parameter.low, parameter.high)
        for number in (1, 2)
        for name, parameter in space.step(number).items()
        if parameter.choices is None
    }
    assert ranges == {
        (1, "learning_rate"): (1e-5, 1e-2), (1, "epochs"): (20, 100), (1, "dropout"): (0, 0.5),
        (2, "learning_rate"): (1e-3, 1e-2), (2, "epochs"): (40, 100), (2, "betas.0"): (0.9, 0.99),
        (2, "betas.1"): (0.999, 0.9999), (2, "epsilon"): (1e-8, 1e-5),
    }  # fmt: skip
    assert space.step_1["optimiser"].choices == ("adam", "sgd", "rmsprop")
    assert space.step_1["loss"].choices == space.step_2["loss"].choices == ("mse", "mae", "ssim")
    assert space.step_2["filters"].choices == ([16, 32, 64, 128], [32, 64, 128, 256])
    assert space.step_2["batch_size"].choices == (16, 32, 64, 128)
    assert space.step_2["optimiser"].choices == ("adam",)


def test_the_default_may_be_trained_with(settings, project):
    (project / "products" / "toy" / "tuning" / "space.yaml").unlink()
    space, name = load_space(settings.workspace)
    assert name == "sealproof/tuning/space.yaml"
    assert space == strict.load(SearchSpace, DEFAULT)


def test_a_product_may_have_its_own(settings):
    space, name = load_space(settings.workspace)
    assert (name, space.minimum_defects) == ("products/toy/tuning/space.yaml", 5)


def test_unknown_keys_and_impossible_values_are_refused_all_at_once(settings, project):
    write_space(
        project,
        step_1={
            "wings": {"choices": [1]},
            "filters.9": {"low": 1, "high": 2},
            "epochs": {"low": 0, "high": 9},
            "loss": {"choices": ["mse", "guess"]},
        },
    )
    with pytest.raises(DefinitionError) as caught:
        load_space(settings.workspace)
    lines = caught.value.why.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("step_1.epochs: ")
    assert lines[0].endswith("got 0")
    assert lines[1] == "step_1.filters.9: unknown key"
    assert "got 'guess'" in lines[2]
    assert lines[3] == "step_1.wings: unknown key"
    write_space(project, stages=3)
    with pytest.raises(DefinitionError, match="1 setting is wrong"):
        load_space(settings.workspace)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, "either"),
        ({"low": 1}, "either"),
        ({"choices": [1], "low": 1, "high": 2}, "either"),
        ({"choices": [1], "low": 1}, "do not go with"),
        ({"choices": [1], "scale": "log"}, "do not go with"),
        ({"choices": [[1, 2], [1, 2]]}, "named twice"),
        ({"low": 2, "high": 1}, "above high"),
        ({"low": 0.0, "high": 1.0, "scale": "log"}, "begins above 0"),
    ],
)
def test_a_parameter_is_a_list_or_a_range(content, why):
    with pytest.raises(ValidationError, match=why):
        Parameter.model_validate(content)


def test_values_are_drawn_within_the_range_and_written_in_full():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(30):
        trial = study.ask()
        whole = Parameter(low=2, high=5).suggest(trial, "a")
        rate = Parameter(low=1e-5, high=1e-2, scale="log").suggest(trial, "b")
        assert isinstance(whole, int)
        assert 2 <= whole <= 5
        assert 1e-5 <= rate <= 1e-2
        assert float(f"{rate:.{DIGITS}g}") == rate
        assert Parameter(choices=((8, 16), (4,))).suggest(trial, "c") in ([8, 16], [4])


def test_a_part_of_a_list_is_set_after_the_list():
    found = with_values(TrainSettings(), {"filters.1": 9, "filters": [4, 4, 8, 8]})
    assert found.filters == (4, 9, 8, 8)
    with pytest.raises(ValidationError):
        with_values(TrainSettings(), {"epochs": 0})


def test_rungs_grow_by_the_factor():
    assert Halving(rungs=3, factor=2).epochs(100) == (25, 50, 100)
    assert Halving(rungs=4, factor=10).epochs(20) == (1, 1, 2, 20)
