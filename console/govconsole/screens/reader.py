"""A document over the whole screen: the raw arguments of a job, and the help. Any of q, o, ?, esc leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import Static

from govconsole.actions import Action, key_label
from govconsole.client.document import Document, Span, blank, heading, line
from govconsole.widgets.chrome import HeaderBar
from govconsole.widgets.pane import DocumentPane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.binding import BindingType


class Reader(ModalScreen[None]):
    """Shows a document until it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,o,question_mark", "dismiss", "Back")]
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
        yield Static("esc back   j k space scroll", id="keys", markup=False)

    def on_mount(self) -> None:
        """Draw the title."""
        self.query_one(HeaderBar).show([[Span(self._title, "title")]])


def help_document(groups: Iterable[tuple[str, Iterable[Action]]]) -> Document:
    """The keys of a screen, from the registry."""
    found: Document = []
    for name, actions in groups:
        found += [heading(name), blank()]
        for action in actions:
            found.append(line(Span(f"{key_label(action.key):<13} ", "key"), action.help, indent=1, hang=14))
            if action.twin:
                found.append(line(Span(action.twin, "dim"), indent=15, hang=2))
        found.append(blank())
    return found
