import numpy as np
import pytest

from sealproof.challenges.seeded_settings import SeededSettings
from sealproof.evidence.errors import DataError
from sealproof.repetition.detector import Images
from sealproof.tuning.images import tuning_images
from sealproof.tuning.space import SearchSpace, load_space

SEEDED = SeededSettings()


@pytest.fixture
def images(settings):
    return Images.of(settings.workspace, ("train", "tuning", "calibration", "test"))


@pytest.fixture
def space(settings):
    return load_space(settings.workspace)[0]


def without_enough(space):
    return SearchSpace.model_validate(space.model_dump() | {"minimum_defects": 9})


def of_split(found, split):
    ids = found.images.manifest.loc[found.images.manifest["split"] == split, "image_id"]
    rows = found.images.regions[found.images.regions["image_id"].isin(ids)]
    return found.images.patches[rows["row"].to_numpy()]


@pytest.mark.parametrize("enough", [True, False])
def test_no_patch_of_another_split_is_at_hand(images, space, enough):
    """Test and calibration patches destroyed: every byte that tuning sees is the same."""
    space = space if enough else without_enough(space)
    ids = images.manifest.loc[images.manifest["split"].isin(["test", "calibration"]), "image_id"]
    rows = images.regions.loc[images.regions["image_id"].isin(ids), "row"]
    destroyed = np.array(images.patches)
    destroyed[rows] = 12345
    one = tuning_images(images, space, SEEDED, 3)
    two = tuning_images(Images(images.manifest, images.regions, destroyed), space, SEEDED, 3)
    assert one.groups == two.groups
    assert one.images.patches.tobytes() == two.images.patches.tobytes()
    assert not set(one.images.manifest["image_id"]) & set(ids)


def test_three_tenths_of_the_normals_are_held_out(images, space):
    found = tuning_images(images, space, SEEDED, 3)
    assert {name: group.images for name, group in found.groups.items()} == {
        "training normals": 16, "held-out normals": 7, "defects": 8,
    }  # fmt: skip
    assert (found.objective, found.paired, found.patch_size) == ("training-defects", False, (16, 32))
    again = images.manifest.sample(frac=1, random_state=2), images.regions.sample(frac=1, random_state=3)
    assert tuning_images(Images(*again, images.patches), space, SEEDED, 3).groups == found.groups
    assert (
        tuning_images(images, space, SEEDED, 4).groups["held-out normals"] != found.groups["held-out normals"]
    )


def test_with_too_few_defects_they_are_drawn_into_the_held_out_normals(images, space):
    found = tuning_images(images, without_enough(space), SEEDED, 3)
    normals, defects = of_split(found, "calibration"), of_split(found, "tuning")
    assert (found.objective, found.paired, len(defects)) == ("seeded-defects", True, 7)
    for normal, defect in zip(normals, defects, strict=True):  # in the same order: pairs
        assert 0 < (normal != defect).mean() < 0.6
        assert np.abs(normal.astype(int) - defect).max() <= 0.6 * 65535 + 1
    manifest = found.images.manifest
    assert (manifest.loc[manifest["split"] == "tuning", "label"] == 1).all()
    assert found.images.regions["row"].is_unique


def test_of_an_image_with_several_patches_one_is_damaged(images, space):
    """Rows 2k and 2k + 1 as the patches of image k."""
    regions = images.regions.assign(
        image_id=images.regions["image_id"].to_numpy()[np.arange(len(images.regions)) // 2 * 2],
        patch=np.arange(len(images.regions)) % 2,
    )
    pairs = images.manifest["image_id"].isin(regions["image_id"])
    manifest = images.manifest[pairs].assign(split="train", label=0)
    found = tuning_images(Images(manifest, regions, images.patches), without_enough(space), SEEDED, 3)
    normals, defects = of_split(found, "calibration"), of_split(found, "tuning")
    changed = (normals != defects).any(axis=(1, 2)).reshape(-1, 2)
    assert changed.sum(axis=1).tolist() == [1] * len(changed)


def test_what_cannot_be_tuned_on_is_refused(images, space):
    few = images.manifest[images.manifest["split"] != "train"]
    with pytest.raises(DataError, match="cannot be tuned on") as caught:
        tuning_images(Images(few, images.regions, images.patches), space, SEEDED, 3)
    assert "0 have their regions found; 8 are needed" in caught.value.why
    strange = images.manifest.assign(
        label=images.manifest["label"].mask(images.manifest["split"] == "train", 1)
    )
    with pytest.raises(DataError) as caught:
        tuning_images(Images(strange, images.regions, images.patches), space, SEEDED, 3)
    assert "23 of them are not known to be normal" in caught.value.why
