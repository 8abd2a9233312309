"""Draws the cells of the terminal as an SVG: for `ctrl+s`, and for the pictures in the documentation.

Must never name an address beyond its own folder, nor carry what changes from one drawing to the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from rich.cells import get_character_cell_size
from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet

from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.color import Color
    from rich.segment import Segment
    from rich.style import Style

WIDTH: Final = 15
HEIGHT: Final = 29
"""Of a cell: whole numbers in the proportion of the font, so that no seam shows between cells."""

_SIZE: Final = "24.915"
_BASELINE: Final = 23
_MARGIN: Final = 15
_DIM: Final = 0.4
_FAMILY: Final = "DejaVu Sans Mono"
_UNKNOWN: Final = "�"
_RUN: Final = re.compile(r"x<+|x(?!<)(?: ?x(?!<))*")
"""Where x is a character and < the rest of a wide one: a wide one, or words with one space between."""

_HEAD: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" xml:space="preserve">
<title>{title}</title>
<style>{faces}
text {{ font: {size}px '{family}', Menlo, Consolas, monospace; white-space: pre; }}
.b {{ font-weight: bold; }} .i {{ font-style: italic; }}
.u {{ text-decoration: underline; }} .s {{ text-decoration: line-through; }}
</style>
<rect width="{width}" height="{height}" rx="12" fill="{ground}"/>
<g transform="translate({margin} {margin})">
"""


@dataclass(frozen=True)
class _Written:
    """How text is drawn."""

    ink: str
    classes: str


@dataclass(frozen=True)
class _Cell:
    """One column of a row; the right half of a wide character has no text."""

    text: str
    written: _Written
    ground: str


def svg(
    rows: Sequence[Iterable[Segment]],
    *,
    title: str,
    ink: str,
    ground: str,
    font: Mapping[str, str] | None = None,
) -> str:
    """The picture of a screen.

    Args:
        rows: What each row shows, as Textual renders it.
        title: What the picture shows, for a reader who does not see it.
        ink: The colour of text that has none of its own, `#rrggbb`.
        ground: The colour behind it.
        font: Paths of font files beside the picture, by weight; None: the viewer's own fonts.
    """
    cells = [list(_cells(row, ink, ground)) for row in rows]
    head = _HEAD.format(
        width=max((len(row) for row in cells), default=0) * WIDTH + 2 * _MARGIN,
        height=len(cells) * HEIGHT + 2 * _MARGIN,
        margin=_MARGIN,
        title=escape(visible(title)),
        faces="".join(_face(weight, path) for weight, path in (font or {}).items()),
        family=_FAMILY,
        size=_SIZE,
        ground=ground,
    )
    drawn = (part for number, row in enumerate(cells) for part in _row(number * HEIGHT, row, ground))
    return head + "".join(f"{part}\n" for part in drawn) + "</g>\n</svg>\n"


def _face(weight: str, path: str) -> str:
    return f"\n@font-face {{ font-family: '{_FAMILY}'; font-weight: {weight}; src: url({quoteattr(path)}); }}"


def _cells(row: Iterable[Segment], ink: str, ground: str) -> Iterator[_Cell]:
    last: _Cell | None = None
    for text, style, control in row:
        written, behind = _look(style, ink, ground)
        for character in "" if control else text:
            shown = character if visible(character) == character else _UNKNOWN
            width = get_character_cell_size(shown)
            if last is not None and width == 0:
                last = _Cell(last.text + shown, last.written, last.ground)
                continue
            if last is not None:
                yield from _columns(last)
            last = _Cell(shown, written, behind)
    if last is not None:
        yield from _columns(last)


def _columns(cell: _Cell) -> Iterator[_Cell]:
    yield cell
    for _ in range(get_character_cell_size(cell.text[0]) - 1):
        yield _Cell("", cell.written, cell.ground)


def _look(style: Style | None, ink: str, ground: str) -> tuple[_Written, str]:
    """How the text of a style is drawn, and the colour behind it."""
    if style is None:
        return _Written(ink, ""), ground
    front, back = _hex(style.color, ink), _hex(style.bgcolor, ground)
    if style.reverse:
        front, back = back, front
    if style.dim:
        front = blend_rgb(_triplet(front), _triplet(back), _DIM).hex
    marks = (("b", style.bold), ("i", style.italic), ("u", style.underline), ("s", style.strike))
    return _Written(front, " ".join(name for name, on in marks if on)), back


def _hex(color: Color | None, default: str) -> str:
    return default if color is None or color.is_default else color.get_truecolor().hex


def _triplet(color: str) -> ColorTriplet:
    return ColorTriplet(*bytes.fromhex(color.removeprefix("#")))


def _row(top: int, row: Sequence[_Cell], ground: str) -> Iterator[str]:
    """The grounds of a row, then its text."""
    for color, run in groupby(range(len(row)), key=lambda column: row[column].ground):
        columns = list(run)
        if color != ground:
            yield (
                f'<rect x="{columns[0] * WIDTH}" y="{top}" width="{len(columns) * WIDTH}" height="{HEIGHT}"'
                f' fill="{color}" shape-rendering="crispEdges"/>'
            )
    for written, run in groupby(range(len(row)), key=lambda column: row[column].written):
        columns = list(run)
        marks = f" class={quoteattr(written.classes)}" if written.classes else ""
        for found in _RUN.finditer("".join(_kind(row[column].text) for column in columns)):
            start, length = columns[found.start()], found.end() - found.start()
            text = "".join(cell.text for cell in row[start : start + length])
            yield (
                f'<text x="{start * WIDTH}" y="{top + _BASELINE}" textLength="{length * WIDTH}"'
                f' fill="{written.ink}"{marks}>{escape(text)}</text>'
            )


def _kind(text: str) -> str:
    return {"": "<", " ": " "}.get(text, "x")
