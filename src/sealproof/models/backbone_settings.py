"""Settings of feature detectors (`params.yaml`: train.backbone, train.padim, train.guided_padim,
train.patchcore)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from sealproof.evidence.strict import StrictModel


class BackboneSettings(StrictModel):
    """Which network looks at a patch, and what is taken from it.

    Attributes:
        source: `efficientnet-lite0` (trained on ImageNet, by others) or `own-encoder` (the encoder of the
            autoencoder that `train` describes, trained on these normals alone).
        side: longer side in pixels that patches are resized to; the own encoder sees them as they are.
        blocks: of EfficientNet-Lite0, 0 to 15; 2 has 4 pixels a feature, 4 has 8,
            10 has 16, 15 has 32.
        layers: of the own encoder, 1 to the number of `filters`.
        cell: pixels a side of the cells that all features are brought to, at the size the network sees.
        neighbourhood: features are averaged over so many neighbours a side (PatchCore: 3); 1: not at all.
        light: `standardised`: each patch is brought to one mean and one contrast first; or `kept`.
    """

    source: Literal["efficientnet-lite0", "own-encoder"] = "efficientnet-lite0"
    side: int = Field(default=224, ge=32, le=1024, multiple_of=32)
    blocks: tuple[Annotated[int, Field(ge=0, le=15)], ...] = (2, 4, 10)
    layers: tuple[Annotated[int, Field(ge=1, le=6)], ...] = (1, 2, 3)
    cell: Literal[2, 4, 8, 16, 32] = 16
    neighbourhood: Literal[1, 3, 5, 7] = 3
    light: Literal["kept", "standardised"] = "kept"

    @model_validator(mode="after")
    def _each_once_and_ascending(self) -> Self:
        wrong = [
            name
            for name, numbers in (("blocks", self.blocks), ("layers", self.layers))
            if not numbers or list(numbers) != sorted(set(numbers))
        ]
        if wrong:
            raise ValueError(f"{' and '.join(wrong)}: at least one number, ascending, each once")
        return self


class PadimSettings(StrictModel):
    """PaDiM: a Gaussian for every cell.

    Attributes:
        reduction: `random`: `features` of the features, drawn by the seed; or `all` of them.
        features: how many are drawn.
        regularisation: added to the diagonal of each covariance (0.01 in the publication).
        shrinkage: share of each covariance that is replaced by a multiple of the identity with the same trace.
        smoothing: standard deviation in pixels of the Gaussian over the map (4 in the publication).
    """

    reduction: Literal["random", "all"] = "random"
    features: PositiveInt = 100
    regularisation: NonNegativeFloat = 0.01
    shrinkage: float = Field(default=0.0, ge=0, lt=1)
    smoothing: NonNegativeFloat = 4.0


class GuidedPadimSettings(StrictModel):
    """PaDiM beside a logistic regression that has seen training defects.

    Attributes:
        weight: of the logistic regression against PaDiM, both in standard deviations of held-out normals.
        inverse_penalty: C of the ridge penalty: the smaller, the closer all weights stay to 0.
        folds: parts of the training normals; each is judged by what the others taught.
    """

    weight: NonNegativeFloat = 0.5
    inverse_penalty: PositiveFloat = 0.03
    folds: Annotated[int, Field(ge=2, le=20)] = 5


class PatchCoreSettings(StrictModel):
    """PatchCore: distance to the nearest of the remembered features.

    Attributes:
        coreset: share of the features of all normals that is remembered.
        pool: the greedy choice is made among so many features drawn at random; as many as there are: the
            publication's.
        neighbours: of the nearest remembered feature, for the weight of the image score (`reweighting`).
        reweighting: the image score is weighted by how ordinary the nearest remembered feature is (equation 7).
        smoothing: standard deviation in pixels of the Gaussian over the map (4 in the publication).
    """

    coreset: float = Field(default=0.05, gt=0, le=1)
    pool: PositiveInt = 20000
    neighbours: Annotated[int, Field(ge=2, le=100)] = 9
    reweighting: bool = False
    smoothing: NonNegativeFloat = 4.0
