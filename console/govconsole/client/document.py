"""Text on its way to a screen: spans with a role, in lines that wrap under a hanging indent.

Every span is made visible when it is built, so that nothing unsanitised can be put into a line (threats T17).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from govd.contract.text import mixed_scripts, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Role = Literal["plain", "dim", "heading", "title", "agent", "good", "warn", "bad", "accent", "key"]
"""What a span means; a theme gives it a colour, and its glyph or word stays readable without one."""

MIXED = " ⚠ mixed alphabets"

_WORDS: Final = re.compile(r" +|[^ ]+")


@dataclass(frozen=True)
class Span:
    """Words of one role. Whatever is passed in, `text` is one printable line."""

    text: str
    role: Role = "plain"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", visible(self.text))


@dataclass(frozen=True)
class Line:
    """One line before wrapping: `indent` cells stay free on each row, `hang` more from the second row on."""

    spans: tuple[Span, ...] = ()
    indent: int = 0
    hang: int = 0
    lead: Span | None = None

    @property
    def text(self) -> str:
        """The words alone."""
        return " " * self.indent + (self.lead.text if self.lead else "") + "".join(s.text for s in self.spans)


Document = list[Line]


def cell_len(text: str) -> int:
    """How many cells a terminal gives the text: two for wide characters, none for marks."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def line(*parts: str | Span, indent: int = 0, hang: int = 0, lead: Span | None = None) -> Line:
    """A line of spans and plain words. `lead` is drawn in front of every row (a quotation bar)."""
    spans = tuple(part if isinstance(part, Span) else Span(part) for part in parts)
    return Line(spans, indent, hang, lead)


def blank() -> Line:
    """An empty line."""
    return Line()


def heading(text: str, note: str = "") -> Line:
    """A section's name, with a note beside it."""
    return line(Span(text, "heading"), *((Span(f"  {note}", "dim"),) if note else ()))


def quoted(text: str) -> Document:
    """An agent's words, each of their lines behind a bar; alphabets that are mixed in a word are flagged."""
    bar = Span("┃ ", "dim")
    lines = [line(Span(part, "agent"), indent=1, lead=bar) for part in text.split("\n")]
    if mixed_scripts(text):
        lines.append(line(Span(MIXED.strip(), "warn"), indent=1, lead=bar))
    return lines


def field_line(name: str, *value: str | Span, width: int = 9, indent: int = 3) -> Line:
    """A name and its value, aligned with its neighbours."""
    return line(Span(f"{name:<{width}}", "dim"), *value, indent=indent, hang=width)


@dataclass
class _Row:
    parts: list[tuple[str, Role]] = field(default_factory=list)
    used: int = 0

    def add(self, text: str, role: Role) -> None:
        # One span for words of one role; marks stay apart: those of two words are not counted as one's.
        if self.parts and self.parts[-1][1] == role and cell_len(text[:1]):
            self.parts[-1] = (self.parts[-1][0] + text, role)
        else:
            self.parts.append((text, role))
        self.used += cell_len(text)


def wrap(document: Iterable[Line], width: int) -> list[Line]:
    """The lines broken to `width` cells, by words where possible, each result fitting on one row."""
    return [row for item in document for row in _wrap_line(item, max(width, 8))]


def _wrap_line(item: Line, width: int) -> Iterator[Line]:
    lead = cell_len(item.lead.text) if item.lead else 0
    room = max(width - item.indent - lead, 4)
    if sum(cell_len(span.text) for span in item.spans) <= room:
        # Nearly all lines fit: a diff of thousands is wrapped at once.
        yield Line(item.spans, item.indent, 0, item.lead)
        return
    row, first = _Row(), True
    for span in item.spans:
        for word in _words(span.text):
            limit = room if first else max(room - item.hang, 4)
            if row.used + cell_len(word) > limit and row.used and word.strip():
                yield _row(item, row, first=first)
                row, first = _Row(), False
                limit = max(room - item.hang, 4)
            for piece in _pieces(word, limit - row.used, max(room - item.hang, 4)):
                if row.used and row.used + cell_len(piece) > limit:
                    yield _row(item, row, first=first)
                    row, first = _Row(), False
                    limit = max(room - item.hang, 4)
                if piece.strip() or row.used or first:
                    row.add(piece, span.role)
    yield _row(item, row, first=first)


def _row(item: Line, row: _Row, *, first: bool) -> Line:
    spans = tuple(Span(text, role) for text, role in row.parts)
    return Line(spans, item.indent + (0 if first else item.hang), 0, item.lead)


def _words(text: str) -> Iterator[str]:
    """Words and the runs of spaces between them, in order."""
    return (found.group() for found in _WORDS.finditer(text))


def _pieces(word: str, first: int, rest: int) -> Iterator[str]:
    """A word cut into what fits: a digest or a path may be longer than the pane."""
    if word.isspace():
        yield word[: max(first, 0)]
        return
    limit = first if first >= cell_len(word) else rest
    if word.isascii():
        yield word[:limit]
        yield from (word[at : at + rest] for at in range(limit, len(word), rest))
        return
    piece, used = "", 0
    for char in word:
        cells = cell_len(char)
        if piece and used + cells > limit:
            yield piece
            piece, used, limit = "", 0, rest
        piece += char
        used += cells
    yield piece


def plain(document: Iterable[Line]) -> str:
    """The document as plain text, for the headless twin."""
    return "\n".join(item.text.rstrip() for item in document)
