from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError, OutputError
from sealproof.evidence.hashing import sha256_bytes
from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import load_detector, save_detector


def build(**changes: object) -> AttentionAutoencoderDetector:
    torch.manual_seed(2)
    model = AttentionAutoencoder(32, 48, TrainSettings(**{"filters": (4, 4, 8, 8), "latent": 6, **changes}))
    for _ in range(3):  # running means and variances that are not the initial ones
        model(torch.rand(4, 1, 32, 48))
    return AttentionAutoencoderDetector(model)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_detector(build(), tmp_path / "train", {"seed": 7})
    return tmp_path / "train"


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    described = json.loads((folder / "model.json").read_text())
    change(described)
    (folder / "model.json").write_text(json.dumps(described))


def swap_weights(folder: Path, state: dict[str, torch.Tensor]) -> None:
    """Other weights with a matching hash: only the architecture can tell."""
    content = safetensors.torch.save(state)
    (folder / "model.safetensors").write_bytes(content)
    edit(folder, lambda described: described["weights"].update(sha256=sha256_bytes(content)))


@pytest.mark.parametrize("bottleneck", ["dense", "convolutional"])
def test_a_loaded_model_reconstructs_bit_for_bit(tmp_path: Path, bottleneck: str) -> None:
    model, patches = build(bottleneck=bottleneck), torch.rand(5, 1, 32, 48)
    save_detector(model, tmp_path, {})
    loaded = load_detector(tmp_path)
    assert isinstance(loaded, AttentionAutoencoderDetector)
    assert not loaded.network.training
    assert (loaded.height, loaded.width, loaded.settings) == (32, 48, model.settings)
    with torch.no_grad():
        assert torch.equal(loaded.reconstruct(patches), model.reconstruct(patches))
        assert all(torch.equal(loaded.features(patches, k), model.features(patches, k)) for k in range(5))


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_detector(build(), tmp_path / name, {"seed": 7})
    for file in ("model.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_description_says_what_a_reader_needs(folder: Path) -> None:
    described = json.loads((folder / "model.json").read_text())
    assert described["weights"]["sha256"] == sha256_bytes((folder / "model.safetensors").read_bytes())
    assert described["weights"]["parameters"] == sum(w.numel() for w in build().network.parameters())
    assert described["input"] == {"height": 32, "width": 48}
    assert described["preprocessing"]["value_scale"] == 65535
    assert described["training"] == {"seed": 7}
    assert described["settings"]["latent"] == 6
    assert described["versions"]["torch"] == torch.__version__
    assert described["card"]["name"] == described["architecture"] == "attention-autoencoder"


@pytest.mark.parametrize("file", ["model.json", "model.safetensors"])
def test_a_missing_file_is_missing_evidence(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(EvidenceMissingError) as caught:
        load_detector(folder)
    assert caught.value.where.endswith(file)


@pytest.mark.parametrize("place", [0, 400, -1])
def test_one_flipped_bit_of_the_weights_is_noticed(folder: Path, place: int) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[place] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(content))
    with pytest.raises(EvidenceAlteredError, match="not those that were saved"):
        load_detector(folder)


def test_weights_of_another_model_are_noticed_by_their_hash(folder: Path, tmp_path: Path) -> None:
    save_detector(build(latent=7), tmp_path / "other", {})
    (tmp_path / "other/model.safetensors").replace(folder / "model.safetensors")
    with pytest.raises(EvidenceAlteredError, match="SHA-256"):
        load_detector(folder)


def test_all_that_a_foreign_model_differs_in_is_named(folder: Path) -> None:
    def change(described: dict[str, Any]) -> None:
        described["architecture"] = "padim"
        described["format"] = 9
        described["preprocessing"]["value_scale"] = 255
        described["preprocessing"]["mean"] = 0.5
        del described["preprocessing"]["channels"]

    edit(folder, change)
    with pytest.raises(DefinitionError) as caught:
        load_detector(folder, "attention-autoencoder")
    for text in (
        "format: 9, expected 2",
        "architecture: 'padim', expected 'attention-autoencoder'",
        "preprocessing.value_scale: 255, expected 65535",
        "preprocessing.mean: 0.5, expected None",
        "preprocessing.channels: None, expected 1",
    ):
        assert text in caught.value.why


def test_an_architecture_that_nobody_knows_is_refused_by_name(folder: Path) -> None:
    edit(folder, lambda described: described.update(architecture="oracle"))
    with pytest.raises(DefinitionError, match="no detector 'oracle'") as caught:
        load_detector(folder)
    assert "model.json, key `architecture`" in caught.value.where


def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    edit(folder, lambda described: described.update(architecture="mocca"))
    with pytest.raises(EvidenceAlteredError, match="not those that were saved"):
        load_detector(folder)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda described: described["settings"].update(depth=5), "depth"),
        (lambda described: described["settings"].update(filters=[4, 4]), "filters"),
        (lambda described: described.update(code="print()"), "code"),
        (lambda described: described.pop("weights"), "weights"),
        (lambda described: described["weights"].update(file="/etc/passwd"), "weights.file"),
    ],
)
def test_a_description_of_another_form_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], key: str
) -> None:
    edit(folder, change)
    with pytest.raises(DefinitionError) as caught:
        load_detector(folder)
    assert key in caught.value.why


def test_a_description_that_is_no_json_is_refused(folder: Path) -> None:
    (folder / "model.json").write_text("{")
    with pytest.raises(EvidenceAlteredError):
        load_detector(folder)


def test_an_input_size_that_cannot_be_is_refused(folder: Path) -> None:
    edit(folder, lambda described: described["input"].update(height=33))
    with pytest.raises(DefinitionError, match="33 x 48"):
        load_detector(folder)


def test_tensors_that_do_not_fit_the_architecture_are_all_named(folder: Path) -> None:
    state = build().state()
    state["extra"] = torch.zeros(2)
    del state["encoder.0.0.bias"]
    state["encoder.1.0.weight"] = state["encoder.1.0.weight"].double()
    state["bottleneck.1.weight"] = torch.zeros(3, 3)
    swap_weights(folder, state)
    with pytest.raises(EvidenceAlteredError) as caught:
        load_detector(folder)
    assert [line.split(":")[0] for line in caught.value.why.splitlines()] == [
        "bottleneck.1.weight",
        "encoder.0.0.bias",
        "encoder.1.0.weight",
        "extra",
    ]


def test_a_file_that_is_no_safetensors_is_refused_even_with_a_matching_hash(folder: Path) -> None:
    content = b"\x80\x04cos\nsystem\n"
    (folder / "model.safetensors").write_bytes(content)
    edit(folder, lambda described: described["weights"].update(sha256=sha256_bytes(content)))
    with pytest.raises(EvidenceAlteredError, match="not those that were saved") as caught:
        load_detector(folder)
    assert "no safetensors file" in caught.value.why


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_detector(build(), tmp_path / "file", {})
