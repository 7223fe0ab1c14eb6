"""Both steps, with a formula instead of training; what is trained in earnest is in test_trials.py."""

import fcntl
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from tests.tuning.conftest import Quiet, write_space

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError, OutputError
from sealproof.settings import Settings, load_settings
from sealproof.tuning.run import Limits, database_of, tune


def run(settings, trials=3, steps=(1, 2), seeds=1, watch=None, **limits):
    return tune(settings, steps, seeds, Limits(trials, **limits), watch or Quiet())


def with_params(settings, **sections):
    """Settings with other values in some sections of params.yaml."""
    changed = {name: getattr(settings.params, name).model_copy(update=new) for name, new in sections.items()}
    return Settings(settings.params.model_copy(update=changed), settings.inspection, settings.workspace)


def test_the_second_step_starts_from_the_best_of_the_first(settings, formula):
    watch = Quiet()
    found = run(settings, watch=watch)
    first, second = found.steps
    assert [len(step.trials) for step in found.steps] == [3, 3]
    assert second.start == first.settings(first.best)
    assert second.start.bottleneck == first.best.values["bottleneck"]
    assert set(second.trials[0].values) == {"batch_size", "learning_rate"}
    assert watch.told[0] == ("configured", None)
    assert watch.told[1] == ("configured", found.configured)
    assert watch.told[2:] == [(step, count, 3) for step in (1, 2) for count in range(4)]
    assert formula.calls[0] == settings.params.train


def test_the_search_finds_what_there_is_to_find(settings, formula, project):
    """The formula is highest at a learning rate of 0.003: 15 trials come within a quarter of a decade."""
    write_space(project, halving={"rungs": 1, "factor": 2})
    best = run(settings, trials=15, steps=(1,)).steps[0].best
    assert 0.0017 < best.values["learning_rate"] < 0.0054
    assert abs(best.epochs - 30) <= 8


def test_an_interrupted_study_comes_to_the_same_trials(settings, formula, template, tmp_path):
    """Interrupted between rungs and between trials, in any place: the same result, and no training is repeated."""
    whole = run(settings)
    trained = len(formula.calls)
    copy = load_settings(shutil.copytree(template, tmp_path / "copy"))
    formula.calls.clear()
    for stop in (2, 1, 2):
        formula.stop_after = len(formula.calls) + stop
        with pytest.raises(KeyboardInterrupt):
            run(copy)
    formula.stop_after = None
    assert run(copy) == whole
    assert len(formula.calls) == trained


def test_the_same_command_again_goes_on_or_is_done(settings, formula):
    few = run(settings, trials=2)
    count = len(formula.calls)
    assert run(settings, trials=2) == few
    assert len(formula.calls) == count
    more = run(settings)
    assert more.steps[0].trials[:2] == few.steps[0].trials
    assert [len(step.trials) for step in more.steps] == [3, 3]


def test_trials_that_fall_behind_are_given_up_and_say_so(settings, formula):
    trials = run(settings, trials=6, steps=(1,)).steps[0].trials
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        assert len(trial.rungs) == 1
        assert trial.reason == (
            f"not among the best one in 2 after {trial.rungs[0].epochs} of {trial.epochs} epochs"
        )
        assert trial.rungs[0].epochs == max(1, int(trial.epochs / 2 + 0.5))
    for trial in [trial for trial in trials if trial not in pruned]:
        assert (len(trial.rungs), trial.rungs[-1].epochs, trial.reason) == (2, trial.epochs, "")


def _other_patches(settings):
    path = settings.workspace.artifacts("roi") / "patches.npy"
    patches = np.load(path)
    manifest = pd.read_parquet(settings.workspace.artifacts("ingest") / "manifest.parquet")
    patches[(manifest["split"] == "tuning").to_numpy().argmax(), 0, 0] += 1
    np.save(path, patches)
    return settings


def _other_space(settings):
    write_space(settings.workspace.root, startup_trials=3)
    return settings


CHANGES = [
    (lambda settings: with_params(settings, train={"latent": 5}), "train"),
    (lambda settings: with_params(settings, threshold={"score": "mse"}), "score, score in force"),
    (lambda settings: with_params(settings, compute={"threads": 2}), "compute"),
    (_other_patches, "images"),
    (_other_space, "images, search"),  # the patches stay changed
]


def test_a_study_of_another_definition_is_not_mixed_in(settings, formula):
    run(settings, trials=1, steps=(1,))
    with pytest.raises(DefinitionError) as caught:
        run(settings, trials=1, steps=(1,), seeds=2)
    assert caught.value.why == "seeds: [20261121] there, [20261121,20261122] now"
    for change, named in CHANGES:
        with pytest.raises(DefinitionError, match="'step-1' is of another definition") as caught:
            run(change(settings), trials=2, steps=(1,))
        assert caught.value.where.endswith(f"study.db: {named}")
        assert " there, " in caught.value.why


def test_a_better_first_step_begins_the_second_anew(settings, formula):
    run(settings, trials=1)
    found = run(settings, trials=4)
    assert found.steps[0].best.number > 1
    assert len(found.steps[1].trials) == 4
    assert found.steps[1].start == found.steps[0].settings(found.steps[0].best)


def test_the_second_step_alone_needs_the_first(settings, formula):
    with pytest.raises(EvidenceMissingError, match="nothing to start from"):
        run(settings, steps=(2,))
    assert not formula.calls
    run(settings, trials=2, steps=(1,))
    found = run(settings, trials=3, steps=(2,))
    assert [len(step.trials) for step in found.steps] == [2, 3]


def test_when_the_time_is_up_no_trial_begins(settings, formula):
    assert run(settings, deadline=0.0, clock=lambda: 1.0) is None
    times = iter(range(100))
    found = run(settings, deadline=3.0, clock=lambda: next(times))
    assert [len(step.trials) for step in found.steps] == [3]
    assert len(run(settings, trials=3).steps) == 2


def test_what_cannot_be_tuned_is_refused(settings, formula):
    with pytest.raises(DefinitionError, match="nothing to tune"):
        run(with_params(settings, train={"detector": "padim"}))
    with pytest.raises(DefinitionError, match="nothing to do"):
        run(settings, seeds=0)
    (settings.workspace.artifacts("roi") / "patches.npy").unlink()
    with pytest.raises(
        EvidenceMissingError, match=r"no images to tune on\n  where: artifacts/toy/roi/patches.npy"
    ):
        run(settings)


def test_two_at_a_time_are_refused(settings, formula):
    folder = database_of(settings.workspace).parent
    folder.mkdir(parents=True)
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(OutputError, match="another process tunes"):
            run(settings)
    finally:
        os.close(handle)


def test_what_is_no_study_is_refused(settings, formula):
    database = database_of(settings.workspace)
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database, but long enough to be taken for one" * 100)
    with pytest.raises(EvidenceAlteredError, match="cannot be read") as caught:
        run(settings)
    assert "not a database" in caught.value.why
