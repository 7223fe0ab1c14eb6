"""Settings of training (`params.yaml`: train)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from sealproof.evidence.strict import StrictModel
from sealproof.models.attention_settings import AttentionSettings
from sealproof.models.backbone_settings import (
    BackboneSettings,
    GuidedPadimSettings,
    PadimSettings,
    PatchCoreSettings,
)
from sealproof.models.cpcae_settings import CpcaeSettings
from sealproof.models.mocca_settings import MoccaSettings

DetectorName = Literal[
    "attention-autoencoder", "mocca", "cpcae", "padim", "ag-padim", "rag-padim", "guided-padim", "patchcore"
]

Fraction = Annotated[float, Field(ge=0, le=1)]
#: Decay rate of a running mean.
Decay = Annotated[float, Field(ge=0, lt=1)]


class RoiWeight(StrictModel):
    """A region of the patch whose pixels weigh more, or less, in the loss than the others.

    For patches that show the full frame, with parts that lie at nearly the same place in each.

    Attributes:
        box: top, left, bottom, right as fractions of the patch; top and left belong to it.
        inside: weight of its pixels.
        outside: weight of all others.
    """

    box: tuple[Fraction, Fraction, Fraction, Fraction] = (0.25, 0.25, 0.75, 0.75)
    inside: NonNegativeFloat = 1.0
    outside: NonNegativeFloat = 1.0

    @model_validator(mode="after")
    def _has_a_size(self) -> Self:
        top, left, bottom, right = self.box
        if top >= bottom or left >= right:
            raise ValueError("box: top, left, bottom, right as fractions, top < bottom and left < right")
        if self.inside + self.outside == 0:
            raise ValueError("inside and outside: one of them must be above 0")
        return self

    def survives(self, augment: str) -> bool:
        """Whether the box shows the same part in a mirrored patch."""
        top, left, bottom, right = self.box
        upright = augment in ("none", "flip-horizontal") or abs(top + bottom - 1) < 1e-9
        return upright and (augment in ("none", "flip-vertical") or abs(left + right - 1) < 1e-9)


class TrainSettings(StrictModel):
    """The attention autoencoder and its training.

    Attributes:
        detector: which architecture; `models.registry` says where it is.
        filters: output channels of the stride-2 convolution layers, 3 to 6 of them. Patches must be multiples of
            2 ** layers pixels high and wide.
        bottleneck: `dense` (a fully connected latent layer) or `convolutional` (a 1 x 1 convolution).
        latent: size of the dense latent layer, or channels of the convolutional one.
        principal_components: of training patches, on a linear path beside the convolutional layers, which then learn
            what these components leave; 0: no such path, as in the paper. One for four training patches at most.
        brightness: `kept`, or `levelled`: each patch is brought to one mean grey value in front of the
            network, and its reconstruction is brought back to the patch's own.
        dropout: rate behind every hidden layer; 0 switches it off.
        loss: what training lowers: `mse`, `mae`, `ssim` (1 - SSIM), or `hybrid`: `mse_weight` x MSE + (1 - SSIM).
        mse_weight: of `hybrid`; 10 brings the two parts to a like size.
        roi_weight: weights of the loss inside and outside a box; none: every pixel weighs the same.
        epochs: passes over the training patches.
        batch_size: patches a step.
        optimiser: `adam`, `sgd` (plain, without momentum) or `rmsprop`.
        betas: decay rates of Adam's two running means. Under the `one-cycle` schedule the first one moves by
            0.05 to either side of this value (at most to 0.999), against the learning rate.
        epsilon: what Adam and RMSProp add to a denominator.
        learning_rate: the optimiser's step size, or its peak under the `one-cycle` schedule.
        schedule: `constant`, or `one-cycle`: up to the learning rate, then down to nearly nothing.
        keep: the weights of the `last` epoch, so that held-out normals have no part in training and thresholds
            from their scores keep their promises to the letter; or of the `best` one by held-out loss, which
            makes these normals fit a little better than new ones.
        augment: which mirrored copies of a normal patch are normal patches too.
        shift: largest random shift of a training patch in pixels, edges repeated.
        damage: `none`, or `repair`: patches are damaged by coherent occlusions and noise and must be
            restored.
        mocca, cpcae: of these detectors; they are autoencoders too, so the keys above are theirs as well.
        backbone, padim, guided_padim, patchcore: of the detectors that compare features; the keys above play no
            part there unless `backbone.source` is `own-encoder`, but for `augment` in guided PaDiM.
    """

    detector: DetectorName = "attention-autoencoder"
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=3, max_length=6)] = (32, 64, 96, 128)
    bottleneck: Literal["dense", "convolutional"] = "dense"
    latent: PositiveInt = 128
    principal_components: int = Field(default=0, ge=0, le=1024)
    brightness: Literal["kept", "levelled"] = "kept"
    dropout: float = Field(default=0.11228, ge=0, lt=1)
    loss: Literal["mse", "mae", "ssim", "hybrid"] = "mse"
    mse_weight: PositiveFloat = 10.0
    roi_weight: RoiWeight | None = None
    epochs: PositiveInt = 60
    batch_size: PositiveInt = 16
    optimiser: Literal["adam", "sgd", "rmsprop"] = "adam"
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    epsilon: PositiveFloat = 1e-8
    learning_rate: PositiveFloat = Field(default=0.001, le=1)
    schedule: Literal["constant", "one-cycle"] = "constant"
    keep: Literal["last", "best"] = "last"
    augment: Literal["none", "flip-horizontal", "flip-vertical", "flip-both"] = "none"
    shift: int = Field(default=0, ge=0, le=64)
    damage: Literal["none", "repair"] = "none"
    mocca: MoccaSettings = MoccaSettings()
    cpcae: CpcaeSettings = CpcaeSettings()
    backbone: BackboneSettings = BackboneSettings()
    padim: PadimSettings = PadimSettings()
    guided_padim: GuidedPadimSettings = GuidedPadimSettings()
    patchcore: PatchCoreSettings = PatchCoreSettings()
    attention: AttentionSettings = AttentionSettings()

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.roi_weight is not None and not self.roi_weight.survives(self.augment):
            raise ValueError(
                f"roi_weight.box: {self.augment} would mirror other parts into it; centre it, or do not flip"
            )
        return self
