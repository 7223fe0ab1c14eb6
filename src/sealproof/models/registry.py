"""Every detector by name; a module is loaded when its detector is asked for, because some load much."""

from __future__ import annotations

from importlib import import_module

from sealproof.evidence.errors import DefinitionError
from sealproof.models.detector import Detector

_CLASSES: dict[str, tuple[str, str]] = {
    "attention-autoencoder": ("attention_autoencoder", "AttentionAutoencoderDetector"),
    "mocca": ("mocca", "Mocca"),
    "cpcae": ("cpcae", "ConditionalPatchAutoencoder"),
    "padim": ("padim", "Padim"),
    "ag-padim": ("ag_padim", "AttentionGuidedPadim"),
    "rag-padim": ("rag_padim", "ResidualAttentionGuidedPadim"),
    "guided-padim": ("guided_padim", "DefectGuidedPadim"),
    "patchcore": ("patchcore", "PatchCore"),
}


def detector_names() -> tuple[str, ...]:
    """Names that `detector_class` takes, as in params.yaml, key `train.detector`.

    Example:
        >>> detector_names()[0]
        'attention-autoencoder'
    """
    return tuple(_CLASSES)


def detector_class(kind: str, where: str = "params.yaml, key `train.detector`") -> type[Detector]:
    """The class of a detector.

    Args:
        kind: its name.
        where: what the message blames when there is no such detector.

    Raises:
        DefinitionError: there is no such detector.

    Example:
        >>> detector_class("attention-autoencoder").kind
        'attention-autoencoder'
    """
    if kind not in _CLASSES:
        raise DefinitionError(
            f"there is no detector {kind!r}",
            where=where,
            why=f"this version knows {', '.join(_CLASSES)}",
            mend="name one of them",
        )
    module, name = _CLASSES[kind]
    found: type[Detector] = getattr(import_module(f"sealproof.models.{module}"), name)
    return found
