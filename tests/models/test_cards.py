from __future__ import annotations

import json

import pytest

from sealproof.models.cards import attention_autoencoder_card
from sealproof.models.settings import TrainSettings


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"bottleneck": "convolutional"}, "1 x 1 convolution"),
        ({"schedule": "one-cycle"}, "one-cycle"),
        ({"dropout": 0.0}, "another dropout rate"),
        ({"brightness": "levelled"}, "one mean grey value"),
        ({"augment": "flip-both"}, "mirrored"),
        ({"shift": 2}, "shifted"),
        ({"damage": "repair"}, "damaged"),
        ({"keep": "best"}, "lowest loss on held-out normals"),
        ({"filters": (32, 64, 96)}, "another number of layers"),
        ({"loss": "hybrid"}, "another loss"),
        ({"roi_weight": {"inside": 2}}, "inside a region"),
        ({"optimiser": "sgd"}, "another optimiser"),
        ({"betas": (0.95, 0.999)}, "another optimiser"),
    ],
)
def test_each_departure_is_listed_when_it_is_in_force_and_only_then(
    changes: dict[str, object], word: str
) -> None:
    def departures(settings: TrainSettings) -> list[str]:
        return [difference.here for difference in attention_autoencoder_card(settings).differences]

    plain, changed = departures(TrainSettings()), departures(TrainSettings(**changes))
    assert not any(word in text for text in plain)
    assert len(changed) == len(plain) + 1
    assert any(word in text for text in changed)


def test_every_point_gives_a_reason_and_the_card_is_plain_data() -> None:
    card = attention_autoencoder_card(TrainSettings(damage="repair", shift=1, schedule="one-cycle"))
    for difference in card.differences:
        assert min(len(difference.source), len(difference.here), len(difference.reason)) > 10
    assert json.loads(json.dumps(card.as_dict()))["reference"] == card.reference
    assert card.pretrained.startswith("none")


def test_the_summary_counts_the_layers() -> None:
    assert "with four stride-2 layers" in attention_autoencoder_card(TrainSettings()).summary
    assert "with three stride-2" in attention_autoencoder_card(TrainSettings(filters=(4, 4, 4))).summary
