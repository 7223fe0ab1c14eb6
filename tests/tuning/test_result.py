import shutil

import pytest
import yaml
from tests.qualification.build import ROOT
from tests.tuning.conftest import Formula, Quiet

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.workspace import Workspace
from sealproof.settings import load_settings
from sealproof.tuning.result import Trials, best_trial, chosen, paths, read_best, summary, write_result
from sealproof.tuning.run import Limits, tune
from sealproof.tuning.trials import Bench, Rung, Trial


@pytest.fixture(scope="module")
def found(template, tmp_path_factory):
    """Two steps of three trials, run once."""
    root = shutil.copytree(template, tmp_path_factory.mktemp("result") / "project")
    with pytest.MonkeyPatch.context() as patch:
        formula = Formula()
        patch.setattr(Bench, "measure", lambda _bench, settings: formula.measure(settings))
        return tune(load_settings(root), (1, 2), 1, Limits(3), Quiet())


@pytest.mark.parametrize(
    "folder", sorted(ROOT.glob("products/*/tuning")), ids=lambda folder: folder.parent.name
)
def test_a_committed_result_is_what_its_trials_come_to(folder):
    assert folder.parent.name == read_best(Workspace(ROOT, folder.parent.name)).product


def trial(number, auroc, epochs=10, state="complete"):
    rung = Rung(epochs=epochs, auroc=auroc, standard_error=0.05)
    return Trial(number=number, state=state, values={"epochs": epochs}, epochs=epochs, rungs=(rung,))


def test_ties_go_to_fewer_epochs_then_to_the_earlier():
    trials = [trial(1, 0.9, 30), trial(2, 0.9, 20), trial(3, 0.9, 20), trial(4, 0.99, 10, "pruned")]
    assert best_trial(trials).number == 2
    assert best_trial([trial(1, 0.9, state="pruned")]) is None


def test_the_result_is_written_read_and_the_same_bytes_again(settings, found):
    best = write_result(settings.workspace, found)
    written = [path.read_bytes() for path in paths(settings.workspace)]
    assert read_best(settings.workspace) == best
    write_result(settings.workspace, found)
    assert [path.read_bytes() for path in paths(settings.workspace)] == written
    step, winner = chosen(found.steps)
    assert best.train == step.settings(winner).model_dump(mode="json")
    assert (best.objective, best.score, best.seeds) == (
        "training-defects",
        "4-ms-ssim",
        (settings.params.seed,),
    )
    assert {name: group.images for name, group in best.images.items()} == {
        "training normals": 16, "held-out normals": 7, "defects": 8,
    }  # fmt: skip
    assert set(best.versions) == {"sealproof", "optuna", "torch"}
    assert written[0].startswith(b"# Written by `sealproof tune`")


def test_the_summary_counts(found):
    step = found.steps[0].model_copy(
        update={"trials": (trial(1, 0.9), trial(2, 0.86), trial(3, 0.84), trial(4, 0.9, state="pruned"))}
    )
    counted = summary(step)
    assert (counted.trials, counted.complete, counted.pruned, counted.best) == (4, 3, 1, 1)
    assert counted.within_one_standard_error == 2


def test_without_a_complete_trial_there_is_no_best(settings, found):
    write_result(settings.workspace, found)
    step = found.steps[0].model_copy(update={"trials": (trial(1, 0.9, state="pruned"),)})
    assert write_result(settings.workspace, found.model_copy(update={"steps": (step,)})) is None
    assert not paths(settings.workspace)[0].exists()
    with pytest.raises(EvidenceMissingError, match="no result of a tuning"):
        read_best(settings.workspace)


def test_an_edited_result_is_refused(settings, found):
    write_result(settings.workspace, found)
    best_path, trials_path = paths(settings.workspace)
    content = yaml.safe_load(best_path.read_text())
    best_path.write_text(
        yaml.safe_dump(content | {"auroc": 0.999, "train": content["train"] | {"latent": 9}})
    )
    with pytest.raises(EvidenceAlteredError, match="not what its trials come to") as caught:
        read_best(settings.workspace)
    assert caught.value.where == "products/toy/tuning/best.yaml: auroc, train"
    best_path.write_text(yaml.safe_dump(content | {"note": 1}))
    with pytest.raises(DefinitionError, match="1 setting is wrong"):
        read_best(settings.workspace)
    best_path.write_text(yaml.safe_dump(content))
    trials = read_json(trials_path)
    trials["steps"][0]["trials"][0]["rungs"][-1]["auroc"] = 1.0
    write_json(trials_path, trials)
    with pytest.raises(EvidenceAlteredError, match="trials_sha256"):
        read_best(settings.workspace)
    assert Trials.model_validate(trials)
