"""From a role to the colours of the theme, and from a line to what Textual draws. Text is never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip

from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.widget import Widget

    from govconsole.client.document import Line, Role, Span

STYLES: Final[dict[str, str]] = {
    "plain": "$role-plain",
    "dim": "$role-dim",
    "heading": "bold $role-heading",
    "title": "bold $role-title",
    "agent": "italic $role-agent",
    "good": "$role-good",
    "warn": "bold $role-warn",
    "bad": "bold $role-bad",
    "accent": "$role-accent",
    "key": "bold $role-key",
}

ROLE_CLASSES: Final = {f"role--{role}" for role in STYLES}

ROLE_CSS: Final = """
    &> .role--plain { color: $role-plain; }
    &> .role--dim { color: $role-dim; }
    &> .role--heading { color: $role-heading; text-style: bold; }
    &> .role--title { color: $role-title; text-style: bold; }
    &> .role--agent { color: $role-agent; text-style: italic; }
    &> .role--good { color: $role-good; }
    &> .role--warn { color: $role-warn; text-style: bold; }
    &> .role--bad { color: $role-bad; text-style: bold; }
    &> .role--accent { color: $role-accent; }
    &> .role--key { color: $role-key; text-style: bold; }
"""


def content(spans: Iterable[Span]) -> Content:
    """Spans as Textual's content: words and styles apart, so that no bracket in a word means anything."""
    return Content.assemble(*((span.text, STYLES[span.role]) for span in spans))


def stacked(rows: Iterable[Iterable[Span]]) -> Content:
    """Rows of spans, one below the other."""
    return Content("\n").join([content(row) for row in rows])


def words(text: str) -> Content:
    """Plain words, made visible, in which nothing is markup."""
    return Content(visible(text))


def ink(widget: Widget, role: Role) -> Style:
    """The colour and weight of a role on that widget, without a ground: the row under it has its own."""
    full = widget.get_component_rich_style(f"role--{role}")
    return Style(color=full.color, bold=full.bold, italic=full.italic)


def strip(row: Line, width: int, style: Callable[[Role], Style], ground: Style) -> Strip:
    """One wrapped line as cells, on the widget's own ground."""
    segments = [Segment(" " * row.indent, style("plain"))] if row.indent else []
    if row.lead is not None:
        segments.append(Segment(row.lead.text, style(row.lead.role)))
    segments += [Segment(span.text, style(span.role)) for span in row.spans]
    return Strip(segments).adjust_cell_length(width, style("plain")).apply_style(ground)
