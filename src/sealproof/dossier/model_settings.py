"""The settings of training that the released detector uses: what it does not look at is not printed beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Sections of `train` that each detector looks at.
SECTIONS: dict[str, tuple[str, ...]] = {
    "attention-autoencoder": (),
    "mocca": ("mocca",),
    "cpcae": ("cpcae",),
    "padim": ("backbone", "padim"),
    "ag-padim": ("backbone", "padim", "attention"),
    "rag-padim": ("backbone", "padim", "attention"),
    "guided-padim": ("backbone", "padim", "guided_padim"),
    "patchcore": ("backbone", "patchcore"),
}
#: Keys of `train` outside its sections that these look at beside `detector`.
_KEYS = {"guided-padim": ("augment",)}
#: Keys of `backbone` that only one of its sources looks at.
_OF_SOURCE = {"efficientnet-lite0": ("side", "blocks"), "own-encoder": ("layers",)}


def settings_in_force(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of every setting that the detector looks at, `detector` first; keys of sections as paths.

    Args:
        settings: section `train`, complete, as model.json holds it.

    Raises:
        KeyError: the detector is unknown, or one of its sections is missing.

    Example:
        >>> backbone = {"source": "own-encoder", "side": 64, "layers": [1, 2]}
        >>> settings = {"detector": "padim", "epochs": 9, "backbone": backbone, "padim": {"features": 100}}
        >>> settings_in_force(settings)[:3]
        [('detector', 'padim'), ('epochs', '9'), ('backbone.layers', '1, 2')]
    """
    detector = settings["detector"]
    sections = SECTIONS[detector]
    every_section = {name for names in SECTIONS.values() for name in names}
    trained = "backbone" not in sections or settings["backbone"]["source"] == "own-encoder"
    own = settings.keys() - every_section - {"detector"}
    looked_at = own if trained else own & set(_KEYS.get(detector, ()))
    found = [("detector", detector), *((name, _text(settings[name])) for name in sorted(looked_at))]
    for section in sections:
        found += [(f"{section}.{name}", text) for name, text in _of_section(section, settings[section])]
    return found


def _of_section(section: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    foreign: set[str] = set()
    if section == "backbone":
        foreign = {
            name for source, names in _OF_SOURCE.items() if source != values["source"] for name in names
        }
    for name in sorted(values.keys() - foreign):
        yield name, _text(values[name])


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(part)}" for name, part in sorted(value.items()))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
