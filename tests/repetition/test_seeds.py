import json

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from sealproof.commands.repeatability import repeatability
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import read_trail
from sealproof.repetition.detector import Images, train_and_score
from sealproof.repetition.result import outdated, read_study, study_path
from sealproof.repetition.seeds import _verdicts, other_seeds, study_seeds, threshold_in_force
from sealproof.settings import load_settings


def quiet(_):
    """Says nothing."""


def test_each_figure_follows_from_a_training_with_that_seed(released):
    params = released.params
    found = study_seeds(released, [3, 4], announce=quiet)
    images = Images.of(released.workspace, ("train", "calibration", "tuning", "test"))
    own = pd.read_parquet(released.workspace.artifacts("score") / "scores.parquet")
    limit = read_json(released.workspace.artifacts("threshold") / "thresholds.json")["in_force"]["threshold"]
    run = found.runs[1]
    table = train_and_score(images, ("calibration", "tuning", "test"), params, seed=4).scored.images
    scores = {
        split: table.loc[table["split"] == split, "4-ms-ssim"] for split in ("calibration", "tuning", "test")
    }
    assert run.seed == 4
    assert run.threshold == threshold_in_force(table, params, 4, images)["threshold"]
    assert run.false_rejects.rate == (scores["calibration"] >= run.threshold).mean()
    assert run.detected.rate == (scores["tuning"] >= run.threshold).mean()
    labels = [0] * 12 + [1] * 8
    assert run.auroc == pytest.approx(roc_auc_score(labels, [*scores["calibration"], *scores["tuning"]]))
    mine = scores["test"].to_numpy() >= run.threshold
    theirs = own.loc[own["split"] == "test", "4-ms-ssim"].to_numpy() >= limit
    assert (run.equal.count, run.equal.of) == ((mine == theirs).sum(), 20)
    kappa = cohen_kappa_score(mine, theirs)
    assert run.kappa is None if np.isnan(kappa) else run.kappa == pytest.approx(kappa)
    assert found.runs[0].threshold != run.threshold
    assert found.summary.threshold.mean == pytest.approx(
        (found.runs[0].threshold + found.runs[1].threshold) / 2
    )
    assert found.summary.threshold.low == min(found.runs[0].threshold, run.threshold)
    assert (found.released.seed, found.released.threshold) == (params.seed, limit)


def test_no_sealed_label_is_there_to_be_read(released):
    """The study runs without the file of sealed labels, and the manifest has no label of a test image."""
    assert not (released.workspace.artifacts("ingest") / "sealed_labels.parquet").exists()
    manifest = pd.read_parquet(released.workspace.artifacts("ingest") / "manifest.parquet")
    assert manifest.loc[manifest["split"] == "test", "label"].isna().all()
    assert study_seeds(released, [9], announce=quiet).runs[0].equal.of == 20


def test_the_command_writes_the_same_bytes_twice_and_a_line_in_the_trail(released, capsys):
    path = study_path(released.workspace)
    repeatability(seeds=2, root=released.workspace.root)
    first = path.read_bytes()
    assert path.relative_to(released.workspace.root).as_posix() == "products/toy/repeatability/seeds.json"
    repeatability(seeds=2, root=released.workspace.root)
    assert path.read_bytes() == first
    study = read_study(released.workspace)
    assert [run.seed for run in study.runs] == [released.params.seed + 1, released.params.seed + 2]
    assert outdated(study, released) == ()
    entries = read_trail(released.workspace.trail)
    assert [entry.event for entry in entries] == ["repeatability.done"] * 2
    assert entries[-1].details["sha256"] == sha256_file(path)
    shown = capsys.readouterr().out
    assert "no test label was read" in shown
    assert str(released.workspace.root) not in first.decode()


def test_without_a_result_there_is_none(released):
    assert read_study(released.workspace) is None


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("train/model.safetensors", "weights"),
        ("score/scores.parquet", "scores"),
        ("threshold/thresholds.json", "thresholds"),
    ],
)
def test_a_result_about_another_system_is_outdated(written, file, part):
    path = written.workspace.artifacts(file.split("/")[0]) / file.split("/")[1]
    path.write_bytes(path.read_bytes() + b" ")
    assert outdated(read_study(written.workspace), written) == (part,)


def test_a_result_from_other_parameters_is_outdated(written):
    path = written.workspace.root / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["evaluate"]["gallery"] = 1
    path.write_text(yaml.safe_dump(params))
    study = read_study(written.workspace)
    assert outdated(study, load_settings(written.workspace.root)) == ()
    params["train"]["epochs"] = 3
    path.write_text(yaml.safe_dump(params))
    assert outdated(study, load_settings(written.workspace.root)) == ("params",)


def set_in(content, *path, value):
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("runs", 0, "equal", "rate"), 1.0, "is not a rate of 1.0"),
        (("runs", 0, "equal", "of"), 21, "runs.0.equal"),
        (("runs", 0, "seed"), 20261121, "a seed is given twice"),
        (("summary", "agreement", "low"), 2.0, "the summary is not that of the runs"),
        (("runs", 1, "auroc"), 1.5, "runs.1.auroc"),
        (("runs",), [], "runs"),
        (("product",), "other", "it is about product 'other'"),
        (("belongs_to", "weights"), "12", "belongs_to.weights"),
        (("verdict",), "pass", "verdict"),
        (("runs", 0, "threshold"), None, "the summary is not that of the runs"),
    ],
)
def test_a_result_that_the_command_would_not_write_cannot_be_trusted(written, path, value, reason):
    file = study_path(written.workspace)
    content = read_json(file)
    set_in(content, *path, value=value)
    write_json(file, content)
    with pytest.raises(EvidenceAlteredError) as caught:
        read_study(written.workspace)
    assert reason in caught.value.why
    assert "make repeatability" in caught.value.mend


def test_a_result_that_is_no_json_cannot_be_trusted(written):
    study_path(written.workspace).write_text("{")
    with pytest.raises(EvidenceAlteredError):
        read_study(written.workspace)


def test_no_seed_is_refused():
    with pytest.raises(DefinitionError, match="no seed"):
        other_seeds(1, 0)


def test_without_a_finished_system_all_that_is_missing_is_named(settings):
    with pytest.raises(EvidenceMissingError) as caught:
        study_seeds(settings, [1], announce=quiet)
    for name in ("train/model.json", "score/scores.parquet", "threshold/thresholds.json"):
        assert f"artifacts/toy/{name}" in caught.value.where


def test_without_a_valid_threshold_there_is_nothing_to_agree_with(released):
    path = released.workspace.artifacts("threshold") / "thresholds.json"
    content = read_json(path)
    write_json(path, {"in_force": content["in_force"] | {"threshold": None, "reason": "too few"}})
    with pytest.raises(EvidenceMissingError, match="no verdicts to agree with") as caught:
        study_seeds(released, [1], announce=quiet)
    assert "too few" in caught.value.why


def test_parameters_that_were_changed_since_are_refused_by_name(released):
    threshold = released.params.threshold.model_copy(update={"method": "conformal"})
    train = released.params.train.model_copy(update={"epochs": 9})
    params = released.params.model_copy(update={"threshold": threshold, "train": train, "seed": 2})
    changed = type(released)(params, released.inspection, released.workspace)
    with pytest.raises(DefinitionError) as caught:
        study_seeds(changed, [1], announce=quiet)
    assert caught.value.where == "params.yaml, `seed`, `train`, `threshold.method`"


def test_a_seed_without_a_valid_threshold_agrees_on_nothing(released):
    """21 held-out normals would do for this percentile; the 12 there are do not."""
    path = released.workspace.artifacts("threshold") / "thresholds.json"
    force = read_json(path)["in_force"]
    threshold = released.params.threshold.model_copy(update={"minimum_normals": 21})
    params = released.params.model_copy(update={"threshold": threshold})
    changed = type(released)(params, released.inspection, released.workspace)
    run = study_seeds(changed, [1], announce=quiet).runs[0]
    assert (run.threshold, run.equal.rate, run.detected.count) == (None, 0.0, 0)
    assert "12 held-out normals" in run.reason
    assert force["threshold"] is not None


def test_the_range_for_people_is_undecided():
    """Reject at or above the threshold, accept below the lower limit, which never lies above the threshold."""
    scores = pd.Series([0.1, 0.2, 0.3, 0.4])
    found = _verdicts(scores, {"threshold": 0.4, "accept_below": 0.2})
    assert found.tolist() == ["accept", "undecided", "undecided", "reject"]
    assert _verdicts(scores, {"threshold": 0.3, "accept_below": None}).tolist()[2:] == ["reject", "reject"]


def test_calibration_by_cross_fitting_is_done_for_each_seed(released):
    images = Images.of(released.workspace, ("train", "calibration", "tuning"))
    table = train_and_score(images, ("calibration", "tuning"), released.params, seed=3).scored.images
    threshold = released.params.threshold.model_copy(update={"calibration": "cross-fit"})
    cross = released.params.cross_fit.model_copy(update={"folds": 2})
    params = released.params.model_copy(update={"threshold": threshold, "cross_fit": cross})
    force = threshold_in_force(table, params, 3, images)
    assert (force["calibration"], force["n"]) == ("cross-fit", 35)
    assert json.dumps(force)
