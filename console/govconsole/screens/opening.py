"""What stands on the screen until the screens are loaded. Must never import what it is there to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from govd.contract.text import visible

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Opening(Screen[None]):
    """The header as it will be, and what there is to say until then.

    Args:
        words: Why it takes a moment, where it takes more than one.
    """

    DEFAULT_CSS = """
    Opening #header { padding: 0 1; background: $panel; height: 1; }
    Opening #words { padding: 1 2; color: $role-plain; }
    """

    def __init__(self, words: str = "") -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        """One line, and the words."""
        yield Static(
            Content.assemble(("govconsole ▸ Queue", "bold $role-title"), ("   ○ connecting", "$role-warn")),
            id="header",
            markup=False,
        )
        yield Static(visible(self._words), id="words", markup=False)
