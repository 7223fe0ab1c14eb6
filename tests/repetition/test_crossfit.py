import json

import numpy as np
import pandas as pd
import pipeline.cross_fit as cross_fit_script
import pytest
import yaml

from sealproof.evidence.errors import DataError
from sealproof.inference.run import score_all
from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.training import fit
from sealproof.repetition.crossfit import cross_fit
from sealproof.repetition.detector import Images, train_and_score
from sealproof.repetition.folds import NORMAL_SPLITS
from sealproof.scores.settings import SCORE_NAMES
from sealproof.settings import load_settings
from sealproof.stage import Stage


def run(settings, folds=3, **changes):
    params = settings.params.model_copy(update=changes)
    images = Images.of(settings.workspace, NORMAL_SPLITS)
    return cross_fit(images, params, folds=folds, seed=params.seed, announce=lambda _: None)


def test_every_normal_is_scored_once_by_a_detector_that_did_not_see_it(settings):
    """Each fold's scores, and no others, are those of a detector trained here by hand on the other folds."""
    found = run(settings)
    manifest = pd.read_parquet(settings.workspace.artifacts("ingest") / "manifest.parquet")
    regions = pd.read_parquet(settings.workspace.artifacts("roi") / "regions.parquet").set_index("image_id")
    normals = manifest[manifest["split"].isin(NORMAL_SPLITS)]
    assert found.scores["image_id"].tolist() == sorted(normals["image_id"])
    assert list(found.scores) == ["image_id", "fold", "split", "decided", *SCORE_NAMES]
    assert (found.scores["split"].to_numpy() == normals.sort_values("image_id")["split"]).all()
    patches = np.load(settings.workspace.artifacts("roi") / "patches.npy")
    for fold in (1, 3):
        table = found.scores.set_index("image_id")
        others = table[(table["fold"] != fold) & table["decided"]]
        rows = {
            split: np.sort(regions.loc[others.index[others["split"] == split], "row"].to_numpy())
            for split in NORMAL_SPLITS
        }
        fitted = fit(
            patches,
            rows["train"],
            rows["calibration"],
            settings.params.train,
            seed=settings.params.seed,
            device="cpu",
        )
        mine = table[(table["fold"] == fold) & table["decided"]]
        wanted = pd.concat(
            [others[others["split"] == "train"].assign(split="train"), mine.assign(split="mine")]
        ).sort_index()
        asked = wanted.assign(patch=0, row=regions.loc[wanted.index, "row"]).reset_index()
        scored = score_all(
            AttentionAutoencoderDetector(fitted.model),
            patches,
            asked,
            settings.params.score,
            seed=settings.params.seed,
            maps=None,
        )
        expected = scored.images[scored.images["split"] == "mine"].set_index("image_id")
        pd.testing.assert_frame_equal(mine[list(SCORE_NAMES)], expected[list(SCORE_NAMES)])
        facts = found.folds[fold - 1]
        assert (facts.fold, facts.scored_images) == (fold, len(mine))
        assert (facts.training_images, facts.epoch_images) == (len(rows["train"]), len(rows["calibration"]))
        assert facts.kept_epoch == fitted.kept_epoch


def test_an_undecided_image_has_a_fold_and_no_score(settings):
    found = run(settings, folds=2).scores
    undecided = found[~found["decided"]]
    assert len(undecided) == 1
    assert undecided["fold"].isin([1, 2]).all()
    assert undecided[list(SCORE_NAMES)].isna().all(axis=None)
    assert found.loc[found["decided"], list(SCORE_NAMES)].notna().all(axis=None)


def test_a_fold_s_own_pixels_change_the_scores_of_that_fold_alone(settings):
    """An image does not reach the detector that scores it: brighten it, and the rest of its fold stays as it was."""
    before = run(settings, folds=2).scores.set_index("image_id")
    name = before.index[before["decided"] & (before["fold"] == 1)][0]
    path = settings.workspace.artifacts("roi") / "patches.npy"
    regions = pd.read_parquet(settings.workspace.artifacts("roi") / "regions.parquet").set_index("image_id")
    patches = np.load(path)
    patches[regions.loc[name, "row"], ::2] = 65535
    np.save(path, patches)
    after = run(settings, folds=2).scores.set_index("image_id")
    own = after.index[(after["fold"] == 1) & (after.index != name)]
    pd.testing.assert_frame_equal(after.loc[own], before.loc[own])
    assert after.loc[name, "mse"] != before.loc[name, "mse"]
    others = after.index[(after["fold"] == 2) & after["decided"]]
    assert (after.loc[others, "mse"] != before.loc[others, "mse"]).all()


def test_no_row_of_another_split_is_read(settings):
    images = Images.of(settings.workspace, NORMAL_SPLITS)
    allowed = set(images.regions["row"])

    class Guarded:
        shape, patches = images.patches.shape, images.patches

        def __getitem__(self, rows):
            assert set(np.atleast_1d(rows).tolist()) <= allowed
            return self.patches[rows]

    guarded = Images(images.manifest, images.regions, Guarded())
    found = cross_fit(guarded, settings.params, folds=2, seed=1, announce=lambda _: None)
    assert len(found.scores) == 36


def test_the_shared_piece_gives_what_the_stages_give(settings):
    """`train_and_score` on the splits as they are: the weights and scores of the stages train and score."""
    images = Images.of(settings.workspace, ("train", "calibration", "tuning", "test"))
    params = settings.params
    found = train_and_score(images, ("calibration", "tuning", "test"), params, seed=params.seed)
    rows = images.regions.merge(images.manifest[["image_id", "split"]], on="image_id")
    decided = rows[rows["decided"]]
    fitted = fit(
        images.patches,
        *(np.sort(decided.loc[decided["split"] == split, "row"].to_numpy()) for split in NORMAL_SPLITS),
        params.train,
        seed=params.seed,
        device="cpu",
    )
    scored = score_all(
        AttentionAutoencoderDetector(fitted.model),
        images.patches,
        rows,
        params.score,
        seed=params.seed,
        maps=None,
    )
    pd.testing.assert_frame_equal(found.scored.images, scored.images)


def test_a_training_defect_among_the_normals_stops(settings):
    path = settings.workspace.artifacts("ingest") / "manifest.parquet"
    manifest = pd.read_parquet(path)
    manifest.loc[manifest["split"] == "train", "label"] = 1
    manifest.to_parquet(path)
    with pytest.raises(DataError, match="not known to be normal"):
        run(settings)


@pytest.mark.parametrize("folds", [0, 2])
def test_the_stage_writes_scores_summary_and_records(project, folds, capsys):
    params = yaml.safe_load((project / "params.yaml").read_text())
    (project / "params.yaml").write_text(yaml.safe_dump(params | {"cross_fit": {"folds": folds}}))
    made = []
    for _ in range(2):
        stage = Stage("cross_fit", load_settings(project))
        stage.start()
        cross_fit_script.work(stage)
        stage.finish()
        folder = project / "artifacts" / "toy" / "cross_fit"
        made.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == {"scores.parquet", "cross_fit.json", "records.json"}
    summary = json.loads(made[0]["cross_fit.json"])
    scores = pd.read_parquet(folder / "scores.parquet")
    assert len(scores) == (36 if folds else 0)
    records = {row["id"]: row for row in json.loads(made[0]["records.json"])}
    assert {name: row["value"] for name, row in records.items()} == {
        "cross_fit.folds": folds,
        "cross_fit.images": 35 if folds else 0,
        "cross_fit.undecided": 1 if folds else 0,
    }
    assert all(summary[row["pointer"][1:]] == row["value"] for row in records.values())
    shown = capsys.readouterr()
    assert ("is off" in shown.out) is (folds == 0)
    assert shown.err.count("fold 2 of 2") == (2 if folds else 0)
