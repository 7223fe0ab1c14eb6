"""Model cards: where a model comes from, what is different here and why. Data for the dossier, no figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sealproof.models.settings import TrainSettings


@dataclass(frozen=True)
class Difference:
    """One point in which the model departs from its source.

    Args:
        source: what the source does.
        here: what is done here.
        reason: why.
    """

    source: str
    here: str
    reason: str


@dataclass(frozen=True)
class ModelCard:
    """What a reader of the dossier needs to know about a model.

    Args:
        name: the architecture's name in `model.json`.
        title: its name for people.
        reference: where it comes from.
        summary: what it is and what it learns, in a few sentences.
        pretrained: third-party weights it starts from (Annex IV 2(a)).
        differences: departures from the reference under the settings in force.
        limits: what it cannot do.
    """

    name: str
    title: str
    reference: str
    summary: str
    pretrained: str
    differences: tuple[Difference, ...]
    limits: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The card as plain data for JSON and templates."""
        return asdict(self)


#: The rate that the paper's optimisation found (Table 11).
PAPER_DROPOUT = 0.11228
#: Of the code that the paper's authors published.
PUBLISHED_FILTERS = ((16, 32, 64, 128), (32, 64, 96, 128))
#: Adam's usual constants.
USUAL_BETAS, USUAL_EPSILON = (0.9, 0.999), 1e-8
_WORDS = {3: "three", 4: "four", 5: "five", 6: "six"}

_REFERENCE = (
    "Zanon Diaz, Siogkas and Corcoran, Dual-Mode Deep Anomaly Detection for Medical Manufacturing: "
    "Structural Similarity and Feature Distance; architecture details from the code its authors published"
)
_SUMMARY = (
    "Convolutional autoencoder with {layers} stride-2 layers, trained on patches of normal parts alone to give "
    "back what it is shown. What it cannot give back counts as anomalous. 'Attention' means that the patches "
    "come from regions of interest that a mask function finds (Equation 1); no attention layer is learned."
)
_CALIBRATION = Difference(
    "the weights of the last epoch are used",
    "the weights of the epoch with the lowest loss on held-out normals are used",
    "the choice needs no defects and never sees the test split",
)
_BOTTLENECK = Difference(
    "dense latent layer",
    "1 x 1 convolution as bottleneck",
    "keeps positions apart, so that fine structure of unseen normal parts is reconstructed as well",
)
_SCHEDULE = Difference(
    "constant learning rate",
    "one-cycle schedule: the learning rate rises, then falls to nearly nothing",
    "a longer way with large steps, and a quiet end, in the same number of epochs",
)
_FILTERS = Difference(
    "encoders of (16, 32, 64, 128) or (32, 64, 96, 128) filters in the published code",
    "another number of layers or filters",
    "the paper searched over three to six layers (Table 11); what fits a product depends on its patches",
)
_LOSS = Difference(
    "mean squared error as loss in the published code",
    "another loss: see the setting `loss`",
    "the paper searched over mean squared error, mean absolute error and SSIM (Tables 11 and 12)",
)
_OVERLAY = Difference(
    "every pixel of a patch weighs the same in the loss",
    "pixels inside a region of the patch weigh differently from those outside",
    "the paper's future work: full-image attention overlays with weighted loss functions",
)
_OPTIMISER = Difference(
    "Adam with the usual constants in the published code",
    "another optimiser, or other constants of Adam",
    "the paper searched over optimisers and their constants (Tables 11 and 12)",
)
_PRINCIPAL = Difference(
    "convolutional layers alone",
    "a linear path of principal components beside them, computed from the training patches; the layers learn the rest",
    "what is linear needs no descent: as good a reconstruction in a fraction of the epochs",
)
_DROPOUT = Difference(
    "dropout of 0.11228 behind every hidden layer",
    "another dropout rate, or none",
    "chosen on development images: dropout blurs reconstructions of normal parts as well",
)
_BRIGHTNESS = Difference(
    "the network sees the grey values as they are",
    "each patch is brought to one mean grey value in front of the network, the reconstruction back again",
    "brightness differs between normal parts; the network need not spend itself on it",
)
_REPAIR = Difference(
    "the autoencoder is given the patch it must reconstruct",
    "it is given a damaged copy (coherent occlusions and noise) and must restore the undamaged patch",
    "an autoencoder that merely copies would copy defects too; after Bauer and Mueller, arXiv 2511.07233",
)
_AUGMENT = Difference(
    "no augmentation",
    "mirrored or slightly shifted copies of normal patches count as normal",
    "parts occur in either orientation and not quite at the same place; few normal images are available",
)
_LIMITS = (
    "It knows normal parts only as far as the training images show them; a new kind of them scores high.",
    "A score says how badly a patch is reconstructed, not what kind of defect it shows.",
)


def attention_autoencoder_card(settings: TrainSettings) -> ModelCard:
    """The card of the attention autoencoder under `settings`.

    Example:
        >>> card = attention_autoencoder_card(TrainSettings(damage="repair"))
        >>> [difference.source for difference in card.differences]
        ['the autoencoder is given the patch it must reconstruct']
    """
    departures = (
        (_CALIBRATION, settings.keep == "best"),
        (_FILTERS, settings.filters not in PUBLISHED_FILTERS),
        (_BOTTLENECK, settings.bottleneck == "convolutional"),
        (_PRINCIPAL, settings.principal_components > 0),
        (_DROPOUT, settings.dropout != PAPER_DROPOUT),
        (_LOSS, settings.loss != "mse"),
        (_OVERLAY, settings.roi_weight is not None),
        (
            _OPTIMISER,
            settings.optimiser != "adam"
            or settings.betas != USUAL_BETAS
            or settings.epsilon != USUAL_EPSILON,
        ),
        (_BRIGHTNESS, settings.brightness == "levelled"),
        (_SCHEDULE, settings.schedule == "one-cycle"),
        (_AUGMENT, settings.augment != "none" or settings.shift > 0),
        (_REPAIR, settings.damage == "repair"),
    )
    return ModelCard(
        name="attention-autoencoder",
        title="Attention autoencoder",
        reference=_REFERENCE,
        summary=_SUMMARY.format(layers=_WORDS[len(settings.filters)]),
        pretrained="none: all weights start at random (He initialisation)",
        differences=tuple(difference for difference, applies in departures if applies),
        limits=_LIMITS,
    )
