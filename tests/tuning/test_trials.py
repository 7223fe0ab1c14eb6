"""Trainings in earnest, of one epoch each."""

import numpy as np
import pandas as pd
import pytest
from tests.tuning.conftest import Quiet, write_space

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.settings import TrainSettings
from sealproof.repetition.detector import Images
from sealproof.tuning import trials
from sealproof.tuning.images import tuning_images
from sealproof.tuning.run import Limits, tune
from sealproof.tuning.space import load_space
from sealproof.tuning.trials import Bench, Infeasible, Rung, run_trial

ONE_EPOCH = {
    "epochs": {"low": 1, "high": 1},
    "learning_rate": {"low": 0.001, "high": 0.01},
}


@pytest.fixture
def bench(settings):
    images = Images.of(settings.workspace, ("train", "tuning"))
    space, _ = load_space(settings.workspace)
    found = tuning_images(images, space, settings.params.challenge.seeded, 1)
    return Bench(settings.params, found, (1,))


def test_the_test_split_has_no_part_in_the_result(settings, project):
    """Test and calibration patches destroyed, their rows taken out of the manifest: trial by trial the same."""
    write_space(project, step_1=ONE_EPOCH)
    before = tune(settings, (1,), 1, Limits(2), Quiet())
    roi, ingest = settings.workspace.artifacts("roi"), settings.workspace.artifacts("ingest")
    manifest = pd.read_parquet(ingest / "manifest.parquet")
    regions = pd.read_parquet(roi / "regions.parquet")
    unread = manifest["split"].isin(["test", "calibration"])
    patches = np.load(roi / "patches.npy")
    patches[regions.loc[regions["image_id"].isin(manifest.loc[unread, "image_id"]), "row"]] = 0
    np.save(roi / "patches.npy", patches)
    manifest[~unread].to_parquet(ingest / "manifest.parquet")
    (settings.workspace.artifacts("tuning") / "study.db").unlink()
    assert tune(settings, (1,), 1, Limits(2), Quiet()) == before
    assert {trial.state for trial in before.steps[0].trials} == {"complete"}


def test_the_mean_over_seeds_counts(bench):
    settings = bench.params.train.model_copy(update={"epochs": 1})
    single = [Bench(bench.params, bench.images, (seed,)).measure(settings).value for seed in (1, 2)]
    both = Bench(bench.params, bench.images, (1, 2)).measure(settings)
    assert both.value == pytest.approx(np.mean(single))


def test_a_training_prints_nothing(bench, capsys):
    bench.measure(bench.params.train.model_copy(update={"epochs": 1}))
    assert capsys.readouterr() == ("", "")


def test_an_architecture_that_the_patches_do_not_fit_is_not_trained(bench):
    """16 x 32 pixels can be halved four times."""
    small = Bench(bench.params, bench.images, (1,))
    object.__setattr__(small.images, "images", Images(
        bench.images.images.manifest, bench.images.images.regions, bench.images.images.patches[:, :12]
    ))  # fmt: skip
    rungs, reason = run_trial(small, TrainSettings(), (1,), lambda _: [], 3, [], lambda _: None)
    assert rungs == []
    assert reason.startswith("patches of 12 x 32 pixels do not fit")


def _failing(error):
    def measure(*_, **__):
        raise error

    return measure


def test_what_a_training_cannot_do_with_its_values_ends_the_trial(bench, monkeypatch):
    diverged = DefinitionError(
        "training diverged", where="params.yaml, key `train.learning_rate`", why="x", mend="y"
    )
    monkeypatch.setattr(trials, "train_and_score", _failing(diverged))
    rungs, reason = run_trial(bench, bench.params.train, (1, 2), lambda _: [], 3, [], lambda _: None)
    assert (rungs, reason) == ([], "training diverged: x")


def test_what_no_trial_can_mend_ends_the_study(bench, monkeypatch):
    error = DefinitionError("there is no GPU", where="params.yaml, key `compute.device`", why="x", mend="y")
    monkeypatch.setattr(trials, "train_and_score", _failing(error))
    with pytest.raises(DefinitionError, match="no GPU"):
        run_trial(bench, bench.params.train, (1,), lambda _: [], 3, [], lambda _: None)


def test_a_score_that_is_not_finite_says_nothing(bench, monkeypatch):
    class Found:
        class scored:  # noqa: N801 - stands in for an attribute
            images = pd.DataFrame(
                {"image_id": list("ab"), "split": ["calibration", "tuning"], "4-ms-ssim": [0.0, np.nan]}
            )

    monkeypatch.setattr(trials, "train_and_score", lambda *_, **__: Found)
    with pytest.raises(DataError, match="says nothing"):
        bench.measure(bench.params.train)
    with pytest.raises(Infeasible, match="not finite"):
        trials._rung(bench, bench.params.train, 1, [])


def test_a_known_rung_is_not_trained_again(bench, formula):
    known = [Rung(epochs=1, auroc=0.7, standard_error=None)]
    told = []
    rungs, reason = run_trial(
        bench, bench.params.train, (1, 2), lambda _: [0.6], 3, known, lambda found: told.append(len(found))
    )
    assert (rungs[0], reason, told) == (known[0], "", [1, 2])
    assert [settings.epochs for settings in formula.calls] == [2]
