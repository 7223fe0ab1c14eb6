"""Cards of the detectors that compare features: where they come from, what is different here and why."""

from __future__ import annotations

from sealproof.models.cards import Difference, ModelCard
from sealproof.models.settings import TrainSettings

_BACKBONE = Difference(
    "features of ResNet or EfficientNet-B5 (PaDiM), Wide ResNet-50 (PatchCore)",
    "features of EfficientNet-Lite0",
    "fast enough for one core, and weights that are installed as a package, not downloaded",
)
_OWN = Difference(
    "features of a network trained on ImageNet",
    "features of our own autoencoder's encoder, trained on the same normal patches",
    "chosen where weights of third parties may not be used; less was found with them on development images",
)
_LIGHT = Difference(
    "images are normalised alike",
    "each patch is brought to one mean and one contrast first",
    "brightness and exposure differ between normal parts, and features follow them",
)
_CELL = Difference(
    "features are brought to the grid of the finest block",
    "features are brought to a grid of the size that the settings name; finer ones are averaged over a cell",
    "a coarser grid is faster and smaller, and did as well on development images",
)
_UPPER = Difference(
    "the image score is the maximum of the map",
    "the mean of the map's upper fraction is given as a second score",
    "one cell of noise does not decide alone",
)
_AVERAGED = Difference(
    "features of single cells",
    "features are averaged over neighbouring cells, as PatchCore does",
    "parts do not lie at the same place to the pixel",
)
_SHRUNK = Difference(
    "0.01 is added to the diagonal of each covariance",
    "each covariance is regularised by other numbers (`regularisation`, `shrinkage`)",
    "the size of features depends on the network, and 0.01 with it",
)
_ALL = Difference(
    "features are reduced by drawing some at random",
    "all features of the chosen blocks are used",
    "there are few enough of them",
)
_POOL = Difference(
    "the coreset is chosen among all features of normals",
    "it is chosen among a pool of them that is drawn at random first",
    "the time of the choice grows with the pool; a pool as large as all of them gives the publication's",
)
_UNWEIGHTED = Difference(
    "the image score is weighted by how ordinary the nearest remembered feature is (equation 7)",
    "the image score is the maximum of the map",
    "no gain on development images",
)
_LIMITS = (
    "It knows normal parts only as far as the training images show them; a new kind of them scores high.",
    "A score says how far features are from those of normals, not what kind of defect it shows.",
    "What the network does not look for when it tells the objects of its own training apart, it may not see here.",
)


def padim_card(settings: TrainSettings, pretrained: str) -> ModelCard:
    """The card of PaDiM under `settings`; `pretrained` says where the backbone's weights come from.

    Example:
        >>> padim_card(TrainSettings(), "none").name
        'padim'
    """
    padim, backbone = settings.padim, settings.backbone
    departures = (
        *_shared(settings),
        (_AVERAGED, backbone.neighbourhood > 1),
        (_ALL, padim.reduction == "all"),
        (_SHRUNK, padim.regularisation != 0.01 or padim.shrinkage > 0),
    )
    return ModelCard(
        name="padim",
        title="PaDiM",
        reference="Defard, Setkov, Loesch and Audigier, PaDiM: a Patch Distribution Modeling Framework for Anomaly "
        "Detection and Localization, ICPR workshops 2021, arXiv 2011.08785",
        summary="Features of a convolutional network, for each cell of a patch. Over normal parts the features of a "
        "cell have a mean and a covariance; the Mahalanobis distance from it says how anomalous the cell is.",
        pretrained=pretrained,
        differences=tuple(difference for difference, applies in departures if applies),
        limits=(
            *_LIMITS,
            "Cells are compared place by place: parts must lie in their patches as in training.",
        ),
    )


def patchcore_card(settings: TrainSettings, pretrained: str) -> ModelCard:
    """The card of PatchCore under `settings`; `pretrained` says where the backbone's weights come from.

    Example:
        >>> patchcore_card(TrainSettings(), "none").name
        'patchcore'
    """
    departures = (
        *_shared(settings),
        (_POOL, True),
        (_UNWEIGHTED, not settings.patchcore.reweighting),
    )
    return ModelCard(
        name="patchcore",
        title="PatchCore",
        reference="Roth, Pemula, Zepeda, Schoelkopf, Brox and Gehler, Towards Total Recall in Industrial Anomaly "
        "Detection, CVPR 2022, arXiv 2106.08265",
        summary="Features of a convolutional network, for each cell of a patch. A choice of the features of normal "
        "parts is remembered; the distance to the nearest remembered one says how anomalous a cell is.",
        pretrained=pretrained,
        differences=tuple(difference for difference, applies in departures if applies),
        limits=_LIMITS,
    )


def _shared(settings: TrainSettings) -> tuple[tuple[Difference, bool], ...]:
    own = settings.backbone.source == "own-encoder"
    return (
        (_OWN, own),
        (_BACKBONE, not own),
        (_LIGHT, settings.backbone.light == "standardised"),
        (_CELL, True),
        (_UPPER, True),
    )
