"""How a signature looks on the page: name, role, meaning and time (21 CFR 11.50), in an embedded font."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools.subset import Options, Subsetter  # type: ignore[import-untyped]  # ships no types
from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]  # as above
from fontTools.ttLib.scaleUpem import scale_upem  # type: ignore[import-untyped]  # as above
from pyhanko.pdf_utils.content import ResourceType
from pyhanko.pdf_utils.font.opentype import GlyphAccumulator
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.stamp import BaseStamp, BaseStampStyle

from sealproof.evidence.errors import DefinitionError

FONT = Path("templates") / "fonts" / "Inter-Regular.otf"
#: Points; the largest size at which all lines fit is taken.
_SIZES = (8.0, 7.5, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5, 4.0)
_LEADING = 1.25
_MARGIN = 4.0
#: Of a PDF's glyph widths, to the em; pyHanko writes those of the font as they are, which spreads other fonts' letters.
_UNITS = 1000
# A font without CID data is what it is; pyHanko says so for each document, on standard error.
logging.getLogger("pyhanko.pdf_utils.font.opentype").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Statement:
    """What a signature says, on the page and in the signature itself.

    Args:
        role: author, reviewer or approver.
        name: of the signer, printed.
        meaning: of the signature, such as "review".
        at: time of signing.
        certificate: common name of the certificate that signs.
        release_id: 64 hexadecimal digits.
    """

    role: str
    name: str
    meaning: str
    at: datetime
    certificate: str
    release_id: str

    @property
    def reason(self) -> str:
        """The signature's /Reason: it binds the meaning to the release.

        Example:
            >>> Statement("author", "A", "authorship", datetime(2026, 1, 2, tzinfo=UTC), "A", "0" * 64).reason[:21]
            'authorship; release 0'
        """
        return f"{self.meaning}; release {self.release_id}"

    @property
    def lines(self) -> tuple[str, ...]:
        """What is printed, a paragraph a line.

        Example:
            >>> moment = datetime(2026, 1, 2, tzinfo=UTC)
            >>> for line in Statement("author", "A", "authorship", moment, "B", "0" * 64).lines:
            ...     print(line)
            Signed by: A
            Role: author
            Meaning: authorship
            Time: 2026-01-02 00:00:00 UTC
            Certificate: B
            Release: 000000000000
        """
        return (
            f"Signed by: {self.name}",
            f"Role: {self.role}",
            f"Meaning: {self.meaning}",
            f"Time: {self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
            f"Certificate: {self.certificate}",
            f"Release: {self.release_id[:12]}",
        )


def printable_font(lines: Sequence[str], font: Path) -> bytes:
    """The part of a font that some text needs, to be embedded in each document.

    Taken out once, without tables for kerning: with the whole font, a signature would take ten times as long.

    Args:
        lines: the text.
        font: an OpenType or TrueType file.

    Returns:
        a font file of the same kind.

    Raises:
        DefinitionError: the font has no glyph for a character, so that it would stand on the page as an empty box; or
            it cannot be read.
    """
    letters = {letter for line in lines for letter in line}
    try:
        with TTFont(font) as opened:
            unknown = sorted(letters - {chr(code) for code in opened.getBestCmap()})
            if not unknown:
                return _reduced(opened, letters)
    except (OSError, TTLibError) as error:
        raise DefinitionError(
            "the font of the signature cannot be read",
            where=str(font),
            why=str(error),
            mend="restore templates/fonts",
        ) from error
    raise DefinitionError(
        "a signature cannot be printed as it is",
        where="--name, --meaning or the name in the certificate",
        why=f"{font.name} has no letter {', '.join(f'U+{ord(letter):04X}' for letter in unknown)}",
        mend="write it with letters that the font has",
    )


def _reduced(font: TTFont, letters: Iterable[str]) -> bytes:
    for table in ("GPOS", "GSUB", "GDEF"):
        if table in font:
            del font[table]
    subsetter = Subsetter(Options(layout_closure=False, name_IDs=["*"]))
    subsetter.populate(unicodes=[ord(letter) for letter in letters])
    subsetter.subset(font)
    with TTFont(
        BytesIO(_saved(font))
    ) as small:  # read anew: scaling would go through all that was there before
        scale_upem(small, _UNITS)
        return _saved(small)


def _saved(font: TTFont) -> bytes:
    content = BytesIO()
    font.save(content)
    return content.getvalue()


@dataclass(frozen=True)
class SignatureStyle(BaseStampStyle):
    """The appearance of one signature."""

    lines: tuple[str, ...] = ()
    font: bytes = b""

    def create_stamp(
        self, writer: BasePdfFileWriter, box: BoxConstraints, text_params: Mapping[str, Any]
    ) -> BaseStamp:
        """Called by pyHanko with the field's size; the text is that of `lines`."""
        return _Appearance(writer, self, box=box)


class _Appearance(BaseStamp):
    """The text of a signature, set by hand: pyHanko's own text box neither breaks lines nor aligns them at the top."""

    style: SignatureStyle

    def _render_inner_content(self) -> list[bytes]:
        box, writer = self.box, self.writer
        if box is None or writer is None:
            raise ValueError("an appearance needs a box and a writer")
        engine = GlyphAccumulator(writer, BytesIO(self.style.font), font_size=1)
        size, lines = _fit(self.style.lines, engine, box.width - 2 * _MARGIN, box.height - 2 * _MARGIN)
        engine.font_size = size  # type: ignore[assignment]  # pyHanko computes with fractions, its annotation says int
        self.set_resource(ResourceType.FONT, pdf_name("/F1"), engine.as_resource())
        top = box.height - _MARGIN - size
        return [b"0 g", *_text(lines, engine, size, top)]


def _text(lines: Sequence[str], engine: GlyphAccumulator, size: float, top: float) -> Iterator[bytes]:
    for number, line in enumerate(lines):
        height = top - number * size * _LEADING
        # Word by word: each leaves the cursor at its end, and what reads the page finds words, not lines.
        words = [engine.shape(part).graphics_ops for part in re.split("( )", line)]
        yield b"BT /F1 %g Tf %g %g Td %s ET" % (size, _MARGIN, height, b" ".join(words))


def _fit(
    paragraphs: Sequence[str], engine: GlyphAccumulator, width: float, height: float
) -> tuple[float, list[str]]:
    """The largest size at which the paragraphs fit, and their lines at that size."""
    for size in _SIZES:
        lines = [line for text in paragraphs for line in _wrap(text, engine, width / size)]
        fits = all(engine.shape(line).x_advance * size <= width for line in lines)
        if fits and (len(lines) - 1) * size * _LEADING + size * 1.2 <= height:
            return size, lines
    raise DefinitionError(
        "the signature does not fit into its field",
        where="--name or --meaning",
        why=f"it needs more than {width:.0f} x {height:.0f} points even at {_SIZES[-1]:g} points",
        mend="write it shorter",
    )


def _wrap(text: str, engine: GlyphAccumulator, width: float) -> list[str]:
    """Lines of whole words that are at most `width` times the font size wide, where words are that short."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and engine.shape(joined).x_advance <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines
