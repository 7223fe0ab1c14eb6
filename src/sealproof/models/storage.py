"""A detector as two files: what it learned as safetensors, the rest as JSON. Loading executes no code from either."""

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
from sealproof.models.data import VALUE_SCALE
from sealproof.models.detector import Detector
from sealproof.models.registry import detector_class
from sealproof.models.settings import TrainSettings

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
FORMAT = 2
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


def save_detector(detector: Detector, folder: Path, training: dict[str, Any]) -> None:
    """Write `model.safetensors` and `model.json` into `folder`; same detector, same bytes.

    Args:
        detector: as `fit` gave it.
        folder: where to; made when it does not exist.
        training: how it came about (seed, counts, epochs), as plain JSON values; no times, no hosts.

    Raises:
        OutputError: the folder cannot be written.
    """
    state = detector.state()
    content = safetensors.torch.save(state)
    description = ModelFile(
        format=FORMAT,
        architecture=detector.kind,
        settings=detector.settings.model_dump(mode="json"),
        input=InputSize(height=detector.height, width=detector.width),
        preprocessing=PREPROCESSING,
        weights=Weights(sha256=sha256_bytes(content), parameters=detector.parameters()),
        versions={name: version(name) for name in ("torch", "pytorch-lightning", "safetensors")},
        training=training,
        card=detector.card().as_dict(),
    )
    write_bytes(folder / WEIGHTS, content)
    write_json(folder / DESCRIPTION, description.model_dump(mode="json"))


def load_detector(folder: Path, expected: str | None = None) -> Detector:
    """Read a detector that `save_detector` wrote, on the CPU; its scores are bit-identical.

    Args:
        folder: with `model.json` and `model.safetensors`.
        expected: the architecture that it has to be; any that this version knows when None.

    Raises:
        EvidenceMissingError: `model.json` or `model.safetensors` does not exist.
        EvidenceAlteredError: the weights are not those that were saved, or do not fit the architecture.
        DefinitionError: another format, architecture or preprocessing than this version knows or `expected` says,
            or unknown settings.
    """
    place = folder / DESCRIPTION
    described = strict.parse(ModelFile, read_json(place), str(place))
    _refuse_foreign(described, place, expected)
    kind = detector_class(described.architecture, f"{place}, key `architecture`")
    settings = strict.parse(TrainSettings, described.settings, f"{place}, key `settings`")
    state = _read_weights(folder / WEIGHTS, described.weights.sha256)
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    detector = _blank(kind, described, settings, shapes, folder / WEIGHTS)
    problems = _mismatches(detector.state(), state)
    if problems:
        raise _altered(folder / WEIGHTS, "\n".join(problems))
    detector.restore(state)
    return detector


def _blank(
    kind: type[Detector], described: ModelFile, settings: TrainSettings, shapes: dict[str, Any], place: Path
) -> Detector:
    try:
        return kind.blank(described.input.height, described.input.width, settings, shapes)
    except KeyError as error:
        raise _altered(place, f"{error.args[0]}: missing") from error


def _refuse_foreign(described: ModelFile, place: Path, expected: str | None) -> None:
    preprocessing = sorted(described.preprocessing.keys() | PREPROCESSING.keys())
    pairs = [
        ("format", described.format, FORMAT),
        ("architecture", described.architecture, expected or described.architecture),
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
