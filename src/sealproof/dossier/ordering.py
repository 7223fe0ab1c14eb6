"""Rows in the order that their room gives them, not in that of the letters."""

from __future__ import annotations

from collections.abc import Iterable


def known_first(order: Iterable[str], names: Iterable[str]) -> list[str]:
    """The names in the order that their room gives them; JSON has sorted them by letter. Unknown ones follow.

    Example:
        >>> known_first(("recall", "auroc"), ["auroc", "new", "recall"])
        ['recall', 'auroc', 'new']
    """
    place = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (place.get(name, len(place)), name))
