"""What detectors share whose whole knowledge lies in one network that reconstructs patches."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.detector import Detector
from sealproof.models.inference_form import inference_form
from sealproof.scores.patches import RECONSTRUCTION_SCORES, reconstruct, reconstruction_scores
from sealproof.scores.settings import BOTTLENECK, Precision, ScoreSettings, standard_scores


class NetworkDetector(Detector):
    """Stores, restores and moves `network`, which maps (N, 1, H, W) in [0, 1] to the same.

    Args:
        network: with attributes `settings`, `height` and `width`; it is put in evaluation mode.
    """

    reconstructs: ClassVar[bool] = True
    _double: Any = None
    _single: Any = None

    def __init__(self, network: Any) -> None:
        self.network = network.eval()
        self.settings, self.height, self.width = network.settings, network.height, network.width

    def reconstruct(self, patches: Tensor, precision: Precision | None = None) -> Tensor:
        """Reconstructions (N, 1, H, W) in [0, 1], of the type of `patches`.

        Args:
            patches: (N, 1, H, W) in [0, 1].
            precision: `double`; `single`: by the network's inference form; None: by the network as it was trained.
        """
        given = patches[:, 0]
        if precision == "double":
            return reconstruct(self._in_double(), given.double())[:, None].to(patches.dtype)
        network = self.network if precision is None else self._in_single()
        return reconstruct(network, given)[:, None]

    def compare(self, patches: Tensor, settings: ScoreSettings) -> tuple[dict[str, Tensor], Tensor]:
        """Those of the wanted scores that a reconstruction gives, and the map of 4-MS-SSIM (N, H, W)."""
        wanted = settings.names or standard_scores(self.kind)
        names = [name for name in wanted if name in RECONSTRUCTION_SCORES]
        image, made = patches[:, 0], self.reconstruct(patches, settings.precision)[:, 0]
        return reconstruction_scores(image, made, names, settings.preset, settings.pooling)

    def _in_double(self) -> Any:
        """The network in float64, converted once."""
        if self._double is None:
            self._double = deepcopy(self.network).double()
        return self._double

    def _in_single(self) -> Any:
        """The network's inference form, made once."""
        if self._single is None:
            self._single = inference_form(self.network)
        return self._single

    def compared(self, patches: Tensor, settings: ScoreSettings) -> dict[str, Tensor]:
        """Scores of the reconstruction, computed only where one is wanted."""
        wanted = set(settings.names or standard_scores(self.kind)) & set(RECONSTRUCTION_SCORES)
        return self.compare(patches, settings)[0] if wanted else {}

    def parameters(self) -> int:
        """Trained weights and biases; running statistics are not counted."""
        return weights(self.network)

    def state(self) -> dict[str, Tensor]:
        """Weights, running statistics, and whatever else the network holds."""
        return {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` gave."""
        self.network.load_state_dict(state)
        self._double = self._single = None

    def to(self, device: str) -> Self:
        """Move the network to a torch device."""
        self.network.to(device)
        self._double = self._single = None
        return self


def layer_features(network: AttentionAutoencoder, patches: Tensor, layer: int) -> Tensor:
    """Flat output (N, F) of encoder layer 1, 2, ... of (N, 1, H, W) patches, or of the bottleneck, layer 0.

    Raises:
        DefinitionError: there is no such layer.
    """
    with torch.inference_mode():
        return network.code(patches) if layer == BOTTLENECK else network.features(patches, layer)


def weights(network: nn.Module) -> int:
    """Number of trained weights and biases.

    Example:
        >>> weights(nn.Linear(3, 2))
        8
    """
    return sum(weight.numel() for weight in network.parameters())
