"""Whether a printed text is the value of its record: numbers to the printed digits, texts up to an ellipsis."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

ELLIPSIS = "…"
_NONE_WORDS = ("notevaluable", "\N{EN DASH}", "none", "none:nothingisaccepted", "nopromisetokeep")
_BLANK = re.compile(r"[\s\u00ad\u200b\u2009\u202f\u00a0\ufffe\ufffd\x02]+")
_NUMBER = re.compile(r"-?\d+(?:\.(?P<digits>\d+))?(?:e(?P<exponent>[+-]?\d+))?(?P<percent>%?)")


def squeeze(text: str) -> str:
    """A text without blanks, soft hyphens and the difference between hyphen and minus.

    Example:
        >>> squeeze("1\\u202f234 px \\u2212 0")
        '1234px-0'
    """
    return _BLANK.sub("", text).replace("\u2212", "-").replace("\u2010", "-").replace("\u2011", "-")


def prints(record: Mapping[str, Any], text: str) -> bool:
    """Whether `text` is a printed form of the record's value.

    Args:
        record: value, unit and definition.
        text: as it stands on the page.

    Example:
        >>> share = {"value": 0.91234, "unit": "1", "definition": ""}
        >>> width = {"value": 1234, "unit": "px", "definition": ""}
        >>> prints(share, "91.2 %"), prints(share, "0.92"), prints(width, "1,234\\u202fpx")
        (True, False, True)
    """
    value, found = record["value"], squeeze(text)
    if value is None:
        return found in _NONE_WORDS or _same_text(f"not evaluable: {record['definition']}", found)
    if isinstance(value, bool):
        return found == ("yes" if value else "no")
    if isinstance(value, str):
        return _same_text(value, found) or _same_text(value.replace("_", " "), found)
    return _same_number(value, found, squeeze(str(record["unit"])))


def _same_text(value: str, found: str) -> bool:
    # PDFium drops a hyphen at the end of a line, whether it belongs to the text or not.
    wanted, found = squeeze(value).replace("-", ""), found.replace("-", "")
    if found.endswith(ELLIPSIS) and not wanted.endswith(ELLIPSIS):
        return len(found) > 1 and wanted.startswith(found[:-1])
    return found == wanted


def _same_number(value: float, found: str, unit: str) -> bool:
    text = found.removesuffix(unit) if unit not in {"", "1"} else found
    match = _NUMBER.fullmatch(text.replace(",", ""))
    if match is None:
        return False
    digits = len(match["digits"] or "")
    if match["percent"]:
        return format(value, f".{digits}%") == match[0]
    if match["exponent"] is not None:
        return format(value, f".{digits}e") == match[0]
    return format(value, f".{digits}f") == match[0]


def unmatched(record: Mapping[str, Any], texts: Sequence[str]) -> str | None:
    """What of a run of link texts is no printed form of the record; None when all is.

    A long text is one link a line: neighbouring texts are put together until they are the value.

    Example:
        >>> record = {"value": "one two", "unit": "1", "definition": ""}
        >>> unmatched(record, ["one", "two", "one two"]), unmatched(record, ["one", "six"])
        (None, 'one six')
    """
    start = 0
    while start < len(texts):
        for end in range(start + 1, len(texts) + 1):
            if prints(record, " ".join(texts[start:end])):
                start = end
                break
        else:
            return " ".join(texts[start:])
    return None
