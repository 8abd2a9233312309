"""A document on the screen: wraps to its width, scrolls, keeps its place when the document is refreshed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from govconsole.binding import bindings
from govconsole.client.document import Document, Line, Role, wrap
from govconsole.widgets.paint import ROLE_CLASSES, ROLE_CSS, ink, strip

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events
    from textual.binding import BindingType
    from textual.strip import Strip


@dataclass(frozen=True)
class Broken:
    """A document broken to a width: its rows, and where each of its lines ends among them."""

    width: int
    rows: list[Line]
    ends: list[int]

    @classmethod
    def of(cls, document: Document, width: int) -> Broken:
        """For any thread: it may take long."""
        rows: list[Line] = []
        ends: list[int] = []
        for item in document if width else ():
            rows += wrap([item], width)
            ends.append(len(rows))
        return cls(width, rows, ends)


class DocumentPane(ScrollView, can_focus=True):
    """Lines of a document, drawn as text alone."""

    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES
    DEFAULT_CSS = (
        "DocumentPane { background: $background; padding: 0 0 0 1; overflow-x: hidden; overflow-y: scroll;"
        " scrollbar-gutter: stable; scrollbar-size-vertical: 1; scrollbar-color: $line;"
        " scrollbar-background: $background;" + ROLE_CSS + "}"
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("pane")

    class Read(Message):
        """More of the document has stood on the screen than before."""

    def __init__(self, document: Document | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._document: Document = document or []
        self._rows: list[Line] = []
        self._width = 0
        self._ends: list[int] = []
        self._inks: dict[Role, Style] = {}
        self._read = 0

    @property
    def document(self) -> Document:
        """What it shows, before wrapping."""
        return self._document

    @property
    def room(self) -> int:
        """The width that it breaks to now."""
        return self.scrollable_content_region.width

    def show(self, document: Document, *, keep_place: bool = False, broken: Broken | None = None) -> None:
        """Draw another document; from its top, unless it is the same thing grown newer.

        Args:
            document: What to draw.
            keep_place: It is the same thing.
            broken: The same document, where it is broken already.
        """
        same = 0
        if keep_place:
            pairs = zip(self._document, document, strict=False)
            same = next((at for at, (old, new) in enumerate(pairs) if old != new), len(document))
        self._read = min(self._read, same)
        self._document = document
        rows, top = self._rows, self.scroll_offset.y
        self._wrap(broken)
        if not keep_place:
            self.scroll_home(animate=False, immediate=True)
        if self.scroll_offset.y == top:
            self._refresh_others(rows, top)
        else:
            self.refresh()
        self.call_after_refresh(self.look)

    def _refresh_others(self, before: list[Line], top: int) -> None:
        """Draw the lines of the screen that are others than before."""
        height = self.scrollable_content_region.height
        old = (before + [Line()] * (top + height))[top : top + height]
        new = (self._rows + [Line()] * (top + height))[top : top + height]
        changed = [Region(0, y, self._width, 1) for y in range(height) if old[y] != new[y]]
        if changed:
            self.refresh(*changed)

    def has_shown(self, lines: int) -> bool:
        """Whether the first so many lines have all stood on the screen, one after the other."""
        return self._read >= lines

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """What is scrolled to has been seen."""
        super().watch_scroll_y(old_value, new_value)
        self.look()

    def look(self) -> None:
        """Note how far the document was read: what was jumped over was not, nor what a dialog covers."""
        if not self.is_attached or not self.screen.is_active:
            return
        top = self.scroll_offset.y
        read = self._read
        if top > (self._ends[read - 1] if 0 < read <= len(self._ends) else 0):
            return
        end = top + self.scrollable_content_region.height
        while read < len(self._ends) and self._ends[read] <= end:
            read += 1
        if read > self._read:
            self._read = read
            self.post_message(self.Read())

    def bring(self, lead: str) -> None:
        """Scroll to the first row behind that lead, with what follows it."""
        rows = [at for at, row in enumerate(self._rows) if row.lead is not None and row.lead.text == lead]
        if rows:
            self.scroll_to_region(Region(0, rows[0], 1, rows[-1] - rows[0] + 1), animate=False)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap to the new width."""
        del event
        self._wrap()
        self.refresh()
        self.call_after_refresh(self.look)

    def _wrap(self, broken: Broken | None = None) -> None:
        if broken is None or broken.width != self.room:
            broken = Broken.of(self._document, self.room)
        self._width, self._rows, self._ends = broken.width, broken.rows, broken.ends
        self._measure(Size(self._width, len(self._rows)))

    def _measure(self, size: Size) -> None:
        """Take the document's size; where that does not decide the pane's own, nothing is laid out anew."""
        height = self.styles.height
        if height is None or height.is_auto or not self.is_mounted:
            self.virtual_size = size
            return
        if size == self.virtual_size:
            return
        self.set_reactive(DocumentPane.virtual_size, size)
        self._scroll_update(size)

    def notify_style_update(self) -> None:
        """Another theme: the colours are looked up again."""
        super().notify_style_update()
        self._inks = {}

    def _style(self, role: Role) -> Style:
        if role not in self._inks:
            self._inks[role] = ink(self, role)
        return self._inks[role]

    def render_line(self, y: int) -> Strip:
        """One row of the window."""
        at = y + self.scroll_offset.y
        row = self._rows[at] if at < len(self._rows) else Line()
        return strip(row, self._width, self._style, self.rich_style)
