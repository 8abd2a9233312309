"""A document over the whole screen: the raw arguments of a job, and the help. Any of q, o, ?, esc leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.screen import ModalScreen
from textual.widgets import Static

from govconsole.binding import bindings
from govconsole.client.document import Document, Span, plain
from govconsole.screens.clipboard import copy
from govconsole.state.status import Group
from govconsole.widgets.chrome import HeaderBar
from govconsole.widgets.pane import DocumentPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class Reader(ModalScreen[None]):
    """Shows a document until it is left."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("reader")
    DEFAULT_CSS = """
    Reader { background: $background; }
    Reader DocumentPane { height: 1fr; }
    Reader #keys { height: 1; background: $panel; padding: 0 1; }
    """

    def __init__(self, title: str, document: Document) -> None:
        super().__init__()
        self._title = title
        self._document = document

    def compose(self) -> ComposeResult:
        """Title, document, keys."""
        yield HeaderBar()
        yield DocumentPane(self._document)
        yield Static("esc back   j k space scroll   y copy", id="keys", markup=False)

    def on_mount(self) -> None:
        """Draw the title."""
        title = (Span(self._title, "title"),)
        self.query_one(HeaderBar).show([Group(title, title)])

    def action_copy(self) -> None:
        """Copy all of it."""
        copy(self.app, "the text", plain(self._document))

    def action_back(self) -> None:
        """Leave."""
        self.dismiss(None)
