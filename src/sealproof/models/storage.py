"""A model as two files: weights as safetensors, the rest as JSON. Loading executes no code from either."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from safetensors import SafetensorError

from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json, write_bytes, write_json
from sealproof.evidence.hashing import sha256_bytes
from sealproof.evidence.strict import StrictModel
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.cards import attention_autoencoder_card
from sealproof.models.data import VALUE_SCALE
from sealproof.models.settings import TrainSettings

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
ARCHITECTURE = "attention-autoencoder"
FORMAT = 1
#: How a stored patch becomes what the model takes; another way would give other scores without any error.
PREPROCESSING = {"channels": 1, "stored_as": "uint16", "value_scale": VALUE_SCALE, "range": [0, 1]}


class InputSize(StrictModel):
    """Size of a patch in pixels."""

    height: int
    width: int


class Weights(StrictModel):
    """The weights' file."""

    file: Literal["model.safetensors"] = "model.safetensors"
    sha256: str
    parameters: int


class ModelFile(StrictModel):
    """`model.json`."""

    format: int
    architecture: str
    settings: dict[str, Any]
    input: InputSize
    preprocessing: dict[str, Any]
    weights: Weights
    versions: dict[str, str]
    training: dict[str, Any]
    card: dict[str, Any]


def save_model(model: AttentionAutoencoder, folder: Path, training: dict[str, Any]) -> None:
    """Write `model.safetensors` and `model.json` into `folder`; same weights, same bytes.

    Args:
        model: the trained autoencoder.
        folder: where to; made when it does not exist.
        training: how it came about (seed, counts, epochs), as plain JSON values; no times, no hosts.

    Raises:
        OutputError: the folder cannot be written.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    content = safetensors.torch.save(state)
    description = ModelFile(
        format=FORMAT,
        architecture=ARCHITECTURE,
        settings=model.settings.model_dump(mode="json"),
        input=InputSize(height=model.height, width=model.width),
        preprocessing=PREPROCESSING,
        weights=Weights(sha256=sha256_bytes(content), parameters=sum(w.numel() for w in model.parameters())),
        versions={name: version(name) for name in ("torch", "pytorch-lightning", "safetensors")},
        training=training,
        card=attention_autoencoder_card(model.settings).as_dict(),
    )
    write_bytes(folder / WEIGHTS, content)
    write_json(folder / DESCRIPTION, description.model_dump(mode="json"))


def load_model(folder: Path) -> AttentionAutoencoder:
    """Read a model that `save_model` wrote, on the CPU and in evaluation mode; its scores are bit-identical.

    Raises:
        EvidenceMissingError: `model.json` or `model.safetensors` does not exist.
        EvidenceAlteredError: the weights are not those that were saved, or do not fit the architecture.
        DefinitionError: another format, architecture or preprocessing than this version knows, or unknown
            settings.
    """
    place = folder / DESCRIPTION
    described = strict.parse(ModelFile, read_json(place), str(place))
    _refuse_foreign(described, place)
    settings = strict.parse(TrainSettings, described.settings, f"{place}, key `settings`")
    model = AttentionAutoencoder(described.input.height, described.input.width, settings)
    state = _read_weights(folder / WEIGHTS, described.weights.sha256)
    problems = _mismatches(model.state_dict(), state)
    if problems:
        raise _altered(folder / WEIGHTS, "\n".join(problems))
    model.load_state_dict(state)
    model.eval()
    return model


def _refuse_foreign(described: ModelFile, place: Path) -> None:
    preprocessing = sorted(described.preprocessing.keys() | PREPROCESSING.keys())
    pairs = [
        ("format", described.format, FORMAT),
        ("architecture", described.architecture, ARCHITECTURE),
        *(
            (f"preprocessing.{key}", described.preprocessing.get(key), PREPROCESSING.get(key))
            for key in preprocessing
        ),
    ]
    problems = [f"{key}: {found!r}, expected {wanted!r}" for key, found, wanted in pairs if found != wanted]
    if problems:
        raise DefinitionError(
            "this model cannot be used by this version",
            where=str(place),
            why="\n".join(problems),
            mend="load it with the version that made it, or train again with `dvc repro`",
        )


def _read_weights(path: Path, expected: str) -> dict[str, torch.Tensor]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise EvidenceMissingError(
            "the weights of the model are missing",
            where=str(path),
            why="the file does not exist",
            mend="run `dvc repro`",
        ) from error
    found = sha256_bytes(content)
    if found != expected:
        raise _altered(path, f"SHA-256 is {found}, model.json says {expected}")
    try:
        state: dict[str, torch.Tensor] = safetensors.torch.load(content)
    except SafetensorError as error:
        raise _altered(path, f"it is no safetensors file: {error}") from error
    return state


def _mismatches(wanted: dict[str, torch.Tensor], found: dict[str, torch.Tensor]) -> list[str]:
    """Every tensor that is missing, too many, or of another shape or type."""

    def kind(tensor: torch.Tensor | None) -> str:
        return "none" if tensor is None else f"{tensor.dtype} {tuple(tensor.shape)}"

    names = sorted(wanted.keys() | found.keys())
    pairs = [(name, kind(found.get(name)), kind(wanted.get(name))) for name in names]
    return [f"{name}: {has}, expected {needs}" for name, has, needs in pairs if has != needs]


def _altered(path: Path, why: str) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "the weights are not those that were saved",
        where=str(path),
        why=why,
        mend="restore the file, or delete it and run `dvc repro`",
    )
