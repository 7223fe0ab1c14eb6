"""The one place that knows which adapter goes by which name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sealproof.datasets import elpv, folder, mvtec, seal_sim, ssi
from sealproof.datasets.sample import Adapter
from sealproof.datasets.settings import DatasetSettings

_MAKERS: dict[str, Callable[[dict[str, Any], str], Adapter]] = {
    "elpv": elpv.make,
    "folder": folder.make,
    "mvtec": mvtec.make,
    "seal_sim": seal_sim.make,
    "ssi": ssi.make,
}


def make_adapter(settings: DatasetSettings) -> Adapter:
    """The adapter that `dataset.adapter` names, with its options checked.

    Raises:
        DefinitionError: an option is unknown, missing or impossible.

    Example:
        >>> make_adapter(DatasetSettings(adapter="elpv", options={"cell_type": "mono"})).licence
        'CC BY-NC-SA 4.0'
    """
    return _MAKERS[settings.adapter](settings.options, "inspection.yaml, key dataset.options")
