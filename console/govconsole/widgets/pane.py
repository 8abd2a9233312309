"""A document on the screen: wraps to its width, scrolls, keeps its place when the document is refreshed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView

from govconsole.client.document import Document, Line, Role, wrap
from govconsole.widgets.paint import ROLE_CLASSES, ROLE_CSS, ink, strip

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events
    from textual.binding import BindingType
    from textual.strip import Strip


class DocumentPane(ScrollView, can_focus=True):
    """Lines of a document, drawn as text alone."""

    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES
    DEFAULT_CSS = (
        "DocumentPane { background: $background; padding: 0 0 0 1; overflow-x: hidden;"
        " scrollbar-gutter: stable; scrollbar-size-vertical: 1; scrollbar-color: $panel-lighten-2;"
        " scrollbar-background: $background;" + ROLE_CSS + "}"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", show=False),
        Binding("k,up", "scroll_up", show=False),
        Binding("space", "page_down", show=False),
    ]

    def __init__(self, document: Document | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._document: Document = document or []
        self._rows: list[Line] = []
        self._width = 0

    def show(self, document: Document, *, keep_place: bool = False) -> None:
        """Draw another document; from its top, unless it is the same thing grown newer."""
        self._document = document
        self._wrap()
        if not keep_place:
            self.scroll_home(animate=False)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap to the new width."""
        del event
        self._wrap()

    def _wrap(self) -> None:
        self._width = self.scrollable_content_region.width
        self._rows = wrap(self._document, self._width) if self._width else []
        self.virtual_size = Size(self._width, len(self._rows))
        self.refresh()

    def _style(self, role: Role) -> Style:
        return ink(self, role)

    def render_line(self, y: int) -> Strip:
        """One row of the window."""
        at = y + self.scroll_offset.y
        row = self._rows[at] if at < len(self._rows) else Line()
        return strip(row, self._width, self._style, self.rich_style)
