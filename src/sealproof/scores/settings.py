"""Settings of the anomaly scores (`params.yaml`: score)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.strict import StrictModel
from sealproof.scores.variants import PresetName

ScoreName = Literal[
    "mse",
    "mae",
    "psnr",
    "ssim",
    "g-ssim",
    "ms-ssim",
    "ms-g-ssim",
    "4-ssim",
    "4-g-ssim",
    "4-ms-ssim",
    "4-ms-g-ssim",
    "4-ms-ssim-upper",
    "4-ms-ssim-peak",
    "mahalanobis",
    "k-means",
    "fusion",
    "mocca",
    "cpcae",
    "padim",
    "padim-upper",
    "ag-padim",
    "ag-padim-upper",
    "rag-padim",
    "rag-padim-upper",
    "guided-padim",
    "guided-padim-upper",
    "patchcore",
    "patchcore-upper",
    "decision",
]
#: Every score there is, in the order of the tables.
ALL_SCORES: tuple[ScoreName, ...] = get_args(ScoreName)
#: The standard set of the autoencoder.
SCORE_NAMES: tuple[ScoreName, ...] = (
    "mse",
    "mae",
    "psnr",
    "ssim",
    "ms-ssim",
    "4-ssim",
    "4-ms-ssim",
    "4-ms-ssim-upper",
    "4-ms-ssim-peak",
    "mahalanobis",
)
_STANDARD: dict[str, tuple[ScoreName, ...]] = {
    "attention-autoencoder": SCORE_NAMES,
    "mocca": ("mocca",),
    "cpcae": ("cpcae",),
    "padim": ("padim", "padim-upper"),
    "ag-padim": ("ag-padim", "ag-padim-upper"),
    "rag-padim": ("rag-padim", "rag-padim-upper"),
    "guided-padim": ("guided-padim", "guided-padim-upper"),
    "patchcore": ("patchcore", "patchcore-upper"),
}
#: The bottleneck, where layers are numbered.
BOTTLENECK = 0
Reduction = Literal["random", "pca", "ica", "variance", "attention", "none"]
Precision = Literal["double", "single"]
Covariance = Literal["ledoit-wolf", "oas", "plain"]


def standard_scores(detector: str) -> tuple[ScoreName, ...]:
    """The scores of a detector when none are asked for by name.

    Args:
        detector: as in `train.detector`.

    Raises:
        DefinitionError: the detector is unknown.

    Example:
        >>> standard_scores("padim")
        ('padim', 'padim-upper')
    """
    if detector not in _STANDARD:
        raise DefinitionError(
            f"there are no standard scores of a detector {detector!r}",
            where="params.yaml, key `train.detector`",
            why=f"known are {', '.join(_STANDARD)}",
            mend="correct the name",
        )
    return _STANDARD[detector]


class PoolingSettings(StrictModel):
    """How a map becomes one number.

    Attributes:
        fraction: share of the largest values whose mean is the `-upper` score.
        smoothing: standard deviation in pixels of the Gaussian before the maximum of the `-peak` score.
    """

    fraction: float = Field(default=0.02, gt=0, le=1)
    smoothing: NonNegativeFloat = 2.0


class FeatureSettings(StrictModel):
    """Which features a distance is measured in (paper, section III.B, Tables 6, 7 and 9).

    Attributes:
        of: `patch`: features of the patch (the paper's way); `residual`: these less the features of what the detector
            makes of the patch, so that what it reconstructs does not count.
        layer: encoder layer, `bottleneck`, or `all`: the four layers one after the other.
        reduction: of the features, see `scores.reduction`.
        features: how many stay at most; for `none` all stay.
        explained: share of the variance that `pca` and `ica` keep, within `features`.
    """

    of: Literal["patch", "residual"] = "patch"
    layer: Annotated[int, Field(ge=1, le=4)] | Literal["bottleneck", "all"] = 2
    reduction: Reduction = "random"
    features: PositiveInt = 500
    explained: float = Field(default=0.95, gt=0, le=1)

    @property
    def layers(self) -> tuple[int, ...]:
        """Numbers of the layers whose features are put side by side; 0 is the bottleneck.

        Example:
            >>> FeatureSettings().layers, FeatureSettings(layer="bottleneck").layers
            ((2,), (0,))
            >>> FeatureSettings(layer="all").layers
            (1, 2, 3, 4)
        """
        if self.layer == "all":
            return (1, 2, 3, 4)
        return (BOTTLENECK,) if self.layer == "bottleneck" else (int(self.layer),)


class MahalanobisSettings(FeatureSettings):
    """Mahalanobis distance of latent features (Equation 7); `plain` needs more patches than features.

    With `standardised` each feature is divided by its own spread first: shrinkage pulls towards equal spreads, and
    features of an encoder have very different ones.
    """

    covariance: Covariance = "ledoit-wolf"
    standardised: bool = False


class KMeansSettings(FeatureSettings):
    """Distance to the nearest of `clusters` centres of the standardised features (Table 6)."""

    clusters: PositiveInt = 10


class FusionSettings(StrictModel):
    """Which scores the score `fusion` joins, and by which rule; see `scores.fusion`."""

    scores: tuple[ScoreName, ...] = ("4-ms-ssim", "mahalanobis")
    rule: Literal["fisher", "smallest-p"] = "fisher"


class DecisionSettings(StrictModel):
    """The classifier of the score `decision`, and whether it looks at texture as well (Table 4)."""

    kind: Literal["forest", "svm", "logistic"] = "logistic"
    texture: bool = True


class ScoreSettings(StrictModel):
    """Which scores are computed and how patches become one image score.

    Attributes:
        batch_size: patches at a time.
        names: the scores; None: the standard ones of the detector.
        preset: of the SSIM family, see `scores.ssim`.
        precision: that patches are reconstructed in for scores. In `single` the rounding differs with the batch, and of
            a normal part so little is left that scores differ from the fifth digit on; `double` moves that behind the
            seventh, and takes about three times the time for large patches: 30 in place of 11 ms for 256 x 256 pixels.
        pooling: of maps.
        mahalanobis: of the score `mahalanobis`.
        k_means: of the score `k-means`.
        fusion: of the score `fusion`, whose scores have to be among `names`.
        decision: of the score `decision`, which looks at all other scores in `names`.
    """

    batch_size: PositiveInt = 64
    names: tuple[ScoreName, ...] | None = None
    preset: PresetName = "published"
    precision: Precision = "double"
    pooling: PoolingSettings = PoolingSettings()
    mahalanobis: MahalanobisSettings = MahalanobisSettings()
    k_means: KMeansSettings = KMeansSettings()
    fusion: FusionSettings = FusionSettings()
    decision: DecisionSettings = DecisionSettings()

    @model_validator(mode="after")
    def _combined_scores_have_something_to_combine(self) -> Self:
        names = self.names or ()
        others = [name for name in names if name not in ("fusion", "decision")]
        if "fusion" in names and (missing := [name for name in self.fusion.scores if name not in others]):
            raise ValueError(f"fusion.scores: {', '.join(missing)} is not computed; add it to names")
        if names and not others:
            raise ValueError("fusion and decision are made of other scores; name some")
        return self

    @field_validator("names")
    @classmethod
    def _some_and_each_once(cls, names: tuple[ScoreName, ...] | None) -> tuple[ScoreName, ...] | None:
        if names is not None and (not names or len(set(names)) < len(names)):
            raise ValueError("at least one score, and each once")
        return names
