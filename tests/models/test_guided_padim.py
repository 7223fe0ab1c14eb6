from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sealproof.evidence.errors import DataError
from sealproof.models.backbone_settings import BackboneSettings, GuidedPadimSettings, PadimSettings
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.guided_padim import DefectGuidedPadim, descriptor, folds
from sealproof.models.padim import Padim
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import load_detector, save_detector
from sealproof.scores.settings import ScoreSettings

SETTINGS = TrainSettings(
    detector="guided-padim",
    backbone=BackboneSettings(side=64, blocks=(2, 4), cell=16),
    padim=PadimSettings(features=8, shrinkage=0.2),
    guided_padim=GuidedPadimSettings(folds=3),
)


@pytest.fixture(scope="module")
def both(patches: np.ndarray) -> np.ndarray:
    """Normals, and from row 48 on the same patches with a dark bar somewhere."""
    broken = patches.copy()
    for number, patch in enumerate(broken):
        top = 2 + number * 7 % 24
        patch[top : top + 3, 8:30] //= 2
    return np.concatenate([patches, broken])


def part(patches: np.ndarray, *rows: int, positions: int = 1) -> PatchSet:
    there = np.arange(*rows)
    return PatchSet(patches, there, np.arange(len(there)) % positions)


def sets(both: np.ndarray) -> TrainingData:
    return TrainingData(part(both, 24), part(both, 24, 30), part(both, 48, 60))


def made(data: TrainingData, settings: TrainSettings = SETTINGS) -> DefectGuidedPadim:
    fitted = DefectGuidedPadim.fit(data, settings, seed=5, device="cpu", threads=1)
    assert isinstance(fitted.detector, DefectGuidedPadim)
    return fitted.detector


@pytest.fixture(scope="module")
def detector(both: np.ndarray) -> DefectGuidedPadim:
    return made(sets(both))


def scores(detector: Padim, patches: np.ndarray) -> dict[str, np.ndarray]:
    given = torch.from_numpy(patches.astype(np.float32) / 65535)[:, None]
    found = detector.examine(given, np.zeros(len(patches), np.int64), ScoreSettings()).scores
    return {name: column.numpy() for name, column in found.items()}


def descriptors(detector: Padim, patches: PatchSet) -> np.ndarray:
    return np.stack([descriptor(cells) for cells, _ in detector.cells_of(patches)])


def test_the_score_is_what_its_formula_says_computed_with_other_means(both: np.ndarray) -> None:
    """PaDiM fitted anew for each fold and scikit-learn's own pipeline, in place of sums of moments."""
    data = sets(both)
    found = scores(made(data), both[78:88])
    rows, fold = data.normals.rows, np.arange(24) * 3 // 24
    plain = SETTINGS.model_copy(update={"detector": "padim"})

    def padim(chosen: np.ndarray) -> Padim:
        normals = PatchSet(both, rows[chosen], np.zeros(int(chosen.sum()), np.int64))
        fitted = Padim.fit(TrainingData(normals, normals), plain, seed=5, device="cpu", threads=1).detector
        assert isinstance(fitted, Padim)
        return fitted

    whole = padim(np.full(24, True))
    assert data.defects is not None
    normal, defective = descriptors(whole, data.normals), descriptors(whole, data.defects)

    def odds(chosen: np.ndarray, asked: np.ndarray) -> np.ndarray:
        inputs = np.concatenate([normal[chosen], defective])
        scaler = StandardScaler().fit(inputs)
        model = LogisticRegression(C=0.03, class_weight="balanced", max_iter=10_000, tol=1e-8)
        model.fit(scaler.transform(inputs), np.r_[np.zeros(chosen.sum()), np.ones(len(defective))])
        return np.asarray(model.decision_function(scaler.transform(asked)))

    logs, held = np.empty(24), np.empty(24)
    for number in range(3):
        out = fold == number
        logs[out] = np.log(scores(padim(~out), both[rows[out]])["padim"])
        held[out] = odds(~out, normal[out])
    new = descriptors(whole, PatchSet(both, np.arange(78, 88), np.zeros(10, np.int64)))
    guided = 0.5 * (odds(np.full(24, True), new) - held.mean()) / held.std(ddof=1)
    for name in ("padim", "padim-upper"):
        distance = np.log(scores(whole, both[78:88])[name])
        wanted = (distance - logs.mean()) / logs.std(ddof=1) + guided
        assert found[f"guided-{name}"] == pytest.approx(wanted, rel=1e-4, abs=1e-4)


def test_new_defects_score_higher_than_the_normals_they_were_made_of(
    detector: DefectGuidedPadim, both: np.ndarray
) -> None:
    normal, defective = (scores(detector, both[first : first + 18]) for first in (30, 78))
    assert set(normal) == {"guided-padim", "guided-padim-upper"}
    assert all((defective[name] > normal[name]).all() for name in normal)


def test_with_weight_0_it_ranks_as_padim_does(both: np.ndarray) -> None:
    alone = SETTINGS.model_copy(update={"guided_padim": GuidedPadimSettings(weight=0.0, folds=3)})
    plain = SETTINGS.model_copy(update={"detector": "padim"})
    data = sets(both)
    fitted = Padim.fit(data, plain, seed=5, device="cpu", threads=1).detector
    assert isinstance(fitted, Padim)
    found, wanted = scores(made(data, alone), both[20:90]), scores(fitted, both[20:90])
    for name in ("padim", "padim-upper"):
        assert (np.argsort(found[f"guided-{name}"]) == np.argsort(wanted[name])).all()


def test_same_bytes_again_and_same_bits_after_storing(
    detector: DefectGuidedPadim, both: np.ndarray, tmp_path: Path
) -> None:
    state, again = detector.state(), made(sets(both)).state()
    assert all(torch.equal(state[name], again[name]) for name in state)
    save_detector(detector, tmp_path, {})
    loaded = load_detector(tmp_path)
    assert isinstance(loaded, DefectGuidedPadim)
    first, second = scores(detector, both[75:81]), scores(loaded, both[75:81])
    assert all((first[name] == second[name]).all() for name in first)


def test_a_patch_scores_the_same_in_any_batch(detector: DefectGuidedPadim, both: np.ndarray) -> None:
    whole = scores(detector, both[60:70])
    alone = [scores(detector, both[row : row + 1]) for row in range(60, 70)]
    assert all((whole[name] == np.concatenate([one[name] for one in alone])).all() for name in whole)


def test_held_out_normals_teach_nothing(detector: DefectGuidedPadim, both: np.ndarray) -> None:
    data = sets(both)
    other = made(TrainingData(data.normals, part(both, 40, 48), data.defects)).state()
    assert all(torch.equal(value, other[name]) for name, value in detector.state().items())


def test_defects_change_the_regression_and_not_the_gaussians(
    detector: DefectGuidedPadim, both: np.ndarray
) -> None:
    data = sets(both)
    other = made(TrainingData(data.normals, data.held_out, part(both, 60, 72))).state()
    changed = {name for name, value in detector.state().items() if not torch.equal(value, other[name])}
    assert changed == {"guide.centre", "guide.weights", "guide.intercept", "guide.levels"}


def test_mirrored_copies_teach_the_regression_and_not_the_gaussians(
    detector: DefectGuidedPadim, both: np.ndarray
) -> None:
    taught = made(sets(both), SETTINGS.model_copy(update={"augment": "flip-both"})).state()
    changed = {name for name, value in detector.state().items() if not torch.equal(value, taught[name])}
    assert changed == {"guide.centre", "guide.weights", "guide.intercept", "guide.levels"}


def test_copies_of_one_patch_weigh_as_much_as_the_patch(
    detector: DefectGuidedPadim, both: np.ndarray
) -> None:
    normal, defective = (descriptors(detector, part(both, first, first + 12)) for first in (0, 48))
    once, thrice = (
        detector._regression(*(np.repeat(of[:, None], copies, axis=1) for of in (normal, defective)))
        for copies in (1, 3)
    )
    assert thrice.odds(normal) == pytest.approx(once.odds(normal), rel=1e-5)


def test_folds_are_runs_of_images_whose_patches_stay_together(both: np.ndarray) -> None:
    assert folds(part(both, 24, positions=2), 3).tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert folds(part(both, 6, positions=2), 20).tolist() == [0, 0, 1, 1, 2, 2]


def test_several_regions_are_learnt_each_by_itself(both: np.ndarray) -> None:
    data = TrainingData(
        part(both, 46, positions=2), part(both, 46, 48, positions=2), part(both, 48, 72, positions=2)
    )
    assert made(data).mean.shape[0] == 2


def test_a_region_that_one_fold_holds_alone_is_refused(both: np.ndarray) -> None:
    positions = np.r_[[0, 1] * 3, [0] * 24]
    normals = PatchSet(both, np.arange(30), positions)
    with pytest.raises(DataError, match="too few normals show region 1") as caught:
        made(TrainingData(normals, part(both, 30, 32), part(both, 48, 60)))
    assert "0 patches are left when one of 3 folds is held back" in caught.value.why


def test_too_few_defects_or_normals_are_refused_together(both: np.ndarray) -> None:
    for defects, count in ((None, 0), (part(both, 48, 57), 9)):
        with pytest.raises(DataError, match="guided PaDiM cannot be fitted") as caught:
            made(TrainingData(part(both, 19), part(both, 24, 30), defects))
        assert f"{count} patches of training defects, at least 10" in caught.value.why
        assert "19 images of training normals, at least 20" in caught.value.why


def test_a_defect_among_the_normals_is_refused(both: np.ndarray) -> None:
    with pytest.raises(DataError) as caught:
        made(TrainingData(part(both, 24), part(both, 24, 30), part(both, 22, 36)))
    assert caught.value.why == "8 patches are normals and defects at once, the first is row 22"


def test_the_card_says_what_is_ours_and_that_it_needs_defects(detector: DefectGuidedPadim) -> None:
    card = detector.card()
    assert card.name == detector.kind == "guided-padim"
    assert DefectGuidedPadim.needs_defects
    assert card.limits[0].startswith("It needs training defects")
    assert "has no publication" in card.reference
    assert "EfficientNet" in card.pretrained
